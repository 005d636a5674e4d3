"""What adapters of other packages' optimisers share: how they are imported, kept to themselves and to the space."""

from __future__ import annotations

import logging
import math
import random
import sys
import warnings
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from io import StringIO
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SpaceExhaustedError, needing
from nasmeta.searchers._base import Searcher
from nasmeta.spaces import SearchSpace

_TRIES = 16  # proposals in a row that are no architecture, or are known

Suggestion: TypeAlias = "tuple[Any, list[int]]"
"""What the peer calls its proposal, and the code of each position."""


def load_peer(module: str, who: str, extra: str) -> ModuleType:
    """Import a module of a peer; where its package is not installed, say what needs it and how to get it."""
    root, torch = logging.getLogger(), sys.modules.get("torch")
    handlers, states, level = root.handlers[:], _states(torch), logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with needing(who, extra), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return import_module(module)
    finally:
        logging.disable(level)
        root.handlers[:] = handlers  # some packages print all that anybody logs from then on
        _set_states(torch, states)  # and some draw while they are imported


class OwnGenerators:
    """Global generators of numpy, Python and PyTorch as one peer sees them, seeded and kept between its calls.

    What the peer warns of, logs and prints is kept from the user, too.
    """

    def __init__(self, seed: int) -> None:
        self._own: tuple[Any, Any, Any] | None = None
        self._seed = seed

    @contextmanager
    def used(self) -> Iterator[None]:
        """Put the peer's generators in the place of the global ones, and these back afterwards."""
        torch: Any = sys.modules.get("torch")
        before = _states(torch)
        _set_states(torch, self._own or self._first(torch))
        quiet, root, level = logging.NullHandler(), logging.getLogger(), logging.root.manager.disable
        root.addHandler(quiet)  # `logging.warning` would else add one that stays
        logging.disable(logging.CRITICAL)
        try:
            with warnings.catch_warnings(), redirect_stdout(StringIO()):
                warnings.simplefilter("ignore")
                yield
        finally:
            logging.disable(level)
            root.removeHandler(quiet)
            self._own = _states(torch)
            _set_states(torch, before)

    def _first(self, torch: Any) -> tuple[Any, Any, Any]:
        """Return the states that follow from the seed."""
        of_torch = None if torch is None else torch.Generator().manual_seed(self._seed).get_state()
        legacy = np.random.RandomState(self._seed)
        return random.Random(self._seed).getstate(), legacy.get_state(), of_torch


def _states(torch: Any) -> tuple[Any, Any, Any]:
    """Return the states of the global generators."""
    of_numpy = np.random.get_state()  # noqa: NPY002  (peers draw from it)
    return random.getstate(), of_numpy, None if torch is None else torch.get_rng_state()


def _set_states(torch: Any, states: tuple[Any, Any, Any]) -> None:
    """Set the states of the global generators."""
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    if torch is not None and states[2] is not None:
        torch.set_rng_state(states[2])


class PeerSearch(Searcher):
    """Base of searchers that ask another package's optimiser, one proposal after the other.

    The peer knows one parameter a position. What it proposes again is answered from memory. What is no architecture, or
    may not be proposed, or has a value that is not finite, it is told as the worst finite value so far. After 16 such
    proposals in a row, or the first one where less than a sixteenth of all combinations may be proposed, that is
    proposed which differs from the last one in the fewest positions. Whatever it draws comes from generators of its
    own, seeded by the searcher's.
    """

    def __init__(self, space: SearchSpace, rng: np.random.Generator) -> None:
        super().__init__(space, rng)
        self._varied = [i for i, n in enumerate(space.n_choices) if n > 1]  # else the peer is not asked
        self._legal = np.ones(space.size, dtype=bool)
        self._known = np.zeros(space.size, dtype=bool)
        self._values: dict[int, float] = {}
        self._waiting: dict[int, list[Any]] = {}  # the peer's proposals of each architecture that has no value yet
        self._refused: list[Suggestion] = []  # what has no finite value, until there is a worst one
        self._peer_seed = int(rng.integers(2**31 - 1))
        self._generators = OwnGenerators(self._peer_seed)

    @abstractmethod
    def _suggest(self) -> Suggestion | None:
        """Return the peer's next proposal; None where it has none."""

    @abstractmethod
    def _tell_peer(self, proposal: Any, codes: list[int], value: float) -> None:
        """Tell the peer a value of its proposal, or of codes that it did not propose, where that is None."""

    def _codes_of(self, chosen: Mapping[str, Any]) -> list[int]:
        """Return the codes of what a peer has chosen for the positions that vary, by their numbers."""
        return [int(chosen.get(str(i), 0)) for i in range(self.space.n_positions)]

    def restrict(self, cells: NDArray[np.int32]) -> bool:
        """Treat the other architectures as impossible."""
        self._legal[:] = False
        self._legal[cells] = True
        return True

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose what the peer proposes and is new."""
        if np.count_nonzero(self._legal & ~self._known) < n:
            raise SpaceExhaustedError(f"All cells of {self.space.name} that may be proposed have been.")
        with self._generators.used():
            return np.array([self._next() for _ in range(n)], np.int32)

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Tell the peer the values, those of what it did not propose, too."""
        with self._generators.used():
            for cell, value in zip(cells.tolist(), values.tolist(), strict=True):
                self._known[cell] = True
                self._values[cell] = value
                codes = self.space.codes[cell].tolist()
                for proposal in self._waiting.pop(cell, [None]):
                    self._tell_or_keep(proposal, codes, value)
            self._tell_refused()

    def _next(self) -> int:
        """Return a new architecture."""
        possible = np.count_nonzero(self._legal) * _TRIES >= self.space.n_combinations
        codes: list[int] | None = None
        for _ in range(_TRIES if possible else 1):
            suggested = self._suggest() if self._varied else None
            if suggested is None:
                break
            proposal, codes = suggested
            cell = int(self.space.find(np.array(codes) @ self.space.place_values))
            if cell < 0 or not self._legal[cell]:
                self._refused.append(suggested)
                self._tell_refused()
            elif cell in self._values:
                self._tell_or_keep(proposal, codes, self._values[cell])
            else:
                self._waiting.setdefault(cell, []).append(proposal)
                if not self._known[cell]:
                    self._known[cell] = True
                    return cell
        open_ = np.flatnonzero(self._legal & ~self._known)
        if codes is not None:
            edits = (self.space.codes[open_] != codes).sum(axis=1)
            open_ = open_[edits == edits.min()]
        cell = int(self.rng.choice(open_))
        self._known[cell] = True
        return cell

    def _tell_or_keep(self, proposal: Any, codes: list[int], value: float) -> None:
        """Tell the peer a finite value; keep a proposal of another for the worst one."""
        if not math.isfinite(value):
            self._refused.append((proposal, codes))
        elif self._varied:
            self._tell_peer(proposal, codes, value)

    def _tell_refused(self) -> None:
        """Tell the worst finite value so far of what is no architecture, or has no finite value."""
        worst = min(filter(math.isfinite, self._values.values()), default=None)
        if worst is not None:
            refused, self._refused = self._refused, []
            for proposal, codes in refused:
                self._tell_or_keep(proposal, codes, worst)
