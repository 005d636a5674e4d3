"""Successive halving, Hyperband and ASHA: many short trainings, longer ones for the best."""

from __future__ import annotations

import math
from abc import abstractmethod
from bisect import insort
from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from nasmeta.arrays import Architectures, Epochs, Floats
from nasmeta.checks import check_int
from nasmeta.searchers._searcher import MultiFidelitySearcher
from nasmeta.spaces import SearchSpace


class Bracket:
    """One run of successive halving: `sizes` architectures on each rung, the best of a complete rung are promoted.

    `epochs` are the lengths of training on each rung; `lowest` is the position of the first rung on
    the ladder of all rungs.
    """

    def __init__(self, sizes: list[int], epochs: list[int], lowest: int = 0) -> None:
        self.sizes, self.epochs, self.lowest = sizes, epochs, lowest
        self._rung = 0
        # architectures that wait on this rung, None for new ones
        self._queue: deque[int | None] = deque([None] * sizes[0])
        self._open: list[int] = []  # waiting for their values
        self._results: list[tuple[float, int]] = []

    def next(self, new: Callable[[], int]) -> tuple[int, int] | None:
        """Return the next architecture and its epochs, or None; `new` draws for the first rung."""
        if not self._queue:
            return None
        waiting = self._queue.popleft()
        architecture = new() if waiting is None else waiting
        self._open.append(architecture)
        return architecture, self.epochs[self._rung]

    def take(self, architecture: int, epochs: int, value: float) -> int | None:
        """Add a value of this bracket, and return its rung on the ladder; None for another bracket."""
        if epochs != self.epochs[self._rung] or architecture not in self._open:
            return None
        rung = self.lowest + self._rung
        self._open.remove(architecture)
        self._results.append((value, architecture))
        if len(self._results) == self.sizes[self._rung] and self._rung + 1 < len(self.sizes):
            self._rung += 1
            # Stable: the earlier one of equal values is promoted.
            best = sorted(self._results, key=lambda result: -result[0])[: self.sizes[self._rung]]
            self._queue, self._results = deque(architecture for _, architecture in best), []
        return rung

    @property
    def is_done(self) -> bool:
        """Whether the last rung is complete."""
        return self._rung + 1 == len(self.sizes) and len(self._results) == self.sizes[-1]


class Halving(MultiFidelitySearcher):
    """Base of searchers that promote one in `eta` architectures to a longer training."""

    def __init__(self, space: SearchSpace, rng: Generator, *, eta: int = 3) -> None:
        super().__init__(space, rng)
        self.eta = check_int("eta", eta, 2)
        self._part: Architectures | None = None

    def restrict(self, architectures: Architectures) -> bool:
        """Draw new architectures from these only."""
        self._part = architectures
        return True

    def ask_at(self, n: int = 1) -> tuple[Architectures, Epochs]:
        """Propose promotions, else new architectures for a short training."""
        pairs = [self._next() for _ in range(n)]
        architectures, epochs = np.array(pairs, np.int64).reshape(n, 2).T
        return architectures.astype(self.space.index_type), epochs.astype(np.int32)

    @abstractmethod
    def _next(self) -> tuple[int, int]:
        """Return the next architecture and its epochs."""

    def _sample_architecture(self) -> int:
        if self._part is None:
            return self._random()
        return int(self._part[self.rng.integers(len(self._part))])


