"""Networks on cells: from cells of any space to what all of them read."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from nasmeta.errors import MissingValueError, SettingError
from nasmeta.predictors._encoders import make_encoder
from nasmeta.predictors._encoders._base import cells_in, common_space, in_common_space
from nasmeta.predictors._labels import LabelScale, checked_labels
from nasmeta.predictors._neural._base import NeuralRegressor
from nasmeta.spaces import get_space

__all__ = ["CELL_FEATURES", "CellRegressor", "live_edges"]

CELL_FEATURES = "one-hot+live-paths+operation-counts+graph"
_FEATURE_SCALE = 0.5  # deviation of a feature beside what the network computes from the cell itself


class CellRegressor(NeuralRegressor):
    """Base of regressors whose X is cells: indices or strings, shape (n,) or (n, 1).

    A cell is replaced by the representative of the cells that compute the same (rule ``zero``), so isomorphic cells
    get one prediction. Operations keep the layout of NAS-Bench-201 on both spaces.
    """

    features: str | None
    extra: Any
    space: str

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.no_validation = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags

    def fit(self, X: Any, y: Any) -> CellRegressor:
        """Learn from labelled cells.

        Parameters
        ----------
        X : array-like of int or str, shape (n,) or (n, 1)
        y : array-like of float, shape (n,)

        Raises
        ------
        ArchitectureError, LabelError, SettingError
        """
        cells, labels = cells_in(X, get_space(self.space)), checked_labels(y)
        if len(cells) != len(labels):
            raise SettingError(f"{len(cells)} cells, but {len(labels)} labels.")
        self.n_features_in_ = 1
        self.label_scale_ = LabelScale.fit(labels, self.labels)
        self._fit(cells, self.label_scale_.to_scores(labels))
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predict labels of cells.

        Parameters
        ----------
        X : array-like of int or str, shape (n,) or (n, 1)
        return_std : bool, default False
            Whether to return the standard deviation of a label, too: disagreement of the members and noise.

        Returns
        -------
        mean : ndarray of float64, shape (n,)
        deviation : ndarray of float64, shape (n,)
            Only with `return_std`.
        """
        check_is_fitted(self)
        cells = cells_in(X, get_space(self.space))
        if self.extra is None:  # one computation for all cells that compute the same
            represented, inverse = np.unique(self._representatives(cells), return_inverse=True)
            mean, deviation = self._predict(represented, True)
            mean, deviation = mean[inverse], None if deviation is None else deviation[inverse]
        else:
            mean, deviation = self._predict(cells, True)
        predicted = self.label_scale_.to_labels(mean)
        if not return_std or deviation is None:
            return predicted
        return predicted, self.label_scale_.deviation_of_labels(mean, deviation)

    def _representatives(self, cells: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return, in the space of `cells`, the representatives of the cells that compute the same."""
        return np.asarray(get_space(self.space).canonical(cells, rule="zero"), dtype=np.int32)

    def _n_inputs(self) -> int:
        own = 0 if self.features is None else _feature_table(self.features).shape[1]
        return own + (0 if self.extra is None else self._extra_table().shape[1])

    def _tensors(self, rows: NDArray[Any]) -> tuple[Tensor, ...]:
        """Return digits one-hot (n, 6, 5), which edges are live (n, 6), and columns (n, n_inputs)."""
        common = common_space()
        cells = in_common_space(rows, get_space(self.space))
        cells = np.asarray(common.canonical(cells, rule="zero"), dtype=np.int32)
        columns = [np.zeros((len(cells), 0))]
        if self.features is not None:
            columns.append(_feature_table(self.features)[cells])
        if self.extra is not None:
            columns.append(self._extra_of(rows))
        one_hot = common.digits[cells][:, :, None] == np.arange(common.n_operations)
        return (
            torch.as_tensor(one_hot, dtype=torch.float32),
            torch.as_tensor(live_edges()[cells]),
            torch.as_tensor(np.concatenate(columns, axis=1), dtype=torch.float32),
        )

    def _extra_table(self) -> NDArray[np.float64]:
        extra = np.asarray(self.extra, dtype=np.float64)
        extra = extra[:, None] if extra.ndim == 1 else extra
        space = get_space(self.space)
        if extra.ndim != 2 or len(extra) != space.size:
            raise SettingError(
                f"extra must have one row for each of the {space.size:,} cells of {space.name}, not {extra.shape}."
            )
        return extra

    def _extra_of(self, cells: NDArray[np.int32]) -> NDArray[np.float64]:
        table = self._extra_table()
        found = table[cells]
        if not np.isfinite(found).all():
            row = int(np.argwhere(~np.isfinite(found))[0, 0])
            raise MissingValueError(
                f"extra of cell {cells[row]} is not finite ({(~np.isfinite(found)).any(axis=1).sum()} of {len(cells)} "
                "cells lack a value)."
            )
        known = np.where(np.isfinite(table), table, np.nan)
        deviation = np.nanstd(known, axis=0)
        scaled: NDArray[np.float64] = (found - np.nanmean(known, axis=0)) / np.where(deviation > 0, deviation, 1.0)
        return _FEATURE_SCALE * scaled


@lru_cache(maxsize=1)
def live_edges() -> NDArray[np.bool_]:
    """Return which edges lie on a path from input to output without ``none``, shape (n_cells, n_edges)."""
    digits = common_space().digits
    live = np.zeros(digits.shape, dtype=bool)
    for path in common_space().paths:
        live[:, path] |= (digits[:, path] != 0).all(axis=1)[:, None]
    return live


@lru_cache(maxsize=4)
def _feature_table(features: str) -> NDArray[np.float64]:
    """Return the features of all cells of the common space that are not constant, scaled without any label."""
    cells = np.arange(common_space().size)
    table = np.asarray(make_encoder(features).transform(cells), dtype=np.float64)
    table = table[:, table.std(axis=0) > 0]
    scaled: NDArray[np.float64] = _FEATURE_SCALE * (table - table.mean(axis=0)) / table.std(axis=0)
    return scaled
