"""Encoders of numbers: costs of architectures, and given columns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nasmeta.arrays import Array, Floats
from nasmeta.predictors._encoders._encoder import CellEncoder, CellSpaceEncoder, architectures_in
from nasmeta.spaces import CellSpace, SearchSpace, get_space
from nasmeta.tasks import normal_scores


class CostEncoder(CellSpaceEncoder):
    """Parameters and FLOPs of the network with this cell, as decimal logarithms.

    TransNAS-Bench-101 cells have the costs of the NAS-Bench-201 network with the same cell, so the columns are
    comparable. Dead edges are included, as in the benchmark's tables.

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"
        A space of cells with cost formulas.
    dataset : str, default "cifar10"
        The dataset that the network is built for.

    Examples
    --------
    >>> from nasmeta.predictors import make_encoder
    >>> make_encoder("cost").transform([0]).round(3)
    array([[5.112, 7.194]])
    """

    def __init__(self, space: str | SearchSpace = "nb201", dataset: str = "cifar10") -> None:
        super().__init__(space)
        self.dataset = dataset

    @classmethod
    def works_on(cls, space: SearchSpace) -> bool:
        """Return whether the space has formulas for both costs."""
        return isinstance(space, CellSpace) and None not in space._costs.values()

    def _table(self) -> tuple[Array, tuple[str, ...]]:
        return _costs(self._cells(), self.dataset)


@lru_cache(maxsize=8)
def _costs(space: CellSpace, dataset: str) -> tuple[Array, tuple[str, ...]]:
    """Return parameters and FLOPs of all cells as decimal logarithms, shape (size, 2), and their names."""
    architectures = np.arange(space.size)
    costs = np.stack([np.asarray(cost(architectures, dataset)) for cost in (space.params, space.flops)], axis=1)
    return np.log10(costs), ("log10_parameters", "log10_flops")


class ColumnEncoder(CellEncoder):
    """Normal scores of the ranks of given columns, such as zero-cost proxies.

    An unknown value has the median score of its column, and a column ``NAME_unknown`` marks it.

    Parameters
    ----------
    values : array-like of float, shape (size, p) or (size,)
        One row per architecture of the space; NaN if unknown.
    names : sequence of str, optional
        Names of the columns.
    space : str or SearchSpace, default "nb201"

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import ColumnEncoder
    >>> encoder = ColumnEncoder(np.arange(15625.0), names=["synflow"])
    >>> encoder.transform([0, 7812]).round(2).tolist(), encoder.get_feature_names_out().tolist()
    ([[-4.0], [0.0]], ['synflow'])
    """

    def __init__(
        self, values: ArrayLike, names: Sequence[str] | None = None, space: str | SearchSpace = "nb201"
    ) -> None:
        super().__init__(space)
        self.values = values
        self.names = names

    def transform(self, X: Any) -> Floats:
        """Return the columns of architectures, float64, shape (n, n_features)."""
        return np.asarray(self._table()[0][architectures_in(X, get_space(self.space))])

    def _table(self) -> tuple[Array, tuple[str, ...]]:
        """Return scores and marks of unknown values, (size, p + number of incomplete columns), and their names."""
        values = np.asarray(self.values, dtype=np.float64)
        values = values[:, None] if values.ndim == 1 else values.copy()

        names = [f"column_{i}" for i in range(values.shape[-1])] if self.names is None else [*map(str, self.names)]

        unknown = np.isnan(values)
        for column, absent in zip(values.T, unknown.T, strict=True):
            column[~absent] = normal_scores(column[~absent])
        partly = np.flatnonzero(unknown.any(axis=0))
        filled = np.where(unknown, np.nanmedian(values, axis=0), values)
        names += [f"{names[i]}_unknown" for i in partly]
        return np.concatenate([filled, unknown[:, partly]], axis=1), tuple(names)
