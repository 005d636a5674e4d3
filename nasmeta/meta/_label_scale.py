"""The scale of labels: scores of ranks, or standardised values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasmeta.meta._arrays import Floats
from nasmeta.tasks import normal_scores, standardised


def scored(utilities: Floats, scale: str) -> Floats:
    """Return the utilities of a source on a scale of `nasmeta.meta.SourceMatrix`; both have shape (n,)."""
    return normal_scores(utilities) if scale == "rank" else standardised(utilities)


def labels_like(expected: NDArray[np.floating], values: Sequence[float] | Floats) -> Floats:
    """Match quantiles: return the expected values of the observed architectures, (n,), in the order of the values."""
    labels = np.empty(len(values))
    labels[np.argsort(values, kind="stable")] = np.sort(expected)
    return labels


@dataclass(frozen=True)
class Scale:
    """A map from labels of a target to the scores of a meta-model, and back.

    The unit of a new task is unknown. Labels are therefore replaced by the prior means of the same architectures,
    sorted in the order of the labels. The inverse map is the least-squares line.
    """

    scores: Floats
    slope: float
    level: float

    @classmethod
    def fit(cls, labels: Floats, expected: Floats, trust: float = 1.0) -> Scale:
        """Fit the scale to labels and the prior means of their architectures, both of shape (n,).

        `trust` is the weight of the prior means; the rest is the weight of the labels' normal scores.
        """
        scores = labels_like(expected, labels)
        if trust < 1:
            scores = trust * scores + (1 - trust) * normal_scores(labels)
        for value in np.unique(labels):  # equal labels have equal scores
            same = labels == value
            scores[same] = scores[same].mean()
        spread = float(np.var(scores))
        slope = float(np.cov(scores, labels, bias=True)[0, 1]) / spread if spread > 0 else 1.0
        slope = slope or 1.0
        return cls(scores, slope, float(labels.mean() - slope * scores.mean()))

    def to_labels(self, scores: Floats) -> Floats:
        """Map scores to labels of the same shape."""
        return np.asarray(self.level + self.slope * scores)

    def deviation(self, scores: Floats, deviation: Floats) -> Floats:
        """Return the standard deviations of labels."""
        return deviation * abs(self.slope)
