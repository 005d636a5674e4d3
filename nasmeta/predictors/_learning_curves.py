"""Regressors on learning curves: predict later values from the first epochs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold
from sklearn.utils.validation import check_is_fitted

from nasmeta.checks import check_int
from nasmeta.errors import LabelError
from nasmeta.registry import Registry

Array: TypeAlias = NDArray[np.float64]
CurveMethod: TypeAlias = Callable[[Array, Array, int], tuple[Array, Array]]
"""From whole curves (n, E), first values (m, k) and an epoch to predictions (m,) and signed errors (n,)."""

CURVE_METHODS: Registry[CurveMethod] = Registry("curve method")

_ALPHAS = np.logspace(-2, 4, 13)
_COMPONENTS = 8
_COMPARED_AT = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75)  # shares of the curve
_FOLDS = 5
_TREES = 100
_CHOSEN = 3  # an odd number, so the median ignores one outlier


class LearningCurveRegressor(BaseEstimator):  # type: ignore[misc]
    """Predict the value after an epoch from the values after the first k.

    Parameters
    ----------
    method : str, default "auto"
        A name in `CURVE_METHODS`, or "auto": the median of three methods. `fit` compares all methods at 2.5, 5, 10, 25,
        50 and 75 % of the curve by five-fold cross-validation of the last value. Their mean absolute errors, relative
        to the smallest, are averaged over neighbouring lengths; `predict` uses the three best at the nearest length.

        * ``trees``: extremely randomised trees (Geurts, Ernst and Wehenkel, Machine Learning 2006) on the values
          averaged over blocks of doubling length, the best value and the deviation of the last five.
        * ``gains``: the same trees, for the gain over the last value seen.
        * ``ridge``: ridge regression on the same features; the penalty minimises the leave-one-out error.
        * ``gaussian``: curves as a Gaussian vector whose covariance has a few principal components and noise
          (functional principal components), conditioned on the first values.
        * ``power``: a least-squares fit for each curve of :math:`c - a e^{-α}`; ``logarithm``: of
          :math:`c + a log e`; ``janoschek``: of :math:`c - a exp(-κ e^δ)`. Families of Domhan et al., "Speeding up
          automatic hyperparameter optimization of deep neural networks by extrapolation of learning curves",
          IJCAI 2015.
        * ``last-value``, ``mean-curve``: baselines.

    Attributes
    ----------
    methods_ : dict of int to tuple of str
        The methods for each number of seen epochs.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors._learning_curves import LearningCurveRegressor
    >>> epochs, heights = np.arange(1, 41), np.linspace(60, 90, 25)[:, None]
    >>> curves = heights - 40 / epochs
    >>> model = LearningCurveRegressor("ridge").fit(curves)
    >>> model.predict(curves[:2, :10], epoch=40).round(0)
    array([59., 60.])
    """

    def __init__(self, method: str = "auto") -> None:
        self.method = method

    def fit(self, curves: ArrayLike, groups: ArrayLike | None = None) -> LearningCurveRegressor:
        """Learn from whole curves.

        Parameters
        ----------
        curves : array-like of float, shape (n, n_epochs)
        groups : array-like of int, shape (n,), optional
            Curves of one group, such as those of isomorphic cells, stay on one side of the cross-validation.

        Raises
        ------
        LabelError
            If values are not finite.
        """
        self.curves_ = _checked(curves)
        if self.method == "auto":
            every = np.arange(len(self.curves_))
            self.methods_ = _chosen(_cross_validated(self.curves_, every if groups is None else np.asarray(groups)))
        else:
            CURVE_METHODS[self.method]
            self.methods_ = {1: (self.method,)}
        return self

    def predict(self, first: ArrayLike, epoch: int, return_std: bool = False) -> Any:
        """Predict values after an epoch.

        Parameters
        ----------
        first : array-like of float, shape (m, k)
            Values after epochs 1 to k, k < n_epochs.
        epoch : int
            From k + 1 to n_epochs.
        return_std : bool, default False
            Also return the standard deviation: the root mean square of the method's errors on the curves of `fit`, each
            left out if the method learns from them (except for ``gaussian``, which has a deviation).

        Returns
        -------
        predicted : ndarray of float64, shape (m,)
        std : ndarray of float64, shape (m,)
            Only with `return_std`.
        """
        check_is_fitted(self)
        seen = _checked(first)
        k = seen.shape[1]
        check_int("epoch", epoch, k + 1, self.curves_.shape[1])
        nearest = min(self.methods_, key=lambda length: abs(np.log(length / k)))
        found = [CURVE_METHODS[name](self.curves_, seen, epoch) for name in self.methods_[nearest]]
        predicted, errors = (np.median(parts, axis=0) for parts in zip(*found, strict=True))
        if not return_std:
            return predicted
        return predicted, np.full(len(predicted), np.sqrt(np.mean(errors**2)))


def _checked(curves: ArrayLike) -> Array:
    array = np.asarray(curves, dtype=np.float64)
    if array.ndim != 2 or not np.isfinite(array).all():
        raise LabelError("Learning curves must be finite numbers of shape (n, epochs).")
    return array


def _cross_validated(curves: Array, groups: NDArray[Any]) -> dict[int, dict[str, float]]:
    """Return each method's mean absolute error at the last epoch, for several numbers of seen epochs."""
    n_epochs = curves.shape[1]
    lengths = sorted({min(max(1, round(share * n_epochs)), n_epochs - 1) for share in _COMPARED_AT})
    n_folds = min(_FOLDS, len(np.unique(groups)))
    errors = {k: dict.fromkeys(CURVE_METHODS, 0.0) for k in lengths}
    for train, test in GroupKFold(n_folds).split(curves, groups=groups):
        for name, method in CURVE_METHODS.items():
            for k in lengths:
                predicted, _ = method(curves[train], curves[test, :k], n_epochs)
                errors[k][name] += float(np.abs(predicted - curves[test, -1]).sum()) / len(curves)
    return errors


