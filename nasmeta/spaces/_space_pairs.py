"""Architectures of one space in another space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasmeta.spaces._catalog import get_cell_space, get_space
from nasmeta.spaces._cell_space import CellSpace
from nasmeta.spaces._search_space import ArchitectureLike, SearchSpace


def move_cells(
    architectures: ArchitectureLike, source: SearchSpace, target: SearchSpace
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return the architectures of another space with the same choices, and a mask of those that exist, shape (n,).

    TransNAS-Bench-101 has four of NAS-Bench-201's five operations, so all its cells exist there; cells with average
    pooling lack a counterpart in TransNAS-Bench-101. Spaces with other positions share no architectures.

    Examples
    --------
    >>> from nasmeta.spaces import get_space, move_cells
    >>> move_cells([0, 284], get_space("nb201"), get_space("tnb101"))  # cell 0 contains average pooling
    (array([1352], dtype=int32), array([False,  True]))
    """
    codes = source.codes[np.atleast_1d(source.index_of(architectures))]
    names = [position.name for position in source.positions]
    if set(names) != {position.name for position in target.positions}:
        return np.empty(0, np.int32), np.zeros(len(codes), dtype=bool)
    ranks, exists = np.zeros(len(codes), np.int64), np.ones(len(codes), dtype=bool)
    for position, place in zip(target.positions, target.place_values, strict=True):
        own = names.index(position.name)
        code_of = {choice: code for code, choice in enumerate(position.choices)}
        counterparts = np.array([code_of.get(choice, -1) for choice in source.positions[own].choices])[codes[:, own]]
        exists &= counterparts >= 0
        ranks += counterparts * place
    moved = np.full(len(codes), -1, dtype=np.int32)
    moved[exists] = target.find(ranks[exists])
    return moved[moved >= 0], moved >= 0


def namesakes(one: SearchSpace, other: SearchSpace) -> str:
    """Return an addition to a message if two different spaces have the same name, else an empty text.

    >>> narrow, wide = (SearchSpace("mlp", {"width": widths}) for widths in ([16, 32], [16, 64]))
    >>> namesakes(narrow, wide)
    ' Both are called mlp, but they differ: use the same positions and choices, or another name.'
    """
    if one.name != other.name or one == other:
        return ""
    return f" Both are called {one.name}, but they differ: use the same positions and choices, or another name."


def reference_space(space: str | SearchSpace) -> SearchSpace:
    """Return the space that encoders and meta-learners use for another, so models transfer between spaces.

    This is NAS-Bench-201 for spaces with its graph and some of its five operations, such as TransNAS-Bench-101 micro;
    otherwise the space itself.

    Examples
    --------
    >>> from nasmeta.spaces import reference_space
    >>> reference_space("tnb101").name, reference_space("fcnet").name
    ('nb201', 'fcnet')
    """
    own, reference = get_space(space), get_cell_space("nb201")
    if not isinstance(own, CellSpace) or own.edges != reference.edges:
        return own
    roles, known = _roles(own), _roles(reference)
    return reference if all(known.get(name) == role for name, role in roles.items()) else own


def _roles(space: CellSpace) -> dict[str, str]:
    """Return the role of each operation: ``none``, ``skip`` or ``real``."""
    roles = {space.none: "none", space.skip: "skip"}
    return {name: roles.get(digit, "real") for digit, name in enumerate(space.operations)}
