"""Model averaging of a meta-predictor and Gaussian processes of the target's labels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve
from scipy.special import softmax

from nasmeta.gaussian_process import inverse_of
from nasmeta.meta._arrays import Cells, Floats, Prediction
from nasmeta.predictors import make_predictor
from nasmeta.spaces import SearchSpace

_SAMPLES = 200
FEWEST_LABELS = 8  # fewer labels cannot show whether the sources mislead
_FOLDS = 5
_SLOPE, _SLOPE_VARIANCE = 1.0, 0.25  # prior of the adapted prediction's coefficient
_NOISE, _NOISE_LABELS = 0.3, 1  # prior deviation of labels from an adapted prediction, and its weight in labels
_ROUNDS = 2  # alternating fits of slope and process


def predictive_weights(log_densities: Floats, rng: np.random.Generator) -> Floats:
    r"""Return model weights from the log densities of observations on which the models were not conditioned.

    Pseudo-Bayesian model averaging with a Bayesian bootstrap (Yao, Vehtari, Simpson and Gelman, "Using stacking to
    average Bayesian predictive distributions", Bayesian Analysis 2018, section 3.4). For each draw
    :math:`\alpha \sim Dir(1, \dots, 1)` of the observations' weights, model m has a share proportional to
    :math:`\exp(n \sum_i \alpha_i \ell_{mi})`. Its weight is the mean of its shares. With few observations the weights
    stay close together; a model that all observations contradict loses its weight exponentially fast.

    Parameters
    ----------
    log_densities : ndarray, shape (n_models, n)
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float64, shape (n_models,)

    Examples
    --------
    >>> import numpy as np
    >>> agreed = np.full((2, 20), -1.0)
    >>> predictive_weights(agreed, np.random.default_rng(0)).tolist()
    [0.5, 0.5]
    >>> predictive_weights(agreed - [[0.0], [1.0]], np.random.default_rng(0)).round(3).tolist()
    [1.0, 0.0]
    """
    n = log_densities.shape[1]
    weighted = log_densities @ (n * rng.dirichlet(np.ones(n), size=_SAMPLES)).T
    return np.asarray(softmax(weighted, axis=0).mean(axis=1), np.float64)


def left_out_densities(factor: NDArray[np.floating], labels: Floats, means: NDArray[np.floating]) -> Floats:
    """Return the log density of each label given the others, shape (n,), by the Cholesky factor of their covariance.

    Row i of `means`, shape (n, n), is the prior mean without label i; one row (n,) if all are the same.

    Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, equations 5.10 to 5.12.
    """
    inverse = inverse_of(factor)
    precision = np.diag(inverse)
    errors = np.vecdot(inverse, labels - means) / precision
    density: Floats = 0.5 * (np.log(precision / (2 * np.pi)) - precision * errors**2)
    return density


class Blend(NamedTuple):
    """Mean and deviation of all scores, both of shape (n_architectures,), and the weights of the members."""

    mean: Floats
    std: Floats
    weights: dict[str, float]


def blended(predictor: Any, learned: Any, architectures: Cells, scores: Floats) -> Blend:
    """Average three predictions, weighted by their cross-validated log densities (`predictive_weights`).

    The members are the meta-predictor's own prediction (``adapted``), a multiple of it plus a Gaussian process of the
    target (``corrected``), and a Gaussian process without sources (``alone``). The multiple is regressed as in
    `nasmeta.meta.MultiTaskGPSearch`. All members predict the scores, (n,), in the same five folds; the processes do so
    in closed form. So sources that the labels contradict lose their weight.
    """
    space, n = predictor.cell_space, len(architectures)
    rng = np.random.default_rng(n)
    unseen = np.empty(n)
    folds = np.array_split(rng.permutation(n), _FOLDS)
    for fold in folds:
        kept = np.setdiff1d(np.arange(n), fold)
        unseen[fold] = predictor._forecast(learned, architectures[kept], scores[kept], architectures[fold])[0]
    mean, std = predictor._adapted(learned, architectures, scores)
    level, spread = scores.mean(), float(scores.std()) or 1.0
    labels, seen, adapted = (scores - level) / spread, (unseen - level) / spread, (mean - level) / spread

    variance = (((labels - seen) ** 2).sum() + _NOISE_LABELS * _NOISE**2) / (n + _NOISE_LABELS)
    of_adapted = -0.5 * (np.log(2 * np.pi * variance) + (labels - seen) ** 2 / variance)
    alone = _process(space, architectures, labels)
    slope = _SLOPE
    for _ in range(_ROUNDS):
        left = labels - slope * seen
        if np.ptp(left) == 0:
            return Blend(mean, std, {"adapted": 1.0})
        rest = _process(space, architectures, left)
        covariance = _covariance(rest, left)
        solved = np.linalg.solve(covariance, seen)
        slope = (solved @ labels + _SLOPE / _SLOPE_VARIANCE) / (solved @ seen + 1 / _SLOPE_VARIANCE)
    around = covariance + _SLOPE_VARIANCE * np.outer(seen, seen)
    of_corrected = _densities(around, labels - _SLOPE * seen, folds)
    of_alone = _densities(_covariance(alone, labels), labels, folds)
    weights = predictive_weights(np.stack([of_adapted, of_corrected, of_alone]), rng)

    everything = np.arange(space.size)
    _condition(rest, labels - slope * adapted[architectures])  # on the residuals of the prediction from all labels
    (rest_mean, rest_std), (alone_mean, alone_std) = (one.predict(everything, return_std=True) for one in (rest, alone))
    means = np.stack([adapted, slope * adapted + rest_mean, alone_mean])
    stds = np.stack([std / spread, rest_std, alone_std])
    mean, std = mixture(weights, means, stds)
    by_name = dict(zip(("adapted", "corrected", "alone"), weights.tolist(), strict=True))
    return Blend(level + spread * mean, spread * std, by_name)


def mixture(weights: Floats, means: Floats, stds: Floats) -> Prediction:
    """Return mean and deviation of a mixture of models, (n_models,), whose predictions have shape (n_models, n).

    >>> mixture(np.array([0.25, 0.75]), np.array([[0.0], [4.0]]), np.array([[1.0], [2.0]]))
    (array([3.]), array([2.5]))
    """
    mean = weights @ means
    return mean, np.sqrt(weights @ (stds**2 + (means - mean) ** 2))


def _process(space: SearchSpace, architectures: Cells, labels: Floats) -> Any:
    """Return the predictor `gp`, fitted to the labels instead of their ranks."""
    process = make_predictor("gp", space=space)
    process[-1].set_params(labels="value")
    return process.fit(architectures, labels)


def _covariance(process: Any, labels: Floats) -> Floats:
    """Return the covariance of the labels of a process in their own unit; the process has standardised them."""
    factor: Floats = process[-1].factor_
    return np.asarray(labels.var() * (factor @ factor.T))


def _condition(process: Any, labels: Floats) -> None:
    """Condition a process on other labels of the same architectures, with the same hyperparameters."""
    regressor = process[-1]
    scores = regressor.label_scale_.to_scores(labels) - regressor.mean_
    regressor.weights_ = cho_solve((regressor.factor_, True), scores)


def _densities(covariance: Floats, labels: Floats, folds: list[NDArray[np.intp]]) -> Floats:
    """Return the log density of each label given the labels of the other folds, shape (n,)."""
    inverse = np.linalg.inv(covariance)
    solved, density = inverse @ labels, np.empty(len(labels))
    for fold in folds:
        around = np.linalg.inv(inverse[np.ix_(fold, fold)])
        variance = np.diag(around)
        density[fold] = -0.5 * (np.log(2 * np.pi * variance) + (around @ solved[fold]) ** 2 / variance)
    return density
