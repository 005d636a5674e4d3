"""Shared parts of the adapters: import of a package, its random generators, and the space."""

from __future__ import annotations

import logging
import random
import sys
import warnings
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from io import StringIO
from types import ModuleType
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.random import Generator

from nasmeta.arrays import Architectures, Floats
from nasmeta.errors import needing
from nasmeta.searchers._searcher import WithoutReplacement
from nasmeta.spaces import Position, SearchSpace

_MOST_SUGGESTIONS = 64  # per proposal; a sampler may repeat itself forever

Suggestion: TypeAlias = "tuple[Any, list[int]]"
"""The proposal as the package represents it, and the code of each position."""


_States: TypeAlias = tuple[Any, Any, Any]  # of the generators of Python, NumPy and PyTorch


def load_peer(module: str, who: str, extra: str) -> ModuleType:
    """Import a module of an optional package; an error names the extra that installs it."""
    # some packages draw random numbers when they are imported
    with (
        OwnGenerators(0).used(),
        needing(who, extra),
    ):
        return import_module(module)


def bounds_of(position: Position) -> tuple[Any, Any, bool, bool]:
    """Return the bounds of a range, whether its choices are integers, and whether it is logarithmic."""
    low, high = position.choices[0], position.choices[-1]
    return low, high, isinstance(low, int), position.scale == "log"


def code_of(position: Position, choice: Any) -> int:
    """Return the code of a choice, or of any number in a range."""
    return position.nearest(choice) if position.scale else position.code(choice)


class OwnGenerators:
    """Private states of the global generators of NumPy, Python and PyTorch for one package, kept between its calls.

    Warnings, log records and output of the package are suppressed, too.
    """

    def __init__(self, seed: int) -> None:
        self._own: _States | None = None
        self._seed = seed

    @contextmanager
    def used(self) -> Iterator[None]:
        """Replace the global states by the private ones, and restore them afterwards."""
        torch: Any = sys.modules.get("torch")
        before = _states(torch)
        _set_states(torch, self._own or self._first(torch))
        root, level = logging.getLogger(), logging.root.manager.disable
        handlers = root.handlers[:]  # some packages add others
        root.addHandler(logging.NullHandler())  # `logging.warning` would add one that stays
        logging.disable(logging.CRITICAL)
        try:
            with warnings.catch_warnings(), redirect_stdout(StringIO()):
                warnings.simplefilter("ignore")
                yield
        finally:
            logging.disable(level)
            root.handlers[:] = handlers
            self._own = _states(torch)
            _set_states(torch, before)

    def _first(self, torch: Any) -> _States:
        of_torch = None if torch is None else torch.Generator().manual_seed(self._seed).get_state()
        legacy = np.random.RandomState(self._seed)
        return random.Random(self._seed).getstate(), legacy.get_state(), of_torch


def _states(torch: Any) -> _States:
    of_numpy = np.random.get_state()  # noqa: NPY002  (peers draw from it)
    return random.getstate(), of_numpy, None if torch is None else torch.get_rng_state()


def _set_states(torch: Any, states: _States) -> None:
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    if torch is not None and states[2] is not None:
        torch.set_rng_state(states[2])


