"""What all encoders share: how architectures come in and how features go out."""

from __future__ import annotations

from abc import abstractmethod
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from nasmeta.errors import ArchitectureError, SettingError
from nasmeta.registry import Registry
from nasmeta.spaces import CellSpace, SearchSpace, get_cell_space, get_space, reference_space

ENCODERS: Registry[type[CellEncoder]] = Registry(
    "encoder",
    group="nasmeta.encoders",
    accepts=lambda found: found if isinstance(found, type) and hasattr(found, "transform") else None,
    wanted="a class with transform, such as one derived from nasmeta.predictors.CellEncoder",
)


@lru_cache(maxsize=8)
def _reference_cells(space: SearchSpace) -> NDArray[np.int32] | None:
    """Return for all architectures the same ones of the reference space; None where that is the space itself."""
    reference = reference_space(space)
    if reference == space:
        return None
    codes = np.array([reference.positions[0].code(name) for name in space.positions[0].choices])[space.codes]
    return reference.find(codes @ reference.place_values)


def cells_in(X: Any, space: SearchSpace) -> NDArray[np.int32]:
    """Return the architectures that scikit-learn hands over, int32, shape (n,)."""
    if isinstance(X, list | tuple) and not any(isinstance(row, list | tuple | np.ndarray) for row in X):
        return np.asarray(space.index_of(X), dtype=np.int32)  # np.asarray would turn [7, "a string"] into strings
    array = np.asarray(X)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ArchitectureError(f"X holds {space.noun}s of {space.name}: shape (n,) or (n, 1), not {array.shape}.")
    return np.asarray(space.index_of(array), dtype=np.int32)


def in_reference_space(cells: NDArray[np.int32], space: SearchSpace, canonical: bool = False) -> NDArray[np.int32]:
    """Return the same architectures of `reference_space`; with `canonical`, the representatives of their classes."""
    moved = _reference_cells(space)
    cells = cells if moved is None else moved[cells]
    return np.asarray(reference_space(space).canonical(cells), dtype=np.int32) if canonical else cells


class CellEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Base of encoders: from architectures, shape (n,) or (n, 1), to features, float64, shape (n, n_features).

    Nothing is learnt from data, so an encoder needs no `fit`. A cell of TransNAS-Bench-101 micro is encoded as the same
    cell of NAS-Bench-201, so a model can move between the two; see `reference_space`.

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"
        The space whose architectures are handed over, or its name.
    canonical : bool, default False
        Whether isomorphic architectures get one encoding, that of the representative of their class.

    Examples
    --------
    >>> from nasmeta.predictors import CellEncoder
    >>> class Skips(CellEncoder):
    ...     def _table(self):
    ...         space = self._reference()
    ...         return space.feature("operations").counts[:, 1:2], ("skip_connect",)
    >>> Skips("nb201").transform([0, 6111]).tolist(), list(Skips("nb201").get_feature_names_out())
    ([[3.0], [1.0]], ['skip_connect'])
    """

    def __init__(self, space: str | SearchSpace = "nb201", canonical: bool = False) -> None:
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

    @classmethod
    def works_on(cls, space: SearchSpace) -> bool:
        """Whether the architectures of a space have what is encoded."""
        return True

    def _reference(self) -> SearchSpace:
        """Return the space that is encoded."""
        space = reference_space(self.space)
        if not self.works_on(space):
            kind = ENCODERS.name_of(type(self)) or type(self).__name__
            possible = ", ".join(sorted(name for name in ENCODERS if ENCODERS[name].works_on(space)))
            raise SettingError(
                f"The encoder {kind} has nothing to encode in {space.name}, a space of "
                f"{space.n_positions} positions. Possible there: {possible}."
            )
        return space

    def fit(self, X: Any = None, y: Any = None) -> CellEncoder:
        """Check the settings; nothing is learnt."""
        self._table()
        return self

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Encode architectures.

        Parameters
        ----------
        X : array-like of int or str, shape (n,) or (n, 1)

        Returns
        -------
        ndarray of float64, shape (n, n_features)

        Raises
        ------
        ArchitectureError, SettingError
        """
        space = get_space(self.space)
        rows = in_reference_space(cells_in(X, space), space, self.canonical)
        return self._table()[0][rows].astype(np.float64)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the columns, shape (n_features,)."""
        return np.array(self._table()[1], dtype=object)

    @abstractmethod
    def _table(self) -> tuple[NDArray[Any], tuple[str, ...]]:
        """Return the encodings of the whole reference space, shape (size, n_features), and the names."""


class CellSpaceEncoder(CellEncoder):
    """Base of encoders of what only cells have."""

    @classmethod
    def works_on(cls, space: SearchSpace) -> bool:
        """Whether it is a space of cells."""
        return isinstance(space, CellSpace)

    def _cells(self) -> CellSpace:
        return get_cell_space(self._reference())


class CellIndices(CellEncoder):
    """First step of predictors that read architectures themselves: checks them, and turns strings into indices.

    Examples
    --------
    >>> from nasmeta.predictors import CellIndices
    >>> CellIndices("tnb101").transform(["64-41414-3_03_120", 7])
    array([3288,    7], dtype=int32)
    """

    def __init__(self, space: str | SearchSpace = "nb201") -> None:
        super().__init__(space)

    def transform(self, X: Any) -> NDArray[np.int32]:  # type: ignore[override]
        """Return architectures, int32, shape (n,)."""
        return cells_in(X, get_space(self.space))

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the one name: ``cell``."""
        return np.array(["cell"], dtype=object)

    def _table(self) -> tuple[NDArray[Any], tuple[str, ...]]:
        return np.arange(get_space(self.space).size)[:, None], ("cell",)
