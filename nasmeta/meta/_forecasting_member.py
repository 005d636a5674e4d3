"""A meta-predictor as a member of the default searcher, judged by what it forecast of each value before it came."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from nasmeta.meta._predictive_weights import predictive_weights
from nasmeta.predictors import log_expected_improvement

_MOST_LABELS = 100  # that it reads: the best half, and the latest of the others
_CANDIDATES = 200  # that each of the others puts forward, and the sources
_MOST_LEFT_OUT = 20  # labels nobody forecast, as those of the first cells: it is asked about each without it


class ForecastingMember:
    """A meta-predictor beside processes: it scores what they put forward, and foretells each value.

    A process says in closed form what it would have predicted of each label without it; a network would have to be
    asked anew for each. So its weight against all processes together follows from forecasts: of each proposal, the log
    densities that both gave to its label before it was known. Mixing by their product is Bayes' rule, whose log loss
    exceeds that of the better of two by log 2 at most; `predictive_weights` adds a bootstrap over the labels.

    Parameters
    ----------
    predictor : MetaPredictor
        With a meta-model.
    """

    def __init__(self, predictor: Any) -> None:
        self.predictor = predictor
        self._log: dict[int, tuple[float, float]] = {}  # by cell: log densities of its label, by the others and by it
        self._open: dict[int, tuple[NDArray[np.float64], float, float]] = {}  # what was forecast, and has not come back
        self._scored: dict[int, tuple[float, float]] = {}  # mean and deviation of the last candidates

    def weight(
        self,
        cells: NDArray[np.int32],
        labels: NDArray[np.float64],
        of_others: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> float:
        """Return its weight against all others together.

        Parameters
        ----------
        cells, labels : ndarray, shape (n,)
            What was observed.
        of_others : ndarray, shape (n,)
            Log density that the others give to each label without it, for labels that nobody forecast.
        """
        unseen = [i for i, cell in enumerate(cells.tolist()) if cell not in self._log and cell not in self._open]
        for i in unseen[-_MOST_LEFT_OUT:]:
            kept = np.arange(len(cells)) != i
            mean, std = self.forecast(cells[kept], labels[kept], cells[[i]])
            self._log[int(cells[i])] = float(of_others[i]), float(_log_density(labels[i], mean[0], std[0]))
        for cell, label in zip(cells.tolist(), labels.tolist(), strict=True):
            if cell in self._open:
                (shares, means, stds), *own = self._open.pop(cell)
                mixed = float(logsumexp(np.log(shares) + _log_density(label, means, stds)))
                self._log[cell] = mixed, float(_log_density(label, *own))
        judged = np.array([self._log[cell] for cell in cells.tolist() if cell in self._log]).T
        return float(predictive_weights(judged, rng)[1])

    def note(
        self, cell: int, cells: NDArray[np.int32], labels: NDArray[np.float64], of_others: NDArray[np.float64]
    ) -> None:
        """Keep what is forecast of a proposal: by it, and by the others as rows of shares, means and deviations."""
        if cell not in self._scored:
            mean, std = self.forecast(cells, labels, np.array([cell]))
            self._scored[cell] = float(mean[0]), float(std[0])
        self._open[cell] = of_others, *self._scored[cell]
        self._scored = {}

    def forecast(
        self, cells: NDArray[np.int32], labels: NDArray[np.float64], asked: NDArray[np.integer]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and deviation of what is asked, given labels of cells."""
        if len(cells) > _MOST_LABELS:
            best = np.argsort(-labels, kind="stable")[: _MOST_LABELS // 2]
            latest = np.setdiff1d(np.arange(len(cells)), best)[len(best) - _MOST_LABELS :]
            kept = np.sort(np.concatenate([best, latest]))
            cells, labels = cells[kept], labels[kept]
        found: tuple[NDArray[np.float64], NDArray[np.float64]] = self.predictor._forecast(
            self.predictor.require_meta_model(), cells, labels, asked
        )
        return found

    def improvement(
        self, cells: NDArray[np.int32], labels: NDArray[np.float64], asked: NDArray[np.integer]
    ) -> NDArray[np.float64]:
        """Return the log expected improvement of what is asked, given labels of cells."""
        mean, std = self.forecast(cells, labels, asked)
        self._scored = dict(zip(asked.tolist(), zip(mean.tolist(), std.tolist(), strict=True), strict=True))
        return log_expected_improvement(mean, std, labels.max())

    @property
    def expected(self) -> NDArray[np.float64]:
        """What the sources lead to expect, shape (n_cells,)."""
        expected: NDArray[np.float64] = self.predictor._expected(self.predictor.require_meta_model())
        return expected


def put_forward(scores: list[NDArray[np.float64]], may_be_asked: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the cells that may be asked and are among the best of any score, each of shape (n_cells,)."""
    cells = np.flatnonzero(may_be_asked)
    n = min(_CANDIDATES, len(cells))
    best = [cells[np.argpartition(-score[cells], n - 1)[:n]] for score in scores]
    return np.unique(np.concatenate(best))


def _log_density(value: float, mean: Any, std: Any) -> Any:
    """Return the log density of a normal distribution."""
    return -0.5 * (np.log(2 * np.pi) + ((value - mean) / std) ** 2) - np.log(std)
