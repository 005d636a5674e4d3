"""Runs with several objectives: loop, journal, history, pictures and comparison."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.cbook import pts_to_poststep, pts_to_prestep
from pandas.testing import assert_frame_equal

import nasmeta as nm
from nasmeta.arrays import Architectures, Floats
from nasmeta.errors import SettingError, UnknownNameError
from nasmeta.evaluators import (
    FunctionEvaluator,
    MultiObjectiveEvaluator,
    SurrogateEvaluator,
    TableEvaluator,
)
from nasmeta.runs import FrontHistory
from nasmeta.searchers import SEARCHERS, Searcher

TASK = "nb201/cifar10+train_seconds"
STEPS = {"steps-pre": pts_to_prestep, "steps-post": pts_to_poststep}
SEVERAL = sorted(name for name, kind in SEARCHERS.items() if kind.objectives == "several")


def front_run(searcher: str = "nsga2", task: str = TASK, **options: object) -> FrontHistory:
    run = nm.search(searcher, task, **{"evaluations": 40, **options})  # type: ignore[arg-type]
    return run


@pytest.mark.parametrize("n_objectives", [2, 3])
@pytest.mark.parametrize("searcher", ["random", "optuna-nsgaii", *SEVERAL])
def test_a_killed_run_goes_on_to_the_bit(searcher: str, n_objectives: int, tmp_path: Path) -> None:
    path, n = tmp_path / "run.jsonl", 18
    parameters = nm.load_table("nb201").task("parameters", "cifar10", seed=777)
    task = nm.multi_objective_task(
        ["accuracy", "train_seconds", parameters][:n_objectives], "cifar10"
    )
    whole = front_run(searcher, task, evaluations=n, journal=path)
    written = path.read_bytes()
    lines = written.splitlines(keepends=True)
    assert len(lines) == n + 1
    path.write_bytes(b"".join(lines[:9]) + lines[9][:11])  # a line without its end
    again = front_run(searcher, task, evaluations=n, journal=path)
    assert path.read_bytes() == written
    np.testing.assert_array_equal(again.architectures, whole.architectures)
    np.testing.assert_array_equal(again.values, whole.values)
    read = front_run(searcher, task, evaluations=n, journal=path)
    assert np.isnan(read.searcher_seconds)
    assert_frame_equal(read.frame(), whole.frame())


def test_the_journal_holds_both_values_and_directions(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    run = front_run(journal=path, evaluations=3)
    header, *records = map(json.loads, path.read_text().splitlines())
    assert [entry.partition(", ")[2] for entry in header["objectives"]] == [
        "max, percent",
        "min, s",
    ]
    assert [record[1] for record in records] == run.values.tolist()


def test_searchers_are_told_that_higher_is_better() -> None:
    observed = []

    class Listening(Searcher):
        objectives = "any"

        def ask(self, n: int = 1) -> Architectures:
            return self.rng.integers(self.space.size, size=n, dtype=np.int32)

        def tell(self, architectures: Architectures, values: Floats) -> None:
            observed.append(values)

    run = nm.search(Listening, TASK, evaluations=12)
    reported = np.concatenate(observed)  # the last values end the run
    np.testing.assert_array_equal(reported, run.values[: len(reported)] * [1, -1])
    assert len(reported) == 11


@pytest.mark.parametrize("searcher", ["random", *SEVERAL])
def test_keeps_to_what_was_measured_to_its_end(searcher: str) -> None:
    rng = np.random.default_rng(0)
    architectures = rng.choice(15_625, 40, replace=False)
    measured = pd.DataFrame(
        {"cell": architectures, "accuracy": rng.random(40), "watts": rng.random(40)}
    )
    table = nm.Table.from_frame(measured, space="nb201", dataset="pets", direction="max")
    task = nm.multi_objective_task(["accuracy", "watts"], table=table)
    run = front_run(searcher, task, evaluations=100)
    assert run.stopped == "exhausted"
    assert sorted(run.architectures.tolist()) == sorted(architectures.tolist())
    assert run.hypervolumes[-1] == 100.0


def test_history() -> None:
    run = front_run(evaluations=60)
    front, values = run.front, run.values
    assert front["accuracy"].is_monotonic_decreasing
    for row in values:  # nothing is better than all of the front
        assert ((front["accuracy"] >= row[0]) & (front["train_seconds"] <= row[1])).any()
    frame = run.frame()
    np.testing.assert_array_equal(frame[["objective_1", "objective_2"]], values)
    np.testing.assert_allclose(frame["value"].cumsum(), frame["incumbent_value"])
    assert frame["incumbent"].equals(
        frame["cell"].where(frame["value"] > 0).ffill().astype("int64")
    )
    np.testing.assert_allclose(frame["regret"], 100 - run.hypervolumes)
    with pytest.raises(SettingError):
        _ = run.best
    assert "60" in run._repr_html_()


@pytest.mark.parametrize("first", ["max", "min"])
@pytest.mark.parametrize("second", ["max", "min"])
def test_no_front_is_drawn_beyond_its_points(first: str, second: str) -> None:
    rng = np.random.default_rng(1)
    architectures = rng.choice(15_625, 60, replace=False)
    measured = pd.DataFrame(
        {"cell": architectures, "height": rng.random(60), "width": rng.random(60)}
    )
    table = nm.Table.from_frame(
        measured,
        space="nb201",
        dataset="pets",
        direction={"height": first, "width": second},
        unit="1",
    )
    run = front_run(
        "random", nm.multi_objective_task(["height", "width"], table=table), evaluations=40
    )
    signs = np.array([1 if direction == "max" else -1 for direction in (first, second)])
    figure = run.plot()
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    utilities = run.evaluator.task.values[architectures] * signs, run.values * signs
    for name, points in zip(("true front", "front found"), utilities, strict=True):
        x, y = STEPS[lines[name].get_drawstyle()](*lines[name].get_data())
        assert len(x) > 3, "a front with corners"
        middles = np.column_stack([(y[1:] + y[:-1]) / 2, (x[1:] + x[:-1]) / 2]) * signs
        attained = (points[:, None] >= middles - 1e-9).all(axis=2).any(axis=0)
        assert attained.all(), f"the {name} is drawn where no architecture is"
    plt.close(figure)


@pytest.mark.parametrize("name", ["gp", "evolution", "asha", "meta-gp", "optuna-tpe"])
def test_a_searcher_for_one_objective_is_refused(name: str) -> None:
    with pytest.raises(SettingError):
        nm.search(name, TASK)


def test_evaluators_one_an_objective() -> None:
    task = nm.multi_objective_task(["accuracy", "train_seconds"], "cifar10")
    accuracy, seconds = task.parts
    mixed = MultiObjectiveEvaluator(task, [SurrogateEvaluator(accuracy), TableEvaluator(seconds)])
    run = nm.search("nsga2", mixed, evaluations=30)
    assert run.config.identity["evaluator"]["parts"][0]["kind"] == "surrogate"
    assert len(nm.compare(["random"], mixed, repeats=1, evaluations=10)) == 10
    with pytest.raises(UnknownNameError):
        nm.search("nsga2", task, evaluator="surrogate")
    assert 0 < run.hypervolumes[-1] <= 100
    counted = FunctionEvaluator(lambda choices: float(len(set(choices.values()))), seconds)
    unknown = nm.search(
        "nsga2", MultiObjectiveEvaluator(task, [TableEvaluator(accuracy), counted]), evaluations=30
    )
    assert np.isnan(unknown.hypervolumes).all()
    assert len(unknown.front)
    plt.close(unknown.plot())


def test_one_and_several_objectives_in_one_frame() -> None:
    frame = nm.compare(["random"], ["nb201/cifar10", TASK], repeats=2, evaluations=10)
    alone = frame[frame["task"] == "nb201/cifar10"]
    assert alone["objective_1"].isna().all()
    expected = nm.compare(["random"], ["nb201/cifar10"], repeats=2, evaluations=10)
    pd.testing.assert_series_equal(alone["regret"], expected["regret"])
