"""Which cells give labels, and on which cells the predictions are scored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError, shown
from nasmeta.predictors import isomorph_split
from nasmeta.spaces import CellSpace, SearchSpace

Rule: TypeAlias = Literal["upstream", "zero", "skip", "function"]

PROTOCOLS = ("few", "half")
RULES: tuple[Rule, ...] = get_args(Rule)
SCOPES = ("isomorph-disjoint", "unseen", "all")  # the first one is what a reader should quote
SIZES = (10, 20, 50, 78, 156, 469, 781, 1563)


@dataclass(frozen=True)
class Split:
    """Cells to learn from, and by scope the cells to score.

    ``all``: every cell, as published work scores, the training cells included; ``unseen``: those without a label;
    ``isomorph-disjoint``: those of which no isomorph has a label.
    """

    train: NDArray[np.int32]
    scored: Mapping[str, NDArray[np.int32]]


def splits_of(
    protocol: str,
    space: SearchSpace,
    pool: NDArray[np.int32],
    n: int,
    draw: np.random.SeedSequence,
    rule: Rule,
) -> list[Split]:
    """Return the splits of one draw.

    ``few`` draws n cells, each with the same chance; more labels of the same draw are the same cells and others. One
    fit serves all scopes. ``half`` needs two: half of the cells at random, and half of the isomorphism classes, for
    the cells of which a random half holds no isomorph are few and special.
    """
    if protocol == "few":
        train, disjoint = _disjoint(space, pool, n, np.random.default_rng(draw), rule)
        unseen = np.setdiff1d(pool, train)
        return [Split(train, {"isomorph-disjoint": disjoint, "unseen": unseen, "all": pool})]
    rng = np.random.default_rng(draw)
    shuffled = rng.permutation(pool)
    at_random = Split(shuffled[:n], {"unseen": shuffled[n:], "all": pool})
    train, test = _disjoint(space, pool, None, rng, rule)
    return [Split(train, {"isomorph-disjoint": test}), at_random]


def _disjoint(
    space: SearchSpace, pool: NDArray[np.int32], n: int | None, rng: np.random.Generator, rule: Rule
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return n cells, or those of half of the classes, and the cells of other classes."""
    fraction = 0.5 if n is None else None
    if rule != "function":
        of_cells: Any = {"rule": rule} if isinstance(space, CellSpace) else {}
        return isomorph_split(space, n_train=n, test_fraction=fraction, cells=pool, rng=rng, **of_cells)
    shuffled = rng.permutation(pool)
    classes = space.function_classes[shuffled]
    if n is not None:
        return shuffled[:n], shuffled[~np.isin(classes, classes[:n])]
    names, sizes = np.unique(classes, return_counts=True)
    order = rng.permutation(len(names))
    in_test = np.isin(classes, names[order[np.cumsum(sizes[order]) <= len(pool) / 2]])
    return shuffled[~in_test], shuffled[in_test]


def checked_sizes(protocol: str, sizes: Iterable[int] | None, n_pool: int) -> tuple[int, ...]:
    """Return how many labels are learnt from."""
    if protocol == "half":
        if sizes is not None:
            raise SettingError("The protocol half learns from half of the cells: it takes no sizes.")
        return (n_pool // 2,)
    if isinstance(sizes, str) or not isinstance(sizes, Iterable | None):
        raise SettingError(f"sizes are numbers of labels, such as [{SIZES[3]}], not {shown(sizes)}.")
    chosen = tuple(n for n in SIZES if 2 * n < n_pool) or (2,) if sizes is None else tuple(sizes)
    if not chosen:
        raise SettingError(f"Give at least one number of labels, such as {SIZES[3]}.")
    for n in chosen:
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 2 <= n < n_pool:
            raise SettingError(
                f"A number of labels must be a whole number from 2 to {n_pool - 1:,} (there are {n_pool:,} cells with "
                f"a label), not {shown(n)}."
            )
    return tuple(dict.fromkeys(int(n) for n in chosen))
