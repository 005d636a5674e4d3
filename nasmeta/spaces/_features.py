"""Count features for kernels and encoders, and cost formulas."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np

from nasmeta.arrays import Array, Integers
from nasmeta.spaces._positions import Choice, Position, binned


class CountFeature(NamedTuple):
    """Counts of all architectures.

    Examples
    --------
    >>> from nasmeta.spaces import get_space
    >>> get_space("tnb101").feature("operations").names
    ('n_none', 'n_skip_connect', 'n_nor_conv_1x1', 'n_nor_conv_3x3')
    """

    counts: Integers  # (size, n_columns), not negative
    names: tuple[str, ...]  # of the columns


FeatureBuilder: TypeAlias = "Callable[[Array], CountFeature]"
"""From the codes of all architectures, shape (size, n_positions), to a feature."""


def choice_one_hot(
    positions: Sequence[Position], codes: Integers, without: Collection[int] = ()
) -> CountFeature:
    """Return the choice of each position, one-hot; omit some positions, given as indices.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.spaces import SearchSpace, choice_one_hot
    >>> space = SearchSpace("mlp", {"width": [16, 32], "act": ["relu", "tanh"]})
    >>> counts, names = choice_one_hot(space.positions, space.codes[1:2])
    >>> counts.tolist(), names
    ([[1, 0, 0, 1]], ('width=16', 'width=32', 'act=relu', 'act=tanh'))
    """
    bins = binned(positions, codes)
    columns = [np.empty((len(codes), 0), dtype=bool)]
    names = []
    for i, position in enumerate(positions):
        if i not in without:
            bin_names = position.bin_names
            columns.append(bins[:, [i]] == np.arange(len(bin_names), dtype=bins.dtype))
            names += [f"{position.name}={choice}" for choice in bin_names]
    counts = np.concatenate(columns, axis=1).astype(np.int8)
    return CountFeature(counts, tuple(names))


def levels(positions: Sequence[Position], codes: Integers) -> CountFeature:
    """Return the index of each ordered position's choice; for a range, the index of its bin."""
    ordered = [i for i, position in enumerate(positions) if position.ordered]
    names = tuple(positions[i].name for i in ordered)
    return CountFeature(binned(positions, codes)[:, ordered], names)


def range_levels(positions: Sequence[Position], codes: Integers) -> CountFeature:
    """Return the level of each range's choice, from 0 to 99."""
    ranges = [i for i, position in enumerate(positions) if position.scale]
    columns = [positions[i].levels[codes[:, i]] for i in ranges]
    names = tuple(positions[i].name for i in ranges)
    return CountFeature(np.stack(columns, axis=1), names)


def choice_counts(positions: Sequence[Position], codes: Integers) -> CountFeature:
    """Return how many positions have each choice, counted over positions with the same choices.

    For cells this is the label histogram of the Weisfeiler-Lehman kernel.
    """
    groups = _with_the_same_choices(positions)
    shared = {choices: members for choices, members in groups.items() if len(members) > 1}
    columns, names = [], []
    for choices, members in (shared or groups).items():
        digits = np.arange(len(choices), dtype=codes.dtype)
        has_choice = codes[:, members, None] == digits  # (n, n_members, n_choices)
        columns.append(has_choice.sum(axis=1, dtype=np.int8))
        names += [f"n_{choice}" for choice in choices]
    return CountFeature(np.concatenate(columns, axis=1), tuple(names))


def _with_the_same_choices(positions: Sequence[Position]) -> dict[tuple[Choice, ...], list[int]]:
    """Return the indices of the unordered positions, by their choices."""
    groups: dict[tuple[Choice, ...], list[int]] = {}
    for i, position in enumerate(positions):
        if not position.ordered:
            groups.setdefault(position.choices, []).append(i)
    return groups


def plain_features(positions: Sequence[Position]) -> dict[str, FeatureBuilder]:
    """Return the features of any space.

    ``positions``: the choice of each position; ``levels``, if positions are ordered;
    ``operations``, if several positions have the same choices: the number of positions with each
    choice; ``ranges``: see `range_levels`.
    """
    features: dict[str, FeatureBuilder] = {"positions": partial(choice_one_hot, positions)}
    if any(position.ordered and len(position.choices) > 2 for position in positions):
        features["levels"] = partial(levels, positions)
    if any(len(members) > 1 for members in _with_the_same_choices(positions).values()):
        features["operations"] = partial(choice_counts, positions)
    if any(position.scale for position in positions):
        features["ranges"] = partial(range_levels, positions)
    return features


@dataclass(frozen=True)
class CostFormula:
    """A cost that is exactly linear in the operations of the edges.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.spaces import CostFormula
    >>> weights = CostFormula(base={"digits": 100}, per_operation={"digits": (0, 25)})
    >>> weights.of(np.array([[0, 1, 1]]), "digits")
    array([150])
    """

    base: Mapping[str, int]  # cost of the skeleton (stem, residual blocks, head), for each dataset
    per_operation: Mapping[str, tuple[int, ...]]  # for each dataset, (n_operations,)

    def of(self, digits: Integers, dataset: str) -> Integers:
        """Return the costs of cells by their digits, shape (..., n_edges), without the last axis."""
        per_operation = np.array(self.per_operation[dataset], dtype=np.int64)
        cost: Integers = self.base[dataset] + per_operation[digits].sum(axis=-1)
        return cost
