"""Evaluations that fail where nothing was measured, and searchers that learn where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nasmeta as nm
from nasmeta.evaluators import MultiObjectiveEvaluator, TableEvaluator
from nasmeta.searchers import SEARCHERS
from nasmeta.tasks import MultiObjectiveTask, Task

SETTING = {"evaluator": "unknown-feasibility"}


@pytest.fixture(scope="module")
def table() -> nm.Table:
    """Accuracy of all cells, and milliseconds on a device that cannot pool: 11,529 cells have none."""
    task = nm.get_task("nb201/cifar10")
    pools = np.array(
        [
            "avg_pool" in task.space.to_string(architecture)
            for architecture in range(task.space.size)
        ]
    )
    slow = np.array(
        [
            task.space.to_string(architecture).count("3x3")
            for architecture in range(task.space.size)
        ],
        float,
    )
    frame = pd.DataFrame(
        {"cell": np.arange(task.space.size), "accuracy": task.values, "ms": 1 + slow}
    )
    frame["score"] = frame["accuracy"].where(~pools)
    frame.loc[pools, "ms"] = np.nan
    stated = {"ms": "min", "score": "max"}
    return nm.Table.from_frame(
        frame, space="nb201", name="pooless", dataset="pictures", direction=stated
    )


@pytest.fixture(scope="module")
def score(table: nm.Table) -> Task:
    return table.task("score")


@pytest.fixture(scope="module")
def both(table: nm.Table) -> MultiObjectiveTask:
    return nm.multi_objective_task(["accuracy", "ms"], table=table)


def test_what_is_not_measured_is_proposed_fails_and_counts(score: Task) -> None:
    run = nm.search("random", score, evaluations=60, **SETTING)
    lost = np.isnan(score.values[run.architectures])
    assert 35 < lost.sum() < 55
    assert run.failures == dict.fromkeys(run.architectures[lost].tolist(), "not measured")
    assert (run.values[lost] == np.nanmin(score.values)).all()
    assert (run.values[~lost] == score.values[run.architectures[~lost]]).all()
    assert not lost[run.incumbent_positions[-1]]
    assert not nm.search("random", score, evaluations=60).failures


@pytest.mark.parametrize("name", ["gp", "ehvi"])
@pytest.mark.parametrize("stand_in", [-1e9, 1e9])
def test_who_learns_where_evaluations_fail_wastes_few(
    name: str, stand_in: float, both: MultiObjectiveTask
) -> None:
    fails = np.isnan(both.values[:, 0])
    values = both.signs * both.values if name != "gp" else both.values[:, 0]
    searcher = SEARCHERS[name](both.space, np.random.default_rng(0))
    lost = []
    for _ in range(60):
        architectures = searcher.ask()
        lost.append(bool(fails[architectures[0]]))
        if lost[-1]:  # whatever value stands for it
            searcher.tell_failures(architectures, np.full_like(values[architectures], stand_in))
        else:
            searcher.tell(architectures, values[architectures])
    assert any(lost[:5])
    assert sum(lost[40:]) <= 3  # of 20, where three of four cells fail


def test_failures_are_told_apart_from_values(score: Task) -> None:
    observed = {"values": [], "failures": []}

    class Listens(SEARCHERS["random"]):
        def tell(self, architectures: np.ndarray, values: np.ndarray) -> None:
            observed["values"] += architectures.tolist()
            super().tell(architectures, values)

        def tell_failures(self, architectures: np.ndarray, values: np.ndarray) -> None:
            assert (values == np.nanmin(score.values)).all()
            observed["failures"] += architectures.tolist()

    run = nm.search(Listens, score, evaluations=40, **SETTING)
    evaluated = set(run.architectures[:39].tolist())  # the run ends before the last one is told
    assert sorted(observed["failures"]) == sorted(evaluated & set(run.failures))
    assert sorted(observed["values"]) == sorted(evaluated - set(run.failures))


@pytest.mark.parametrize("searcher", ["gp", "evolution", "ehvi"])
def test_a_killed_run_goes_on(
    searcher: str, score: Task, both: MultiObjectiveTask, tmp_path: Path
) -> None:
    task, journal = both if searcher == "ehvi" else score, tmp_path / "run.jsonl"
    whole = nm.search(searcher, task, evaluations=20, seed=3, **SETTING)
    nm.search(searcher, task, evaluations=20, seed=3, journal=journal, **SETTING)
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:14]) + lines[14][:9])
    again = nm.search(searcher, task, evaluations=20, seed=3, journal=journal, **SETTING)
    assert again.architectures.tolist() == whole.architectures.tolist()
    assert again.failures == whole.failures


def test_an_objective_that_fails_takes_the_others_with_it(both: MultiObjectiveTask) -> None:
    parts = [TableEvaluator(part, unknown_feasibility=True) for part in both.parts]
    several = MultiObjectiveEvaluator(both, parts)
    assert several.measured is None
    assert set(several.front.architectures.tolist()) == set(both.front.architectures.tolist())
    lost = np.flatnonzero(np.isnan(both.values[:, 0]))
    result = several.evaluate(np.r_[lost[:2], both.front.architectures[:1]].astype(np.int32))
    assert result.failures == ("not measured", "not measured", None)
    worst = [np.nanmin(both.values[:, 0]), np.nanmax(both.values[:, 1])]
    assert result.values[:2].tolist() == [worst, worst]
    assert result.values[2].tolist() == both.values[both.front.architectures[0]].tolist()
    assert both.front.hypervolumes(result.values)[1] == 0


def test_failures_are_on_no_front(both: MultiObjectiveTask) -> None:
    lost = np.flatnonzero(np.isnan(both.values[:, 0]))

    class Fails(SEARCHERS["random"]):
        def ask(self, n: int = 1) -> np.ndarray:
            return self.rng.choice(lost, n).astype(np.int32)

    run = nm.search(Fails, both, evaluations=5, **SETTING)
    assert len(run.failures) == 5
    assert (run.hypervolumes == 0).all()
    assert len(run.front) == 0
    run = nm.search("random", both, evaluations=40, **SETTING)
    assert not set(run.front["cell"]) & set(run.failures)
    assert (np.diff(run.hypervolumes) >= 0).all()


@pytest.mark.parametrize("setting", [{"warm_start": 3}, {"prune_space": 0.5}])
def test_searches_inside_a_part_hear_of_failures(setting: dict[str, float], score: Task) -> None:
    evaluated = []

    class Listens(SEARCHERS["gp"]):
        def tell_failures(self, architectures: np.ndarray, values: np.ndarray) -> None:
            evaluated.extend(architectures.tolist())
            super().tell_failures(architectures, values)

    sources = [nm.get_task("nb201/cifar100"), nm.get_task("nb201/imagenet16-120")]
    run = nm.search(
        Listens, score, evaluations=30, seed=1, sources=sources, settings=setting, **SETTING
    )
    assert run.failures
    # the run ends before the last one is told
    assert set(run.failures) - set(evaluated) <= {int(run.architectures[-1])}
