"""Learn the lengthscales, variances, noise and margin of a warped process from its marginal likelihood.

The likelihood of the margin has the Jacobian of the warp (Snelson, Rasmussen and Ghahramani,
"Warped Gaussian processes", NeurIPS 2003).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np

from nasmeta.adam import Adam
from nasmeta.arrays import Floats, Integers
from nasmeta.gaussian_process import JITTER, Conditioned, negative_log_likelihood
from nasmeta.spaces import SearchSpace
from nasmeta.surrogates._features import features_at
from nasmeta.surrogates._process import Parts, Process, scaled_distances

Factors: TypeAlias = "Iterable[tuple[Floats, Floats]]"

_BATCH = 600  # observations of one gradient
# More observations would need gigabytes and minutes.
_MOST_OBSERVED = 6_000
_RATE, _LAST_RATE = 0.1, 0.03  # of Adam, and in the last 30 % of the steps
_DECAY_OF_SQUARES = 0.99  # of Adam: 80 steps are few, so old gradients are forgotten faster
_EPSILON = 1e-10

# Weak priors: a factor of e^1.5 for a lengthscale, of e for the margin around a tenth of the spread.
_DEVIATION_OF_SCALES = 1.5
_MARGIN_OF_SPREAD = 0.1


class Likelihood:
    """Minus the log marginal likelihood of warped labels per observation, and its gradient.

    Hyperparameters are logarithms of inverse lengthscales, variances, noise and margin, in this
    order, shape (n_hyperparameters,).

    Parameters
    ----------
    parts : sequence of ndarray, each of shape (n, n_features)
        The features of the observations, one array per set.
    u : ndarray of float64, shape (n,)
        Labels, larger is better.
    counts : ndarray of int, shape (n,)
        The number of values behind each label.
    """

    def __init__(self, parts: Parts, u: Floats, counts: Integers) -> None:
        self.parts = [part.astype(np.float64) for part in parts]
        self.u = u
        self.counts = counts
        widths = [part.shape[1] for part in parts]
        self.bounds = np.cumsum(widths)
        # A median lengthscale of the root of the width keeps distances in a set around 1.
        self.prior = np.repeat(-0.5 * np.log(widths), widths)
        self.best = float(u.max())
        self.spread = float(u.std())

    def start(self) -> Floats:
        """Return the initial hyperparameters."""
        margin = _MARGIN_OF_SPREAD * self.spread
        variance = self.warped(margin).var()
        n_sets = len(self.parts)
        variances = np.full(n_sets, np.log(variance / n_sets))
        others = np.log([variance / 50, margin])
        return np.concatenate([self.prior, variances, others], dtype=np.float64)

    def lower_bounds(self) -> Floats:
        """Return the least hyperparameters."""
        n_scales = len(self.prior)
        bounds = np.full(n_scales + len(self.parts) + 2, -16.0)
        bounds[:n_scales] = self.prior - 5
        bounds[-1] = np.log(1e-3 * self.spread)
        return bounds

    def warped(self, margin: float) -> Floats:
        """Return warped labels, shape (n,)."""
        warped: Floats = -np.log(self.best + margin - self.u)
        return warped

    def factors(self, logarithms: Floats, rows: Integers) -> Factors:
        """Yield for each set the factors ``v exp(-a)`` and ``1 + a`` of its kernel, both of shape (n_some, n_some).

        Their product is the Matérn-3/2 kernel (Rasmussen and Williams, equation 4.17) of the rows
        of some observations, (n_some,).
        """
        *scales, variances = np.split(np.exp(logarithms[:-2]), self.bounds)
        for number, part in enumerate(self.parts):
            x = part[rows] * scales[number]
            a = scaled_distances(x, x)
            yield variances[number] * np.exp(-a), 1.0 + a

    def covariance(self, logarithms: Floats, rows: Integers, factors: Factors) -> Floats:
        """Return the covariance of observations with noise, shape (n_some, n_some), from the factors of the kernels."""
        total = np.zeros((len(rows), len(rows)))
        for decay, linear in factors:
            total += linear * decay
        total[np.diag_indices(len(rows))] += np.exp(logarithms[-2]) / self.counts[rows] + JITTER
        return total

    def gradient(self, logarithms: Floats, rows: Integers) -> Floats | None:
        """Return the gradient by the logarithms; None if the covariance is not positive definite."""
        factors = list(self.factors(logarithms, rows))
        margin = float(np.exp(logarithms[-1]))
        z = self.warped(margin)[rows]
        likelihood = negative_log_likelihood(
            self.covariance(logarithms, rows, factors), [z - z.mean()]
        )
        if likelihood is None:
            return None
        by_covariance = likelihood.by_covariance  # (n_some, n_some)
        by_scales = []
        by_variances = []
        for part, (decay, linear) in zip(self.parts, factors, strict=True):
            # ∂k/∂log w_i = -3 v exp(-a) w_i² (x_i - x'_i)²; the sum over pairs of
            # h (x_i - x'_i)² is 2 (Σ h x_i² - Σ h x_i x'_i), since h is symmetric.
            x = part[rows]
            h = by_covariance * decay
            by_scales.append(h.sum(axis=1) @ (x * x) - np.einsum("pi,pi->i", x, h @ x))
            by_variances.append((h * linear).sum())
        by_noise = np.diag(by_covariance) @ (np.exp(logarithms[-2]) / self.counts[rows])
        # z = -log(c - u): its derivative by c, and the log-Jacobian Σ -log(c - u) of the warp
        by_margin_of_z = -1.0 / (self.best + margin - self.u[rows])
        centred = by_margin_of_z - by_margin_of_z.mean()
        by_margin = margin * (likelihood.weights[0] @ centred - by_margin_of_z.sum())
        gradient: Floats = np.concatenate([*by_scales, by_variances, [by_noise, by_margin]])
        scales = slice(len(self.prior))
        gradient[scales] *= -6.0 * np.exp(logarithms[scales]) ** 2
        gradient /= len(rows)
        of_prior = (logarithms[scales] - self.prior) / _DEVIATION_OF_SCALES**2
        gradient[scales] += of_prior / len(self.u)
        gradient[-1] += (logarithms[-1] - np.log(_MARGIN_OF_SPREAD * self.spread)) / len(self.u)
        return gradient


def fit_process(
    space: SearchSpace,
    observed: Integers,
    u: Floats,
    counts: Integers,
    rng: np.random.Generator,
    steps: int = 80,
) -> Process:
    """Learn the hyperparameters by stochastic gradients on batches, then condition on all observations.

    Adam (Kingma and Ba, ICLR 2015) on batches of 600 drawn without replacement; its gradient is
    that of the batch's marginal likelihood, as in Chen, Zheng, Al Kontar and Raskutti, "Stochastic
    gradient descent in correlated settings: a study on Gaussian processes", NeurIPS 2020. Of more
    than 6,000 observations, a random subset is used.

    Parameters
    ----------
    space : SearchSpace
    observed : ndarray of int, shape (n,)
        The observed classes, see `classes_of`.
    u : ndarray of float64, shape (n,)
        Labels, larger is better.
    counts : ndarray of int64, shape (n,)
        Each label is the mean of so many values.
    rng : numpy.random.Generator
    steps : int, default 80
    """
    if len(u) > _MOST_OBSERVED:
        kept = np.sort(rng.permutation(len(u))[:_MOST_OBSERVED])
        observed, u, counts = observed[kept], u[kept], counts[kept]
    parts = features_at(space, observed)
    # Features of classes are scaled already.
    units = [1.0] * len(parts)
    if space.is_large:
        units = [np.maximum(part.std(axis=0), 0.2) for part in parts]
    in_units = [part / unit for part, unit in zip(parts, units, strict=True)]
    likelihood = Likelihood(in_units, u, counts)
    logarithms = _learn(likelihood, rng, steps)

    noise, margin = np.exp(logarithms[-2:]).tolist()
    warped = likelihood.warped(margin)
    centre = float(warped.mean())
    everyone = np.arange(len(u))
    factors = likelihood.factors(logarithms, everyone)
    covariance = likelihood.covariance(logarithms, everyone, factors)
    weights = Conditioned.on(covariance, 0.0, warped - centre).weights
    *scales, variances = np.split(np.exp(logarithms[:-2]), likelihood.bounds)
    per_unit = [
        (scale / unit).astype(np.float32) for scale, unit in zip(scales, units, strict=True)
    ]
    return Process(
        space=space,
        inverse_lengthscales=tuple(per_unit),
        variances=variances,
        noise=noise,
        best=likelihood.best,
        margin=margin,
        centre=centre,
        observed=observed,
        weights=weights.astype(np.float32),
        counts=counts,
    )


def _learn(likelihood: Likelihood, rng: np.random.Generator, steps: int) -> Floats:
    """Return the hyperparameters after so many steps of Adam."""
    logarithms = likelihood.start()
    lowest = likelihood.lower_bounds()
    adam = Adam([logarithms], _EPSILON, _DECAY_OF_SQUARES)
    for step in range(1, steps + 1):
        batch = rng.permutation(len(likelihood.u))[:_BATCH]
        gradient = likelihood.gradient(logarithms, batch)
        if gradient is None:
            continue
        rate = _RATE if step <= 0.7 * steps else _LAST_RATE
        adam.step([gradient], rate)
        np.maximum(logarithms, lowest, out=logarithms)
    return logarithms
