"""The scale of labels: normal scores of ranks, or transformed costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import LabelError
from nasmeta.meta._arrays import Floats
from nasmeta.tasks import normal_scores, standardised

COST_SCALES = ("root", "log")  # for utilities that are all minus a cost
SCALES = ("rank", *COST_SCALES, "unit")


def scored(utilities: Floats, scale: str) -> Floats:
    """Return a source's utilities on a scale, both of shape (n,); see `nasmeta.meta.SourceMatrix`."""
    if scale == "rank":
        return normal_scores(utilities)
    if scale == "unit":
        return standardised(utilities)
    scores = _of_costs(scale, utilities, float(np.log(-utilities).mean()))
    return np.asarray(scores - scores.mean())


def _of_costs(scale: str, utilities: Floats, level: float) -> Floats:
    """Return minus the Box-Cox transform of costs divided by exp(level), with power 1/2 (root) or 0 (log)."""
    logarithms = np.log(-utilities) - level
    return -logarithms if scale == "log" else 2 - 2 * np.exp(logarithms / 2)


def labels_like(expected: NDArray[np.floating], values: Sequence[float] | Floats) -> Floats:
    """Match quantiles: return the expected values of the observed architectures, (n,), in the order of the values."""
    labels = np.empty(len(values))
    labels[np.argsort(values, kind="stable")] = np.sort(expected)
    return labels


@dataclass(frozen=True)
class Scale:
    """A map from a target's labels to the scores of the meta-model, and back.

    * ``rank``: unit and spread of a new task are unknown, so the labels get, in their order, the prior means of the
      same architectures (quantile matching). With a trust below 1, this is averaged with the labels' own normal scores.
      The inverse is the least-squares line.
    * ``log``: minus the logarithm of the cost, which is minus the label.
    * ``root``: 2 minus twice the square root of the cost over the labels' geometric mean.
    """

    kind: str
    scores: Floats
    slope: float = 1.0
    level: float = 0.0

    @classmethod
    def fit(cls, kind: str, labels: Floats, expected: Floats, trust: float = 1.0) -> Scale:
        """Fit the scale to labels and the prior means of their architectures, both of shape (n,).

        For ``rank``, `trust` from 0 to 1 is the weight of the prior means.
        """
        if kind in COST_SCALES:
            if (labels >= 0).any():
                raise LabelError(
                    f"This meta-model has learnt costs, so labels must be minus a cost, not {labels.max():g}."
                )
            level = float(np.log(-labels).mean()) if kind == "root" else 0.0
            return cls(kind, _of_costs(kind, labels, level), level=level)
        scores = labels_like(expected, labels)
        if trust < 1:
            scores = trust * scores + (1 - trust) * normal_scores(labels)
        for value in np.unique(labels):  # equal labels have equal scores
            same = labels == value
            scores[same] = scores[same].mean()
        spread = float(np.var(scores))
        slope = float(np.cov(scores, labels, bias=True)[0, 1]) / spread if spread > 0 else 1.0
        return cls(kind, scores, slope or 1.0, float(labels.mean() - (slope or 1.0) * scores.mean()))

    def to_labels(self, scores: Floats) -> Floats:
        """Map scores to labels of the same shape."""
        if self.kind == "rank":
            return np.asarray(self.level + self.slope * scores)
        return -np.exp(self.level + self._logarithms(scores))

    def deviation(self, scores: Floats, deviation: Floats) -> Floats:
        """Return the standard deviations of labels, to first order."""
        if self.kind == "rank":
            return deviation * abs(self.slope)
        power = 0.5 if self.kind == "root" else 1.0
        return np.asarray(deviation * np.exp(self.level + power * self._logarithms(scores)))

    def _logarithms(self, scores: Floats) -> Floats:
        """Return the logarithms of costs divided by exp(level)."""
        if self.kind == "log":
            return -scores
        return 2 * np.log(np.logaddexp(0.0, _SHARP * (1 - scores / 2)) / _SHARP)


_SHARP = 50.0  # near the score 2 (cost 0) the root is bent to stay positive, which keeps the order
