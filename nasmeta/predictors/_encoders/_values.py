"""An encoder of given columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nasmeta.arrays import Floats
from nasmeta.predictors._encoders._encoder import CellEncoder, Encoded, architectures_in
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.tasks import normal_scores


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
        self,
        values: ArrayLike,
        names: Sequence[str] | None = None,
        space: str | SearchSpace = "nb201",
    ) -> None:
        super().__init__(space)
        self.values = values
        self.names = names

    def transform(self, X: Any) -> Floats:
        """Return the columns of architectures, float64, shape (n, n_features)."""
        return np.asarray(self._table()[0][architectures_in(X, get_space(self.space))])

    def _table(self) -> Encoded:
        """Return scores and marks of unknown values, (size, p + number of incomplete columns), and their names."""
        values = np.asarray(self.values, dtype=np.float64)
        values = values[:, None] if values.ndim == 1 else values.copy()
        if self.names is None:
            names = [f"column_{i}" for i in range(values.shape[-1])]
        else:
            names = [str(name) for name in self.names]
        unknown = np.isnan(values)
        for column, absent in zip(values.T, unknown.T, strict=True):
            column[~absent] = normal_scores(column[~absent])
        partly = np.flatnonzero(unknown.any(axis=0))
        filled = np.where(unknown, np.nanmedian(values, axis=0), values)
        names += [f"{names[i]}_unknown" for i in partly]
        return np.concatenate([filled, unknown[:, partly]], axis=1), tuple(names)
