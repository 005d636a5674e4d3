"""Count features for kernels and encoders, and cost formulas."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from nasmeta.spaces._search_space import SearchSpace


class CountFeature(NamedTuple):
    """Counts of all architectures."""

    counts: NDArray[np.integer]  # (size, n_columns), not negative
    names: tuple[str, ...]  # of the columns


FeatureBuilder: TypeAlias = "Callable[[SearchSpace], CountFeature]"


def choice_one_hot(
    space: SearchSpace, codes: NDArray[np.integer] | None = None, without: Collection[int] = ()
) -> CountFeature:
    """Return the choice of each position, one-hot, from the codes of the space or others; omit some positions."""
    codes = space.codes if codes is None else codes
    kept = [i for i in range(space.n_positions) if i not in without]
    parts = [codes[:, [i]] == np.arange(space.n_choices[i], dtype=codes.dtype) for i in kept]
    names = [f"{space.positions[i].name}={choice}" for i in kept for choice in space.positions[i].choices]
    return CountFeature(np.concatenate([codes[:, :0] > 0, *parts], axis=1).astype(np.int8), tuple(names))


def levels(space: SearchSpace) -> CountFeature:
    """Return the index of the choice of each ordered position."""
    ordered = [i for i, position in enumerate(space.positions) if position.ordered]
    return CountFeature(space.codes[:, ordered], tuple(space.positions[i].name for i in ordered))


def choice_counts(space: SearchSpace) -> CountFeature:
    """Return how many positions have each choice, counted over positions with the same choices.

    For cells this is the label histogram of the Weisfeiler-Lehman kernel.
    """
    groups: dict[tuple[object, ...], list[int]] = {}
    for i, position in enumerate(space.positions):
        if not position.ordered:
            groups.setdefault(position.choices, []).append(i)
    shared = {choices: members for choices, members in groups.items() if len(members) > 1} or groups
    parts, names = [], []
    for choices, members in shared.items():
        part = space.codes[:, members]
        parts.append((part[:, :, None] == np.arange(len(choices), dtype=part.dtype)).sum(axis=1, dtype=np.int8))
        names += [f"n_{choice}" for choice in choices]
    return CountFeature(np.concatenate(parts, axis=1), tuple(names))


def plain_features(space: SearchSpace) -> dict[str, FeatureBuilder]:
    """Return the features of any space.

    ``positions``: the choice of each position; ``levels``, if positions are ordered; ``operations``, if several
    positions have the same choices: the number of positions with each choice.
    """
    found: dict[str, FeatureBuilder] = {"positions": choice_one_hot}
    if any(position.ordered and len(position.choices) > 2 for position in space.positions):
        found["levels"] = levels
    kinds = [position.choices for position in space.positions if not position.ordered]
    if len(set(kinds)) < len(kinds):
        found["operations"] = choice_counts
    return found


@dataclass(frozen=True)
class CostFormula:
    """A cost that is exactly linear in the operations of the edges."""

    base: Mapping[str, int]  # cost of the skeleton (stem, residual blocks, head), for each dataset
    per_operation: Mapping[str, tuple[int, ...]]  # for each dataset, (n_operations,)

    def of(self, digits: NDArray[np.integer], dataset: str) -> NDArray[np.int64]:
        """Return the costs of cells by their digits, shape (..., n_edges), without the last axis."""
        per_operation = np.array(self.per_operation[dataset], dtype=np.int64)
        cost: NDArray[np.int64] = self.base[dataset] + per_operation[digits].sum(axis=-1)
        return cost
