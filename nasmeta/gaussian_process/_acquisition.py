"""Expected improvement."""

from __future__ import annotations

import numpy as np
from scipy.special import erfcx, log1p

from nasmeta.arrays import Floats

_SURE = 30.0  # deviations above the best: from here on the improvement equals the difference
_RARE = -1e3  # deviations: below, 1 + u √(π/2) erfcx(-u/√2) is u⁻² and has no digit left
_LOG_ROOT = 0.5 * np.log(2 * np.pi)


def log_expected_improvement(mean: Floats, std: Floats, best: float) -> Floats:
    """Return the logarithm of the expected improvement over `best`, exact far into the tail.

    Jones, Schonlau and Welch, "Efficient global optimization", 1998; the stable form follows Ament
    et al., "Unexpected improvements to expected improvement", NeurIPS 2023.

    Parameters
    ----------
    mean, std : ndarray of float64, shape (n,)
        Posterior means and standard deviations of values to maximise.
    best : float
        Best value so far.

    Returns
    -------
    ndarray of float64, shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> log_expected_improvement(np.array([0.0, -100.0]), np.ones(2), best=0.0).round(2)
    array([-9.20000e-01, -5.01013e+03])
    """
    u, log_std = (mean - best) / std, np.log(std)
    middle = np.clip(u, _RARE, _SURE)
    # φ(u) + u Φ(u) = φ(u) (1 + u √(π/2) erfcx(-u/√2))
    scaled = middle * np.sqrt(np.pi / 2) * erfcx(-middle / np.sqrt(2))
    score: Floats = log_std - 0.5 * middle**2 - _LOG_ROOT + log1p(scaled)
    if (sure := u > _SURE).any():
        score[sure] = log_std[sure] + np.log(u[sure])
    if (rare := u < _RARE).any():
        score[rare] = log_std[rare] - 0.5 * u[rare] ** 2 - _LOG_ROOT - 2 * np.log(-u[rare])
    return score
