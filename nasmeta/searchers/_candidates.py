"""Searchers of enumerated spaces, applied to sampled candidates of a large space."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from nasmeta.arrays import Architectures, Floats
from nasmeta.searchers._searcher import MetaSearcher, Searcher
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, pareto_front

_SAMPLED = 500  # random candidates
_BEST = 5  # observed architectures whose neighbours are candidates
_EDITED, _EDITS = 100, 3  # copies of these, and random edits of each copy
_ROUNDS = 5  # of local search around the proposals
# Of the number of observations, between two meta-trainings on new candidates.
_GROWTH = 1.2
_LEAST_GROWTH = 5


class CandidateSearch(Searcher):
    """Run a searcher of enumerated spaces on sampled candidates of a large space.

    The candidates of a proposal are 500 random architectures, the neighbours of the five best
    observed ones, and 300 architectures one to three random edits away from these five. The
    searcher is built on the enumerated space of the candidates and all observed architectures,
    observes all values, and proposes. Until its proposals stay the same, at most five times, the
    proposals and their neighbours become the candidates: a local search on the acquisition
    function. A meta-searcher is trained on candidates that include all labelled architectures of
    its sources; it keeps them until the number of observations has grown by 20 % and at least 5,
    because training takes long.

    Parameters
    ----------
    build : callable
        From an enumerated space and a generator to the searcher.
    space : SearchSpace
        A large space.
    rng : numpy.random.Generator

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.spaces import Range
    >>> space = nm.SearchSpace("net", {f"x{i}": Range(0.0, 1.0) for i in range(6)})
    >>> def score(choices):
    ...     return -sum((x - 0.3) ** 2 for x in choices.values())
    >>> run = nm.search("gp", space, evaluator=score, evaluations=40)
    >>> bool(run.best.value > -0.1)
    True
    """

    def __init__(
        self,
        build: Callable[[SearchSpace, Generator], Searcher],
        space: SearchSpace,
        rng: Generator,
    ) -> None:
        super().__init__(space, rng)
        self._build = build
        self._inner = build(
            space.listed(space.sample(2, np.random.default_rng(0))), np.random.default_rng(0)
        )
        # the architectures of the inner searcher's space
        self._listed: Architectures = np.empty(0, np.int64)
        self._values: dict[int, Any] = {}
        self._failed: dict[int, Any] = {}
        self._waiting: set[int] = set()
        self._trained_at = -1.0
        self.meta_model_: list[SourceTask] | None = None  # of a meta-searcher: its sources

    def tell(self, architectures: Architectures, values: Floats) -> None:
        """Keep the values for the next proposals."""
        self._values.update(zip(architectures.tolist(), np.array(values), strict=True))
        self._waiting.difference_update(architectures.tolist())
        self._tell_meta(self._inner.tell, architectures, values)

    def tell_failures(self, architectures: Architectures, values: Floats) -> None:
        """Keep the failures for the next proposals."""
        self._failed.update(zip(architectures.tolist(), np.array(values), strict=True))
        self._waiting.difference_update(architectures.tolist())
        self._tell_meta(self._inner.tell_failures, architectures, values)

    def ask(self, n: int = 1) -> Architectures:
        """Propose the best of many candidates."""
        if isinstance(self._inner, MetaSearcher):
            proposals = self._ask_meta(n)
        else:
            proposals = self._ask_on(self._first_candidates(n), n)
            for _ in range(_ROUNDS if self._models else 0):
                near = self.space.neighbours(proposals)
                better = self._ask_on(np.concatenate([proposals, near[near >= 0]]), n)
                if set(better.tolist()) == set(proposals.tolist()):
                    break
                proposals = better
        self._waiting.update(proposals.tolist())
        self.notes = self._inner.notes
        return proposals

    @property
    def _models(self) -> bool:
        """Whether the initial design has been observed."""
        return len(self._values) >= max(getattr(self._inner, "n_initial", 1), 1)

    def _best(self) -> NDArray[np.int64]:
        """Return the best observed architectures; with several objectives, random ones on the Pareto front."""
        architectures = np.array(list(self._values))
        values = np.array(list(self._values.values()))  # (n,) or (n, n_objectives)
        if values.ndim == 1:
            best_first = np.argsort(-values, kind="stable")
        else:
            best_first = self.rng.permutation(pareto_front(values, ["max"] * values.shape[1]))
        return np.asarray(architectures[best_first[:_BEST]])

    def _first_candidates(self, n: int) -> NDArray[np.int64]:
        """Return random architectures and, once values are known, neighbours and edited copies of the best."""
        sample = self.space.sample(max(_SAMPLED, 2 * n), self.rng, replace=True)
        if not self._models:
            return sample
        best = self._best()
        neighbours = self.space.neighbours(best)  # (_BEST, n_neighbours), -1 where there are fewer
        candidates = [sample, neighbours[neighbours >= 0]]
        edited = self.rng.choice(best, _EDITED)
        for _ in range(_EDITS):
            neighbours = self.space.neighbours(edited)
            n_neighbours = (neighbours >= 0).sum(axis=1)
            columns = (self.rng.random(_EDITED) * n_neighbours).astype(int)
            drawn = neighbours[np.arange(_EDITED), columns]
            edited = np.where(drawn >= 0, drawn, edited)
            candidates.append(edited)
        return np.concatenate(candidates)

    def _ask_on(self, candidates: NDArray[np.int64], n: int) -> NDArray[np.int64]:
        """Return the proposals of the searcher on these candidates."""
        self._inner, self._listed = self._on(candidates)
        return self._listed[self._inner.ask(n)]

    def _on(
        self, candidates: NDArray[np.int64], sources: Iterable[SourceTask] = ()
    ) -> tuple[Searcher, NDArray[np.int64]]:
        """Return the searcher on the observed architectures and some candidates, and all of these."""
        sources = list(sources)
        known = [*self._values, *self._failed]
        for source in sources:
            known += source.architectures.tolist()
        closed = self._waiting | self._values.keys()
        open_ = [a for a in dict.fromkeys(candidates.tolist()) if a not in closed]
        listed = np.array(list(dict.fromkeys(known + open_)), np.int64)
        place = {architecture: i for i, architecture in enumerate(listed.tolist())}
        space = self.space.listed(listed)
        inner = self._build(space, self.rng)
        if len(self._listed):
            inner.adopt(self._inner)
        if isinstance(inner, MetaSearcher):
            inner.meta_fit([_moved(source, space, place) for source in sources])
        for observe, told in ((inner.tell, self._values), (inner.tell_failures, self._failed)):
            if told:
                observe(_places(told, place), np.array(list(told.values())))
        inner.restrict(_places([a for a in open_ if a not in self._failed], place))
        return inner, listed

    def _ask_meta(self, n: int) -> NDArray[np.int64]:
        """Return the proposals of the meta-searcher, which is trained anew if there are enough new values."""
        assert self.meta_model_ is not None
        n_known = len(self._values) + len(self._failed)
        due_at = max(self._trained_at * _GROWTH, self._trained_at + _LEAST_GROWTH)
        if self._trained_at < 0 or n_known >= due_at:
            best = [source.architectures[source.utilities.argmax()] for source in self.meta_model_]
            neighbours = self.space.neighbours(np.array(best, np.int64))
            labelled = [source.architectures for source in self.meta_model_]
            near = neighbours[neighbours >= 0]
            candidates = np.concatenate([*labelled, near, self._first_candidates(n)])
            self._inner, self._listed = self._on(candidates, self.meta_model_)
            self._trained_at = n_known
        return self._listed[self._inner.ask(n)]

    def _tell_meta(
        self, observe: Callable[..., None], architectures: Architectures, values: Floats
    ) -> None:
        """Pass values to a meta-searcher, which is not built for each proposal."""
        if not isinstance(self._inner, MetaSearcher) or self._trained_at < 0:
            return
        place = {architecture: i for i, architecture in enumerate(self._listed.tolist())}
        kept = np.isin(architectures, self._listed)
        if kept.any():
            observe(_places(architectures[kept].tolist(), place), values[kept])


def _places(architectures: Iterable[int], place: dict[int, int]) -> NDArray[np.int32]:
    """Return the indices of architectures in the enumerated space, shape (n,)."""
    return np.array([place[architecture] for architecture in architectures], np.int32)


def _moved(source: SourceTask, space: SearchSpace, place: dict[int, int]) -> SourceTask:
    """Return a source on the enumerated space."""
    architectures = _places(source.architectures.tolist(), place)
    return replace(source, space=space, architectures=architectures)
