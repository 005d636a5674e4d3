"""Synthetic functions on a search space."""

from __future__ import annotations

import numpy as np

from nasmeta.arrays import Floats
from nasmeta.spaces import SearchSpace


def synthetic_values(
    space: SearchSpace,
    seed: int = 0,
    *,
    relevant: int | None = None,
    interactions: int = 0,
    plateaus: int | None = None,
    noise: float = 0.0,
) -> Floats:
    """Draw a random function on a space: one effect per position, products of pairs, noise and plateaus.

    The effect of an ordered position is a parabola with a random vertex; that of another position
    is one normal number per choice. Each effect has variance 1.

    Parameters
    ----------
    space : SearchSpace
    seed : int, default 0
    relevant : int, optional
        Number of positions that matter, chosen at random; by default all.
    interactions : int, default 0
        Number of added products of the effects of two random relevant positions; a pair may occur
        twice.
    plateaus : int, optional
        Replace the values, noise included, by the numbers of this many levels, equally frequent if
        no values tie.
    noise : float, default 0.0
        Standard deviation of normal noise, relative to the function's; each architecture has one
        value.

    Returns
    -------
    ndarray of float64, shape (size,)

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.testing import synthetic_values
    >>> space = nm.get_space("hpobench-mlp")
    >>> values = synthetic_values(space, relevant=3, noise=0.1)
    >>> run = nm.search("gp", space, evaluator=lambda a: values[space.index_of(a)], evaluations=20, seed=0)
    >>> bool((values > run.best.value).mean() < 0.01)
    True
    """
    rng = np.random.default_rng(seed)
    chosen = rng.choice(space.n_positions, relevant or space.n_positions, replace=False)
    effects = []  # (size,) each
    for position in chosen:
        n = space.n_choices[position]
        vertex = rng.uniform(0, n - 1)  # the best choice
        by_choice = -((np.arange(n) - vertex) ** 2)
        if not space.positions[position].ordered:
            by_choice = rng.normal(size=n)
        effect = by_choice[space.codes[:, position]]
        # Mean 0 and variance 1; a constant effect is 0.
        effects.append((effect - effect.mean()) / (effect.std() or 1.0))
    values = np.sum(effects, axis=0)
    for _ in range(interactions):
        first, second = rng.choice(len(effects), 2, replace=False)
        values = values + effects[first] * effects[second]
    values = values + noise * values.std() * rng.normal(size=space.size)
    if plateaus is not None:
        limits = np.quantile(values, np.arange(1, plateaus) / plateaus)  # between two levels
        values = np.searchsorted(limits, values, "right")
    return np.asarray(values, np.float64)
