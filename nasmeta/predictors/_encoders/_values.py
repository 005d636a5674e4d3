"""Encoders of numbers: costs of architectures, and given columns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasmeta.checks import check_array, check_choice
from nasmeta.errors import MissingValueError, SettingError
from nasmeta.predictors._encoders._base import ENCODERS, CellEncoder, CellSpaceEncoder, cells_in
from nasmeta.spaces import CellSpace, SearchSpace, get_space
from nasmeta.tasks import normal_scores


@ENCODERS.register("cost")
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
        """Return whether the space has cost formulas."""
        return isinstance(space, CellSpace) and any(formula is not None for formula in space._costs.values())

    def _table(self) -> tuple[NDArray[Any], tuple[str, ...]]:
        return _costs(self._cells(), self.dataset)


@lru_cache(maxsize=8)
def _costs(space: CellSpace, dataset: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    costs = {"parameters": ("parameters", space.params), "flops": ("multiply-adds", space.flops)}
    known = {name: cost for name, (formula, cost) in costs.items() if space._costs[formula] is not None}
    table = np.stack([np.asarray(cost(np.arange(space.size), dataset)) for cost in known.values()], axis=1)
    return np.log10(table), tuple(f"log10_{name}" for name in known)


@ENCODERS.register("columns")
class ColumnEncoder(CellEncoder):
    """Given columns, such as zero-cost proxies.

    Parameters
    ----------
    values : array-like of float, shape (size, p) or (size,)
        One row per architecture of the space; NaN if unknown.
    names : sequence of str, optional
        Names of the columns.
    space : str or SearchSpace, default "nb201"
    missing : {"error", "indicator"}, default "error"
        If a value is unknown, raise an error, or use the column's median and mark it in an additional column.
    scale : {"none", "rank"}, default "none"
        ``rank`` replaces a column by the normal scores of its ranks over all known architectures.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import ColumnEncoder
    >>> encoder = ColumnEncoder(np.arange(15625.0), names=["synflow"])
    >>> encoder.transform([3, 4]).tolist(), encoder.get_feature_names_out().tolist()
    ([[3.0], [4.0]], ['synflow'])
    """

    def __init__(
        self,
        values: ArrayLike,
        names: Sequence[str] | None = None,
        space: str | SearchSpace = "nb201",
        missing: str = "error",
        scale: str = "none",
    ) -> None:
        super().__init__(space)
        self.values = values
        self.names = names
        self.missing = missing
        self.scale = scale

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Return the columns of architectures, float64, shape (n, n_features).

        Raises
        ------
        MissingValueError
            If a value is NaN and `missing` is "error".
        """
        table, names = self._table()
        cells = cells_in(X, get_space(self.space))
        found = np.asarray(table[cells], dtype=np.float64)
        if np.isnan(found).any():
            row, column = np.argwhere(np.isnan(found))[0]
            raise MissingValueError(
                f"{names[column]} of architecture {cells[row]}", np.nan, "a number", 'Or use missing="indicator".'
            )
        return found

    def _table(self) -> tuple[NDArray[Any], tuple[str, ...]]:
        values = check_array("values", self.values)
        values = values[:, None] if values.ndim == 1 else values
        size = get_space(self.space).size
        if values.ndim != 2 or len(values) != size:
            raise SettingError("shape of values", values.shape, f"{size} rows, one per architecture")
        names = [f"column_{i}" for i in range(values.shape[1])] if self.names is None else [*map(str, self.names)]
        if len(names) != values.shape[1]:
            raise SettingError("names", names, f"{values.shape[1]} names, one per column")
        unknown = np.isnan(values)
        if check_choice("scale", self.scale, ("none", "rank")) == "rank":
            values = values.copy()
            for column, absent in zip(values.T, unknown.T, strict=True):
                column[~absent] = normal_scores(column[~absent])
        if check_choice("missing", self.missing, ("error", "indicator")) == "indicator":
            partly = np.flatnonzero(unknown.any(axis=0))
            filled = np.where(unknown, np.nanmedian(values, axis=0), values)
            values = np.concatenate([filled, unknown[:, partly]], axis=1)
            names += [f"{names[i]}_unknown" for i in partly]
        return values, tuple(names)
