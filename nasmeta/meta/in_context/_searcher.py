"""Search with `meta` and a transformer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from nasmeta.meta._arrays import (
    Architectures,
    Arrays,
    Booleans,
    Facts,
    Floats,
    Floats32,
    Integers,
    Packed,
    of_prefix,
    with_prefix,
)
from nasmeta.meta._default_searcher import DefaultMetaSearch, SourcedSearch
from nasmeta.meta._network_inputs import proxy_scores
from nasmeta.meta._source_scores import SourceMatrix
from nasmeta.meta.in_context._network import (
    InContextNetwork,
    Weights,
    checked_weights,
    chosen_weights,
)
from nasmeta.meta.in_context._reading import Context, Reading, Similarity, SourceView
from nasmeta.tasks import SourceTask, normal_scores

if TYPE_CHECKING:
    from nasmeta.meta._joint_process import SourceModels


@dataclass(frozen=True)
class SearchSettings:
    """Settings of `meta-nas` and `meta-rl`."""

    candidates: int = 512  # architectures that the transformer compares
    decimals: int = 4  # of compared scores: equivalent architectures differ only by rounding errors
    growth: float = (
        1.2  # of the observations between two weightings of all members of the experts' mixtures
    )
    few: int = 20  # observations up to which all members are conditioned in each step


SEARCH = SearchSettings()
_PREFIX = "weights."


@dataclass(frozen=True, eq=False)
class ReadModels:
    """The joint process, scores of the sources, (n_sources, n_architectures), and pretrained weights."""

    prior: SourceModels
    scores: Floats32
    weights: Weights

    @cached_property
    def network(self) -> InContextNetwork:
        """The transformer."""
        return InContextNetwork(self.weights.arrays)


class GuidedSearch(SourcedSearch):
    """The searcher with sources of `meta`, whose proposals a transformer selects."""

    crosses_spaces: ClassVar[bool] = False
    trained_on: ClassVar[str] = "joint"  # folder of the shipped weights

    @property
    def _models(self) -> SourceModels:
        models: SourceModels = self._require_meta_model().prior
        return models

    def _learn(self, sources: list[SourceTask]) -> ReadModels:
        names = list(self.avoid)
        for source in sources:
            names += source.held_out
        return ReadModels(
            prior=super()._learn(sources),
            scores=SourceMatrix.of(self.space, sources).scores,
            weights=chosen_weights(self.space, dict.fromkeys(names), self.trained_on),
        )

    def _pack(self) -> Packed:
        learned: ReadModels = self._require_meta_model()
        arrays, facts = learned.prior.pack()
        arrays |= {"scores": learned.scores}
        arrays |= with_prefix(_PREFIX, learned.weights.arrays)
        return arrays, facts | {"weights": learned.weights.card}

    def _unpack(self, arrays: Arrays, facts: Facts) -> ReadModels:
        weights = checked_weights(of_prefix(_PREFIX, arrays), facts["weights"])
        return ReadModels(super()._unpack(arrays, facts), arrays["scores"], weights)

    @cached_property
    def _state(self) -> SearchState:
        sources = SourceView.of(self._require_meta_model().scores, proxy_scores(self.space).T)
        return SearchState(Similarity(self.space), sources, np.arange(self.space.size))

    def tell(self, architectures: Architectures, values: Floats) -> None:
        """Add observations for the process and the transformer."""
        super().tell(architectures, values)
        self._state.observe(architectures, values)

    def _take_best(self, score: Floats) -> int:
        """Return the transformer's choice among the architectures with the highest improvement, shape (size,)."""
        score[~self._open] = -np.inf
        count = min(SEARCH.candidates, int(np.count_nonzero(self._open)))
        best = np.argsort(-score, kind="stable")[:count]
        architectures, reading = self._state.candidates(best, 0, count, self.rng)
        network: InContextNetwork = self._require_meta_model().network
        scores = network.search_scores(reading, self._state.labels, score[architectures])
        architecture = int(architectures[scores.round(SEARCH.decimals).argmax()])
        self._mark(architecture)
        return architecture


