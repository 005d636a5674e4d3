"""A user's own table by commands: from a CSV to a search curve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import app
from nasmeta.tables import added_tables, load_table

LOWER = ("--direction", "rmse=min")
COLUMNS = {"width": [16, 32, 64, 128], "depth": [1, 2, 3, 4, 5], "act": ["relu", "tanh", "gelu"]}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASMETA_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Return a CSV with the row numbers that pandas writes, of 60 architectures on two datasets."""
    frame = nm.SearchSpace("sweep", COLUMNS).to_frame()
    both = pd.concat(
        [frame.assign(dataset="Pets"), frame.assign(dataset="x-rays")], ignore_index=True
    )
    rng = np.random.default_rng(0)
    both["rmse"] = (
        np.abs(np.log2(both["width"]) - 5.5) + 0.2 * both["depth"] + 0.01 * rng.random(len(both))
    )
    both["train_seconds"] = both["width"] * both["depth"] * 1.0
    file = tmp_path / "Sweep 1.csv"
    both.to_csv(file)
    return file


def run(*arguments: object, code: int = 0) -> Any:
    environment = {"COLUMNS": "200", "TERMINAL_WIDTH": "200"}
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env=environment)
    assert result.exit_code == code, result.output
    return result


def add(sweep: Path, *more: str) -> None:
    run("data", "add", sweep, "--columns", "width,depth,act", *LOWER, "--name", "sweep", *more)


def test_adding_tells_what_to_do_next(sweep: Path, tmp_path: Path) -> None:
    result = run("data", "add", sweep, "--columns", "width,depth,act", *LOWER)
    assert "Sweep-1: 4 columns over 60 architectures" in result.stdout
    assert "Pets/rmse/-/-/- (lower is better)" in result.stdout
    assert "Try: nasmeta search gp Sweep-1/Pets --evaluations 50" in result.stdout
    assert len(list(tmp_path.rglob("*.arrow"))) == 1, "the table was written twice"


def test_columns_of_many_numbers_become_ranges(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {name: 10 ** rng.uniform(-3, 0, 40) for name in ("lr", "wd", "eps", "loss")}
    )
    frame.to_csv("scan.csv", index=False)
    shown = run(
        "data", "add", "scan.csv", "--columns", "lr,wd,eps", "--scales", "wd=linear,eps=none"
    ).stdout
    low, high = frame["lr"].agg(["min", "max"])
    assert f"lr: a range from {low:g} to {high:g}, 40 values, log scale" in shown
    assert "wd: a range" in shown
    assert "linear scale (--scales wd=log changes it)" in shown
    assert "eps: a range" not in shown
    assert load_table("scan").space.positions[2].scale is None


def test_conditions_of_columns(tmp_path: Path) -> None:
    (tmp_path / "tuned.csv").write_text(
        "optimiser,momentum,lr,loss\nsgd,0.9,1,0.3\nadam,,1,0.5\nadam,,2,0.4\n"
    )
    add_all = ("data", "add", "tuned.csv", "--columns", "optimiser,momentum,lr")
    assert "--conditions momentum=" in run(*add_all, code=2).output
    run(*add_all, "--conditions", "momentum=optimiser:sgd")
    assert load_table("tuned").query("optimiser=adam,lr=2", "tuned", "loss") == pytest.approx(0.4)
    for wrong in ("momentum=sgd", "momentum", "speed=optimiser:sgd", "momentum=optimiser:rmsprop"):
        run(*add_all, "--conditions", wrong, code=2)


def test_a_metric_without_a_direction(sweep: Path) -> None:
    result = run("data", "add", sweep, "--columns", "width,depth,act", code=2)
    assert "--direction rmse=max" in " ".join(result.output.split())


