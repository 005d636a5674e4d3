"""Architectures of one space in another space."""

from __future__ import annotations

import re

import numpy as np

from nasmeta.arrays import Architectures, Booleans, Integers
from nasmeta.errors import SettingError
from nasmeta.spaces._catalog import get_cell_space, get_space
from nasmeta.spaces._cell_space import CellSpace
from nasmeta.spaces._search_space import ArchitectureLike, SearchSpace


def move_cells(
    architectures: ArchitectureLike, source: SearchSpace, target: SearchSpace
) -> tuple[Architectures, Booleans]:
    """Return the architectures of another space with the same choices, and a mask of those that exist, shape (n,).

    TransNAS-Bench-101 has four of NAS-Bench-201's five operations, so all its cells exist there;
    cells with average pooling lack a counterpart in TransNAS-Bench-101. Spaces with other positions
    share no architectures.

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
        counterparts = np.array(
            [code_of.get(choice, -1) for choice in source.positions[own].choices]
        )[codes[:, own]]
        exists &= counterparts >= 0
        ranks += counterparts * place
    moved = np.full(len(codes), -1, dtype=np.int32)
    moved[exists] = target.find(ranks[exists])
    return moved[moved >= 0], moved >= 0


def codes_by_level(codes: Integers, source: SearchSpace, target: SearchSpace) -> Integers:
    """Return codes of one space, shape (n, n_positions), as the most similar codes of another space.

    Positions are matched by name, and ordered choices by their place between the first and the last
    one. Positions whose names differ only in a final number, such as one per layer, are a series,
    matched by their relative place in it: the first two of four layers take the choice of the first
    of two. Positions that only the target has, or whose counterpart is inactive, take their middle
    choice.

    Raises
    ------
    SettingError
        If the target lacks a position or an unordered choice.

    Examples
    --------
    >>> from nasmeta.spaces import SearchSpace, codes_by_level
    >>> small = SearchSpace("s", {"heads": [4, 8, 12], "mlp_1": [2, 3, 4], "mlp_2": [2, 3, 4]})
    >>> large = SearchSpace("m", {"heads": [8, 16], **{f"mlp_{layer}": [2, 3, 4] for layer in (1, 2, 3, 4)}})
    >>> codes_by_level(np.array([[2, 1, 0]]), small, large)
    array([[1, 1, 1, 0, 0]])
    """
    stems, wanted = (
        [re.sub(r"\d+$", "", p.name) for p in space.positions] for space in (source, target)
    )
    if not set(stems) <= set(wanted):
        raise SettingError(f"{source.name} has positions that {target.name} lacks.")
    active = source.conditions.active(codes)
    matched = np.tile(
        [len(position.choices) // 2 for position in target.positions], (len(codes), 1)
    )
    for i, (stem, position) in enumerate(zip(wanted, target.positions, strict=True)):
        if series := [j for j, other in enumerate(stems) if other == stem]:
            own = series[wanted[:i].count(stem) * len(series) // wanted.count(stem)]
            rows, known = active[:, own], source.positions[own]
            counterparts = np.abs(known.places[:, None] - position.places).argmin(axis=1)
            if not position.ordered:
                counterparts = np.array([position.code(choice) for choice in known.choices])
            matched[rows, i] = counterparts[codes[rows, own]]
    return target.conditions.reduced(matched)


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

    This is NAS-Bench-201 for spaces with its graph and some of its five operations, such as
    TransNAS-Bench-101 micro; otherwise the space itself.

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
