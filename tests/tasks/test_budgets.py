"""Budgets and trade-offs on a table of one's own, over a space without cells."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nasmeta as nm
from nasmeta.errors import ColumnError, NasmetaError, SettingError

SPACE = nm.SearchSpace("mlp", {"width": [16, 32, 64, 128], "depth": [1, 2, 3, 4, 5]})


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tables that are added to a cache of this test's own."""
    monkeypatch.setenv("NASMETA_CACHE", str(tmp_path / "cache"))


def frame() -> pd.DataFrame:
    """Return 20 networks; one was not trained, and one has no latency: the best one."""
    found = SPACE.to_frame()
    size = found["width"] * found["depth"]
    rng = np.random.default_rng(0)
    found["accuracy"] = 80 + 1.5 * np.log2(size) + rng.uniform(0, 1, len(found))
    found["latency"], found["params"] = 0.02 * size, size / 8
    found.loc[3, "accuracy"] = np.nan
    found.loc[found["accuracy"].idxmax(), "latency"] = np.nan
    return found


def mine() -> nm.Table:
    return nm.Table.from_frame(
        frame(), SPACE, name="mlp", dataset="sensors", unit={"latency": "ms"}
    )


def test_the_best_below_a_limit_is_searched() -> None:
    rows, task = frame(), mine().task("accuracy").with_objective("within-2.56ms/latency")
    assert task.name == "mlp/sensors/within-2.56ms/latency"
    feasible = (rows["latency"] <= 2.56) & rows["accuracy"].notna()  # the limit itself is allowed
    assert task.optimum == pytest.approx(rows.loc[feasible, "accuracy"].max(), rel=1e-6)
    expected = np.where(feasible, rows["accuracy"], -100 * (1 - 2.56 / rows["latency"]))
    expected[rows["latency"].isna()] = -100  # nobody knows that it is below the limit
    expected[3] = np.nan
    np.testing.assert_allclose(task.values, expected, rtol=1e-5)
    assert task.held_out == ("sensors",)
    assert task.column.metric == "accuracy_within_2.56ms_latency"
    run = nm.search("gp", task, evaluations=12, seed=0)
    assert rows["latency"][run.best.architecture] <= 2.56
    assert 3 not in run.architectures
    assert {c.metric: v for c, v in run.report().items()} == pytest.approx(
        {name: rows[name][run.best.architecture] for name in ("accuracy", "latency")}, rel=1e-6
    )
    assert pickle.loads(pickle.dumps(task)) == task


def test_other_limits_and_a_trade_off() -> None:
    table, rows = mine(), frame()
    few = table.task("accuracy").with_objective("within-2e1/params")
    assert few.held_out == ("sensors", "parameters_and_flops")
    assert few.optimum == pytest.approx(rows.loc[rows["params"] <= 20, "accuracy"].max(), rel=1e-6)
    both = table.task("accuracy").with_objective("tradeoff-2/latency")
    np.testing.assert_allclose(
        both.values, rows["accuracy"] - 2 * np.log(rows["latency"]), rtol=1e-5
    )
    with pytest.raises(SettingError):
        both.with_objective("within-2/params")
    with pytest.raises(SettingError):
        nm.multi_objective_task(["accuracy", "latency"], table=table).with_objective(
            "within-2/params"
        )


@pytest.mark.parametrize(
    ("objective", "error"),
    [
        ("within-5/latnecy", ColumnError),
        ("within-5s/latency", SettingError),
        ("within-0.01/latency", SettingError),
        ("below-5/latency", SettingError),
        ("within-5/accuracy", SettingError),
    ],
)
def test_wrong_calls(objective: str, error: type[NasmetaError]) -> None:
    table = mine()
    with pytest.raises(error):
        nm.search("random", table.task("accuracy").with_objective(objective), evaluations=3)


def test_values_that_no_rule_can_rank() -> None:
    rows = frame().assign(params=np.arange(20.0), score=lambda one: one["accuracy"] - 100)
    table = nm.Table.from_frame(
        rows, SPACE, name="mlp", dataset="sensors", direction={"score": "max"}
    )
    with pytest.raises(SettingError):
        _ = table.task("score").with_objective("within-5/latency").values
    with pytest.raises(SettingError):
        _ = table.task("accuracy").with_objective("tradeoff-2/params").values