class _Brackets(Halving):
    """Base of searchers with brackets; a new one starts while the others wait for values."""

    def __init__(
        self, space: SearchSpace, rng: Generator, *, eta: int = 3, rungs: int | None = None
    ) -> None:
        super().__init__(space, rng, eta=eta)
        self.rungs = rungs if rungs is None else check_int("rungs", rungs)
        self._brackets: list[Bracket] = []
        self._begun = 0
        self._first: deque[int] = deque()

    def begin_with(self, architectures: Architectures) -> bool:
        """Start the first brackets with these architectures."""
        self._first.extend(architectures.tolist())
        return True

    def _ladder(self) -> list[int]:
        """Return the epochs of each rung: with more rungs than lengths, the lower ones share the shortest."""
        lengths, n = list(self.fidelities), self.rungs or len(self.fidelities)
        return [lengths[0]] * (n - len(lengths)) + lengths[max(0, len(lengths) - n) :]

    @abstractmethod
    def _sizes(self, number: int, rungs: int) -> list[int]:
        """Return the number of architectures per rung of a bracket; with fewer entries it starts on a higher rung."""

    def _next_new_architecture(self) -> int:
        return self._first.popleft() if self._first else self._sample_architecture()

    def _next(self) -> tuple[int, int]:
        """Return the next training of the oldest bracket that does not wait for values."""
        for bracket in self._brackets:
            if (pair := bracket.next(self._next_new_architecture)) is not None:
                return pair
        ladder = self._ladder()
        sizes = self._sizes(self._begun, len(ladder))
        lowest = len(ladder) - len(sizes)
        self._begun += 1
        self._brackets.append(Bracket(sizes, ladder[lowest:], lowest))
        return self._next()

    def tell_at(self, architectures: Architectures, epochs: Epochs, values: Floats) -> None:
        """Pass each value to the oldest bracket that waits for it."""
        ladder = self._ladder()
        for architecture, length, value in zip(
            architectures.tolist(), epochs.tolist(), values.tolist(), strict=True
        ):
            for bracket in self._brackets:
                rung = bracket.take(architecture, length, value)
                if rung is not None:
                    break
            else:  # no bracket waits for it
                rung = ladder.index(length) if length in ladder else 0
            self._observe(architecture, rung, value)
        self._brackets = [bracket for bracket in self._brackets if not bracket.is_done]

    def _observe(self, architecture: int, rung: int, value: float) -> None:
        """Observe a value on a rung, for models."""


