"""What all meta-predictors with a network share: their inputs, their meta-training, their files."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nasmeta.checks import check_int, check_number
from nasmeta.meta._arrays import Arrays, Cells, Facts, Floats, Floats32, Packed, Prediction
from nasmeta.meta._cell_columns import network_columns, representatives
from nasmeta.meta._label_scale import labels_like
from nasmeta.meta._meta_predictor import MetaPredictor
from nasmeta.meta._meta_trainer import MetaTrainer, TrainingPlan
from nasmeta.meta._model_archive import check_array
from nasmeta.meta._model_file import training_identity, training_settings
from nasmeta.meta._source_matrix import SourceMatrix
from nasmeta.predictors._neural._training import chosen_device
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import Augmentation, Episode, EpisodeSampler, SourceTask

_MOST_KNOWN, _MOST_BYTES = 64, 2**30  # sets of left-out groups whose inputs are kept
_MIX_FROM = 4  # groups of sources from which on tasks are mixed: what remains must still say something
_VALIDATE_FROM = 4  # groups of sources from which on one is held out to end the training
_N_VALIDATION = 24
_LARGEST_NOISE = 100.0  # of scores, whose deviation is about 1


class SourceSummary(NamedTuple):
    """What sources say of all cells, and what is expected of a target before a label."""

    columns: Floats32  # (n_columns, n_cells): mean scores by role, and how far those of role 0 disagree
    expected: Floats  # (n_cells,)
    each: Floats32  # (n_rows, n_cells): `SourceMatrix.each`, view after view; often no row

    @classmethod
    def of(
        cls, matrix: SourceMatrix, without: Collection[int] = (), views: Sequence[SourceMatrix] = ()
    ) -> SourceSummary:
        """Sum up all sources but those of some groups, and tell them one by one in some views."""
        means = matrix.role_means(without)
        contrasts = matrix.contrasts(without)
        spread = contrasts.std(axis=0) if len(contrasts) else np.zeros(means.shape[1])
        each = np.concatenate([means[:0], *(view.each(without) for view in views)]).astype(np.float32)
        return cls(np.concatenate([means, spread[None]]).astype(np.float32), means[0], each)

    def tensor(self, space: SearchSpace) -> Tensor:
        """Return what networks read of all cells, shape (n_cells, n_inputs)."""
        return torch.from_numpy(np.concatenate([network_columns(space), self.columns.T, self.each.T], axis=1))


class Batch(NamedTuple):
    """An episode as tensors; scores are what is left after `expected`: (k, d), (k,), (q, d), (q,)."""

    support: Tensor
    support_scores: Tensor
    query: Tensor
    query_scores: Tensor


class EpisodeInputs:
    """Turn episodes into tensors.

    Support labels are put on the expected scores of their cells by quantiles, as a target's labels will be, and query
    labels are the scores themselves; of both the expected score is subtracted, so a network that says 0 is the order of
    the sources.
    """

    def __init__(
        self,
        space: SearchSpace,
        matrix: SourceMatrix,
        sources: Sequence[SourceTask],
        device: torch.device,
        views: Sequence[SourceMatrix] = (),
    ):
        self.space, self.matrix, self.device, self.views = space, matrix, device, views
        self._group = {source.name: group for source, group in zip(sources, matrix.groups, strict=True)}
        self._known: dict[frozenset[int], tuple[Tensor, Floats]] = {}

    def __call__(self, episode: Episode) -> Batch:
        """Return the tensors of an episode."""
        without = frozenset(self._group[name] for name in episode.sources)
        if without not in self._known:
            summary = SourceSummary.of(self.matrix, without, self.views)
            made = summary.tensor(self.space).to(self.device)
            while len(self._known) >= max(1, min(_MOST_KNOWN, _MOST_BYTES // made.nbytes)):
                self._known.pop(next(iter(self._known)))
            self._known[without] = (made, summary.expected)
        table, expected = self._known[without]
        told = expected[episode.support_cells]
        # Where all cells are expected to be alike, the labels themselves are the scores.
        scores = labels_like(told, episode.support_labels) if len(told) and np.ptp(told) else episode.support_labels
        support = scores - told
        query = episode.query_labels - expected[episode.query_cells]
        return Batch(
            table[torch.from_numpy(episode.support_cells.astype(np.int64)).to(self.device)],
            torch.from_numpy(support).float().to(self.device),
            table[torch.from_numpy(episode.query_cells.astype(np.int64)).to(self.device)],
            torch.from_numpy(query).float().to(self.device),
        )


def episodes_of(sources: Sequence[SourceTask], n_groups: int, noise: float, most: int = 100) -> EpisodeSampler:
    """Return the sampler of meta-training: 5 to 100 support cells and 100 queries, fewer where labels are few."""
    labels = min(len(source) for source in sources)
    high = max(1, min(most, labels // 2))
    augment = Augmentation(noise=noise, mixture=0.3 if n_groups >= _MIX_FROM else 0.0)
    return EpisodeSampler(sources, support=(min(5, high), high), query=max(1, min(100, labels - high)), augment=augment)


@dataclass(frozen=True, eq=False)
class NetworkModel:
    """What a meta-predictor with a network has learnt."""

    module: nn.Module  # with the outer parameters
    summary: SourceSummary  # of all sources
    inputs: Tensor  # what the network reads of all cells, (n_rows, n_inputs); cells that compute the same share a row
    rows: NDArray[np.int64]  # of each cell in the inputs, shape (n_cells,)
    noise: float  # deviation of a score from its prediction, measured on episodes of the sources
    steps: int  # of the outer loop that were made
    n_groups: int

    def __reduce__(self) -> Any:
        return _rebuilt, (
            self.module,
            np.asarray(self.summary.columns),
            np.asarray(self.summary.expected),
            np.asarray(self.summary.each),
            self.inputs.numpy(),
            self.rows,
            self.noise,
            self.steps,
            self.n_groups,
        )


def _rebuilt(module: nn.Module, columns: Any, expected: Any, each: Any, inputs: Any, *rest: Any) -> NetworkModel:
    own = np.require(inputs, requirements="W")  # joblib opens it for reading only, which PyTorch warns of
    return NetworkModel(module, SourceSummary(columns, expected, each), torch.from_numpy(own), *rest)


class NetworkLearner(MetaPredictor):
    """Base of meta-predictors with a network.

    The network reads the cell's structure, proxies measured on digits where there are some, and the summary of the
    sources, and predicts how a score differs from what the sources expect. During meta-training an episode of a
    source never sees that source's own group in its summary.
    """

    default_steps: ClassVar[int] = 150
    batch: ClassVar[int] = 8
    rate: ClassVar[float] = 2e-3
    validates: ClassVar[bool] = True  # on a group of sources that is held out, where there are enough

    steps: int | None  # a subclass is a dataclass of its settings, these among them
    noise: float
    device: str
    search_settings = ("device", "blends")

    @abstractmethod
    def _module(self, n_inputs: int, n_groups: int, n_each: int) -> nn.Module:
        """Return the network for sources of so many groups; the last `n_each` inputs tell the sources one by one.

        Its weights are drawn from PyTorch's generator, which is seeded before and put back afterwards.
        """

    @abstractmethod
    def _loss(self, module: nn.Module, inputs: EpisodeInputs, episode: Episode) -> Tensor:
        """Return the loss on the query cells after adaptation to the support cells."""

    def _views(self, sources: list[SourceTask], matrix: SourceMatrix) -> Sequence[SourceMatrix]:
        """Return the views in which the network reads the sources one by one; none."""
        return ()

    def _schedule(self, n_groups: int) -> tuple[int, float]:
        """Return steps, where nobody says, and learning rate of the outer loop for sources of so many groups."""
        return self.default_steps, self.rate

    def _direction(self) -> Any:
        """Return the outer direction where it is not the loss's gradient; None."""
        return None

    @abstractmethod
    def _squared_error(self, module: nn.Module, batch: Batch) -> float:
        """Return the mean squared error on the query cells after adaptation."""

    @abstractmethod
    def _predicted(self, learnt: NetworkModel, rows: NDArray[np.int64], scores: Floats) -> Prediction:
        """Return mean and deviation beyond what is expected, of all rows of the inputs, given scores at some."""

    def _meta_learn(self, sources: list[SourceTask]) -> NetworkModel:
        if self.steps is not None:
            check_int("steps", self.steps)
        device = chosen_device(self.device)
        check_number("noise", self.noise, most=10)
        space = self.cell_space
        matrix = SourceMatrix.of(space, sources, "rank")
        views = self._views(sources, matrix)
        inputs = EpisodeInputs(space, matrix, sources, device, views)
        summary = SourceSummary.of(matrix, views=views)
        module = self._made(summary, matrix.n_groups)
        held_out = matrix.n_groups - 1 if self.validates and matrix.n_groups >= _VALIDATE_FROM else None
        kept = [s for s, group in zip(sources, matrix.groups, strict=True) if group != held_out]
        apart = [s for s, group in zip(sources, matrix.groups, strict=True) if group == held_out]
        steps, rate = self._schedule(matrix.n_groups)
        sampler = episodes_of(kept, matrix.n_groups - bool(apart), self.noise)
        validation = []
        if apart:
            rng = np.random.default_rng([self.seed, 1])
            validation = episodes_of(apart, 1, 0.0).sample_many(_N_VALIDATION, rng)

        def loss(module: nn.Module, episode: Episode) -> Tensor:
            return self._loss(module, inputs, episode)

        direction = self._direction()
        trainer = MetaTrainer(
            module,
            loss,
            sampler.sample,
            TrainingPlan(steps=self.steps or steps, batch=self.batch, learning_rate=rate, seed=self.seed),
            direction=None if direction is None else (lambda m, episode: direction(m, inputs(episode))),
            validation=validation,
            monitor=self.monitor,
            device=self.device,
            identity=training_identity(type(self).__name__, space, training_settings(self), sources),
        )
        made = trainer.run()
        module = module.to("cpu").eval()
        on_cpu = EpisodeInputs(space, matrix, sources, torch.device("cpu"), views)
        noise = self._measured_noise(module, on_cpu, sampler)
        return self._model(module, summary, noise, made, matrix.n_groups)

    def _made(self, summary: SourceSummary, n_groups: int) -> nn.Module:
        n_inputs = network_columns(self.cell_space).shape[1] + len(summary.columns) + len(summary.each)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return self._module(n_inputs, n_groups, len(summary.each))

    def _model(
        self, module: nn.Module, summary: SourceSummary, noise: float, steps: int, n_groups: int
    ) -> NetworkModel:
        # Cells that compute the same have the same inputs: one row for all of them.
        _, first, rows = np.unique(representatives(self.cell_space), return_index=True, return_inverse=True)
        inputs = summary.tensor(self.cell_space)[torch.from_numpy(first)]
        return NetworkModel(module, summary, inputs, rows.astype(np.int64), noise, steps, n_groups)

    def _measured_noise(self, module: nn.Module, inputs: EpisodeInputs, sampler: EpisodeSampler) -> float:
        """Return the root mean square of what is left on query cells of fresh episodes."""
        episodes = sampler.sample_many(16, np.random.default_rng([self.seed, 2]))
        return float(np.sqrt(np.mean([self._squared_error(module, inputs(episode)) for episode in episodes])))

    def _expected(self, learnt: NetworkModel) -> Floats:
        return learnt.summary.expected

    def _adapted(self, learnt: NetworkModel, cells: Cells, scores: Floats) -> Prediction:
        expected = learnt.summary.expected
        mean, deviation = self._predicted(learnt, learnt.rows[cells], scores - expected[cells])
        return expected + mean[learnt.rows], deviation[learnt.rows]

    def _pack(self) -> Packed:
        learnt: NetworkModel = self.require_meta_model()
        state = {f"module.{name}": value.detach().numpy() for name, value in learnt.module.named_parameters()}
        facts = {"noise": learnt.noise, "steps": learnt.steps, "groups": learnt.n_groups}
        arrays = {**state, "columns": learnt.summary.columns, "expected": learnt.summary.expected}
        return {**arrays, "each": learnt.summary.each} if len(learnt.summary.each) else arrays, facts

    def _unpack(self, arrays: Arrays, facts: Facts) -> NetworkModel:
        n_cells = self.cell_space.size
        each = np.zeros((0, n_cells), np.float32)
        if "each" in arrays:
            each = check_array(arrays, "each", np.float32, (None, n_cells)).copy()
        summary = SourceSummary(
            check_array(arrays, "columns", np.float32, (None, n_cells)).copy(),
            check_array(arrays, "expected", np.float64, (n_cells,)).copy(),
            each,
        )
        n_groups, steps = check_int("groups", facts["groups"]), check_int("steps", facts["steps"], least=0)
        noise = check_number("noise", facts["noise"], 0, _LARGEST_NOISE)
        module = self._made(summary, n_groups)
        with torch.no_grad():
            for name, value in module.named_parameters():
                kind, shape = value.detach().numpy().dtype, tuple(value.shape)
                value.copy_(torch.from_numpy(check_array(arrays, f"module.{name}", kind, shape).copy()))
        return self._model(module.eval(), summary, noise, steps, n_groups)