class MetaNASSearch(DefaultMetaSearch):
    """Search with `meta` and a transformer with a prediction head and a search head, trained together.

    The search head is trained by proximal policy optimisation, the prediction head on the
    likelihood of the candidates. This follows Maraval, Zimmer, Grosnit and Bou Ammar, "End-to-end
    meta-Bayesian optimisation with transformer neural processes", NeurIPS 2023. Neither the search
    nor its sources train the transformer.

    The turns and the initial design are those of ``meta``. In a turn of the sources, the
    transformer proposes one of the 512 architectures with the highest expected improvement of the
    process, from the observations and the sources. The score averages the expected improvements of
    the process and of the transformer, takes the logarithm, scales it by the search head, and adds
    the search head's output.

    Training shows no clear effect on predictions (``reports/transfer/few_shot``): with 50 labels of
    tasks from other families, the transformer's Kendall's τ is 0.684, as if its ten inputs are
    weighted by their errors.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("meta-nas", "nb201/cifar100", evaluations=5)
    >>> run.sources, len(run)
    (('nb201/cifar10', 'nb201/imagenet16-120'), 5)
    """

    crosses_spaces: ClassVar[bool] = False
    kind = GuidedSearch
    needs_list = True


class RewardedSearch(GuidedSearch):
    """`GuidedSearch` with weights that were trained by rewards alone."""

    trained_on = "reward"


class MetaRLSearch(MetaNASSearch):
    """Search with `meta` and the transformer of `meta-nas`, trained from random weights by rewards of searches alone.

    A state is the history of the search, an action is the next architecture, and the reward is the
    improvement of the best score. The policy is trained by proximal policy optimisation (Schulman
    et al., 2017).

    Examples
    --------
    >>> import nasmeta as nm
    >>> len(nm.search("meta-rl", "nb201/cifar100", evaluations=5))
    5
    """

    kind = RewardedSearch


class SearchState:
    """The observations of one search, as the transformer reads them.

    Parameters
    ----------
    similarity : Similarity
    sources : SourceView
    architectures : ndarray of int, shape (n_columns,)
        Architecture of each column of the view.
    """

    def __init__(
        self, similarity: Similarity, sources: SourceView, architectures: Integers
    ) -> None:
        self._similarity = similarity
        self._sources = sources
        self._architectures = architectures
        self._known: list[int] = []
        self._values: list[float] = []
        self._among = similarity.between(architectures[:0], architectures[:0])  # (3, 3, n, n)
        self._weighed_at = 0
        self._likely: list[Booleans] = []

    @property
    def known(self) -> Integers:
        """Columns of the observations, shape (n,)."""
        return np.array(self._known, dtype=np.intp)

    @property
    def labels(self) -> Floats:
        """Normal scores of the values, shape (n,)."""
        return normal_scores(np.array(self._values)) if self._values else np.zeros(0)

    def observe(self, columns: Integers, values: Floats) -> None:
        """Add observations, both of shape (k,); further values of a known architecture are ignored."""
        n = len(self._known)
        for column, value in zip(columns.tolist(), values.tolist(), strict=True):
            if column not in self._known:
                self._known.append(column)
                self._values.append(value)
        added = self._architectures[self._known[n:]]
        among = self._similarity.between(added, self._architectures[self._known])
        width = (0, len(added))
        self._among = np.pad(self._among, ((0, 0), (0, 0), width, width))
        self._among[..., n:, :] = among
        self._among[..., :n, n:] = among[..., :n].swapaxes(2, 3)

    def candidates(
        self, columns: Integers, n_best: int, n_all: int, rng: np.random.Generator
    ) -> tuple[Integers, Reading]:
        """Return some of the columns in random order, and the transformer's inputs for them.

        They are the `n_best` best of each expert, and random ones up to `n_all`.
        """
        n = len(self._known)
        # Until the observations have grown by a fifth, only members with a weight are conditioned.
        due = n <= SEARCH.few or n >= SEARCH.growth * self._weighed_at
        likely = None if due else self._likely
        context = Context(self._sources, self.known, self.labels, self._among, likely)
        if due:
            self._weighed_at = n
            self._likely = context.likely
        labelled = self._architectures[self._known]
        across = self._similarity.between(self._architectures[columns], labelled)
        predicted = context.experts(columns, across)  # (n_columns, EXPERTS)
        rounded = predicted[:, 1:].round(SEARCH.decimals)  # the first expert is constant
        best_first = np.argsort(-rounded, axis=0, kind="stable")
        best = np.unique(best_first[:n_best])
        others = np.setdiff1d(np.arange(len(columns)), best)
        n_others = min(max(0, n_all - len(best)), len(others))
        drawn = rng.choice(others, n_others, replace=False)
        pool = rng.permutation(np.concatenate([best, drawn]))
        return columns[pool], context.reading(columns[pool], predicted[pool], across[:, :, pool])
