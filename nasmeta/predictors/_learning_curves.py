"""How a training that has begun will go on: regressors on learning curves."""

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

from nasmeta.checks import check_array
from nasmeta.errors import LabelError, SettingError, shown
from nasmeta.registry import Registry

Array: TypeAlias = NDArray[np.float64]
CurveMethod: TypeAlias = Callable[[Array, Array, int], tuple[Array, Array]]
"""From whole curves (n, E), beginnings (m, k) and an epoch to predictions (m,) and signed errors on the curves (n,)."""

CURVE_METHODS: Registry[CurveMethod] = Registry("curve method")

_ALPHAS = np.logspace(-2, 4, 13)
_COMPONENTS = 8
_POINTS_WHERE_CHOSEN = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75)  # shares of the curve after which methods are compared
_FOLDS = 5
_TREES = 100
_CHOSEN = 3  # an odd number: the median is one of them, so one that goes astray on a curve is not followed


class LearningCurveRegressor(BaseEstimator):  # type: ignore[misc]
    """Predict the value after an epoch from the values after the first k.

    Parameters
    ----------
    method : str, default "auto"
        A name in `CURVE_METHODS`, or "auto": the median of three methods. For beginnings of 2.5, 5, 10, 25, 50 and
        75 % of the curve, `fit` takes those with the smallest mean absolute error at the last epoch in a five-fold
        cross-validation on the curves handed over, each error divided by the smallest at that beginning and averaged
        with those at the next shorter and longer one; `predict` takes those of the beginning nearest in ratio.

        * ``trees``: extremely randomised trees (Geurts, Ernst and Wehenkel, Machine Learning 2006) on the values
          averaged over blocks of doubling length, the best value and the deviation of the last five.
        * ``gains``: the same trees, for what comes on top of the last value seen.
        * ``ridge``: ridge regression on the same features; the penalty minimises the leave-one-out error.
        * ``gaussian``: curves as a Gaussian vector whose covariance has a few principal components and noise
          (functional principal components), conditioned on the beginning.
        * ``power``: each beginning's own least-squares fit of :math:`c - a e^{-α}`; ``logarithm``: of
          :math:`c + a log e`; ``janoschek``: of :math:`c - a exp(-κ e^δ)`. Families of Domhan et al., "Speeding up
          automatic hyperparameter optimization of deep neural networks by extrapolation of learning curves",
          IJCAI 2015.
        * ``last-value``, ``mean-curve``: baselines.

    Attributes
    ----------
    methods_ : dict of int to tuple of str
        The methods for each length of the beginning that they were compared at; of length 1 where one was named.
    errors_ : dict of int to dict of str to float
        Mean absolute errors of the cross-validation; empty where a method was named.

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
            Curves of one group, such as those of isomorphic cells, are never on both sides of the cross-validation.

        Raises
        ------
        LabelError
            Where values are not finite or there are fewer than three curves or epochs.
        UnknownNameError
        """
        whole = _checked(curves, "curves")
        if min(whole.shape) < 3:
            raise LabelError(f"At least 3 curves of 3 epochs are needed, not {whole.shape[0]} of {whole.shape[1]}.")
        self.curves_ = whole
        self.errors_: dict[int, dict[str, float]] = {}
        if self.method != "auto":
            CURVE_METHODS[self.method]
            self.methods_: dict[int, tuple[str, ...]] = {1: (self.method,)}
            return self
        of_group = np.arange(len(whole)) if groups is None else np.asarray(groups)
        if of_group.shape != (len(whole),):
            raise SettingError(f"groups must have one entry for each of {len(whole)} curves, not {of_group.shape}.")
        self.errors_ = _cross_validated(whole, of_group)
        self.methods_ = _chosen(self.errors_)
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
            Whether to return the standard deviation, too: the root mean square of the method's errors on the curves of
            `fit`, each left out where the method learns from them (but for ``gaussian``, which knows its own).

        Returns
        -------
        predicted : ndarray of float64, shape (m,)
        std : ndarray of float64, shape (m,)
            Only with `return_std`.

        Raises
        ------
        LabelError, SettingError
        """
        check_is_fitted(self)
        beginnings = _checked(first, "first")
        k, n_epochs = beginnings.shape[1], self.curves_.shape[1]
        if epoch != int(epoch) or not k < epoch <= n_epochs:
            raise SettingError(
                f"epoch must be a whole number from {k + 1} (after the {k} seen) to {n_epochs} (the length of the "
                f"curves of fit), not {shown(epoch)}."
            )
        nearest = min(self.methods_, key=lambda length: abs(np.log(length / k)))
        found = [CURVE_METHODS[name](self.curves_, beginnings, int(epoch)) for name in self.methods_[nearest]]
        predicted, errors = (np.median(parts, axis=0) for parts in zip(*found, strict=True))
        if not return_std:
            return predicted
        return predicted, np.full(len(predicted), np.sqrt(np.mean(errors**2)))

    def state(self) -> dict[str, Any]:
        """Return what `fit` has learnt, for `save_predictor`."""
        check_is_fitted(self)
        return {"curves": self.curves_, "methods": self.methods_, "errors": self.errors_}

    def set_state(self, state: dict[str, Any]) -> None:
        """Become what `state` described."""
        self.curves_ = state["curves"]  # in JSON, keys are text
        self.methods_ = {int(k): tuple(names) for k, names in state["methods"].items()}
        self.errors_ = {int(k): errors for k, errors in state["errors"].items()}


def _checked(curves: ArrayLike, name: str) -> Array:
    array = check_array(name, curves)
    if array.ndim != 2 or not array.size:
        raise SettingError(f"{name} must hold one curve a row, (n, epochs), not an array of shape {array.shape}.")
    if not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise LabelError(f"{name} must be finite; the value after epoch {column + 1} of row {row} is not.")
    return array


def _cross_validated(curves: Array, groups: NDArray[Any]) -> dict[int, dict[str, float]]:
    """Return each method's mean absolute error at the last epoch, for several lengths of the beginning."""
    n_epochs = curves.shape[1]
    beginnings = sorted({min(max(1, round(share * n_epochs)), n_epochs - 1) for share in _POINTS_WHERE_CHOSEN})
    n_folds = min(_FOLDS, len(np.unique(groups)))
    if n_folds < 2:
        raise SettingError("All curves are of one group, so none can be left out; name a method.")
    errors = {k: dict.fromkeys(CURVE_METHODS, 0.0) for k in beginnings}
    for train, test in GroupKFold(n_folds).split(curves, groups=groups):
        for name, method in CURVE_METHODS.items():
            for k in beginnings:
                predicted, _ = method(curves[train], curves[test, :k], n_epochs)
                errors[k][name] += float(np.abs(predicted - curves[test, -1]).sum()) / len(curves)
    return errors


def _chosen(errors: dict[int, dict[str, float]]) -> dict[int, tuple[str, ...]]:
    """Return the best methods of each beginning; neighbours have a say, as 40 curves in a fold tell little."""
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
    return np.full(len(first), values.mean()), (values - values.mean()) * n / (n - 1)  # each left out


@CURVE_METHODS.register("ridge")
def _ridge(curves: Array, first: Array, epoch: int) -> tuple[Array, Array]:
    k = first.shape[1]
    known = _block_features(curves[:, :k])
    center, scale = known.mean(axis=0), known.std(axis=0)
    scale[scale < 1e-12] = 1.0
    values = curves[:, epoch - 1]
    model = RidgeCV(_ALPHAS, store_cv_results=True).fit((known - center) / scale, values)
    squared = model.cv_results_[:, np.flatnonzero(model.alpha_ == _ALPHAS)[0]]
    # A curve that is left out is missed on the same side as one that is not, only by more.
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
        # No curve ends outside what was seen, with the same margin on both sides.
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
