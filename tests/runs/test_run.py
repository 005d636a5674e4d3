"""The history of a run and the results frame, against numbers counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.errors import SettingError
from nasmeta.evaluators import Evaluation, Evaluator
from nasmeta.runs import History, Trace, results_frame

COLUMNS = [
    "task",
    "searcher",
    "seed",
    "evaluation",
    "cell",
    "value",
    "cost_seconds",
    "simulated_seconds",
    "incumbent",
    "incumbent_value",
    "regret",
    "worker",
    "epochs",
    "clock",
    "space",
    "warm_start",
    "stopped",
    "failure",
]


def run_of(
    architectures: list[int], values: list[float], seed: int = 4, searcher: str = "made-up"
) -> History:
    config = nm.search("random", "nb201/cifar10", evaluations=1).config
    trace = Trace()
    for seconds, (architecture, value) in enumerate(
        zip(architectures, values, strict=True), start=1
    ):
        trace.append(architecture, value, float(seconds))
    return History(replace(config, seed=seed, label=searcher), trace)


def test_incumbents_are_the_first_in_ties() -> None:
    run = run_of([10, 11, 12, 13, 14], [1.0, 3.0, 2.0, 3.0, 4.0])
    assert run.incumbents.tolist() == [10, 11, 11, 11, 14]
    assert run.best == (14, 4.0)
    assert len(run) == 5


def test_frame_by_hand() -> None:
    run = run_of([10, 11, 12], [90.0, 91.0, 89.0])
    frame = run.frame()
    assert list(frame.columns) == COLUMNS
    assert frame["evaluation"].tolist() == [1, 2, 3]
    assert frame["stopped"].tolist() == ["budget"] * 3
    assert frame["simulated_seconds"].tolist() == [1.0, 3.0, 6.0]
    assert frame["incumbent"].tolist() == [10, 11, 11]
    assert frame["incumbent_value"].tolist() == [90.0, 91.0, 91.0]
    optimum = nm.get_task("nb201/cifar10").optimum
    assert frame["regret"].tolist() == [optimum - 90.0, optimum - 91.0, optimum - 91.0]


def test_a_value_above_the_optimum_is_refused() -> None:
    with pytest.raises(SettingError):
        run_of([10, 11], [90.0, 99.9]).frame()


def test_frame_of_several_runs_keeps_their_order() -> None:
    frame = results_frame([run_of([1, 2], [1.0, 2.0], 7, "b"), run_of([3], [3.0], 6, "a")])
    assert frame["searcher"].tolist() == ["b", "b", "a"]
    assert frame["seed"].tolist() == [7, 7, 6]
    assert frame["cell"].tolist() == [1, 2, 3]


def test_no_run_and_an_empty_run() -> None:
    assert list(results_frame([]).columns) == COLUMNS
    empty = run_of([], [])
    assert len(empty.frame()) == 0
    assert "0 evaluations" in repr(empty)
    with pytest.raises(SettingError):
        _ = empty.best


def test_a_value_above_the_best_known_one_has_no_regret() -> None:
    class Function(Evaluator):
        optimum = 90.0

        def evaluate(self, architectures: np.ndarray) -> Evaluation:
            return Evaluation(np.full(len(architectures), 91.0), np.zeros(len(architectures)))

    frame = nm.search("random", Function(nm.get_task("nb201/cifar10")), evaluations=2).frame()
    assert frame[["incumbent_value", "regret"]].to_numpy().tolist() == [[91.0, 0.0]] * 2
