"""How well models predict values that they have not seen, and the weights that follow from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky
from scipy.special import logsumexp

from nasmeta.checks import check_array
from nasmeta.errors import SettingError

_SAMPLES = 200


def predictive_weights(log_densities: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    r"""Return the weights of models by the log densities that each gives to observations it was not conditioned on.

    Pseudo-Bayesian model averaging with a Bayesian bootstrap: of each draw :math:`\alpha \sim Dir(1, \dots, 1)` of the
    observations' weights, a model has the share :math:`\exp(n \sum_i \alpha_i \ell_{mi})` among all models, and its
    weight is the mean of its shares. Few observations leave the draws, and so the weights, apart; a model which all
    observations speak against loses its weight exponentially fast. After Yao, Vehtari, Simpson and Gelman, "Using
    stacking to average Bayesian predictive distributions", Bayesian Analysis 2018, section 3.4.

    >>> import numpy as np
    >>> agreed = np.full((2, 20), -1.0)
    >>> predictive_weights(agreed, np.random.default_rng(0)).tolist()
    [0.5, 0.5]
    >>> predictive_weights(agreed - [[0.0], [1.0]], np.random.default_rng(0)).round(3).tolist()
    [1.0, 0.0]
    """
    log_densities = check_array("log_densities", log_densities)
    if log_densities.ndim != 2 or not log_densities.size:
        raise SettingError(f"log_densities has a row a model and a column an observation, not {log_densities.shape}.")
    n = log_densities.shape[1]
    shares = log_densities @ (n * rng.dirichlet(np.ones(n), size=_SAMPLES)).T
    shares -= logsumexp(shares, axis=0)
    weights = np.exp(shares).mean(axis=1)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def left_out_densities(
    covariance: NDArray[np.float64], labels: NDArray[np.float64], means: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the log density of each label given the others, shape (n,); row i of `means` is the prior without label i.

    Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, equations 5.10 to 5.12.
    """
    inverse = cho_solve((cholesky(covariance, lower=True, check_finite=False), True), np.eye(len(labels)))
    precision = np.diag(inverse)
    errors = np.einsum("ij,ij->i", inverse, labels - means) / precision
    density: NDArray[np.float64] = 0.5 * (np.log(precision / (2 * np.pi)) - precision * errors**2)
    return density
