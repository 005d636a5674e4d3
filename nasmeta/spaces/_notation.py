"""How architectures are written as strings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from nasmeta.errors import SettingError, shown
from nasmeta.spaces._positions import Position


@dataclass(frozen=True)
class CellCodec:
    """How a space writes its architectures: ``write`` codes to a string, ``read`` it back.

    ``read`` raises ValueError with the reason where the string is not of this notation.

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


def position_notation(positions: Sequence[Position]) -> CellCodec:
    """Return the plain notation: ``name=choice`` for each position, joined by commas.

    >>> notation = position_notation([Position("width", (16, 32)), Position("act", ("relu", "tanh"))])
    >>> notation.write([1, 0]), notation.read("width=32,act=relu")
    ('width=32,act=relu', (1, 0))
    """
    # A choice may hold commas: what separates is a comma before the name of a position.
    separator = re.compile(rf",\s*(?=(?:{'|'.join(re.escape(position.name) for position in positions)})=)")

    for position in positions:
        if position.name != position.name.strip() or "=" in position.name or "," in position.name:
            raise SettingError(
                f"The position {shown(position.name)} has ',', '=' or a space around it, which a string of an "
                "architecture cannot hold: rename it, or give a notation."
            )
        unclear = next((choice for choice in position.choices if separator.search(str(choice))), None)
        if unclear is not None:
            raise SettingError(
                f"The choice {shown(unclear)} of {position.name} reads like another position: rename it, or give a "
                "notation."
            )

    def code(position: Position, text: str) -> int:
        try:
            return position.code(text)  # spaces may belong to the choice
        except ValueError:
            return position.code(text.strip())

    def write(codes: Iterable[int]) -> str:
        return ",".join(f"{p.name}={p.choices[code]}" for p, code in zip(positions, codes, strict=True))

    def read(text: str) -> tuple[int, ...]:
        given: dict[str, str] = {}
        for part in separator.split(text.lstrip()):
            name, equals, choice = part.partition("=")
            name = name.rstrip()
            if not equals or name not in {position.name for position in positions}:
                raise ValueError(f"{part!r} is not of the form position=choice.")
            if name in given:
                raise ValueError(f"{name} appears twice.")
            given[name] = choice
        absent = [position.name for position in positions if position.name not in given]
        if absent:
            raise ValueError(f"it does not say {', '.join(absent)}.")
        return tuple(code(position, given[position.name]) for position in positions)

    return CellCodec(write, read)


def cell_notation(operations: Sequence[str], edges: Sequence[tuple[int, int]]) -> CellCodec:
    """Return the notation of NAS-Bench-201 for any cell: the inputs of each node, ``operation~source``.

    >>> notation = cell_notation(["none", "conv"], [(0, 1), (0, 2), (1, 2)])
    >>> notation.write([1, 0, 1]), notation.read("|conv~0|+|none~0|conv~1|")
    ('|conv~0|+|none~0|conv~1|', (1, 0, 1))
    """
    unclear = next((operation for operation in operations if set("|~+") & set(operation)), None)
    if unclear is not None:
        raise SettingError(
            f"The operation {shown(unclear)} has '|', '~' or '+', of which the notation of cells is made: rename "
            "it, or give a notation."
        )
    sources: dict[int, list[int]] = {}
    for source, target in edges:
        sources.setdefault(target, []).append(source)
    inner = sorted(sources)
    place = {edge: i for i, edge in enumerate(edges)}

    def write(codes: Iterable[int]) -> str:
        names = [operations[code] for code in codes]
        return "+".join(
            "|" + "".join(f"{names[place[source, target]]}~{source}|" for source in sources[target]) for target in inner
        )

    def read(text: str) -> tuple[int, ...]:
        nodes = text.strip().split("+")
        if len(nodes) != len(inner):
            raise ValueError(f"it has {len(nodes)} nodes joined by '+', not {len(inner)}.")
        codes = [0] * len(edges)
        for target, node in zip(inner, nodes, strict=True):
            if not (node.startswith("|") and node.endswith("|") and len(node) > 1):
                raise ValueError(f"node {target} ({node!r}) does not stand between '|'.")
            inputs = node[1:-1].split("|")
            if len(inputs) != len(sources[target]):
                raise ValueError(f"node {target} has {len(inputs)} inputs, not {len(sources[target])}.")
            for source, written in zip(sources[target], inputs, strict=True):
                name, _, origin = written.partition("~")
                if name not in operations:
                    raise ValueError(f"{name!r} is no operation of it.")
                if origin != str(source):
                    raise ValueError(f"input {written!r} of node {target} should come from node {source}.")
                codes[place[source, target]] = operations.index(name)
        return tuple(codes)

    return CellCodec(write, read)
