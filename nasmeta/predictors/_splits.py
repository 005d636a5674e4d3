"""Splits of architectures without isomorphic pairs across the two sides."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from nasmeta.arrays import Architectures, Array
from nasmeta.errors import SettingError
from nasmeta.spaces import IsomorphismRule, SearchSpace, get_space


def isomorph_split(
    space: SearchSpace | str,
    *,
    rng: Generator,
    test_fraction: float | None = None,
    n_train: int | None = None,
    architectures: ArrayLike | None = None,
    rule: IsomorphismRule | Literal["function"] = "upstream",
    groups: Array | None = None,
) -> tuple[Architectures, Architectures]:
    """Split architectures so that no isomorphic pair is divided.

    Isomorphic architectures have copied or repeated results, so a random split lets a model look up
    its test labels.

    Parameters
    ----------
    space : SearchSpace or str
    rng : numpy.random.Generator
    test_fraction : float, optional
        Share of the test side, which consists of whole isomorphism classes.
    n_train : int, optional
        Number of architectures drawn uniformly for training; the test side excludes their
        isomorphs. Give exactly one of `test_fraction` and `n_train`.
    architectures : array-like of int or str, shape (n,), optional
        The architectures to split; by default the whole space.
    rule : {"upstream", "zero", "skip", "function"}, default "upstream"
        The rule of isomorphism for cells, see `CellSpace.canonical`; other spaces have one rule.
        ``upstream`` is the benchmark's rule, which published work uses to count unique networks.
        ``zero`` is stricter, and ``function`` (`CellSpace.function_classes`) is the strictest.
    groups : ndarray, shape (size,), optional
        The group of each architecture of the space; groups, instead of isomorphic architectures,
        stay together.

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
    from nasmeta.predictors._encoders._encoder import architectures_in

    space = get_space(space)
    if architectures is None:
        pool = np.arange(space.size, dtype=np.int32)
    else:
        pool = architectures_in(architectures, space)
    if (test_fraction is None) == (n_train is None):
        raise SettingError("Give exactly one of test_fraction and n_train.")
    pool = rng.permutation(pool)
    if groups is not None:
        classes = groups[pool]
    elif rule == "function":
        classes = space.function_classes[pool]
    else:
        classes = np.asarray(space.canonical(pool, rule))
    if test_fraction is None:
        train = pool[:n_train]
        test = pool[~np.isin(classes, classes[:n_train])]
    else:
        # Classes are drawn until they contain the share of the test side.
        distinct, sizes = np.unique(classes, return_counts=True)
        order = rng.permutation(len(distinct))
        n_test = test_fraction * len(pool)
        n_classes = int(np.searchsorted(np.cumsum(sizes[order]), n_test)) + 1
        in_test = np.isin(classes, distinct[order[:n_classes]])
        train, test = pool[~in_test], pool[in_test]
    if not len(train) or not len(test):
        raise SettingError("One side of the split would be empty: give more architectures.")
    return train, test
