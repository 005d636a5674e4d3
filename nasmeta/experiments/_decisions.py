"""Comparisons that add runs until each pair of searchers is decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nasmeta.analysis import FEWEST_RUNS, decide, looks_of
from nasmeta.errors import SettingError
from nasmeta.evaluators import Evaluator
from nasmeta.experiments._folder import Results
from nasmeta.runs import Budget

_SHARE = 0.1  # of the regret of random search


@dataclass(frozen=True)
class Decisions:
    """The rule by which a comparison adds runs."""

    margins: Mapping[str, float]  # by task
    seeds: Sequence[int]  # of the first round
    most: int

    @property
    def first(self) -> int:
        """The number of runs of the first decision."""
        return max(FEWEST_RUNS, len(self.seeds))

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the decisions about the runs of a frame."""
        return decide(frame, self.margins, self.first, self.most)

    def rounds(self, results: Results) -> Iterator[None]:
        """Set the seeds of each round of runs, until all pairs are decided or have the largest number of runs.

        The rounds depend on nothing but the results of the runs, so they are the same when a comparison is resumed.
        """
        yield
        start, looks = max(self.seeds) + 1, looks_of(self.first, self.most)
        for more in (looks[looks > len(self.seeds)] - len(self.seeds)).tolist():
            found = self.of(results.frame())
            open_ = found[found["winner"] == ""]
            going = {
                *zip(open_["task"], open_["searcher"], strict=True),
                *zip(open_["task"], open_["other"], strict=True),
            }
            if not going:
                return
            for pair, config in results.configs.items():
                if (config.task.name, config.label) in going:
                    results.seeds[pair] = [*self.seeds, *range(start, start + more)]
            yield


def margins_of(evaluators: Sequence[Evaluator], budgets: Sequence[Budget], margin: float | None) -> dict[str, float]:
    """Return the margin of each task: by default a tenth of the mean regret of random search."""
    margins = {}
    for evaluator, budget in zip(evaluators, budgets, strict=True):
        own, values, n = margin, evaluator.noise_free, budget.evaluations
        if own is None:
            if values is None or evaluator.n_objectives > 1 or n is None:
                raise SettingError("margin", margin, "a difference of regrets, as that of random search is unknown")
            own = _SHARE * random_regret(evaluator.sign * values, n)
        margins[evaluator.task.name] = own
    return margins


def random_regret(utilities: NDArray[np.float64], evaluations: int) -> float:
    """Return the mean regret of the best of so many different architectures, drawn at random.

    >>> random_regret(np.array([3.0, 1.0, 2.0]), 1), random_regret(np.array([3.0, 1.0, 2.0]), 2)
    (1.0, 0.3333333333333333)
    """
    best_first = np.sort(utilities[~np.isnan(utilities)])[::-1]
    size = len(best_first)
    rank = np.arange(size - 1)
    remains = np.maximum(size - evaluations - rank, 0) / (size - rank)  # that none of the next best was drawn
    return float(-np.diff(best_first) @ np.cumprod(remains))
