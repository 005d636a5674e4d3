"""Base of meta-predictors with a network: inputs, meta-training, packing."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from nasmeta.checks import check_int
from nasmeta.meta._arrays import Architectures, Arrays, Facts, Floats, Floats32, Integers, Packed, Prediction
from nasmeta.meta._meta_predictor import MetaPredictor
from nasmeta.meta._network_inputs import network_columns, representatives
from nasmeta.meta._outer_loop import MetaTrainer, TrainingPlan
from nasmeta.meta._quantile_matching import labels_like
from nasmeta.meta._source_scores import SourceMatrix
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import Augmentation, Episode, EpisodeSampler, SourceTask

_MOST_BYTES = 2**30  # of the cached inputs, one table per set of left-out groups
_NOISE = 0.1  # standard deviation of the noise added to the sources' scores
_MANY_GROUPS = 4  # groups of sources from which on tasks are mixed, and one is held out for early stopping


class SourceSummary(NamedTuple):
    """Summary of the sources' scores of all architectures, and the prior mean of a target."""

    columns: Floats32  # (n_columns, n_architectures): mean score per role, and the spread of role 0
    expected: Floats  # (n_architectures,)
    each: Floats32  # (n_rows, n_architectures): `SourceMatrix.each` of each view; often empty

    @classmethod
    def of(
        cls, matrix: SourceMatrix, without: Collection[int] = (), views: Sequence[SourceMatrix] = ()
    ) -> SourceSummary:
        """Summarise the sources without some groups; `views` list the sources one by one."""
        means, contrasts = matrix.role_means(without), matrix.contrasts(without)
        spread = contrasts.std(axis=0) if len(contrasts) else np.zeros(means.shape[1])
        each = np.concatenate([means[:0], *(view.each(without) for view in views)]).astype(np.float32)
        return cls(np.concatenate([means, spread[None]]).astype(np.float32), means[0], each)

    def tensor(self, space: SearchSpace) -> Tensor:
        """Return the inputs of the network, float32, shape (n_architectures, n_inputs)."""
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
        views: Sequence[SourceMatrix] = (),
    ):
        self.space, self.matrix, self.views = space, matrix, views
        self._group = {source.name: group for source, group in zip(sources, matrix.groups, strict=True)}
        self._inputs: dict[frozenset[int], tuple[Tensor, Floats]] = {}

    def __call__(self, episode: Episode) -> Batch:
        """Return the tensors of an episode."""
        inputs, expected = self._without(frozenset(self._group[name] for name in episode.sources))
        support = expected[episode.support_architectures]
        # If all expected scores are equal, the labels are the scores.
        matched = len(support) and np.ptp(support)
        scores = labels_like(support, episode.support_labels) if matched else episode.support_labels
        return Batch(
            inputs[torch.from_numpy(episode.support_architectures).long()],
            torch.from_numpy(scores - support).float(),
            inputs[torch.from_numpy(episode.query_architectures).long()],
            torch.from_numpy(episode.query_labels - expected[episode.query_architectures]).float(),
        )

    def _without(self, groups: frozenset[int]) -> tuple[Tensor, Floats]:
        """Return inputs, (n_architectures, n_inputs), and expected scores without the sources of some groups."""
        if groups not in self._inputs:
            summary = SourceSummary.of(self.matrix, groups, self.views)
            inputs = summary.tensor(self.space)
            if len(self._inputs) >= max(1, _MOST_BYTES // inputs.nbytes):
                self._inputs.clear()
            self._inputs[groups] = (inputs, summary.expected)
        return self._inputs[groups]


def episodes_of(sources: Sequence[SourceTask], n_groups: int, noise: float) -> EpisodeSampler:
    """Return the sampler of meta-training: 5 to 100 support architectures and 100 queries, fewer with few labels."""
    labels = min(len(source) for source in sources)
    high = max(1, min(100, labels // 2))
    augment = Augmentation(noise=noise, mixture=0.3 if n_groups >= _MANY_GROUPS else 0.0)
    return EpisodeSampler(sources, support=(min(5, high), high), query=max(1, min(100, labels - high)), augment=augment)


@dataclass(frozen=True, eq=False)
class NetworkModel:
    """The meta-model of a meta-predictor with a network."""

    module: nn.Module  # with the outer parameters
    summary: SourceSummary  # of all sources
    inputs: Tensor  # of the network, (n_rows, n_inputs); isomorphic cells share a row
    rows: Integers  # row of each architecture in the inputs, shape (n_architectures,)
    facts: Facts  # noise (root mean squared error on episodes of the sources), completed steps, number of groups


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

    width: int  # a subclass is a dataclass of its settings, these among them
    steps: int | None

    @abstractmethod
    def _module(self, n_inputs: int, n_groups: int, n_each: int) -> nn.Module:
        """Return the network for a number of groups of sources; the last `n_each` inputs list the sources one by one.

        The caller seeds PyTorch's generator and restores it afterwards.
        """

    @abstractmethod
    def _loss(self, module: nn.Module, batch: Batch) -> Tensor:
        """Return the query loss after adaptation to the support set."""

    def _views(self, sources: list[SourceTask], matrix: SourceMatrix) -> Sequence[SourceMatrix]:
        """Return the views of the sources for inputs one by one; by default none."""
        return ()

    def _schedule(self, n_groups: int) -> tuple[int, float]:
        """Return the default number of steps and the learning rate of the outer loop."""
        return self.default_steps, self.rate

    @abstractmethod
    def _posterior(
        self, module: nn.Module, support: Tensor, scores: Tensor, query: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Adapt to a support set; return mean and, if known, deviation of the query's scores, without gradients."""

    def _meta_learn(self, sources: list[SourceTask]) -> NetworkModel:
        """Train the network on episodes of the sources, with one group of them for validation if there are enough.

        The noise is the root mean squared error on 16 further episodes of the training.
        """
        if self.steps is not None:
            check_int("steps", self.steps)
        matrix = SourceMatrix.of(self.cell_space, sources, "rank")
        views = self._views(sources, matrix)
        inputs = EpisodeInputs(self.cell_space, matrix, sources, views)
        summary = SourceSummary.of(matrix, views=views)
        module = self._made(summary, matrix.n_groups)
        held_out = matrix.n_groups - 1 if self.validates and matrix.n_groups >= _MANY_GROUPS else matrix.n_groups
        apart = [source for source, group in zip(sources, matrix.groups, strict=True) if group == held_out]
        trained = [source for source, group in zip(sources, matrix.groups, strict=True) if group != held_out]
        sampler = episodes_of(trained, matrix.n_groups - bool(apart), _NOISE)
        rng = np.random.default_rng([self.seed, 1])
        validation = episodes_of(apart, 1, 0.0).sample_many(24, rng) if apart else ()
        steps, rate = self._schedule(matrix.n_groups)
        plan = TrainingPlan(steps=self.steps or steps, batch=self.batch, learning_rate=rate, seed=self.seed)
        MetaTrainer(
            module,
            lambda module, episode: self._loss(module, inputs(episode)),
            sampler.sample,
            plan,
            validation=validation,
            progress=self.progress,
        ).run()
        episodes = sampler.sample_many(16, np.random.default_rng([self.seed, 2]))
        noise = float(np.sqrt(np.mean([self._squared_error(module, inputs(episode)) for episode in episodes])))
        return self._model(module, summary, {"noise": noise, "steps": plan.steps, "groups": matrix.n_groups})

    def _squared_error(self, module: nn.Module, batch: Batch) -> float:
        mean, _ = self._posterior(module, batch.support, batch.support_scores, batch.query)
        return float((mean - batch.query_scores).square().mean())

    def _made(self, summary: SourceSummary, n_groups: int) -> nn.Module:
        check_int("width", self.width, most=4096)
        n_inputs = network_columns(self.cell_space).shape[1] + len(summary.columns) + len(summary.each)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return self._module(n_inputs, n_groups, len(summary.each))

    def _model(self, module: nn.Module, summary: SourceSummary, facts: Facts) -> NetworkModel:
        _, first, rows = np.unique(representatives(self.cell_space), return_index=True, return_inverse=True)
        inputs = summary.tensor(self.cell_space)[torch.from_numpy(first)]
        return NetworkModel(module, summary, inputs, rows, facts)

    def _expected(self, learned: NetworkModel) -> Floats:
        return learned.summary.expected

    def _adapted(self, learned: NetworkModel, architectures: Architectures, scores: Floats) -> Prediction:
        """Add the network's residuals, given those of the labelled architectures, to the expected scores."""
        expected, rows = learned.summary.expected, learned.rows
        residuals = torch.from_numpy(scores - expected[architectures]).float()
        support = learned.inputs[torch.from_numpy(rows[architectures])]
        mean, deviation = self._posterior(learned.module, support, residuals, learned.inputs)
        std = np.full(len(mean), learned.facts["noise"]) if deviation is None else deviation.double().numpy()
        return expected + mean.double().numpy()[rows], std[rows]

    def _pack(self) -> Packed:
        learned: NetworkModel = self.require_meta_model()
        state = {f"module.{name}": value.detach().numpy() for name, value in learned.module.named_parameters()}
        summary = {name: rows for name, rows in learned.summary._asdict().items() if len(rows)}
        return {**state, **summary}, dict(learned.facts)

    def _unpack(self, arrays: Arrays, facts: Facts) -> NetworkModel:
        """Build the network with the weights of a file."""
        each = arrays.get("each", np.zeros((0, self.cell_space.size), np.float32))
        summary = SourceSummary(arrays["columns"], arrays["expected"], each)
        module = self._made(summary, facts["groups"])
        with torch.no_grad():
            for name, value in module.named_parameters():
                value.copy_(torch.from_numpy(arrays[f"module.{name}"]))
        return self._model(module, summary, facts)
