"""Base of meta-predictors with a network: inputs, meta-training, packing."""

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

_MOST_KNOWN, _MOST_BYTES = 64, 2**30  # cached inputs, one per set of left-out groups
_MIX_FROM = 4  # groups of sources from which on tasks are mixed
_VALIDATE_FROM = 4  # groups of sources from which on one is held out for early stopping
_N_VALIDATION = 24
_LARGEST_NOISE = 100.0  # of scores, whose deviation is about 1


class SourceSummary(NamedTuple):
    """Summary of the sources' scores of all architectures, and the prior mean of a target."""

    columns: Floats32  # (n_columns, n_cells): mean score per role, and the spread of role 0
    expected: Floats  # (n_cells,)
    each: Floats32  # (n_rows, n_cells): `SourceMatrix.each` of each view; often empty

    @classmethod
    def of(
        cls, matrix: SourceMatrix, without: Collection[int] = (), views: Sequence[SourceMatrix] = ()
    ) -> SourceSummary:
        """Summarise the sources without some groups; `views` list the sources one by one."""
        means = matrix.role_means(without)
        contrasts = matrix.contrasts(without)
        spread = contrasts.std(axis=0) if len(contrasts) else np.zeros(means.shape[1])
        each = np.concatenate([means[:0], *(view.each(without) for view in views)]).astype(np.float32)
        return cls(np.concatenate([means, spread[None]]).astype(np.float32), means[0], each)

    def tensor(self, space: SearchSpace) -> Tensor:
        """Return the inputs of the network, shape (n_cells, n_inputs)."""
        return torch.from_numpy(np.concatenate([network_columns(space), self.columns.T, self.each.T], axis=1))


class Batch(NamedTuple):
    """An episode as tensors of shapes (k, d), (k,), (q, d), (q,); scores are residuals of `expected`."""

    support: Tensor
    support_scores: Tensor
    query: Tensor
    query_scores: Tensor


class EpisodeInputs:
    """Convert episodes to tensors.

    The quantiles of support labels are matched to the expected scores of their architectures, as for a target. Query
    labels are scores. The expected score is subtracted from both, so a network with output 0 predicts the sources'
    order.
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
        # If all expected scores are equal, the labels are the scores.
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
    """Return the sampler of meta-training: 5 to 100 support architectures and 100 queries, fewer with few labels."""
    labels = min(len(source) for source in sources)
    high = max(1, min(most, labels // 2))
    augment = Augmentation(noise=noise, mixture=0.3 if n_groups >= _MIX_FROM else 0.0)
    return EpisodeSampler(sources, support=(min(5, high), high), query=max(1, min(100, labels - high)), augment=augment)


@dataclass(frozen=True, eq=False)
class NetworkModel:
    """The meta-model of a meta-predictor with a network."""

    module: nn.Module  # with the outer parameters
    summary: SourceSummary  # of all sources
    inputs: Tensor  # of the network, (n_rows, n_inputs); isomorphic cells share a row
    rows: NDArray[np.int64]  # row of each architecture in the inputs, shape (n_cells,)
    noise: float  # root mean squared error on episodes of the sources
    steps: int  # completed steps of the outer loop
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
    own = np.require(inputs, requirements="W")  # PyTorch warns of the read-only arrays that joblib maps
    return NetworkModel(module, SourceSummary(columns, expected, each), torch.from_numpy(own), *rest)


class NetworkLearner(MetaPredictor):
    """Base of meta-predictors with a network.

    The inputs of the network are the structure of the architecture, zero-cost proxies if available, and the summary of
    the sources. It predicts the difference of a score from the sources' mean. During meta-training, the summary of an
    episode excludes the group of its source.
    """

    default_steps: ClassVar[int] = 150
    batch: ClassVar[int] = 8
    rate: ClassVar[float] = 2e-3
    validates: ClassVar[bool] = True  # on a held-out group of sources, if there are enough groups

    steps: int | None  # a subclass is a dataclass of its settings, these among them
    noise: float
    device: str
    search_settings = ("device", "blends")

    @abstractmethod
    def _module(self, n_inputs: int, n_groups: int, n_each: int) -> nn.Module:
        """Return the network for a number of groups of sources; the last `n_each` inputs list the sources one by one.

        The caller seeds PyTorch's generator and restores it afterwards.
        """

    @abstractmethod
    def _loss(self, module: nn.Module, inputs: EpisodeInputs, episode: Episode) -> Tensor:
        """Return the query loss after adaptation to the support set."""

    def _views(self, sources: list[SourceTask], matrix: SourceMatrix) -> Sequence[SourceMatrix]:
        """Return the views of the sources for inputs one by one; by default none."""
        return ()

    def _schedule(self, n_groups: int) -> tuple[int, float]:
        """Return the default number of steps and the learning rate of the outer loop."""
        return self.default_steps, self.rate

    def _direction(self) -> Any:
        """Return the outer direction, or None for the gradient of the loss."""
        return None

    @abstractmethod
    def _squared_error(self, module: nn.Module, batch: Batch) -> float:
        """Return the mean squared query error after adaptation."""

    @abstractmethod
    def _predicted(self, learnt: NetworkModel, rows: NDArray[np.int64], scores: Floats) -> Prediction:
        """Return mean and deviation of the residuals at all rows of the inputs, given the residuals at some."""

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
        _, first, rows = np.unique(representatives(self.cell_space), return_index=True, return_inverse=True)
        inputs = summary.tensor(self.cell_space)[torch.from_numpy(first)]
        return NetworkModel(module, summary, inputs, rows.astype(np.int64), noise, steps, n_groups)

    def _measured_noise(self, module: nn.Module, inputs: EpisodeInputs, sampler: EpisodeSampler) -> float:
        """Return the root mean squared query error on new episodes."""
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
