"""Search with the transformer: `meta-np`, `meta-nas` and `meta-rl`, which differ in the training of its weights."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SpaceExhaustedError
from nasmeta.meta._arrays import Arrays, Cells, Facts, Floats, Packed
from nasmeta.meta._cell_columns import proxy_scores
from nasmeta.meta._falls_back import FallsBackSearch
from nasmeta.meta.in_context._predictor import InContext, InContextModel
from nasmeta.meta.in_context._reading import Context, Reading, Similarity, SourceView
from nasmeta.predictors import normal_scores
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask

_DRAWN = 2000  # random architectures in each step
_NEAR = 5  # best observations whose neighbours are added
_BEST, _CANDIDATES = 64, 512  # architectures that the transformer compares: the best of each expert, and in all
_DECIMALS = 4  # of compared scores: equivalent architectures differ only by rounding errors
_GROWTH = 1.2  # of the observations between two weightings of all members of the experts' mixtures
_FEW = 20  # observations up to which all members are conditioned in each step


class ContextSearch(FallsBackSearch):
    """Base of the searchers that propose with a transformer, which reads the observations and the sources.

    Neither the search nor its sources train the transformer. Two of the first five architectures are random, in case
    the sources mislead. In each step Gaussian processes (the experts of `nasmeta.meta.in_context.InContext`) screen
    2,000 random architectures and the neighbours of the five best observations, and the transformer scores up to 512 of
    them. A score is the log expected improvement under the predictions; a search head scales it and adds its output.
    ``reports/meta/in_context/search`` compares the three trainings.

    Parameters
    ----------
    weights : str or path-like, default "auto"
        See `nasmeta.meta.in_context.InContext`.
    falls_back : bool, default True
        Whether the transformer competes with `nasmeta.searchers.GPSearch` on the same observations. ``notes`` contain
        the origin of each proposal.
    """

    objective: ClassVar[str]
    search_settings: ClassVar[tuple[str, ...]] = ("falls_back",)

    def __init__(
        self, space: SearchSpace, rng: np.random.Generator, *, weights: Any = "auto", falls_back: bool = True
    ) -> None:
        super().__init__(space, rng, falls_back=falls_back)
        self.weights = weights
        self._predictor = InContext(space, weights=weights, objective=self.objective)
        self._taken = np.zeros(space.size, dtype=bool)

    # -- meta-training ----------------------------------------------------------------------------------------------
    def _learn(self, sources: list[SourceTask]) -> InContextModel:
        self._predictor.avoid = self.avoid
        learned: InContextModel = self._predictor.meta_fit(sources).meta_model_
        return learned

    def _pack(self) -> Packed:
        self._predictor.meta_model_ = self._require_meta_model()
        return self._predictor._pack()

    def _unpack(self, arrays: Arrays, facts: Facts) -> InContextModel:
        return self._predictor._unpack(arrays, facts)

    # -- the search -------------------------------------------------------------------------------------------------
    def restrict(self, cells: Cells) -> bool:
        """Treat the other architectures as proposed."""
        self._taken[:] = True
        self._taken[cells] = False
        super().restrict(cells)
        return True

    @cached_property
    def _state(self) -> SearchState:
        model: InContextModel = self._require_meta_model()
        sources = SourceView.of(model.scores, proxy_scores(self.space).T)
        return SearchState(Similarity(self.space), sources, np.arange(self.space.size))

    def _observe(self, cells: Cells, values: Floats) -> None:
        self._taken[cells] = True
        self._state.observe(cells, values)

    def _propose(self) -> int:
        state, left = self._state, np.flatnonzero(~self._taken)
        if not len(left):
            raise SpaceExhaustedError("All architectures have been proposed.")
        # Drawn anew in each step, so that the candidates are not all neighbours of one another.
        drawn = self.rng.choice(left, min(_DRAWN, len(left)), replace=False)
        near = self.space.neighbours(state.best(_NEAR)).ravel()
        screened = np.union1d(drawn, near[(near >= 0) & ~self._taken[near]])
        cells, reading = state.candidates(screened, _BEST, _CANDIDATES, self.rng)
        scores = self._require_meta_model().network.search_scores(reading, state.labels)
        chosen = int(cells[scores.round(_DECIMALS).argmax()])
        self._taken[chosen] = True
        return chosen


class MetaNPSearch(ContextSearch):
    """Expected improvement under a transformer neural process, trained on the likelihood of its predictions.

    Nguyen and Grover, "Transformer neural processes", ICML 2022. Parameters as `ContextSearch`.

    Examples
    --------
    >>> import nasmeta as nm
    >>> len(nm.search("meta-np", "nb201/cifar100", evaluations=5))
    5
    """

    objective = "likelihood"


class MetaNASSearch(ContextSearch):
    """A prediction head and a search head of one transformer, trained together on searches of other families.

    The search head is trained by proximal policy optimisation, the prediction head on the likelihood of the candidates,
    after Maraval, Zimmer, Grosnit and Bou Ammar, "End-to-end meta-Bayesian optimisation with transformer neural
    processes", NeurIPS 2023. Parameters as `ContextSearch`.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("meta-nas", "nb201/cifar100", evaluations=5)
    >>> run.sources, len(run)
    (('nb201/cifar10', 'nb201/imagenet16-120'), 5)
    """

    objective = "joint"


class MetaRLSearch(ContextSearch):
    """The transformer of `meta-nas`, trained from random weights by the reward of whole searches alone.

    A state is the history of the search, an action the next architecture, the reward the improvement of the best score;
    the policy is trained by proximal policy optimisation (Schulman et al., 2017). Parameters as `ContextSearch`.

    Examples
    --------
    >>> import nasmeta as nm
    >>> len(nm.search("meta-rl", "nb201/cifar100", evaluations=5))
    5
    """

    objective = "reward"


class SearchState:
    """The observations of one search, as the transformer reads them.

    Parameters
    ----------
    similarity : Similarity
    sources : SourceView
    cells : ndarray of int, shape (n_columns,)
        Architecture of each column of the view.
    """

    def __init__(self, similarity: Similarity, sources: SourceView, cells: NDArray[np.integer]) -> None:
        self._similarity, self._sources, self._cells = similarity, sources, cells
        self._known: list[int] = []
        self._values: list[float] = []
        self._among = similarity.between(cells[:0], cells[:0])  # (3, 3, n, n)
        self._weighed_at = 0
        self._likely: list[NDArray[np.bool_]] = []

    @property
    def known(self) -> NDArray[np.intp]:
        """Columns of the observations, shape (n,)."""
        return np.array(self._known, dtype=np.intp)

    @property
    def labels(self) -> Floats:
        """Normal scores of the values, shape (n,)."""
        return normal_scores(np.array(self._values)) if self._values else np.zeros(0)

    def best(self, k: int) -> NDArray[np.intp]:
        """Return the columns of the k best observations, or of all if there are fewer."""
        return self.known[np.argsort(-np.array(self._values), kind="stable")[:k]]

    def observe(self, columns: NDArray[np.integer], values: Floats) -> None:
        """Add observations, both of shape (k,); further values of a known architecture are ignored."""
        is_new = ~np.isin(columns, self._known)
        these, first = np.unique(columns[is_new], return_index=True)
        these = these[np.argsort(first)]
        n = len(self._known)
        self._known += these.tolist()
        self._values += values[is_new][np.sort(first)].tolist()
        among = self._similarity.between(self._cells[these], self._cells[self._known])
        self._among = np.pad(self._among, ((0, 0), (0, 0), (0, len(these)), (0, len(these))))
        self._among[..., n:, :] = among
        self._among[..., :n, n:] = among[..., :n].swapaxes(2, 3)

    def candidates(
        self, columns: NDArray[np.integer], n_best: int, n_all: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.integer], Reading]:
        """Return some of the columns in random order, and the transformer's inputs for them.

        They are the `n_best` best of each expert, and random ones up to `n_all`.
        """
        n = len(self._known)
        # Until the observations have grown by a fifth, only members with a weight are conditioned.
        due = n <= _FEW or n >= _GROWTH * self._weighed_at
        context = Context(self._sources, self.known, self.labels, self._among, None if due else self._likely)
        if due:
            self._weighed_at, self._likely = n, context.likely
        across = self._similarity.between(self._cells[columns], self._cells[self._known])
        predicted = context.experts(columns, across)
        count = min(n_best, len(columns))
        best = np.unique(np.argsort(-predicted[:, 1:].round(_DECIMALS), axis=0, kind="stable")[:count])
        others = np.setdiff1d(np.arange(len(columns)), best)
        drawn = rng.choice(others, min(max(0, n_all - len(best)), len(others)), replace=False)
        pool = rng.permutation(np.concatenate([best, drawn]))
        return columns[pool], context.reading(columns[pool], predicted[pool], across[:, :, pool])
