"""The scale of labels: scores of ranks, or standardised values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from nasmeta.meta._arrays import AnyFloats, Floats
from nasmeta.tasks import normal_scores


def labels_like(expected: AnyFloats, values: Sequence[float] | Floats) -> Floats:
    """Match quantiles: return the expected values of the observed architectures, (n,), in the order of the values."""
    labels = np.empty(len(values))
    labels[np.argsort(values, kind="stable")] = np.sort(expected)
    return labels


def matched_labels(values: Floats, mean: Floats, std: Floats) -> Floats:
    """Map values of an unknown unit to the scale of a prediction, by matching quantiles.

    The values' ranks become quantiles of the mixture of the predicted normal distributions. Mean
    and deviation, including noise, are predictions for the observed architectures; all arrays have
    shape (n,). With mean 0 and deviation 1 everywhere, the result is the normal scores of the
    ranks.
    """
    from scipy.stats import rankdata

    if not len(values):
        return np.empty(0)
    grid = np.linspace((mean - 4 * std).min(), (mean + 4 * std).max(), 400)
    share = ndtr((grid[:, None] - mean) / std).mean(axis=1)
    return np.interp((rankdata(values) - 0.5) / len(values), share, grid)


@dataclass(frozen=True)
class Scale:
    """A map from labels of a target to the scores of a meta-model, and back.

    The unit of a new task is unknown. Labels are therefore replaced by the prior means of the same
    architectures, sorted in the order of the labels. The inverse map is the least-squares line.
    """

    scores: Floats
    slope: float
    level: float

    @classmethod
    def fit(cls, labels: Floats, expected: Floats, trust: float = 1.0) -> Scale:
        """Fit the scale to labels and the prior means of their architectures, both of shape (n,).

        `trust` is the weight of the prior means; the rest is the weight of the labels' normal
        scores.
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
