"""The base of the regressors: checks, labels on a scale, predictions on the scale of the labels."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, TypeAlias

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from nasmeta.arrays import Array, Floats
from nasmeta.errors import SettingError
from nasmeta.predictors._labels import LabelScale, checked_labels
from nasmeta.predictors._registered import DEFAULT_ENCODER

Prediction: TypeAlias = tuple[Floats, Floats | None]  # mean and, if requested, standard deviation


class ScaledRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Base of regressors on feature matrices that learn scores of the labels.

    A subclass sets ``labels`` in ``__init__`` ("rank": normal scores of ranks; "value":
    standardised) and implements `_fit` and `_predict` on scores.

    Examples
    --------
    >>> class Slope(ScaledRegressor):
    ...     labels = "value"
    ...
    ...     def _fit(self, X, scores):
    ...         self.slope_ = np.linalg.lstsq(X - X.mean(), scores)[0]
    ...
    ...     def _predict(self, X, return_std):
    ...         return (X - 1.0) @ self.slope_, None
    >>> Slope().fit([[0.0], [1.0], [2.0]], [10.0, 20.0, 30.0]).predict([[1.5]]).round(6)
    array([25.])
    """

    labels: str
    default_encoder: ClassVar[str | None] = DEFAULT_ENCODER  # None if it reads architectures itself

    def fit(self, X: Any, y: Any) -> ScaledRegressor:
        """Learn from labelled rows.

        Parameters
        ----------
        X : array-like of float, shape (n, n_features), or architectures, shape (n,)
        y : array-like of float, shape (n,)

        Returns
        -------
        self

        Raises
        ------
        LabelError
            If labels are not finite, fewer than two, or all the same.
        SettingError
        """
        X, y = self._checked(X, y)
        self.label_scale_ = LabelScale.fit(y, self.labels)
        self._fit(X, self.label_scale_.to_scores(y))
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predict labels.

        Parameters
        ----------
        X : array-like, as in `fit`
        return_std : bool, default False
            Also return the standard deviation.

        Returns
        -------
        mean : ndarray of float64, shape (n,)
        std : ndarray of float64, shape (n,)
            Only with `return_std`.
        """
        check_is_fitted(self)
        mean, deviation = self._predict(self._checked_rows(X), return_std)
        predicted = self.label_scale_.to_labels(mean)
        if not return_std:
            return predicted
        if deviation is None:
            raise SettingError("return_std", True, f"False for {type(self).__name__}")
        return predicted, self.label_scale_.deviation_of_labels(mean, deviation)

    def _checked(self, X: Any, y: Any) -> tuple[Array, Floats]:
        """Return checked rows, shape (n, n_features), and labels, shape (n,), for `fit`."""
        if y is not None:
            y = np.asarray(y)
            if y.dtype.kind in "fiub" and y.ndim == 1:
                checked_labels(y)
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        return X, checked_labels(y)

    def _checked_rows(self, X: Any) -> Array:
        """Return checked rows, shape (n, n_features), for `predict`."""
        rows: Array = validate_data(self, X, dtype=np.float64, reset=False)
        return rows

    @abstractmethod
    def _fit(self, X: Floats, scores: Floats) -> None:
        """Learn the scores, shape (n,)."""

    @abstractmethod
    def _predict(self, X: Floats, return_std: bool) -> Prediction:
        """Return mean and deviation (None unless requested) of the scores, each of shape (n,)."""
