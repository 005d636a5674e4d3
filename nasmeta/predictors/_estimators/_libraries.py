"""Regressors of scikit-learn and XGBoost on scores of the labels, with deviations."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nasmeta.arrays import Array, Floats
from nasmeta.errors import SettingError
from nasmeta.predictors._estimators._scaled import Prediction, ScaledRegressor
from nasmeta.predictors._labels import LabelScale

_SMALLEST_VARIANCE = 1e-12  # trees that agree on pure leaves would claim certainty
_SMALLEST_DEVIATION = 1e-6


@dataclass(eq=False, repr=False)
class RidgeRegressor(ScaledRegressor):
    """Ridge regression; penalty and noise maximise the marginal likelihood.

    scikit-learn's `BayesianRidge` (MacKay, "Bayesian interpolation", 1992) on standardised
    features.

    Parameters
    ----------
    labels : {"rank", "value"}, default "rank"
        Learn normal scores of ranks, or the values themselves.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import PREDICTORS
    >>> X = np.arange(20.0)[:, None]
    >>> PREDICTORS["ridge"](labels="value").fit(X, 3 * X[:, 0] + 1).predict([[30.0]]).round(2)
    array([91.])
    """

    labels: str = "rank"

    def _fit(self, X: Floats, scores: Floats) -> None:
        """Fit standardised features, shape (n, n_features), to scores, shape (n,)."""
        from sklearn.linear_model import BayesianRidge

        self.centre_ = X.mean(axis=0)
        self.scale_ = np.where(X.std(axis=0) > 0, X.std(axis=0), 1.0)
        standardised = (X - self.centre_) / self.scale_
        self.model_ = BayesianRidge().fit(standardised, scores)

    def _predict(self, X: Floats, return_std: bool) -> Prediction:
        """Return mean and deviation of the scores, each of shape (n,), from the covariance of weights and the noise."""
        X = (X - self.centre_) / self.scale_
        mean = X @ self.model_.coef_ + self.model_.intercept_
        if not return_std:
            return mean, None
        # xᵀ Σ x of the weights' covariance Σ, and the noise.
        variance_of_mean = np.einsum("ij,ij->i", X @ self.model_.sigma_, X)
        return mean, np.sqrt(variance_of_mean + 1 / self.model_.alpha_)


@dataclass(eq=False, repr=False)
class PerceptronRegressor(ScaledRegressor):
    """Multi-layer perceptrons on standardised features: scikit-learn's `MLPRegressor`, several with different seeds.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default (64, 64)
    alpha : float, default 0.01
        Penalty of the squared weights.
    learning_rate_init : float, default 0.003
        Learning rate of Adam.
    max_iter : int, default 200
        Largest number of epochs.
    n_members : int, default 5
        Number of networks. Their mean is the prediction; the deviation needs at least two.
    labels : {"rank", "value"}, default "rank"
        Learn normal scores of ranks, or the values themselves.
    random_state : int, default 0

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import PREDICTORS
    >>> X = np.arange(60.0)[:, None]
    >>> model = PREDICTORS["mlp"](n_members=2).fit(X, X[:, 0])
    >>> mean, deviation = model.predict([[10.0], [50.0]], return_std=True)
    >>> bool(mean[0] < mean[1]), deviation.shape
    (True, (2,))
    """

    hidden_layer_sizes: tuple[int, ...] = (64, 64)
    alpha: float = 1e-2
    learning_rate_init: float = 3e-3
    max_iter: int = 200
    n_members: int = 5
    labels: str = "rank"
    random_state: int = 0

    def _fit(self, X: Floats, scores: Floats) -> None:
        """Train the networks on features, shape (n, n_features), and scores, shape (n,)."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPRegressor
        from sklearn.preprocessing import StandardScaler

        self.scaler_ = StandardScaler().fit(X)
        self.networks_ = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is a setting
            for member in range(self.n_members):
                network = MLPRegressor(
                    hidden_layer_sizes=self.hidden_layer_sizes,
                    alpha=self.alpha,
                    learning_rate_init=self.learning_rate_init,
                    max_iter=self.max_iter,
                    random_state=self.random_state + member,
                )
                self.networks_.append(network.fit(self.scaler_.transform(X), scores))
        self.n_iter_ = max(network.n_iter_ for network in self.networks_)

    def _predict(self, X: Floats, return_std: bool) -> Prediction:
        """Return mean and deviation of the scores over the networks, each of shape (n,)."""
        rows = self.scaler_.transform(X)
        predicted = np.stack([network.predict(rows) for network in self.networks_])
        return _mean_of_members(predicted, return_std)