class SuccessiveHalving(_Brackets):
    """Train random architectures briefly, promote the best share of them to the next training length, and so on.

    Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter
    optimization", AISTATS 2016. After one bracket, the next one starts. Architectures are drawn
    with replacement. A rung is complete before its best are promoted; with several workers, the
    next bracket starts in the meantime.

    Parameters
    ----------
    eta : int, default 3
        One in `eta` architectures is promoted.
    size : int, optional
        Architectures on the first rung; by default, the last rung has one.
    rungs : int, optional
        By default, the number of training lengths. With more, the lower rungs share the shortest
        length, as in published comparisons that promote architectures without a longer training.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.searchers import SEARCHERS
    >>> from nasmeta.spaces import get_space
    >>> searcher = SEARCHERS["successive-halving"](get_space("nb201"), np.random.default_rng(0))
    >>> searcher.begin([12, 200])
    >>> architectures, epochs = searcher.ask_at(3)
    >>> searcher.tell_at(architectures, epochs, np.array([88.0, 90.0, 89.0]))
    >>> best, longer = searcher.ask_at(1)
    >>> bool(best[0] == architectures[1]), longer.tolist()
    (True, [200])
    """

    def __init__(
        self,
        space: SearchSpace,
        rng: Generator,
        *,
        eta: int = 3,
        size: int | None = None,
        rungs: int | None = None,
    ) -> None:
        super().__init__(space, rng, eta=eta, rungs=rungs)
        self.size = size if size is None else check_int("size", size)

    def _sizes(self, number: int, rungs: int) -> list[int]:
        first = self.size or self.eta ** (rungs - 1)
        return [max(1, first // self.eta**rung) for rung in range(rungs)]


class Hyperband(_Brackets):
    """Several brackets of successive halving, each starting at another training length.

    Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar, "Hyperband: a novel bandit-based approach to
    hyperparameter optimization", JMLR 18, 2018. Sizes of brackets are those of HpBandSter. The
    training lengths need not be multiples of each other.

    Parameters
    ----------
    eta : int, default 3
    rungs : int, optional
        As in `SuccessiveHalving`.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.searchers import SEARCHERS
    >>> from nasmeta.spaces import get_space
    >>> searcher = SEARCHERS["hyperband"](get_space("nb201"), np.random.default_rng(0))
    >>> searcher.begin([12, 200])
    >>> searcher.ask_at(5)[1].tolist()  # the first bracket waits for three values; the second one starts higher
    [12, 12, 12, 200, 200]
    """

    def _sizes(self, number: int, rungs: int) -> list[int]:
        s = rungs - 1 - number % rungs
        first = math.floor(rungs / (s + 1)) * self.eta**s
        return [max(1, first // self.eta**i) for i in range(s + 1)]


class _Rung:
    """Values after one length of training, and the architectures that were promoted."""

    def __init__(self) -> None:
        self._known: set[int] = set()
        self._best: list[tuple[float, int, int]] = []  # ascending: (-value, order, architecture)
        self._promoted: set[int] = set()

    def add(self, architecture: int, value: float) -> None:
        if architecture not in self._known:
            self._known.add(architecture)
            insort(self._best, (-value, len(self._known), architecture))

    def promoted(self, eta: int) -> int | None:
        """Promote the best architecture of the top share that is not promoted yet, and return it."""
        for _, _, architecture in self._best[: len(self._best) // eta]:
            if architecture not in self._promoted:
                self._promoted.add(architecture)
                return architecture
        return None


class ASHA(Halving):
    """Asynchronous successive halving: promote an architecture once it is in the best share of its rung so far.

    Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht and Talwalkar, "A system for
    massively parallel hyperparameter tuning", MLSys 2020, algorithm 2. New architectures are drawn
    without replacement until all are drawn.

    Parameters
    ----------
    eta : int, default 3
        One in `eta` architectures is promoted.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.searchers import SEARCHERS
    >>> from nasmeta.spaces import get_space
    >>> searcher = SEARCHERS["asha"](get_space("nb201"), np.random.default_rng(0))
    >>> searcher.begin([12, 200])
    >>> architectures, epochs = searcher.ask_at(3)
    >>> searcher.tell_at(architectures, epochs, np.array([88.0, 90.0, 89.0]))
    >>> best, longer = searcher.ask_at(2)
    >>> bool(best[0] == architectures[1]), longer.tolist()
    (True, [200, 12])
    """

    def __init__(self, space: SearchSpace, rng: Generator, *, eta: int = 3) -> None:
        super().__init__(space, rng, eta=eta)
        self._rungs: dict[int, _Rung] = {}
        self._order: list[int] = []  # drawn from the end
        if not space.is_large:
            self._order = space.sample(space.size, rng)[::-1].tolist()

    def restrict(self, architectures: Architectures) -> bool:
        """Draw new architectures from these only."""
        inside = set(architectures.tolist())
        self._order = [architecture for architecture in self._order if architecture in inside]
        return super().restrict(architectures)

    def begin_with(self, architectures: Architectures) -> bool:
        """Draw these architectures first."""
        first = architectures.tolist()
        others = [architecture for architecture in self._order if architecture not in set(first)]
        self._order = others + first[::-1]
        return True

    def _next(self) -> tuple[int, int]:
        """Return a promotion, highest rung first, else a new architecture for the shortest training."""
        for i in range(len(self.fidelities) - 2, -1, -1):
            rung = self._rungs.get(self.fidelities[i])
            architecture = None if rung is None else rung.promoted(self.eta)
            if architecture is not None:
                return architecture, self.fidelities[i + 1]
        architecture = self._order.pop() if self._order else self._sample_architecture()
        return architecture, self.fidelities[0]

    def tell_at(self, architectures: Architectures, epochs: Epochs, values: Floats) -> None:
        """Add the values to their rungs."""
        for architecture, length, value in zip(
            architectures.tolist(), epochs.tolist(), values.tolist(), strict=True
        ):
            self._rungs.setdefault(length, _Rung()).add(architecture, value)
