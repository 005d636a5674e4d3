"""Which cells build the same network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import UnknownNameError

if TYPE_CHECKING:
    from nasmeta.spaces._cell_space import CellSpace

IsomorphismRule: TypeAlias = Literal["upstream", "skip", "zero"]

_ZERO = "#"


def _expression(digits: Sequence[int], space: CellSpace, rule: IsomorphismRule) -> str:
    """Write what the output node computes; equal strings are the same network."""
    terms: dict[int, list[str]] = {target: [] for _, target in space.edges}
    nodes = {0: "0"}
    last = 0
    for (source, target), digit in zip(space.edges, digits, strict=True):  # sorted by target
        while last < target:
            nodes[last] = _sum(terms.get(last, []), rule) if last else "0"
            last += 1
        value = nodes[source]
        if rule != "skip" and (digit == space.none or value == _ZERO):
            term = _ZERO
        elif digit == space.skip:
            term = value
        else:
            term = f"({value})@{space.operations[digit]}"
        terms[target].append(term)
    return _sum(terms[last], rule)


def _sum(terms: list[str], rule: IsomorphismRule) -> str:
    kept = [term for term in terms if term != _ZERO] if rule == "zero" else terms
    return "+".join(sorted(kept)) or _ZERO


def class_representatives(space: CellSpace, rule: IsomorphismRule) -> NDArray[np.int32]:
    """Return for every cell the smallest index among the cells that build the same network, int32, read-only."""
    if not isinstance(rule, str) or rule not in get_args(IsomorphismRule):
        raise UnknownNameError.of("isomorphism rule", rule, get_args(IsomorphismRule))
    first: dict[str, int] = {}
    representatives = np.array(
        [first.setdefault(_expression(row, space, rule), cell) for cell, row in enumerate(space.digits.tolist())],
        dtype=np.int32,
    )
    representatives.flags.writeable = False
    return representatives
