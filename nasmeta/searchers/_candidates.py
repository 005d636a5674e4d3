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
from nasmeta.tasks import SourceTask, Task, checked_sources, pareto_front

_SAMPLED = 500  # random candidates
_BEST = 5  # observed architectures whose neighbours are candidates
_EDITED, _EDITS = 100, 3  # copies of these, and random edits of each copy
_ROUNDS = 5  # of local search around the proposals
# of the number of observations between two meta-trainings on new candidates
_GROWTH, _LEAST_GROWTH = (
    1.2,
    5,
)


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

    def check_sources(self, sources: Iterable[SourceTask | Task]) -> list[SourceTask]:
        """Return the labels that a meta-searcher would use."""
        return checked_sources(self._inner._who, sources, self.space)

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
        architectures, values = np.array([*self._values]), np.array([*self._values.values()])
        if values.ndim == 1:
            return np.asarray(architectures[np.argsort(-values, kind="stable")[:_BEST]])
        front = pareto_front(values, ["max"] * values.shape[1])
        return np.asarray(architectures[self.rng.permutation(front)[:_BEST]])

    def _first_candidates(self, n: int) -> NDArray[np.int64]:
        sample = self.space.sample(max(_SAMPLED, 2 * n), self.rng, replace=True)
        if not self._models:
            return sample
        best = self._best()
        near = self.space.neighbours(best).ravel()
        candidates, edited = [sample, near[near >= 0]], self.rng.choice(best, _EDITED)
        for _ in range(_EDITS):
            near = self.space.neighbours(edited)
            drawn = near[
                np.arange(_EDITED), (self.rng.random(_EDITED) * (near >= 0).sum(axis=1)).astype(int)
            ]
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
        labelled = [
            architecture for source in sources for architecture in source.architectures.tolist()
        ]
        known = [*self._values, *self._failed, *labelled]
        open_ = [
            a
            for a in dict.fromkeys(candidates.tolist())
            if a not in self._waiting and a not in self._values
        ]
        listed = np.array(list(dict.fromkeys([*known, *open_])), np.int64)
        place = {architecture: i for i, architecture in enumerate(listed.tolist())}
        space = self.space.listed(listed)
        inner = self._build(space, self.rng)
        if len(self._listed):
            inner.adopt(self._inner)
        if isinstance(inner, MetaSearcher):
            inner.meta_fit([_moved(source, space, place) for source in sources])
        for observe, told in ((inner.tell, self._values), (inner.tell_failures, self._failed)):
            if told:
                observe(np.array([place[a] for a in told], np.int32), np.array([*told.values()]))
        inner.restrict(np.array([place[a] for a in open_ if a not in self._failed], np.int32))
        return inner, listed

    def _ask_meta(self, n: int) -> NDArray[np.int64]:
        assert self.meta_model_ is not None
        n_known = len(self._values) + len(self._failed)
        if self._trained_at < 0 or n_known >= max(
            self._trained_at * _GROWTH, self._trained_at + _LEAST_GROWTH
        ):
            best = [source.architectures[source.utilities.argmax()] for source in self.meta_model_]
            near = self.space.neighbours(np.array(best, np.int64)).ravel()
            labelled = [source.architectures for source in self.meta_model_]
            candidates = np.concatenate([*labelled, near[near >= 0], self._first_candidates(n)])
            self._inner, self._listed = self._on(candidates, self.meta_model_)
            self._trained_at = n_known
        return self._listed[self._inner.ask(n)]

    def _tell_meta(
        self, observe: Callable[..., None], architectures: Architectures, values: Floats
    ) -> None:
        """Pass values to a meta-searcher, which is not built for each proposal."""
        if isinstance(self._inner, MetaSearcher) and self._trained_at >= 0:
            place = {architecture: i for i, architecture in enumerate(self._listed.tolist())}
            kept = [
                i for i, architecture in enumerate(architectures.tolist()) if architecture in place
            ]
            if kept:
                observe(
                    np.array([place[a] for a in architectures[kept].tolist()], np.int32),
                    values[kept],
                )


def _moved(source: SourceTask, space: SearchSpace, place: dict[int, int]) -> SourceTask:
    """Return a source on the enumerated space."""
    architectures = np.array([place[a] for a in source.architectures.tolist()], np.int32)
    return replace(source, space=space, architectures=architectures)
