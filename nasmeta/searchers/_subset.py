"""Any searcher on a subset of its space, after given first architectures."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from nasmeta.arrays import Architectures, Facts, Floats
from nasmeta.errors import SpaceExhaustedError
from nasmeta.searchers._searcher import Searcher

_TRIES = 128  # consecutive proposals of the inner searcher without a new architecture of the subset


class SubsetSearch(Searcher):
    """Restrict a searcher to a subset of the space, and evaluate given architectures first.

    Searchers that implement `restrict` handle the subset themselves. For all others, proposals
    outside the subset are discarded and a new one is requested; a searcher that needs a value for
    every proposal (`waits_for_values`) receives the worst value observed so far. After 128
    consecutive rejections, the next unevaluated architecture in the order of `architectures` is
    proposed instead. The searcher observes the values of the first architectures.

    Parameters
    ----------
    inner : Searcher
    architectures : ndarray of int32, optional
        The subset, the most promising architecture first; the whole space by default.
    first : ndarray of int32, optional
        Architectures to evaluate first, as far as the subset has them.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.searchers import SEARCHERS, SubsetSearch
    >>> from nasmeta.spaces import get_space
    >>> inner = SEARCHERS["evolution"](get_space("nb201"), np.random.default_rng(0))
    >>> search = SubsetSearch(inner, architectures=np.arange(100, dtype=np.int32), first=np.array([7], dtype=np.int32))
    >>> int(search.ask()[0]), bool((search.ask(5) < 100).all())
    (7, True)
    """

    def __init__(
        self,
        inner: Searcher,
        architectures: Architectures | None = None,
        first: Architectures | None = None,
    ) -> None:
        super().__init__(inner.space, inner.rng)
        self.inner = inner
        every = np.arange(self.space.size)
        self._open = np.isin(every, every if architectures is None else architectures)
        self._stays_inside = architectures is None or inner.restrict(architectures)
        self._order = iter([] if architectures is None else architectures.tolist())
        self._first = deque([] if first is None else first[self._open[first]].tolist())
        self._proposed = np.zeros(self.space.size, dtype=bool)
        self._evaluated: set[int] = set()
        self._worst: Any = -np.inf
        self._rejected = 0  # consecutive proposals without a new architecture of the subset

    def ask(self, n: int = 1) -> Architectures:
        """Propose the first architectures, then the searcher's proposals in the subset."""
        architectures = [self._first.popleft() for _ in range(min(n, len(self._first)))]
        notes: dict[int, Facts] = {
            architecture: {"by": "warm start"} for architecture in architectures
        }
        while len(architectures) < n:
            architectures += self._more(n - len(architectures), notes)
        self.notes = (
            [notes[architecture] for architecture in architectures]
            if notes.keys() >= set(architectures)
            else None
        )
        self._proposed[architectures] = True
        return np.array(architectures, dtype=np.int32)

    def tell(self, architectures: Architectures, values: Floats) -> None:
        """Pass the values to the searcher."""
        self._note_values(architectures, values)
        self.inner.tell(architectures, values)

    def tell_failures(self, architectures: Architectures, values: Floats) -> None:
        """Pass the failures to the searcher."""
        self._note_values(architectures, values)
        self.inner.tell_failures(architectures, values)

    def close(self) -> None:
        """End the searcher."""
        self.inner.close()

    def _note_values(self, architectures: Architectures, values: Floats) -> None:
        if len(values):
            lowest = values.min(axis=0)  # per objective
            self._worst = (
                lowest if np.all(self._worst == -np.inf) else np.minimum(self._worst, lowest)
            )
        self._evaluated.update(architectures[self._open[architectures]].tolist())

    def _more(self, n: int, notes: dict[int, Facts]) -> list[int]:
        """Return at most n proposals in the subset, and add the searcher's notes on them."""
        if not self._stays_inside:
            if len(self._evaluated) >= np.count_nonzero(self._open):
                raise SpaceExhaustedError(
                    f"All {len(self._evaluated):,} architectures of the subset were evaluated."
                )
            if self._rejected >= _TRIES:
                architecture = self._next_unproposed()
                notes[architecture] = {"by": "instead"}
                return [architecture]
        try:
            architectures = self.inner.ask(n).astype(np.int32)
        except SpaceExhaustedError:
            if self._stays_inside:
                raise
            self._rejected = _TRIES
            return []
        notes.update(zip(architectures.tolist(), self.inner.notes or (), strict=False))
        inside: list[int] = architectures[self._open[architectures]].tolist()
        outside = architectures[~self._open[architectures]]
        if len(outside) and self.inner.waits_for_values:
            self.inner.tell(outside, np.full((len(outside), *np.shape(self._worst)), self._worst))
        for architecture in inside:
            self._rejected = self._rejected + 1 if self._proposed[architecture] else 0
            self._proposed[architecture] = True
        self._rejected += len(outside)
        return inside

    def _next_unproposed(self) -> int:
        architecture: int | None = next(
            (architecture for architecture in self._order if not self._proposed[architecture]), None
        )
        if architecture is None:
            raise SpaceExhaustedError(
                f"All {np.count_nonzero(self._open):,} architectures of the subset were proposed."
            )
        self._proposed[architecture] = True
        self._rejected = 0
        return architecture
