"""The scale of labels: normal scores of ranks, or square roots of costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import LabelError
from nasmeta.meta._arrays import Floats
from nasmeta.tasks import normal_scores, standardised

_SHARP = 50.0  # near the score 2 (cost 0) the root is bent to stay positive, which keeps the order


def scored(utilities: Floats, scale: str) -> Floats:
    """Return the utilities of a source on a scale of `nasmeta.meta.SourceMatrix`; both have shape (n,)."""
    if scale == "rank":
        return normal_scores(utilities)
    if scale == "unit":
        return standardised(utilities)
    scores = _roots(utilities, float(np.log(-utilities).mean()))
    return np.asarray(scores - scores.mean())


def _roots(utilities: Floats, level: float) -> Floats:
    """Return 2 minus twice the square roots of costs over exp(level)."""
    return np.asarray(2 - 2 * np.exp((np.log(-utilities) - level) / 2))


def labels_like(expected: NDArray[np.floating], values: Sequence[float] | Floats) -> Floats:
    """Match quantiles: return the expected values of the observed architectures, (n,), in the order of the values."""
    labels = np.empty(len(values))
    labels[np.argsort(values, kind="stable")] = np.sort(expected)
    return labels


@dataclass(frozen=True)
class Scale:
    """A map from labels of a target to the scores of a meta-model, and back.

    * ``rank``: the unit of a new task is unknown, so labels are replaced by the prior means of the same architectures,
      in the order of the labels. The inverse is the least-squares line.
    * ``root``: 2 minus twice the square root of the cost over the geometric mean of the labels.
    """

    kind: str
    scores: Floats
    slope: float = 1.0
    level: float = 0.0

    @classmethod
    def fit(cls, kind: str, labels: Floats, expected: Floats, trust: float = 1.0) -> Scale:
        """Fit the scale to labels and the prior means of their architectures, both of shape (n,).

        For ``rank``, `trust` is the weight of the prior means; the rest is the weight of the labels' normal scores.
        """
        if kind == "root":
            if (labels >= 0).any():
                raise LabelError("label of a meta-model of costs", labels.max(), "minus a cost")
            level = float(np.log(-labels).mean())
            return cls(kind, _roots(labels, level), level=level)
        scores = labels_like(expected, labels)
        if trust < 1:
            scores = trust * scores + (1 - trust) * normal_scores(labels)
        for value in np.unique(labels):  # equal labels have equal scores
            same = labels == value
            scores[same] = scores[same].mean()
        spread = float(np.var(scores))
        slope = float(np.cov(scores, labels, bias=True)[0, 1]) / spread if spread > 0 else 1.0
        slope = slope or 1.0
        return cls(kind, scores, slope, float(labels.mean() - slope * scores.mean()))

    def to_labels(self, scores: Floats) -> Floats:
        """Map scores to labels of the same shape."""
        if self.kind == "rank":
            return np.asarray(self.level + self.slope * scores)
        return -np.exp(self.level + self._logarithms(scores))

    def deviation(self, scores: Floats, deviation: Floats) -> Floats:
        """Return the standard deviations of labels, to first order."""
        if self.kind == "rank":
            return deviation * abs(self.slope)
        return np.asarray(deviation * np.exp(self.level + 0.5 * self._logarithms(scores)))

    def _logarithms(self, scores: Floats) -> Floats:
        """Return the logarithms of costs divided by exp(level)."""
        return 2 * np.log(np.logaddexp(0.0, _SHARP * (1 - scores / 2)) / _SHARP)
