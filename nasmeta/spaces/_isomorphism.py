"""Which cells build the same network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import UnknownNameError

__all__ = ["IsomorphismRule", "class_representatives"]

IsomorphismRule: TypeAlias = Literal["upstream", "skip", "zero"]

_ZERO = "#"


def _expression(
    digits: Sequence[int], operations: Sequence[str], edges: Sequence[tuple[int, int]], rule: IsomorphismRule
) -> str:
    """Write what the output node computes; equal strings are the same network."""
    terms: dict[int, list[str]] = {}
    nodes = {0: "0"}
    for (source, target), digit in zip(edges, digits, strict=True):
        operation = operations[digit]
        value = nodes[source]
        if rule != "skip" and (operation == "none" or value == _ZERO):
            term = _ZERO
        elif operation == "skip_connect":
            term = value
        else:
            term = f"({value})@{operation}"
        terms.setdefault(target, []).append(term)
        if len(terms[target]) == target:  # all edges into this node are known
            kept = [term for term in terms[target] if term != _ZERO] if rule == "zero" else terms[target]
            nodes[target] = "+".join(sorted(kept)) or _ZERO
    return nodes[max(nodes)]


def class_representatives(
    digits: NDArray[np.int8], operations: Sequence[str], edges: Sequence[tuple[int, int]], rule: IsomorphismRule
) -> NDArray[np.int32]:
    """Return for every cell the smallest index among the cells that build the same network.

    Parameters
    ----------
    digits : ndarray of int8, shape (n_cells, n_edges)
    operations, edges
        As in `CellSpace`.
    rule : {"upstream", "skip", "zero"}
        ``upstream`` is NATS-Bench's ``Structure.to_unique_str(consider_zero=True)``.

    Returns
    -------
    ndarray of int32, shape (n_cells,), read-only
    """
    if not isinstance(rule, str) or rule not in get_args(IsomorphismRule):
        raise UnknownNameError.of("isomorphism rule", rule, get_args(IsomorphismRule))
    first: dict[str, int] = {}
    representatives = np.array(
        [first.setdefault(_expression(row, operations, edges, rule), cell) for cell, row in enumerate(digits.tolist())],
        dtype=np.int32,
    )
    representatives.flags.writeable = False
    return representatives
