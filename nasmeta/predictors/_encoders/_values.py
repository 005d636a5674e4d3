"""Encoders of numbers that belong to an architecture: its costs, and columns that are handed over."""

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
    """Parameters and FLOPs of the network with this cell, as decimal logarithms; where the space has formulas for them.

    For TransNAS-Bench-101 of the NAS-Bench-201 network with the same cell, so that the columns mean the same. Dead
    edges count, as in the benchmark's tables.

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"
        Of cells, with formulas.
    canonical : bool, default False
        Whether isomorphic cells get one encoding.
    dataset : str, default "cifar10"
        For which the network is built.

    Examples
    --------
    >>> from nasmeta.predictors import make_encoder
    >>> make_encoder("cost").transform([0]).round(3)
    array([[5.112, 7.194]])
    """

    def __init__(self, space: str | SearchSpace = "nb201", canonical: bool = False, dataset: str = "cifar10") -> None:
        super().__init__(space, canonical)
        self.dataset = dataset

    @classmethod
    def works_on(cls, space: SearchSpace) -> bool:
        """Whether the space has formulas."""
        return isinstance(space, CellSpace) and any(formula is not None for formula in space._costs.values())

    def _table(self) -> tuple[NDArray[Any], tuple[str, ...]]:
        return _costs(self._cells(), self.dataset)


@lru_cache(maxsize=8)
def _costs(space: CellSpace, dataset: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    cells, kinds = np.arange(space.size), {"parameters": space.params, "flops": space.flops}
    if None in space._costs.values():  # a space may have a formula for one of them
        del kinds["flops" if space._costs["parameters"] is not None else "parameters"]
    costs = np.stack([np.asarray(cost(cells, dataset)) for cost in kinds.values()], axis=1)
    return np.log10(costs), tuple(f"log10_{kind}" for kind in kinds)


@ENCODERS.register("columns")
class ColumnEncoder(CellEncoder):
    """Columns that are handed over, such as zero-cost proxies.

    Parameters
    ----------
    values : array-like of float, shape (n_cells, p) or (n_cells,)
        One row for each architecture of the space; NaN where unknown.
    names : sequence of str, optional
        Names of the columns.
    space : str or SearchSpace, default "nb201"
    canonical : bool, default False
        Whether isomorphic architectures get the values of the representative of their class.
    missing : {"error", "indicator"}, default "error"
        What happens where a value is unknown: an error, or the column's median and one more column that says so.
    scale : {"none", "rank"}, default "none"
        ``rank`` replaces a column by the normal scores of its ranks over all known cells: no label is used.

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
        canonical: bool = False,
        missing: str = "error",
        scale: str = "none",
    ) -> None:
        super().__init__(space, canonical)
        self.values = values
        self.names = names
        self.missing = missing
        self.scale = scale

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Return the columns of cells, float64, shape (n, n_features).

        Raises
        ------
        ArchitectureError, SettingError
        MissingValueError
            Where a value is NaN and `missing` is "error".
        """
        space = get_space(self.space)
        table, names = self._table()
        cells = cells_in(X, space)
        if self.canonical:
            cells = np.asarray(space.canonical(cells), dtype=np.int32)
        found = np.asarray(table[cells], dtype=np.float64)
        if np.isnan(found).any():
            row, column = np.argwhere(np.isnan(found))[0]
            raise MissingValueError(
                f"{names[column]} of {space.noun} {cells[row]} is unknown ({np.isnan(found).any(axis=1).sum()} of "
                f'{len(cells)} {space.noun}s lack a value); missing="indicator" fills in the median and says so in '
                "one more column."
            )
        return found

    def _table(self) -> tuple[NDArray[Any], tuple[str, ...]]:
        space = get_space(self.space)
        values = check_array("values", self.values)
        values = values[:, None] if values.ndim == 1 else values
        if values.ndim != 2 or len(values) != space.size:
            raise SettingError(
                f"values must have one row for each of {space.size:,} {space.noun}s, not {values.shape}."
            )
        names = [f"column_{i}" for i in range(values.shape[1])] if self.names is None else self.names
        names = [str(name) for name in names]
        if len(names) != values.shape[1]:
            raise SettingError(f"{values.shape[1]} columns, but {len(names)} names: {', '.join(names)}.")
        missing = check_choice("missing", self.missing, ("error", "indicator"))
        unknown = np.isnan(values)
        if check_choice("scale", self.scale, ("none", "rank")) == "rank":
            values = values.copy()
            for column, absent in zip(values.T, unknown.T, strict=True):
                column[~absent] = normal_scores(column[~absent])
        if missing == "indicator" and unknown.any():
            if unknown.all(axis=0).any():
                raise SettingError(f"{names[int(unknown.all(axis=0).argmax())]} is unknown for every {space.noun}.")
            partly = np.asarray(unknown.any(axis=0))
            values = np.concatenate(
                [np.where(unknown, np.nanmedian(values, axis=0), values), unknown[:, partly]], axis=1
            )
            names += [f"{name}_unknown" for name, some in zip(names, partly.tolist(), strict=True) if some]
        return values, tuple(names)
