"""Notations: architectures as strings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nasmeta.errors import SettingError
from nasmeta.spaces._positions import Conditions, Position


@dataclass(frozen=True)
class CellCodec:
    """A notation of architectures: ``write`` turns codes into a string, ``read`` turns it back.

    ``read`` raises a ValueError with the reason for a string that it cannot read.

    Examples
    --------
    >>> from nasmeta.spaces import CellCodec, Position, SearchSpace
    >>> codec = CellCodec(lambda codes: "".join(map(str, codes)), lambda text: tuple(map(int, text)))
    >>> space = SearchSpace("net", [Position("width", (16, 32)), Position("depth", (1, 2))], notation=codec)
    >>> space.to_string(2), space.index_of("11")
    ('10', 3)
    """

    write: Callable[[Iterable[int]], str]
    read: Callable[[str], tuple[int, ...]]


def position_notation(positions: Sequence[Position], conditions: Conditions) -> CellCodec:
    """Return the plain notation: ``name=choice`` for each active position, joined by commas.

    >>> positions = [Position("width", (16, 32)), Position("act", ("relu", "tanh"))]
    >>> notation = position_notation(positions, Conditions(positions, {}))
    >>> notation.write([1, 0]), notation.read("width=32,act=relu")
    ('width=32,act=relu', (1, 0))
    """
    # A choice may contain commas: only a comma before the name of a position is a separator.
    names = [position.name for position in positions]
    separator = re.compile(rf",\s*(?=(?:{'|'.join(map(re.escape, names))})=)")
    for name in names:
        if name != name.strip() or "=" in name or "," in name:
            raise SettingError("name of a position", name, "one without ',', '=' or outer spaces")

    def write(codes: Iterable[int]) -> str:
        listed = list(codes)
        shown: Sequence[int] = range(len(listed))
        if conditions:
            shown = np.flatnonzero(conditions.active(np.array(listed))).tolist()
        return ",".join(f"{names[i]}={positions[i].choices[listed[i]]}" for i in shown)

    def read(text: str) -> tuple[int, ...]:
        parts = [part.partition("=") for part in separator.split(text.lstrip())]
        given = {name.rstrip(): choice for name, _, choice in parts}
        if len(given) < len(parts):
            raise ValueError("Give position=choice once for each position.")
        return tuple(conditions.codes_of(given, positions))

    return CellCodec(write, read)


def cell_notation(operations: Sequence[str], edges: Sequence[tuple[int, int]]) -> CellCodec:
    """Return the notation of NAS-Bench-201 for any cell: the inputs of each node, ``operation~source``.

    >>> notation = cell_notation(["none", "conv"], [(0, 1), (0, 2), (1, 2)])
    >>> notation.write([1, 0, 1]), notation.read("|conv~0|+|none~0|conv~1|")
    ('|conv~0|+|none~0|conv~1|', (1, 0, 1))
    """
    nodes: dict[int, str] = {}
    for source, target in edges:  # sorted by target
        nodes[target] = nodes.get(target, "|") + f"{{}}~{source}|"
    template = "+".join(nodes.values())
    pattern = re.compile(
        re.escape(template).replace(r"\{\}", f"({'|'.join(map(re.escape, operations))})")
    )

    def write(codes: Iterable[int]) -> str:
        return template.format(*[operations[code] for code in codes])

    def read(text: str) -> tuple[int, ...]:
        match = pattern.fullmatch(text.strip())
        if match is None:
            raise ValueError(
                f"Write {template.replace('{}', operations[0])}, with {', '.join(operations)}."
            )
        return tuple(operations.index(name) for name in match.groups())

    return CellCodec(write, read)
