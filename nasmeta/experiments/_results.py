"""The results of a comparison as they come: kept in memory, or with a folder written there part by part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from nasmeta.experiments._folder import ComparisonFolder
from nasmeta.experiments._jobs import Pair
from nasmeta.runs import History, RunConfig, results_frame


class Results:
    """The histories of all runs, whose configs are by position of the task and label of the searcher.

    With a folder those of a task and a searcher are written to a file of their own as soon as they are all there, and
    forgotten: so memory does not grow with the evaluations, and what is done can be read while the rest runs.
    """

    def __init__(
        self, configs: Mapping[Pair, RunConfig], seeds: Mapping[Pair, Sequence[int]], home: ComparisonFolder | None
    ) -> None:
        self._configs, self._seeds, self._home = configs, seeds, home
        self._histories: dict[Pair, dict[int, History]] = {pair: {} for pair in configs}
        self._attrs: dict[str, dict[str, dict[str, Any]]] = {"runs": {}, "searcher_seconds": {}}
        self._written: set[Pair] = set()
        self.done = 0
        if home is not None:
            home.remove_parts()

    @property
    def total(self) -> int:
        """How many runs there are to be."""
        return sum(map(len, self._seeds.values()))

    def missing(self, pair: Pair) -> list[int]:
        """Return the seeds of which there is no history yet."""
        there = self._histories[pair]
        return [] if pair in self._written else [seed for seed in self._seeds[pair] if seed not in there]

    def keep(self, pair: Pair, seed: int, history: History) -> None:
        """Take a history."""
        of_pair = self._histories[pair]
        of_pair[seed] = history
        self.done += 1
        if self._home is None or len(of_pair) < len(self._seeds[pair]):
            return
        frame = self._frame([pair])
        for name, told in self._attrs.items():
            for task, of_task in frame.attrs.pop(name).items():
                told.setdefault(task, {}).update(of_task)
        self._home.write_part(list(self._histories).index(pair), frame)
        of_pair.clear()
        self._written.add(pair)

    def frame(self) -> pd.DataFrame:
        """Return the results of all runs; with a folder they are in its ``results.parquet`` from then on."""
        if self._home is None:
            return self._frame(list(self._histories))
        return self._home.join_parts(len(self._histories), self._attrs)

    def _frame(self, pairs: Sequence[Pair]) -> pd.DataFrame:
        return results_frame(
            [
                self._histories[pair][seed].of(replace(self._configs[pair], seed=seed))
                for pair in pairs
                for seed in self._seeds[pair]
            ]
        )