def _chosen(errors: dict[int, dict[str, float]]) -> dict[int, tuple[str, ...]]:
    """Return the best methods for each number of seen epochs, by errors averaged over neighbouring numbers."""
    names = list(CURVE_METHODS)
    ratios = np.array([[errors[k][name] for name in names] for k in sorted(errors)])
    ratios /= np.maximum(ratios.min(axis=1, keepdims=True), 1e-12)
    found = {}
    for row, k in enumerate(sorted(errors)):
        smoothed = ratios[max(0, row - 1) : row + 2].mean(axis=0)
        found[k] = tuple(names[at] for at in np.argsort(smoothed, kind="stable")[:_CHOSEN])
    return found


@CURVE_METHODS.register("last-value")
def _last_value(curves: Array, first: Array, epoch: int) -> tuple[Array, Array]:
    return first[:, -1].copy(), curves[:, first.shape[1] - 1] - curves[:, epoch - 1]


@CURVE_METHODS.register("mean-curve")
def _mean_curve(curves: Array, first: Array, epoch: int) -> tuple[Array, Array]:
    values, n = curves[:, epoch - 1], len(curves)
    return np.full(len(first), values.mean()), (values.mean() - values) * n / (n - 1)  # leave-one-out


@CURVE_METHODS.register("ridge")
def _ridge(curves: Array, first: Array, epoch: int) -> tuple[Array, Array]:
    k = first.shape[1]
    known = _block_features(curves[:, :k])
    center, scale = known.mean(axis=0), known.std(axis=0)
    scale[scale < 1e-12] = 1.0
    values = curves[:, epoch - 1]
    model = RidgeCV(_ALPHAS, store_cv_results=True).fit((known - center) / scale, values)
    squared = model.cv_results_[:, np.flatnonzero(model.alpha_ == _ALPHAS)[0]]
    # The error of a left-out curve has the sign of its training error.
    missed = np.copysign(np.sqrt(squared), model.predict((known - center) / scale) - values)
    return np.asarray(model.predict((_block_features(first) - center) / scale)), missed


@CURVE_METHODS.register("trees")
def _trees(curves: Array, first: Array, epoch: int) -> tuple[Array, Array]:
    return _of_trees(curves, first, curves[:, epoch - 1])