def test_the_list_shows_it_until_it_is_removed(
    sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the others take seconds to build
    monkeypatch.setattr("nasmeta.tables._catalog.table_names", list)
    add(sweep)
    assert "sweep" in run("data", "list").stdout
    assert "not stated" in run("data", "list", "sweep").stdout
    assert "Removed sweep." in run("data", "remove", "sweep").stdout
    assert added_tables() == ()


def test_from_a_csv_to_curves(sweep: Path) -> None:
    add(sweep)
    searched = run("search", "evolution", "sweep/pets", "--evaluations", "20")
    assert "width=" in searched.stdout
    options = (
        "--searchers random,local-search --tasks sweep --repeats 2 --evaluations 8 --folder out"
    )
    assert "sweep/x-rays" in run("compare", *options.split()).output
    assert len(pd.read_parquet("out/results.parquet")) == 2 * 2 * 2 * 8
    assert all(
        Path(f"out/regret_evaluations.{suffix}").stat().st_size > 5_000 for suffix in ("png", "svg")
    )


def test_looking_up_one(sweep: Path) -> None:
    add(sweep)
    result = run(
        "query",
        "0",
        "width=16,depth=1,act=tanh",
        "--table",
        "sweep",
        "--dataset",
        "pets",
        "--metric",
        "rmse",
    )
    assert result.stdout.splitlines()[1].startswith("     1  ")
    assert "width=16,depth=1,act=tanh" in result.stdout
    assert "rmse" in run("query", "0", "--table", "sweep", "--dataset", "pets", code=2).output


def test_a_surrogate_and_predictors(sweep: Path) -> None:
    add(sweep)
    run("surrogate", "fit", "sweep/pets", "--output", "pets.npz")
    assert (
        "width="
        in run(
            "search", "random", "sweep/pets", "--evaluator", "pets.npz", "--evaluations", "5"
        ).stdout
    )
    result = run(
        "predict", "--task", "sweep/pets", "--predictors", "ridge", "--sizes", "20", "--draws", "1"
    )
    assert "ridge" in result.stdout


def test_a_partial_table_says_its_share(tmp_path: Path) -> None:
    architectures = np.random.default_rng(0).choice(15_625, 1000, replace=False)
    pd.DataFrame({"arch": architectures, "val_acc": architectures / 200.0}).to_parquet(
        tmp_path / "pets.parquet"
    )
    result = run(
        "data", "add", "pets.parquet", "--space", "nb201", "--dataset", "pets", "--split", "valid"
    )
    assert "6.4 % of the architectures are measured" in result.stdout
    assert load_table("pets").columns[0].address == "pets/val_acc/valid/-/-"
    assert "measured:0.064" in run("search", "random", "pets/pets", "--evaluations", "5").output
    assert (
        "does not record" in run("search", "random", "pets/pets", "--seconds", "5", code=2).output
    )


def test_of_which_no_task_is_clear(tmp_path: Path) -> None:
    pd.DataFrame({"arch": [0, 0], "acc": [1.0, 2.0], "release": ["v1", "v2"]}).to_csv(
        "two.csv", index=False
    )
    result = run("data", "add", "two.csv", "--space", "nb201")
    assert "release: v1, v2" in result.output
    assert added_tables() == ("two",)


def test_a_changed_file_under_the_same_name(sweep: Path) -> None:
    add(sweep)
    add(sweep)  # the same again
    sweep.write_text(sweep.read_text().replace("Pets", "cats"))
    refused = run(
        "data", "add", sweep, "--columns", "width,depth,act", *LOWER, "--name", "sweep", code=2
    )
    assert "--replace" in refused.output
    add(sweep, "--replace")
    assert load_table("sweep").datasets == ("cats", "x-rays")
    assert "sweep" in run("data", "remove", "swep", code=2).output


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--space", "nb202"],
        ["--columns", "width,depht"],
        ["--columns", "width,depth,act", "--direction", "up"],
        ["--columns", "width,depth,act", *LOWER, "--direction", "mse=min"],
        ["--columns", "width,depth,act", "--kind", "rmse=speed"],
        ["--columns", "width,depth,act", "--name", "nb201"],
        ["--columns", "width,depth", "--metrics", "rmse", *LOWER],
    ],
    ids=" ".join,
)
def test_errors_of_a_new_table(options: list[str], sweep: Path) -> None:
    assert run("data", "add", sweep, *options, code=2).stderr.startswith("Error: ")
    assert added_tables() == ()


def test_the_doctor_opens_tables(sweep: Path, tmp_path: Path) -> None:
    add(sweep)
    done = run("doctor").stdout
    facts = "datasets Pets, x-rays; metrics rmse (1, min), train_seconds (s, min)\n"
    assert f"table           sweep: opens; {facts}" in done
    assert done.endswith("Nothing is broken.\n")
    (stored,) = (tmp_path / "cache").rglob("*.added.arrow")
    stored.write_bytes(stored.read_bytes()[:500])
    assert "BROKEN          sweep does not open:" in run("doctor", code=1).stdout


def test_two_metrics_with_missing_values(tmp_path: Path) -> None:
    rows = {"arch": [0, 1, 2], "f1": [0.5, np.nan, 0.7], "infer_ms": [1.0, np.nan, np.nan]}
    pd.DataFrame(rows).to_csv("two.csv", index=False)
    result = run(
        "data",
        "add",
        "two.csv",
        "--space",
        "nb201",
        "--direction",
        "f1=max",
        "--direction",
        "infer_ms=min",
    )
    assert "gp two/two/f1" in result.stdout
    listed = run("list", "tasks", "two").stdout
    assert [line.split()[0] for line in listed.splitlines()] == [
        "task",
        "two/two/f1",
        "two/two/infer_ms",
    ]
