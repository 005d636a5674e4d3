"""Splits of architectures in which no network is on both sides."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasmeta.errors import SettingError
from nasmeta.spaces import CellSpace, SearchSpace, get_space
from nasmeta.spaces._isomorphism import IsomorphismRule

__all__ = ["isomorph_split"]


def isomorph_split(
    space: SearchSpace | str,
    *,
    rng: np.random.Generator,
    test_fraction: float | None = None,
    n_train: int | None = None,
    cells: ArrayLike | None = None,
    rule: IsomorphismRule = "upstream",
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Split architectures so that no isomorphic pair is divided.

    Isomorphic architectures carry copied or repeated results, so a random split lets a model look its test labels up.

    Parameters
    ----------
    space : SearchSpace or str
    rng : numpy.random.Generator
    test_fraction : float, optional
        Whole classes are drawn for the test side until it has this share of them; each is on one side.
    n_train : int, optional
        So many are drawn for training, each with the same chance; the test side has all of which no isomorph was drawn.
        Exactly one of `test_fraction` and `n_train` is given.
    cells : array-like of int or str, shape (n,), optional
        The architectures to split, each once; the whole space where left out.
    rule : {"upstream", "zero", "skip"}, default "upstream"
        Which cells count as isomorphic, see `CellSpace.canonical`; another space has at most one rule, its own, and
        takes none. ``upstream`` is the benchmark's own rule, so published
        counts of unique networks are by it; ``zero`` is stricter: many cells beyond the upstream rule compute the same
        function, too, since a zeroed input adds nothing to a sum.

    Returns
    -------
    train, test : ndarray of int32
        In random order.

    Raises
    ------
    SettingError, ArchitectureError, UnknownNameError

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import isomorph_split
    >>> from nasmeta.spaces import get_space
    >>> train, test = isomorph_split("nb201", n_train=781, rng=np.random.default_rng(0))
    >>> canonical = get_space("nb201").canonical
    >>> len(train), len(np.intersect1d(canonical(train), canonical(test)))
    (781, 0)
    """
    space = get_space(space)
    if not isinstance(rng, np.random.Generator):
        raise SettingError(f"rng must be a numpy.random.Generator, not {rng!r:.80}.")
    if rule != "upstream" and not isinstance(space, CellSpace):
        raise SettingError(
            f"The rule {rule!r:.80} is one for cells, and {space.name} is no space of cells: leave it out."
        )
    pool = np.arange(space.size, dtype=np.int32) if cells is None else np.asarray(space.index_of(np.asarray(cells)))
    if pool.ndim != 1 or len(np.unique(pool)) < len(pool):
        raise SettingError(f"The {space.noun}s to split must be one-dimensional, each of them once.")
    if (test_fraction is None) == (n_train is None):
        raise SettingError("Give exactly one of test_fraction and n_train.")
    pool = rng.permutation(pool)
    classes = np.asarray(space.canonical(pool, rule))
    if n_train is not None:
        if isinstance(n_train, bool) or not isinstance(n_train, int | np.integer) or not 1 <= n_train < len(pool):
            raise SettingError(f"n_train must be a whole number from 1 to {len(pool) - 1:,}, not {n_train!r:.80}.")
        train, test = pool[:n_train], pool[~np.isin(classes, classes[:n_train])]
    else:
        if not isinstance(test_fraction, int | float) or not 0 < test_fraction < 1:
            raise SettingError(f"test_fraction must lie between 0 and 1, not {test_fraction!r:.80}.")
        names, sizes = np.unique(classes, return_counts=True)
        order = rng.permutation(len(names))
        needed = int(np.searchsorted(np.cumsum(sizes[order]), test_fraction * len(pool))) + 1
        in_test = np.isin(classes, names[order[:needed]])
        train, test = pool[~in_test], pool[in_test]
    if not len(train) or not len(test):
        raise SettingError(f"One side of this split of {len(pool):,} {space.noun}s would be empty.")
    return train, test
