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
    both = pd.concat([frame.assign(dataset="Pets"), frame.assign(dataset="x-rays")], ignore_index=True)
    rng = np.random.default_rng(0)
    both["rmse"] = np.abs(np.log2(both["width"]) - 5.5) + 0.2 * both["depth"] + 0.01 * rng.random(len(both))
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
    assert "sweep-1: 4 columns over 60 architectures\n" in result.stdout
    assert "pets/rmse/-/-/- (1, lower is better)" in result.stdout
    assert "Try: nasmeta search gp sweep-1/pets --evaluations 50" in result.stdout
    assert len(list(tmp_path.rglob("*.arrow"))) == 1, "the table was written twice"


def test_a_metric_without_a_direction(sweep: Path) -> None:
    result = run("data", "add", sweep, "--columns", "width,depth,act", code=2)
    assert "--direction rmse=max" in " ".join(result.output.split())


def test_the_list_shows_it_until_it_is_removed(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasmeta.tables._catalog.table_names", list)  # the others take seconds to build
    add(sweep, "--licence", "CC0", "--citation", "A paper")
    listed = run("data", "list").stdout
    assert "sweep: columns on this machine" in listed
    assert "sweep: pets, x-rays: rmse, train_seconds" in listed
    assert "licence CC0" in listed
    assert "A paper" in listed
    assert "Removed sweep." in run("data", "remove", "sweep").stdout
    assert added_tables() == ()
    assert "sweep" not in run("data", "list").stdout


def test_from_a_csv_to_curves(sweep: Path) -> None:
    add(sweep)
    searched = run("search", "evolution", "sweep/pets", "--evaluations", "20")
    assert "width=" in searched.stdout
    compared = run(
        "compare",
        "--searchers",
        "random,local-search",
        "--tasks",
        "sweep",
        "--repeats",
        "2",
        "--evaluations",
        "8",
        "--out",
        "out",
    )
    assert "sweep/x-rays" in compared.output
    assert len(pd.read_parquet("out/results.parquet")) == 2 * 2 * 2 * 8


@pytest.mark.slow  # figures
def test_from_a_csv_to_a_report(sweep: Path, tmp_path: Path) -> None:
    add(sweep)
    run(
        "compare",
        "--searchers",
        "random,evolution",
        "--tasks",
        "sweep",
        "--repeats",
        "2",
        "--evaluations",
        "8",
        "--out",
        "out",
    )
    run("report", "out")
    assert list(tmp_path.glob("out/**/*.html")) or list(tmp_path.glob("out/**/*.md"))


def test_looking_up_one(sweep: Path) -> None:
    add(sweep)
    result = run("query", "0", "width=16,depth=1,act=tanh", "--table", "sweep", "--dataset", "pets", "--metric", "rmse")
    assert result.stdout.splitlines()[1].startswith("     1  ")
    assert "width=16,depth=1,act=tanh" in result.stdout
    assert "rmse" in run("query", "0", "--table", "sweep", "--dataset", "pets", code=2).output


def test_a_surrogate_and_predictors(sweep: Path) -> None:
    add(sweep)
    run("surrogate", "fit", "sweep/pets", "--output", "pets.npz")
    assert "width=" in run("search", "random", "sweep/pets", "--evaluator", "pets.npz", "--evaluations", "5").stdout
    result = run("predict", "--dataset", "sweep/pets", "--predictors", "ridge", "--sizes", "20", "--draws", "1")
    assert "ridge" in result.stdout


def test_a_partial_table_says_its_share(tmp_path: Path) -> None:
    cells = np.random.default_rng(0).choice(15_625, 1000, replace=False)
    pd.DataFrame({"arch": cells, "val_acc": cells / 200.0}).to_parquet(tmp_path / "pets.parquet")
    result = run("data", "add", "pets.parquet", "--space", "nb201", "--dataset", "pets", "--split", "valid")
    assert "15,625 architectures, 6.4 % of them measured" in result.stdout
    assert load_table("pets").columns[0].address == "pets/val_acc/valid/-/-"
    assert "6.4 %" in run("search", "random", "pets/pets", "--evaluations", "5").output
    refused = run("search", "random", "pets/pets", "--seconds", "5", code=2)
    assert "recorded" in refused.output
    assert "--evaluations" in refused.output or "evaluations" in refused.output


def test_of_many_columns_and_tasks_the_first_are_told(tmp_path: Path) -> None:
    frame = pd.DataFrame({"arch": 0, "dataset": [f"d{i}" for i in range(25)], "accuracy": 50.0, "loss": 1.0})
    frame.to_csv("many.csv", index=False)
    told = run("data", "add", "many.csv", "--space", "nb201").stdout
    assert told.count(" is better)") == 20
    assert "  ... and 30 more: `nasmeta data list`\n" in told
    assert "many/d19, ... and 5 more: `nasmeta list tasks --family many`. Try:" in told
    assert "many/d24" in run("list", "tasks", "--family", "many").stdout
    metrics = {f"loss_{i}": [1.0] for i in range(300)}
    pd.DataFrame({"arch": [0], **metrics}).to_csv("wide.csv", index=False)
    stated = [option for metric in metrics for option in ("--direction", f"{metric}=min")]
    told = run("data", "add", "wide.csv", "--space", "nb201", *stated).stdout
    assert "No task has a name of its own." in told
    assert "loss_19, ... and 280 more" in told


def test_of_which_no_task_is_clear(tmp_path: Path) -> None:
    pd.DataFrame({"arch": [0, 0], "acc": [1.0, 2.0], "release": ["v1", "v2"]}).to_csv("two.csv", index=False)
    result = run("data", "add", "two.csv", "--space", "nb201")
    assert "Say release: v1, v2" in result.output
    assert added_tables() == ("two",)


REFUSED = {
    "no space": ([], "--space nb201"),
    "both": (["--space", "nb201", "--columns", "width"], "--space nb201"),
    "unknown space": (["--space", "nb202"], "Unknown space 'nb202'"),
    "unknown column": (["--columns", "width,depht"], "depht"),
    "of another space": (
        ["--space", "nb201"],
        "no column of architectures: name it with architecture=… (on the command line --architecture)",
    ),
    "a direction": (["--columns", "width,depth,act", "--direction", "up"], "key=value"),
    "a direction of none": (["--columns", "width,depth,act", *LOWER, "--direction", "mse=min"], "'mse'"),
    "a kind": (["--columns", "width,depth,act", "--kind", "rmse=speed"], "kind of rmse"),
    "a name": (["--columns", "width,depth,act", *LOWER, "--name", "My Table"], "lower-case letters"),
    "a taken name": (["--columns", "width,depth,act", "--name", "nb201"], "built-in table"),
    "two answers": (["--columns", "width,depth", "--metrics", "rmse", *LOWER], "both contain pets/rmse"),
    "a text as metric": (["--columns", "width,depth"], "on the command line --metrics a,b"),
    "a key twice": (
        ["--columns", "width,depth,act", "--dataset", "pets"],
        "leave out dataset='pets'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str, sweep: Path) -> None:
    arguments, message = REFUSED[case]
    result = run("data", "add", sweep, *arguments, code=2)
    assert message in " ".join(result.output.split())
    assert "Traceback" not in result.output
    assert added_tables() == ()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.csv", None, "cannot be read"),
        ("a.xlsx", b"x", "not a .csv, .tsv or .parquet file"),
        ("a.parquet", b"no parquet", "cannot be read as parquet"),
        ("a.csv", b"", "cannot be read as csv"),
        ("a.csv", b"\xff\xfe\x00", "cannot be read as csv"),
        ("a.csv", b"arch,acc\n", "no value"),
        ("a.csv", b"cell;accuracy\n0;91,5\n", "a.csv cannot be read as csv"),
        ("a.csv", b"arch,acc\n0,1\n1,2,3,4\n", "cannot be read as csv"),
    ],
)
def test_files_that_cannot_be_read(name: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    result = run("data", "add", name, "--space", "nb201", code=2)
    assert message in " ".join(result.output.split())


def test_a_changed_file_under_the_same_name(sweep: Path) -> None:
    add(sweep)
    add(sweep)  # the same again
    sweep.write_text(sweep.read_text().replace("Pets", "cats"))
    refused = run("data", "add", sweep, "--columns", "width,depth,act", *LOWER, "--name", "sweep", code=2)
    assert "--replace" in refused.output
    add(sweep, "--replace")
    assert load_table("sweep").datasets == ("cats", "x-rays")
    assert "Added: sweep" in run("data", "remove", "swep", code=2).output


def test_seconds_that_nobody_recorded_are_told(sweep: Path) -> None:
    frame = pd.read_csv(sweep, index_col=0)
    frame.loc[frame["depth"] == 5, "train_seconds"] = np.nan
    frame.to_csv("gaps.csv", index=False)
    run("data", "add", "gaps.csv", "--columns", "width,depth,act", *LOWER, "--name", "gaps")
    said = run("search", "random", "gaps/pets", "--evaluations", "60").stdout
    assert "of training, without 12 evaluations whose time nobody recorded" in said


def test_the_doctor_opens_own_tables(sweep: Path, tmp_path: Path) -> None:
    assert "table " not in run("doctor").stdout  # none was added
    add(sweep)
    done = run("doctor").stdout
    metrics = "rmse (1, min), train_seconds (s, min)"
    assert f"table     sweep: opens; 60 architectures; datasets pets, x-rays; metrics {metrics}\n" in done
    assert "odd " not in done
    assert done.endswith("All is well.\n")
    folder = tmp_path / "tables"
    folder.mkdir()
    accuracies = np.round(np.random.default_rng(0).normal(92, 1, 20), 2)
    good = pd.DataFrame({"cell": range(20), "accuracy": accuracies})
    good.to_csv(folder / "a-good.csv", index=False)
    mixed = good.assign(accuracy=np.where(good["cell"] % 7 == 3, accuracies / 100, accuracies), split="test")
    mixed.to_csv(folder / "b-mixed.csv", index=False)
    seeds = pd.concat([good.assign(seed=0), good.assign(seed="mean", accuracy=50.0)])
    seeds.to_csv(folder / "c-mean.csv", index=False)
    (folder / "notes.txt").write_text("no table")
    done = run("doctor", folder, "--space", "nb201", code=1).stdout
    assert (
        "table     a-good.csv: opens; 20 of 15,625 architectures; datasets a-good; metrics accuracy (percent, max)"
        in done
    )
    odd = [line for line in done.splitlines() if line.startswith("odd ")]
    assert "accuracy of b-mixed looks like a fraction among percents" in odd[0]
    assert odd[0].endswith("on the command line --unit accuracy=percent.")
    assert "accuracy of b-mixed is of the test split, and there are no validation values." in odd[1]
    stated = ("--space", "nb201", "--unit", "accuracy=percent")
    run("data", "add", folder / "b-mixed.csv", *stated, "--name", "mixed")
    assert "fraction" not in run("doctor", folder / "b-mixed.csv", *stated).stdout + run("doctor", "mixed").stdout
    run("data", "remove", "mixed")
    (broken,) = [line for line in done.splitlines() if line.startswith("BROKEN: ")]
    assert broken.startswith("BROKEN: c-mean.csv does not open: c-mean/accuracy/-/-/mean of |avg_pool_3x3~0|+")
    assert run("doctor", folder / "a-good.csv", code=1).stdout.count("--space") == 1
    assert "Unknown table 'nowhere'" in run("doctor", "nowhere", code=1).stdout
    (stored,) = (tmp_path / "cache").rglob("*.added.arrow")
    assert "table     sweep.added.arrow: opens; 60 architectures" in run("doctor", stored).stdout
    stored.write_bytes(stored.read_bytes()[:500])
    assert "BROKEN: sweep does not open:" in run("doctor", code=1).stdout
    assert "holds no file" in run("doctor", tmp_path / "cache", code=1).stdout


def test_the_doctor_reads_what_can_be_added(tmp_path: Path) -> None:
    file, frame = tmp_path / "notes.csv", pd.DataFrame({"net": [0, 5], "y": [0.5, 0.75], "note": ["a", "b"]})
    frame.to_csv(file, index=False)
    options = ("--space", "nb201", "--architecture", "net", "--metrics", "y", "--split", "test")
    done = run("doctor", file, *options, "--direction", "y=max").stdout
    assert "notes.csv: opens; 2 of 15,625 architectures; datasets notes; metrics y (1, max)" in done
    assert done.endswith("Nothing is broken; 1 odd thing above to look at.\n")  # test values alone
    assert not (tmp_path / "cache" / "tables").exists()
    done = run("doctor", file, *options[:-2], "--direction", "y=min").stdout
    assert "metrics y (1, min)" in done
    assert done.endswith("All is well.\n")
    run("data", "add", file, *options[:-2], "--direction", "y=min")
    assert "table     notes: opens; 2 of 15,625 architectures" in run("doctor").stdout


def test_a_name_with_a_space_is_quoted_in_what_to_do_next(tmp_path: Path) -> None:
    file = tmp_path / "chests.csv"
    nm.SearchSpace("sweep", COLUMNS).to_frame().assign(dataset="chest x-ray", accuracy=50.0).to_csv(file, index=False)
    told = run("data", "add", file, "--columns", "width,depth,act").stdout
    assert "nasmeta search gp 'chests/chest x-ray' --evaluations 50" in told
