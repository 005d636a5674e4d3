"""Networks on architectures: from those of a space to what the networks read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nasmeta.predictors._encoders import default_encoder, make_encoder
from nasmeta.predictors._encoders._base import cells_in, in_reference_space
from nasmeta.predictors._labels import checked_labels
from nasmeta.predictors._neural._base import NeuralRegressor
from nasmeta.spaces import CellSpace, SearchSpace, get_space, reference_space

CELL_FEATURES = "one-hot+live-paths+operation-counts+graph"
_FEATURE_SCALE = 0.5  # deviation of a feature beside what the network computes from the cell itself


@dataclass(eq=False, repr=False, kw_only=True)
class CellRegressor(NeuralRegressor):
    """Base of regressors whose X is architectures: indices or strings, shape (n,) or (n, 1).

    A cell is replaced by the representative of the cells that compute the same (rule ``zero``), another architecture by
    that of its isomorphism class, so isomorphic ones get one prediction. Cells of TransNAS-Bench-101 are read as those
    of NAS-Bench-201; see `reference_space`.
    """

    features: str | None = CELL_FEATURES
    space: str | SearchSpace = "nb201"
    reads_architectures: ClassVar[bool] = True

    @classmethod
    def check_space(cls, space: SearchSpace) -> None:
        """Refuse a space whose architectures the network cannot read."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.no_validation = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags

    def _checked(self, X: Any, y: Any) -> tuple[NDArray[Any], NDArray[np.float64]]:
        self.check_space(get_space(self.space))
        cells = self._checked_rows(X)
        self.n_features_in_ = 1
        return cells, checked_labels(y, len(cells))

    def _checked_rows(self, X: Any) -> NDArray[Any]:
        return cells_in(X, get_space(self.space))

    def _predict(self, X: NDArray[Any], return_std: bool) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        # one computation for all cells that compute the same
        representatives = np.asarray(get_space(self.space).canonical(X, rule="zero"), dtype=np.int32)
        represented, inverse = np.unique(representatives, return_inverse=True)
        mean, deviation = super()._predict(represented, return_std)
        return mean[inverse], None if deviation is None else deviation[inverse]

    def _n_inputs(self) -> int:
        return int(self._feature_columns().shape[1])

    def _feature_columns(self) -> NDArray[np.float32]:
        space = reference_space(self.space)
        if self.features is None:
            return np.zeros((space.size, 0), np.float32)
        features = default_encoder(CELL_FEATURES, space) if self.features == CELL_FEATURES else self.features
        return _feature_table(features, space)

    def _tensors(self, rows: NDArray[Any]) -> tuple[Tensor, ...]:
        """Return choices one-hot (n, n_positions, n_choices), which are live (n, n_positions), columns (n, n_inputs).

        On NAS-Bench-201 the choices are five operations on six edges; positions with other choices have columns of
        their own, see `choice_order`.
        """
        space = reference_space(self.space)
        rows_there = in_reference_space(rows, get_space(self.space))
        cells = np.asarray(space.canonical(rows_there, rule="zero"), dtype=np.int32)
        order = choice_order(space)
        one_hot = (space.codes[cells][:, :, None] == order) & (order >= 0)
        live = space.live_edges[cells] if isinstance(space, CellSpace) else np.ones(one_hot.shape[:2], dtype=bool)
        return (
            torch.as_tensor(one_hot, dtype=torch.float32),
            torch.as_tensor(live),
            torch.as_tensor(self._feature_columns()[cells]),
        )


@lru_cache(maxsize=8)
def choice_order(space: SearchSpace) -> NDArray[np.int16]:
    """Return which code of each position each one-hot column stands for, shape (n_positions, n_choices); -1 for none.

    Positions with the same choices, in whatever order, share columns. For cells: ``none`` and ``skip_connect``, where
    there are such, then the other operations.
    """
    if isinstance(space, CellSpace):
        first = [digit for digit in (space.none, space.skip) if digit is not None]
        return np.tile(np.array([*first, *space.real_operations], dtype=np.int16), (space.n_positions, 1))
    columns: dict[frozenset[Any], dict[Any, int]] = {}
    n_columns = 0
    for position in space.positions:
        if frozenset(position.choices) not in columns:
            columns[frozenset(position.choices)] = {c: n_columns + i for i, c in enumerate(position.choices)}
            n_columns += len(position.choices)
    order = np.full((space.n_positions, n_columns), -1, dtype=np.int16)
    for row, position in zip(order, space.positions, strict=True):
        row[[columns[frozenset(position.choices)][c] for c in position.choices]] = np.arange(len(position.choices))
    return order


@lru_cache(maxsize=4)
def _feature_table(features: str, space: SearchSpace) -> NDArray[np.float32]:
    """Return the features of all architectures of a space that are not constant, scaled without any label."""
    table = np.asarray(make_encoder(features, space).transform(np.arange(space.size)), dtype=np.float64)
    table = table[:, table.std(axis=0) > 0]
    scaled: NDArray[np.float32] = (_FEATURE_SCALE * (table - table.mean(axis=0)) / table.std(axis=0)).astype(np.float32)
    return scaled