class PeerSearch(WithoutReplacement):
    """Base of searchers that request proposals from another package's optimiser, one at a time.

    The package sees one parameter per position; a range is a number between two bounds, rounded to
    the nearest choice. If it proposes an architecture again, it receives the known value. If a
    proposal is not an architecture or is excluded, it receives the worst value so far. After
    `tries` consecutive proposals of these kinds, the architecture with the fewest different
    positions is proposed instead (in a large space, a random one); if fewer than one in `tries`
    combinations may be proposed, already after the first. The package draws from its own
    generators, seeded by the searcher's generator.
    """

    needs_list = False
    tries: ClassVar[int] = 16
    counts_repeats: ClassVar[bool] = True  # whether known architectures are among these kinds
    traces = "statistical"
    seeds: ClassVar[int] = 2**31 - 1  # the seed of the package is below

    def __init__(self, space: SearchSpace, rng: Generator) -> None:
        super().__init__(space, rng)
        # without any, the package proposes nothing
        self._varied = [i for i, n in enumerate(space.n_choices) if n > 1]
        # by code
        self._numbers = [p.choices if p.scale else range(len(p.choices)) for p in space.positions]
        self._waiting: dict[
            int, list[Any]
        ] = {}  # proposals of each architecture whose value is not known yet
        self._refused: list[Suggestion] = []  # invalid proposals before the first value
        self._peer_seed = int(rng.integers(self.seeds))
        self._generators: Any = OwnGenerators(self._peer_seed)

    @abstractmethod
    def _suggest(self) -> Suggestion | None:
        """Return the next proposal of the package, or None."""

    @abstractmethod
    def _tell_peer(self, proposal: Any, architecture: int, value: Any) -> None:
        """Report a value to the package; the proposal is None for an architecture that it did not propose."""

    def _refuse(self, suggested: Suggestion) -> None:
        """Report the worst value so far for an invalid proposal, once there is one."""
        self._refused.append(suggested)
        if self._observed:
            worst = np.min(list(self._observed.values()), axis=0)
            while self._refused:
                self._tell_peer(self._refused.pop(0)[0], -1, worst)

    def _instead(self, architecture: int) -> list[Any]:
        """Return proposals of the package for an architecture that it did not suggest; by default none."""
        return []

    def _codes_of(self, chosen: Mapping[str, Any]) -> list[int]:
        """Return the code of each position, given codes (numbers for ranges) by index of position."""
        return [
            p.nearest(chosen[str(i)]) if p.scale else int(chosen.get(str(i), 0))
            for i, p in enumerate(self.space.positions)
        ]

    def _chosen(self, architecture: int) -> dict[str, Any]:
        """Return the mapping that `_codes_of` reads, without positions that have only one choice."""
        codes = self.space.codes_of(architecture)
        return {str(i): self._numbers[i][codes[i]] for i in self._varied}

    def ask(self, n: int = 1) -> Architectures:
        """Propose new architectures that the package suggests."""
        self._require_open(n)
        with self._generators.used():
            return np.array([self._next() for _ in range(n)], self.space.index_type)

    def tell(self, architectures: Architectures, values: Floats) -> None:
        """Report the values to the package, also for architectures that it did not propose."""
        super().tell(architectures, values)
        with self._generators.used():
            for architecture, value in zip(architectures.tolist(), values.tolist(), strict=True):
                for proposal in self._waiting.pop(architecture, None) or [None]:
                    if self._varied:
                        self._tell_peer(proposal, architecture, value)
            if self._refused:
                self._refuse(self._refused.pop())

    def _next(self) -> int:
        n_open = self.space.size if self.space.is_large else np.count_nonzero(self._open)
        n_possible = len(self._observed) + len(self._waiting) + n_open
        suggested: Suggestion | None = None
        tries, n_refused = (
            self.tries if n_possible * self.tries >= self.space.n_combinations else 1,
            0,
        )
        for _ in range(_MOST_SUGGESTIONS):
            if n_refused >= tries:
                break
            suggested = self._suggest() if self._varied else None
            if suggested is None:
                break
            proposal, codes = suggested
            architecture = int(
                self.space.find(
                    self.space.conditions.reduced(np.array(codes)) @ self.space.place_values
                )
            )
            if architecture >= 0 and self._open[architecture]:
                return self._propose(architecture, [proposal])
            n_refused += 1
            if architecture in self._observed:
                self._tell_peer(proposal, architecture, self._observed[architecture])
                n_refused = n_refused if self.counts_repeats else 0
            elif architecture in self._waiting:
                self._waiting[architecture].append(proposal)
            else:
                self._refuse(suggested)
        architecture = (
            self._random_open()
            if suggested is None or self.space.is_large
            else self._nearest(suggested[1])
        )
        return self._propose(architecture, self._instead(architecture))

    def _nearest(self, codes: list[int]) -> int:
        """Return an open architecture with the fewest edits; an edit of a range counts by its distance."""
        candidates = np.flatnonzero(self._open)
        edits = np.zeros(len(candidates))
        for p, code, column in zip(
            self.space.positions, codes, self.space.codes[candidates].T, strict=True
        ):
            edits += np.abs(p.places[column] - p.places[code]) if p.scale else column != code
        return int(self.rng.choice(candidates[edits == edits.min()]))

    def _propose(self, architecture: int, proposals: list[Any]) -> int:
        self._open[architecture], self._waiting[architecture] = False, proposals
        return architecture