@CURVE_METHODS.register("gains")
def _gains(curves: Array, first: Array, epoch: int) -> tuple[Array, Array]:
    gained, missed = _of_trees(curves, first, curves[:, epoch - 1] - curves[:, first.shape[1] - 1])
    return first[:, -1] + gained, missed


def _of_trees(curves: Array, first: Array, values: Array) -> tuple[Array, Array]:
    known = _block_features(curves[:, : first.shape[1]])
    model = ExtraTreesRegressor(_TREES, min_samples_leaf=2, bootstrap=True, oob_score=True, random_state=0).fit(
        known, values
    )
    out_of_bag = np.asarray(model.oob_prediction_)
    return np.asarray(model.predict(_block_features(first))), out_of_bag - values


def _block_features(first: Array) -> Array:
    """Return the best value, the deviation of the last five, and means over 1, 2, 4, ... epochs from the end back."""
    columns, end, length = [first.max(axis=1), first[:, -5:].std(axis=1)], first.shape[1], 1
    while end > 0:
        columns.append(first[:, max(0, end - length) : end].mean(axis=1))
        end, length = end - length, 2 * length
    return np.stack(columns, axis=1)


@CURVE_METHODS.register("gaussian")
def _gaussian(curves: Array, first: Array, epoch: int) -> tuple[Array, Array]:
    k, n = first.shape[1], len(curves)
    mean = curves.mean(axis=0)
    _, singular, directions = np.linalg.svd(curves - mean, full_matrices=False)
    r = min(_COMPONENTS, n - 2, curves.shape[1] - 1)
    variances = singular[:r] ** 2 / n
    noise = max(float((singular[r:] ** 2).sum()) / n / max(1, curves.shape[1] - r), 1e-9)
    loadings = directions[:r].T * np.sqrt(variances)
    seen, wanted = loadings[:k], loadings[epoch - 1]
    precision = np.eye(r) + seen.T @ seen / noise
    gain = np.linalg.solve(precision, seen.T / noise)
    deviation = np.sqrt(wanted @ np.linalg.solve(precision, wanted) + noise)
    own = mean[epoch - 1] + (curves[:, :k] - mean[:k]) @ gain.T @ wanted
    missed = np.copysign(deviation, own - curves[:, epoch - 1])
    return mean[epoch - 1] + (first - mean[:k]) @ gain.T @ wanted, missed


def _family(shapes: Callable[[Array], list[Array]]) -> CurveMethod:
    """Build the method that fits intercept and slope on each of several shapes and keeps the best for each curve."""

    def extrapolate(first: Array, epoch: int) -> Array:
        k = first.shape[1]
        least, predicted = np.full(len(first), np.inf), first[:, -1].copy()
        if k < 2:
            return predicted
        for shape in shapes(np.arange(1.0, epoch + 1)):
            design = np.stack([np.ones(k), shape[:k]], axis=1)
            coefficients = np.linalg.lstsq(design, first.T, rcond=None)[0]
            missed = ((design @ coefficients - first.T) ** 2).sum(axis=0)
            better = missed < least
            least[better] = missed[better]
            predicted[better] = (coefficients[0] + coefficients[1] * shape[-1])[better]
        return predicted

    def method(curves: Array, first: Array, epoch: int) -> tuple[Array, Array]:
        # Predictions stay within the range of the curves.
        low, high = curves.min(), curves.max()
        predicted = np.clip(extrapolate(first, epoch), low, high)
        fitted = np.clip(extrapolate(curves[:, : first.shape[1]], epoch), low, high)
        return predicted, fitted - curves[:, epoch - 1]

    return method


CURVE_METHODS.register("power")(_family(lambda e: [e**-alpha for alpha in np.linspace(0.1, 2.0, 20)]))
CURVE_METHODS.register("logarithm")(_family(lambda e: [np.log(e)]))
CURVE_METHODS.register("janoschek")(
    _family(
        lambda e: [
            np.exp(-rate * e**power) for rate in np.logspace(-2.5, 0, 6) for power in (0.25, 0.5, 0.75, 1.0, 1.25)
        ]
    )
)
