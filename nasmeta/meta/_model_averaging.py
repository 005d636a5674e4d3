"""Model averaging of a meta-predictor and Gaussian processes of the target's labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import cho_solve
from scipy.special import softmax

from nasmeta.meta._arrays import Architectures, Floats, Integers, Prediction
from nasmeta.predictors import make_predictor
from nasmeta.spaces import SearchSpace


@dataclass(frozen=True)
class BlendSettings:
    """Settings of `blended`; ``reports/transfer/few_shot`` has results with them and the tasks of the choice."""

    fewest_labels: int = 8  # fewer labels cannot show whether the sources mislead
    folds: int = 5
    slope_precision: float = 4.0  # prior precision of the multiple of the adapted prediction; its prior mean is 1
    noise: float = 0.3  # prior deviation of labels from an adapted prediction, with the weight of one label
    rounds: int = 2  # alternating fits of the multiple and its process


BLEND = BlendSettings()


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
    weighted = log_densities @ (n * rng.dirichlet(np.ones(n), size=200)).T
    return np.asarray(softmax(weighted, axis=0).mean(axis=1), np.float64)


def blended(
    predictor: Any, architectures: Architectures, scores: Floats, mean: Floats, std: Floats
) -> tuple[Floats, Floats, dict[str, float]]:
    """Average three predictions, weighted by their cross-validated log densities (`predictive_weights`).

    The members are the meta-predictor's own prediction (``adapted``), a multiple of it plus a Gaussian process of the
    target (``corrected``), and a Gaussian process without sources (``alone``). The multiple is regressed as in
    `MultiTaskGPSearch`. All members predict the scores, (n,), in the same five folds; the processes do so in closed
    form. So sources that the labels contradict lose their weight.

    Parameters
    ----------
    predictor : MetaPredictor
        With a meta-model.
    architectures : ndarray of int32, shape (n,)
    scores : ndarray, shape (n,)
    mean, std : ndarray, shape (n_architectures,)
        The predictor's own prediction, given these scores.

    Returns
    -------
    mean, std : ndarray, shape (n_architectures,)
    weights : dict of str to float
        By member.
    """
    space, learned, n = predictor.cell_space, predictor.meta_model_, len(architectures)
    rng = np.random.default_rng(n)
    unseen = np.empty(n)
    folds = np.array_split(rng.permutation(n), BLEND.folds)
    for fold in folds:
        kept = np.setdiff1d(np.arange(n), fold)
        unseen[fold] = predictor._forecast(learned, architectures[kept], scores[kept], architectures[fold])[0]
    level, spread = scores.mean(), float(scores.std()) or 1.0
    labels, seen, adapted = (scores - level) / spread, (unseen - level) / spread, (mean - level) / spread

    squared = (labels - seen) ** 2
    variance = (squared.sum() + BLEND.noise**2) / (n + 1)
    of_adapted = -0.5 * (np.log(2 * np.pi * variance) + squared / variance)
    alone = _process(space, architectures, labels)
    slope = 1.0
    for _ in range(BLEND.rounds):
        residuals = labels - slope * seen
        if np.ptp(residuals) == 0:
            return mean, std, {"adapted": 1.0}
        rest = _process(space, architectures, residuals)
        covariance = _covariance(rest, residuals)
        solved = np.linalg.solve(covariance, seen)
        slope = (solved @ labels + BLEND.slope_precision) / (solved @ seen + BLEND.slope_precision)
    around = covariance + np.outer(seen, seen) / BLEND.slope_precision
    of_corrected = _densities(around, labels - seen, folds)
    of_alone = _densities(_covariance(alone, labels), labels, folds)
    weights = predictive_weights(np.stack([of_adapted, of_corrected, of_alone]), rng)

    _condition(rest, labels - slope * adapted[architectures])  # on the residuals of the prediction from all labels
    everything = np.arange(space.size)
    rest_mean, rest_std = rest.predict(everything, return_std=True)
    alone_mean, alone_std = alone.predict(everything, return_std=True)
    means = np.stack([adapted, slope * adapted + rest_mean, alone_mean])
    mean, std = mixture(weights, means, np.stack([std / spread, rest_std, alone_std]))
    by_name = dict(zip(("adapted", "corrected", "alone"), weights.tolist(), strict=True))
    return level + spread * mean, spread * std, by_name


def mixture(weights: Floats, means: Floats, stds: Floats) -> Prediction:
    """Return mean and deviation of a mixture of models, (n_models,), whose predictions have shape (n_models, n).

    >>> mixture(np.array([0.25, 0.75]), np.array([[0.0], [4.0]]), np.array([[1.0], [2.0]]))
    (array([3.]), array([2.5]))
    """
    mean = weights @ means
    return mean, np.sqrt(weights @ (stds**2 + (means - mean) ** 2))


def _process(space: SearchSpace, architectures: Architectures, labels: Floats) -> Any:
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


def _densities(covariance: Floats, labels: Floats, folds: Sequence[Integers]) -> Floats:
    """Return the log density of each label given the labels of the other folds, shape (n,)."""
    inverse = np.linalg.inv(covariance)
    solved, density = inverse @ labels, np.empty(len(labels))
    for fold in folds:
        around = np.linalg.inv(inverse[np.ix_(fold, fold)])
        variance = np.diag(around)
        density[fold] = -0.5 * (np.log(2 * np.pi * variance) + (around @ solved[fold]) ** 2 / variance)
    return density
