"""Checks of labels, and maps between labels and the scales of models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nasmeta.arrays import Floats
from nasmeta.checks import check_choice
from nasmeta.errors import LabelError
from nasmeta.tasks import normal_scores

LABELS = ("rank", "value")
_TAIL = 0.1  # share of the levels at either end whose slope continues beyond them


def checked_labels(y: Any) -> Floats:
    """Return labels as float64, shape (n,); raise an error if they are not finite or all the same."""
    labels = np.asarray(y, dtype=np.float64).ravel()
    if not np.isfinite(labels).all():
        raise LabelError(
            "Labels must be finite: y contains NaN or infinity. Leave out architectures without a value."
        )
    if len(labels) < 2:
        raise LabelError("number of labels", len(labels), f"at least 2 (n_samples = {len(labels)})")
    if labels.min() == labels.max():
        raise LabelError("constant label", labels[0], "labels that differ")
    return labels


@dataclass(frozen=True)
class LabelScale:
    """A monotone map from labels to scores of about zero mean and unit variance, and back.

    `labels` and `scores`, (n_levels,), increase strictly. The map is linear between levels and
    continues with the slope of the outer tenth of the levels.
    """

    labels: Floats
    scores: Floats

    @classmethod
    def fit(cls, y: Floats, kind: str) -> LabelScale:
        """Learn the map from labels, shape (n,): ``rank`` gives normal scores of ranks, ``value`` is linear."""
        if check_choice("labels", kind, LABELS) == "rank":
            levels, first = np.unique(y, return_index=True)
            return cls(levels, normal_scores(y)[first])
        ends = np.array([y.min(), y.max()])
        return cls(ends, (ends - y.mean()) / y.std())

    def to_scores(self, labels: Floats) -> Floats:
        """Map labels of any shape to scores."""
        return _interpolate(labels, self.labels, self.scores)

    def to_labels(self, scores: Floats) -> Floats:
        """Map scores of any shape to labels."""
        return _interpolate(scores, self.scores, self.labels)

    def deviation_of_labels(self, mean: Floats, deviation: Floats) -> Floats:
        """Return half the distance between the labels one deviation above and below the mean score, of any shape."""
        half: Floats = (self.to_labels(mean + deviation) - self.to_labels(mean - deviation)) / 2
        return half

    def deviation_of_scores(self, mean: Floats, deviation: Floats) -> Floats:
        """Return the inverse of `deviation_of_labels`, at most 16, by bisection; mean and deviation have one shape.

        The map is not linear, so mapping the label plus and minus its deviation would not be the
        inverse.
        """
        low = np.zeros_like(mean)
        high = np.full_like(mean, 16.0)
        for _ in range(24):
            middle = (low + high) / 2
            too_small = self.deviation_of_labels(mean, middle) < deviation
            low = np.where(too_small, middle, low)
            high = np.where(too_small, high, middle)
        return high


def _interpolate(at: Floats, x: Floats, y: Floats) -> Floats:
    """Map points of any shape from levels `x` to levels `y`, both of shape (n_levels,), also beyond their ends."""
    n_outer = max(1, round(_TAIL * len(x)))
    slope_below = (y[n_outer] - y[0]) / (x[n_outer] - x[0])
    slope_above = (y[-1] - y[-1 - n_outer]) / (x[-1] - x[-1 - n_outer])
    # the distances beyond the ends, 0 for points between them
    distance_below = np.minimum(at - x[0], 0)
    distance_above = np.maximum(at - x[-1], 0)
    inside = np.interp(at, x, y)
    mapped: Floats = inside + distance_below * slope_below + distance_above * slope_above
    return mapped
