"""Architectures of one space in another space."""

from __future__ import annotations

import re

import numpy as np

from nasmeta.arrays import Architectures, Booleans, Integers
from nasmeta.errors import SettingError
from nasmeta.spaces._catalog import get_cell_space, get_space
from nasmeta.spaces._cell_space import CellSpace
from nasmeta.spaces._positions import Position
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
    target_codes = np.empty(codes.shape, np.int64)  # -1 for a choice that the target lacks
    for j, position in enumerate(target.positions):
        i = names.index(position.name)
        code_of = {choice: code for code, choice in enumerate(position.choices)}
        counterparts = [code_of.get(choice, -1) for choice in source.positions[i].choices]
        target_codes[:, j] = np.array(counterparts)[codes[:, i]]
    has_choices = (target_codes >= 0).all(axis=1)
    moved = np.full(len(codes), -1, dtype=np.int32)
    moved[has_choices] = target.find(target_codes[has_choices] @ target.place_values)
    exists = moved >= 0
    return moved[exists], exists


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
    source_stems = [_without_number(position.name) for position in source.positions]
    target_stems = [_without_number(position.name) for position in target.positions]
    if not set(source_stems) <= set(target_stems):
        raise SettingError(f"{source.name} has positions that {target.name} lacks.")
    is_active = source.conditions.active(codes)
    middle = [len(position.choices) // 2 for position in target.positions]
    matched = np.tile(middle, (len(codes), 1))
    for j, (stem, position) in enumerate(zip(target_stems, target.positions, strict=True)):
        series = [i for i, other in enumerate(source_stems) if other == stem]
        if not series:
            continue
        place_in_series = target_stems[:j].count(stem)
        i = series[place_in_series * len(series) // target_stems.count(stem)]
        counterparts = _counterparts(source.positions[i], position)
        rows = is_active[:, i]
        matched[rows, j] = counterparts[codes[rows, i]]
    return target.conditions.reduced(matched)


def _without_number(name: str) -> str:
    return re.sub(r"\d+$", "", name)


def _counterparts(source: Position, target: Position) -> Integers:
    """Return the code of the most similar choice for each choice of another position, shape (n_choices,)."""
    if not target.ordered:
        return np.array([target.code(choice) for choice in source.choices])
    distances = np.abs(source.places[:, None] - target.places)
    nearest: Integers = distances.argmin(axis=1)
    return nearest


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
    given, reference = get_space(space), get_cell_space("nb201")
    if not isinstance(given, CellSpace) or given.edges != reference.edges:
        return given
    known_roles = _roles(reference)
    has_known_roles = all(known_roles.get(name) == role for name, role in _roles(given).items())
    return reference if has_known_roles else given


def _roles(space: CellSpace) -> dict[str, str]:
    """Return the role of each operation: ``none``, ``skip`` or ``real``."""
    roles = {space.none: "none", space.skip: "skip"}
    return {name: roles.get(digit, "real") for digit, name in enumerate(space.operations)}
