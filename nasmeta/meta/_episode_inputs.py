"""From an episode's cells to what networks read, with the sources' summary that leaves the episode's own out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nasmeta.meta._cell_columns import network_columns
from nasmeta.meta._scale import labels_like
from nasmeta.meta._source_matrix import SourceMatrix
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import Augmentation, Episode, EpisodeSampler, SourceTask

_MOST_KNOWN, _MOST_BYTES = 64, 2**30  # sets of left-out groups whose inputs are kept
_MIX_FROM = 4  # groups of sources from which on tasks are mixed: what remains must still say something


class SourceSummary(NamedTuple):
    """What sources say of all cells, and what is expected of a target before a label."""

    columns: NDArray[np.float32]  # (n_columns, n_cells): mean scores by role, and how far those of role 0 disagree
    expected: NDArray[np.float64]  # (n_cells,)
    each: NDArray[np.float32]  # (n_rows, n_cells): `SourceMatrix.each`, view after view; often no row

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
        self._known: dict[frozenset[int], tuple[Tensor, NDArray[np.float64]]] = {}

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
