"""Runs of searchers with and without randomness."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import nasmeta as nm
from nasmeta.evaluators import FunctionEvaluator
from nasmeta.runs import Journal
from nasmeta.searchers import Searcher
from nasmeta.spaces import CellSpace


class Steps(Searcher):
    """Goes on by a step that depends on the values."""

    draws = False

    def __init__(self, space: CellSpace, rng: np.random.Generator) -> None:
        super().__init__(space, rng)
        self._here, self._best = 0, -np.inf

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        return np.full(n, self._here % self.space.n_architectures, np.int32)

    def tell(self, architectures: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        self._here += 3 if values[-1] > self._best else 1
        self._best = max(self._best, values[-1] - 5)
        if self.draws and self._here % 7 == 0:
            self._here += int(self.rng.integers(1, 9))


class StepsByChance(Steps):
    """Draws, but late."""

    draws = True


class Spawning(Steps):
    """Its random numbers come from a child of its generator."""

    def tell(self, architectures: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        self._here += int(self.rng.spawn(1)[0].integers(1, 9))


@pytest.mark.parametrize("kind", [Steps, StepsByChance, Spawning])
@pytest.mark.parametrize("journaled", [False, True])
def test_a_comparison_is_its_runs(kind: type[Steps], journaled: bool, tmp_path: Path) -> None:
    alone = [nm.search(kind, "nb201/cifar10", evaluations=40, seed=seed) for seed in range(5)]
    folder = tmp_path / "comparison" if journaled else None
    frame = nm.compare([kind], "nb201/cifar10", repeats=5, evaluations=40, folder=folder)
    for run in alone:
        own = frame[frame["seed"] == run.seed]
        assert own["cell"].tolist() == run.architectures.tolist()
        assert own["value"].tolist() == run.values.tolist()
        assert own["simulated_seconds"].tolist() == pytest.approx(run.end_seconds.tolist())
    assert (frame.groupby("seed")["cell"].apply(tuple).nunique() == 1) == (kind is Steps)
    if journaled:  # and each goes on by itself
        longer = nm.compare([kind], "nb201/cifar10", repeats=5, evaluations=60, folder=folder)
        whole = nm.compare([kind], "nb201/cifar10", repeats=5, evaluations=60)
        assert longer["cell"].tolist() == whole["cell"].tolist()


def test_the_searchers_time_is_that_of_runs_that_were_computed() -> None:
    frame = nm.compare([Steps], "nb201/cifar10", repeats=4, evaluations=200)
    seconds = frame.attrs["searcher_seconds"]["nb201/cifar10"]["Steps"]
    assert 0 < seconds < np.inf


def test_they_say_of_each_proposal_what_a_search_says(tmp_path: Path) -> None:
    nm.compare({"Steps": (Steps, {"warm_start": 3})}, "nb201/cifar10", repeats=4, evaluations=5, folder=tmp_path)
    first, *others = (Journal.read(path).records for path in sorted(tmp_path.rglob("*.jsonl")))  # type: ignore[union-attr]
    assert others == [first] * 3
    assert [len(record) > 3 and record[3]["note"] == {"by": "warm start"} for record in first] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_values_that_may_differ_are_evaluated_in_every_run() -> None:
    rng = np.random.default_rng(0)

    def noisy(choices: object) -> float:
        return float(rng.normal())

    frame = nm.compare([Steps], FunctionEvaluator(noisy, nm.get_space("tnb101")), repeats=3, evaluations=10)
    assert frame["value"].nunique() == 30


def test_sources_are_recorded_by_task(tmp_path: Path) -> None:
    nm.compare(["source-order"], "nb201", repeats=1, evaluations=2, folder=tmp_path)
    recorded = json.loads((tmp_path / "specification.json").read_text())["sources"]["source-order"]
    assert len(recorded) == 3
    assert not any(task in sources for task, sources in recorded.items())
