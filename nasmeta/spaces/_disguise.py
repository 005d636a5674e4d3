"""The same space under other names."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nasmeta.arrays import Integers
from nasmeta.spaces._cell_space import CellSpace
from nasmeta.spaces._content import from_content
from nasmeta.spaces._packed_arrays import packed
from nasmeta.spaces._positions import Position
from nasmeta.spaces._search_space import SearchSpace


def disguised(
    space: SearchSpace, rng: np.random.Generator, *, permuted: bool = False
) -> SearchSpace:
    """Return a space with random names of positions and choices; architecture *i* of both is the same.

    A range gets the places of its choices, from 0 to 1.

    Parameters
    ----------
    space : SearchSpace
        Enumerated.
    rng : numpy.random.Generator
    permuted : bool, default False
        Whether unordered choices get another order, ordered ones are reversed with probability 1/2,
        and positions move. Cells keep their graph and the place of each edge.

    Examples
    --------
    >>> from nasmeta.spaces import SearchSpace, disguised
    >>> mlp = SearchSpace("mlp", {"width": [16, 32], "act": ["relu", "tanh"]})
    >>> disguised(mlp, np.random.default_rng(0)).to_string(0)
    'p677=c460,p812=c406'
    """
    names = _random_names("p", space.n_positions, rng)
    if isinstance(space, CellSpace):
        return _disguised_cells(space, names, rng, permuted)
    renamed = [_Renamed.of(position, rng, permuted) for position in space.positions]
    columns = np.arange(space.n_positions)  # old positions in the new order
    if permuted:
        columns = rng.permutation(columns)
    codes = np.stack([renamed[i].codes[space.raw_codes[:, i]] for i in columns], axis=1)
    positions = []
    for i in columns.tolist():
        scale = ["linear"] if space.positions[i].scale else []
        positions.append([names[i], renamed[i].ordered, space.positions[i].ordered, *scale])
    index_of = {position.name: i for i, position in enumerate(space.positions)}
    conditions: dict[str, dict[str, list[Any]]] = {}
    for name, needed in space.conditions.given.items():
        new_needed = conditions[names[index_of[name]]] = {}
        for other, choices in needed.items():
            j = index_of[other]
            code = space.positions[j].code
            new_needed[names[j]] = [renamed[j].choices[code(choice)] for choice in choices]
    content = space.described() | {
        "name": "disguised",
        "positions": positions,
        "raw_codes": packed(codes.astype(space.raw_codes.dtype)),
        "conditions": conditions,
    }
    return from_content(content)


def _disguised_cells(
    space: CellSpace, names: list[str], rng: np.random.Generator, permuted: bool
) -> SearchSpace:
    operations = _Renamed.of(space.positions[0], rng, permuted)
    official_order = operations.codes[space.raw_codes] @ space.place_values
    content = space.described() | {
        "name": "disguised",
        "operations": operations.ordered,
        "none": None if space.none is None else operations.choices[space.none],
        "skip": None if space.skip is None else operations.choices[space.skip],
        "position_names": names,
        "official_order": packed(official_order.astype(np.int32)),
    }
    return from_content(content)


class _Renamed(NamedTuple):
    """A position with other choices, in another order."""

    choices: list[Any]  # in the old order
    order: Integers  # old codes in the new order, shape (n_choices,)

    @classmethod
    def of(cls, position: Position, rng: np.random.Generator, permuted: bool) -> _Renamed:
        """Draw an order, if `permuted`, and names of the choices; a range gets places from 0 to 1."""
        order = np.arange(len(position.choices))
        if permuted and position.ordered:
            order = order[:: rng.choice([1, -1])]
        elif permuted:
            order = rng.permutation(order)
        if not position.scale:
            return cls(_random_names("c", len(order), rng), order)
        is_reversed = order[0] > 0
        places = 1 - position.places if is_reversed else position.places
        return cls(places.tolist(), order)

    @property
    def ordered(self) -> list[Any]:
        """Choices in the new order."""
        return [self.choices[code] for code in self.order]

    @property
    def codes(self) -> Integers:
        """The new code of each old choice, shape (n_choices,)."""
        return np.argsort(self.order)


def _random_names(letter: str, n: int, rng: np.random.Generator) -> list[str]:
    """Return different names, such as p677."""
    numbers = 100 + rng.permutation(900)[:n]
    return [f"{letter}{number}" for number in numbers.tolist()]
