"""Costs of a benchmark's networks that follow from the operations of a cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class CostFormula:
    """A cost that is exactly linear in the operations of the edges.

    Attributes
    ----------
    base : mapping of str to int
        What the skeleton (stem, residual blocks, head) costs, for each dataset.
    per_edge : mapping of str to tuple
        For each dataset an int table of shape (n_edges, n_operations).
    """

    base: Mapping[str, int]
    per_edge: Mapping[str, tuple[tuple[int, ...], ...]]

    def of(self, digits: NDArray[np.integer], dataset: str) -> NDArray[np.int64]:
        """Return the costs of cells by their digits, shape (..., n_edges), without the last axis."""
        per_edge = np.array(self.per_edge[dataset], dtype=np.int64)
        cost: NDArray[np.int64] = self.base[dataset] + per_edge[np.arange(len(per_edge)), digits].sum(axis=-1)
        return cost
