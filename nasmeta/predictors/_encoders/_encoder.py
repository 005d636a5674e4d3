"""The base of all encoders, and encoders by name."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import FeatureUnion

from nasmeta.arrays import Architectures, Array, Floats
from nasmeta.errors import SettingError
from nasmeta.predictors._registered import ENCODERS
from nasmeta.spaces import (
    CellSpace,
    SearchSpace,
    get_cell_space,
    get_space,
    move_cells,
    reference_space,
)

# a row per architecture, and the names of the columns
Encoded: TypeAlias = tuple[Array, tuple[str, ...]]


def architectures_in(X: Any, space: SearchSpace) -> Architectures:
    """Return architectures of shape (n,) or (n, 1), as scikit-learn passes them, as indices, int32, shape (n,)."""
    if not isinstance(X, list | tuple) or (len(X) and isinstance(X[0], list | tuple)):
        X = np.asarray(X)  # [7, "a string"] stays a list: as an array both entries would be strings
        X = X[:, 0] if X.ndim == 2 and X.shape[1] == 1 else X
    return np.asarray(space.index_of(X))


def in_reference_space(architectures: Architectures, space: SearchSpace) -> Architectures:
    """Return the same architectures, shape (n,), as indices of `reference_space`."""
    moved = _reference_cells(space)
    return architectures if moved is None else moved[architectures]


@lru_cache(maxsize=8)
def _reference_cells(space: SearchSpace) -> Architectures | None:
    """Return the counterparts of all architectures in the reference space, (size,); None in that space itself."""
    reference = reference_space(space)
    return None if reference == space else move_cells(np.arange(space.size), space, reference)[0]


class CellEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Base of encoders: from architectures, shape (n,) or (n, 1), to features, float64, shape (n, n_features).

    An encoder learns nothing from data, so it needs no `fit`. A cell of TransNAS-Bench-101 micro is
    encoded as the same cell of NAS-Bench-201, so a model can move between the two; see
    `reference_space`.

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"
        The space of the architectures, or its name.

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

    reads_architectures = True
    gives_indices = False  # instead of features

    def __init__(self, space: str | SearchSpace = "nb201") -> None:
        self.space = space

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags

    @classmethod
    def works_on(cls, space: SearchSpace) -> bool:
        """Return whether the encoder can encode the architectures of a space."""
        return True

    def _reference(self) -> SearchSpace:
        """Return the space whose architectures are encoded."""
        space = reference_space(self.space)
        if not self.works_on(space):
            possible = sorted(name for name in ENCODERS if ENCODERS[name].works_on(space))
            name = ENCODERS.name_of(type(self)) or type(self).__name__
            raise SettingError(f"encoder for {space.name}", name, f"one of {', '.join(possible)}")
        return space

    def fit(self, X: Any = None, y: Any = None) -> CellEncoder:
        """Check the settings; nothing is learned."""
        self._table()
        return self

    def transform(self, X: Any) -> Floats:
        """Encode architectures.

        Parameters
        ----------
        X : array-like of int or str, shape (n,) or (n, 1)

        Returns
        -------
        ndarray of float64, shape (n, n_features)
        """
        space = get_space(self.space)
        rows = in_reference_space(architectures_in(X, space), space)
        table, _ = self._table()
        return table[rows].astype(np.float64)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the columns, shape (n_features,)."""
        return np.array(self._table()[1], dtype=object)

    @abstractmethod
    def _table(self) -> Encoded:
        """Return the encodings of the whole reference space, shape (size, n_features), and the names."""


class CellSpaceEncoder(CellEncoder):
    """Base of encoders for spaces of cells."""

    @classmethod
    def works_on(cls, space: SearchSpace) -> bool:
        """Return whether it is a space of cells."""
        return isinstance(space, CellSpace)

    def _cells(self) -> CellSpace:
        return get_cell_space(self._reference())


class CellIndices(CellEncoder):
    """First step of predictors that read architectures: turns strings into indices.

    Examples
    --------
    >>> CellIndices("tnb101").transform(["64-41414-3_03_120", 7])
    array([3288,    7], dtype=int32)
    """

    gives_indices = True

    def transform(self, X: Any) -> Architectures:
        """Return architectures, int32, shape (n,)."""
        return architectures_in(X, get_space(self.space))

    def _table(self) -> Encoded:
        return np.arange(get_space(self.space).size)[:, None], ("cell",)


def suitable_encoder(encoder: str, space: SearchSpace) -> str:
    """Return the name of an encoder if the space supports all of its parts, else ``counts``, which suits any space."""
    reference = reference_space(space)
    suits = all(ENCODERS[part].works_on(reference) for part in encoder.split("+"))
    return encoder if suits else "counts"


def make_encoder(encoder: str | Sequence[Any] | Any, space: str | SearchSpace = "nb201") -> Any:
    """Build an encoder from its name.

    Parameters
    ----------
    encoder : str, transformer, or sequence of these
        A name in `ENCODERS`. The columns of several, as a list or joined by ``+``, are joined. A
        transformer is returned as it is.
    space : str or SearchSpace, default "nb201"
        The space of the architectures, or its name.

    Returns
    -------
    CellEncoder or sklearn.pipeline.FeatureUnion

    Raises
    ------
    UnknownNameError, SettingError

    Examples
    --------
    >>> from nasmeta.predictors import make_encoder
    >>> make_encoder("one-hot+live-paths").transform([0, 1, 2]).shape
    (3, 70)
    """
    if hasattr(encoder, "transform"):
        return encoder
    if isinstance(encoder, str) and "+" not in encoder:
        return ENCODERS[encoder.strip()](space=space)
    parts = encoder.split("+") if isinstance(encoder, str) else encoder
    named = []
    for part in parts:
        if isinstance(part, str):
            name = part.strip()
            named.append((name, ENCODERS[name](space=space)))
        else:
            named.append((type(part).__name__.lower(), part))
    return FeatureUnion(named)
