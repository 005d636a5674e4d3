"""What all encoders of cells share: how cells come in and how features go out."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from nasmeta.errors import ArchitectureError
from nasmeta.registry import Registry
from nasmeta.spaces import CellSpace, get_cell_space, get_space

__all__ = ["ENCODERS", "CellEncoder", "CellIndices", "cells_in", "common_space", "in_common_space"]

ENCODERS: Registry[type[CellEncoder]] = Registry(
    "encoder",
    group="nasmeta.encoders",
    accepts=lambda found: found if isinstance(found, type) and hasattr(found, "transform") else None,
    wanted="a class with transform, such as one derived from nasmeta.predictors.CellEncoder",
)


def common_space() -> CellSpace:
    """Return the space whose operations contain those of all others, so that a cell means the same everywhere."""
    return get_cell_space("nb201")


def cells_in(X: Any, space: CellSpace) -> NDArray[np.int32]:
    """Return the cells that scikit-learn hands over, int32, shape (n,).

    Parameters
    ----------
    X : array-like of int or str, shape (n,) or (n, 1)
        Indices or strings of cells; a column of a data frame, too.
    space : CellSpace

    Raises
    ------
    ArchitectureError
    """
    if isinstance(X, list | tuple) and not any(isinstance(row, list | tuple | np.ndarray) for row in X):
        return np.asarray(space.index_of(X), dtype=np.int32)  # np.asarray would turn [7, "a string"] into strings
    array = np.asarray(X)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ArchitectureError(f"X holds cells of {space.name}: shape (n,) or (n, 1), not {array.shape}.")
    return np.asarray(space.index_of(array), dtype=np.int32)


def in_common_space(cells: NDArray[np.int32], space: CellSpace, canonical: bool = False) -> NDArray[np.int32]:
    """Return the same cells of `common_space`; with `canonical`, the representatives of their classes there."""
    common = common_space()
    if space != common:
        cells = np.asarray(common.from_digits(space.digits[cells]), dtype=np.int32)
    return np.asarray(common.canonical(cells), dtype=np.int32) if canonical else cells


class CellEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Base of encoders: from cells, shape (n,) or (n, 1), to features, float64, shape (n, n_features).

    Nothing is learnt from data, so an encoder needs no `fit`. The columns are the same on every space: a cell of
    TransNAS-Bench-101 micro is encoded as the same cell of NAS-Bench-201, so a model can move between the two.

    Parameters
    ----------
    space : str, default "nb201"
        Name of the space whose cells are handed over.
    canonical : bool, default False
        Whether isomorphic cells get one encoding, that of the class' representative in NAS-Bench-201.
    """

    def __init__(self, space: str = "nb201", canonical: bool = False) -> None:
        self.space = space
        self.canonical = canonical

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.no_validation = True
        tags.input_tags.one_d_array = True
        tags.input_tags.string = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any = None, y: Any = None) -> CellEncoder:
        """Check the settings; nothing is learnt."""
        get_space(self.space)
        self._table()
        return self

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Encode cells.

        Parameters
        ----------
        X : array-like of int or str, shape (n,) or (n, 1)

        Returns
        -------
        ndarray of float64, shape (n, n_features)

        Raises
        ------
        ArchitectureError
        """
        space = get_space(self.space)
        rows = in_common_space(cells_in(X, space), space, self.canonical)
        return self._table()[0][rows].astype(np.float64)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the columns, shape (n_features,)."""
        return np.array(self._table()[1], dtype=object)

    @abstractmethod
    def _table(self) -> tuple[NDArray[Any], tuple[str, ...]]:
        """Return the encodings of all cells of the common space, shape (n_cells, n_features), and the names."""


class CellIndices(CellEncoder):
    """First step of predictors that read cells themselves: checks them, and turns strings into indices.

    Examples
    --------
    >>> from nasmeta.predictors import CellIndices
    >>> CellIndices("tnb101").transform(["64-41414-3_03_120", 7])
    array([3288,    7], dtype=int32)
    """

    def __init__(self, space: str = "nb201") -> None:
        super().__init__(space)

    def transform(self, X: Any) -> NDArray[np.int32]:  # type: ignore[override]
        """Return cells, int32, shape (n,)."""
        return cells_in(X, get_space(self.space))

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the one name: ``cell``."""
        return np.array(["cell"], dtype=object)

    def _table(self) -> tuple[NDArray[Any], tuple[str, ...]]:
        return np.arange(common_space().size)[:, None], ("cell",)
