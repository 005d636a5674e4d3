"""Look-ups that answer with one random seed: drawn anew in each run, regrets without their noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nasmeta as nm
from nasmeta.errors import ColumnError, SettingError
from nasmeta.evaluators import TableEvaluator

SEEDS = (777, 888, 999)


def test_every_draw_is_a_measured_seed_and_all_are_drawn() -> None:
    task, table = nm.get_task("nb201/cifar100#sample"), nm.load_table("nb201")
    columns = np.stack([table.column("cifar100", "accuracy", "valid", 200, seed) for seed in SEEDS])
    drawn = task.sampled_values(5)
    assert (drawn == columns).any(axis=0).all()
    three = ~np.isnan(columns).any(axis=0) & (columns[0] != columns[1]) & (columns[1] != columns[2])
    shares = [(drawn == column)[three].mean() for column in columns]
    np.testing.assert_allclose(shares, 1 / 3, atol=0.05)
    assert np.array_equal(drawn, task.sampled_values(5))
    assert not np.array_equal(drawn, task.sampled_values(6))


def test_the_truth_is_the_mean_over_seeds() -> None:
    noisy, mean = nm.get_task("nb201/cifar100#sample"), nm.get_task("nb201/cifar100")
    assert np.array_equal(noisy.values, mean.values)
    assert noisy.optimum == mean.optimum
    assert noisy.column.seed == "sample"
    assert noisy.held_out == mean.held_out
    assert noisy == nm.load_table("nb201").task("accuracy", "cifar100", seed="sample")


def test_a_run_sees_draws_and_is_judged_without_their_noise() -> None:
    run = nm.search("gp", "nb201/cifar10#sample", evaluations=40, seed=3)
    task = run.task
    assert np.array_equal(run.values, task.sampled_values(3)[run.architectures])
    frame = run.frame()
    np.testing.assert_array_equal(frame["regret"], task.optimum - task.values[frame["incumbent"]])
    np.testing.assert_array_equal(frame["incumbent_value"], task.values[run.incumbents])
    np.testing.assert_array_equal(
        run.values[run.incumbent_positions], np.maximum.accumulate(run.values)
    )
    assert not np.array_equal(run.values, nm.search("gp", task, evaluations=40, seed=4).values)


def test_runs_of_a_comparison_draw_anew_also_without_chance_in_the_searcher(tmp_path: Path) -> None:
    asked = {
        "searchers": ["source-order", "random"],
        "tasks": ["nb201/cifar100#sample"],
        "evaluations": 15,
    }
    result = nm.compare(**asked, repeats=3, folder=tmp_path)
    values = result[result["searcher"] == "source-order"].pivot(
        index="evaluation", columns="seed", values="value"
    )
    task = nm.get_task("nb201/cifar100#sample")
    for seed in range(3):
        run = nm.search("source-order", task, evaluations=15, seed=seed)
        np.testing.assert_array_equal(values[seed], run.values)
    assert not values[0].equals(values[1])
    again = nm.compare(**asked, repeats=3, folder=tmp_path)
    pd.testing.assert_frame_equal(again, result)


@pytest.mark.parametrize("seed", [0, 1])
def test_short_trainings_are_of_the_same_draw(seed: int) -> None:
    frame = pd.DataFrame(
        {
            "cell": np.repeat(np.arange(40), 4),
            "seed": np.tile([0, 0, 1, 1], 40),
            "epochs": np.tile([10, 100], 80),
            "accuracy": np.arange(160.0) / 2,
        }
    )
    task = nm.Table.from_frame(frame, space="nb201").task("accuracy", seed="sample")
    run = nm.search("hyperband", task, evaluations=30, seed=seed)
    assert set(run.epochs) == {10, 100}
    short = run.values[run.epochs == 10]
    drawn = task.sampled_values(seed)[run.architectures[run.epochs == 10]]
    # the value after 100 epochs is the one after 10 plus a half
    np.testing.assert_array_equal(short + 0.5, drawn)


def test_own_table() -> None:
    frame = pd.DataFrame(
        {"cell": [1, 1, 2, 2, 3], "seed": [0, 1, 0, 1, 0], "loss": [1.0, 2, 3, 5, 4]}
    )
    task = nm.Table.from_frame(frame, space="nb201").task("loss", seed="sample")
    seen = {tuple(task.sampled_values(seed)[[1, 2, 3]]) for seed in range(40)}
    assert seen == {(1.0, 3.0, 4.0), (1.0, 5.0, 4.0), (2.0, 3.0, 4.0), (2.0, 5.0, 4.0)}
    assert np.isnan(task.sampled_values(0)[0])
    assert task.values[1] == 1.5
    assert TableEvaluator(task).for_seed(7).evaluate(np.array([3])).values.tolist() == [4.0]


def test_what_is_not_possible() -> None:
    with pytest.raises(SettingError):
        nm.search("random", "nb201/cifar10#sample", stop_at_optimum=True)
    with pytest.raises(ColumnError):
        nm.load_table("nb201").task("train_seconds", "imagenet16-120", seed="sample")
    with pytest.raises(SettingError):
        nm.get_task("nb201/cifar10").sampled_values(0)