@dataclass(eq=False, repr=False)
class ForestRegressor(ScaledRegressor):
    """Random forest (Breiman 2001), with the deviation of Hutter et al. (Artificial Intelligence 2014, sec. 4.3.2).

    The variance is the variance of the trees' means plus the mean variance in their leaves.

    Parameters
    ----------
    n_estimators : int, default 100
        Trees.
    max_features : float, int or "sqrt", default 0.5
        Share or number of columns that a split chooses from.
    min_samples_leaf : int, default 1
        Minimum number of labels in a leaf.
    labels : {"value", "rank"}, default "value"
        Learn the values themselves, or normal scores of ranks.
    random_state : int, default 0
    n_jobs : int, default 1

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import PREDICTORS
    >>> X = np.arange(60.0)[:, None]
    >>> model = PREDICTORS["random-forest"](n_estimators=20).fit(X, X[:, 0])
    >>> mean, deviation = model.predict([[10.0]], return_std=True)
    >>> mean.shape, bool(deviation[0] > 0)
    ((1,), True)
    """

    n_estimators: int = 100
    max_features: float | str = 0.5
    min_samples_leaf: int = 1
    labels: str = "value"
    random_state: int = 0
    n_jobs: int | None = 1

    def _fit(self, X: Floats, scores: Floats) -> None:
        """Grow the trees on features, shape (n, n_features), and scores, shape (n,)."""
        from sklearn.ensemble import RandomForestRegressor

        model = RandomForestRegressor(
            n_estimators=self.n_estimators,
            max_features=self.max_features,
            min_samples_leaf=self.min_samples_leaf,
            random_state=self.random_state,
            n_jobs=self.n_jobs,
        )
        self.trees_ = [tree.tree_ for tree in model.fit(X, scores).estimators_]

    def _predict(self, X: Floats, return_std: bool) -> Prediction:
        """Return mean and deviation of the scores, each (n,), by the law of total variance over the trees."""
        rows = X.astype(np.float32)  # the precision of scikit-learn's trees
        means = np.empty((len(rows), len(self.trees_)))
        variances = np.empty_like(means)  # within the leaves
        for i, tree in enumerate(self.trees_):
            leaves = tree.apply(rows)
            means[:, i] = tree.value[leaves, 0, 0]
            variances[:, i] = np.maximum(tree.impurity[leaves], 0)  # rounding: −1e-17
        if not return_std:
            return means.mean(axis=1), None
        variance = means.var(axis=1) + variances.mean(axis=1)
        return means.mean(axis=1), np.sqrt(np.maximum(variance, _SMALLEST_VARIANCE))


@dataclass(eq=False, repr=False)
class XGBoostRegressor(ScaledRegressor):
    """Gradient boosting (Chen and Guestrin, KDD 2016) on one thread by default; several seeds give a deviation.

    Parameters
    ----------
    n_estimators : int, default 300
        Trees per member.
    learning_rate : float, default 0.05
    max_depth : int, default 6
        Of a tree.
    subsample, colsample_bytree : float, default 0.8 and 0.5
        Shares of the rows and of the columns for one tree.
    n_members : int, default 1
        Boosters with different seeds. Their mean is the prediction; the deviation needs at least
        two.
    labels : {"value", "rank"}, default "value"
        Learn the values themselves, or normal scores of ranks.
    random_state : int, default 0
    n_jobs : int, default 1
        Threads; -1 or None for all.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import PREDICTORS
    >>> X = np.arange(60.0)[:, None]
    >>> model = PREDICTORS["xgboost"](n_estimators=50).fit(X, X[:, 0] ** 2)
    >>> model.predict([[10.0], [50.0]]).shape
    (2,)

    Each of ``model.boosters_`` is an ``xgboost.Booster``, with ``get_score`` for importances and
    ``predict(pred_contribs=True)`` for SHAP values.
    """

    n_estimators: int = 300
    learning_rate: float = 0.05
    max_depth: int = 6
    subsample: float = 0.8
    colsample_bytree: float = 0.5
    n_members: int = 1
    labels: str = "value"
    random_state: int = 0
    n_jobs: int | None = 1

    def _fit(self, X: Floats, scores: Floats) -> None:
        """Train the boosters on features, shape (n, n_features), and scores, shape (n,)."""
        import xgboost

        settings = {
            "eta": self.learning_rate,
            "max_depth": self.max_depth,
            "subsample": self.subsample,
            "colsample_bytree": self.colsample_bytree,
            "tree_method": "hist",
            "nthread": self.n_jobs,
            "verbosity": 0,
        }
        data = xgboost.QuantileDMatrix(X, label=scores, nthread=self.n_jobs)
        self.boosters_ = []
        for member in range(self.n_members):
            seeded = {**settings, "seed": self.random_state + member}
            booster = xgboost.train(seeded, data, num_boost_round=self.n_estimators)
            self.boosters_.append(booster)

    def _predict(self, X: Floats, return_std: bool) -> Prediction:
        """Return mean and deviation of the scores over the boosters, each of shape (n,)."""
        predicted = np.stack([booster.inplace_predict(X) for booster in self.boosters_])
        return _mean_of_members(predicted.astype(np.float64), return_std)

    def to_arrays(self) -> dict[str, Array]:
        """Return the fitted state of one member: the booster in XGBoost's binary JSON, and the scale of the labels."""
        booster = np.frombuffer(bytes(self.boosters_[0].save_raw("ubj")), np.uint8)
        return {
            "booster": booster,
            "scale": np.stack([self.label_scale_.labels, self.label_scale_.scores]),
        }

    def restore(self, arrays: Mapping[str, Array]) -> None:
        """Set the fitted state from `to_arrays`."""
        import xgboost

        self.label_scale_ = LabelScale(*arrays["scale"])
        self.boosters_ = [xgboost.Booster(model_file=bytearray(arrays["booster"]))]
        self.n_features_in_ = self.boosters_[0].num_features()


def _mean_of_members(predicted: Floats, return_std: bool) -> Prediction:
    """Return mean and deviation over members, each of shape (n,), of their predictions, shape (n_members, n)."""
    if not return_std:
        return predicted.mean(axis=0), None
    if len(predicted) < 2:
        raise SettingError("n_members", 1, "an integer of at least 2 for a deviation")
    return predicted.mean(axis=0), np.maximum(predicted.std(axis=0, ddof=1), _SMALLEST_DEVIATION)
