"""``--json`` prints the values of the Python API, and errors with their exit status."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.analysis.report import summarise_comparison
from nasmeta.cli._app import COMMANDS, app

DOCS = Path(__file__).resolve().parents[2] / "docs"


def run(*arguments: str, status: int = 0) -> dict:
    done = CliRunner().invoke(app, [*arguments, "--json"])
    output = json.loads(done.stdout)
    assert (done.exit_code, output["status"]) == (status, status), done.output
    assert list(output) == [
        "nasmeta",
        "command",
        "status",
        "warnings",
        "error" if status else "result",
    ]
    return output


def assert_rows(records: list[dict], frame: pd.DataFrame) -> None:
    """Compare the columns of a frame exactly, with null for missing numbers."""
    wanted = frame.astype(object).where(frame.notna(), None).reset_index(drop=True)
    rows = pd.DataFrame(records, dtype=object)[list(frame)]
    assert_frame_equal(rows, wanted, check_dtype=False, check_column_type=False)


def test_query() -> None:
    address = {"dataset": "cifar10", "split": "valid", "epochs": 200, "seed": "mean"}
    options = [text for name, value in address.items() for text in (f"--{name}", str(value))]
    assert_rows(run("query", "6111", "0", *options)["result"], nm.query([6111, 0], **address))


def test_search(tmp_path: Path) -> None:
    options = [
        "--evaluations",
        "30",
        "--seed",
        "4",
        "--set",
        "population=10",
        "--journal",
        str(tmp_path / "run.jsonl"),
    ]
    result = run("search", "evolution", "nb201/cifar100", *options)["result"]
    history = nm.search(
        "evolution", "nb201/cifar100", evaluations=30, seed=4, settings={"population": 10}
    )
    assert (result["best"]["cell"], result["best"]["value"]) == history.best
    assert result["settings"] == {"population": 10}
    assert result["also_reported"] == []
    with pytest.raises(nm.errors.MissingValueError, match="nasmeta data fetch constrained-tpe"):
        history.report()
    assert_rows(result["evaluations"], history.frame()[list(result["evaluations"][0])])


def test_search_of_several_objectives() -> None:
    result = run("search", "random", "nb201/cifar10+train_seconds", "--evaluations", "20")["result"]
    assert_rows(
        result["front"], nm.search("random", "nb201/cifar10+train_seconds", evaluations=20).front
    )
    assert [record["metric"] for record in result["columns"]] == ["accuracy", "train_seconds"]


def test_compare() -> None:
    options = ["--tasks", "nb201", "--repeats", "3", "--evaluations", "20"]
    result = run("compare", "--searchers", "random,evolution", *options)["result"]
    frame = nm.compare(["random", "evolution"], "nb201", repeats=3, evaluations=20)
    wanted = summarise_comparison(frame, 20)
    for task in nm.task_distribution("nb201").names:
        for key, tables in (("results", wanted.results), ("tests", wanted.tests)):
            assert_rows([record for record in result[key] if record["task"] == task], tables[task])
    assert len(result["runs"]) == 3 * 2 * 3
    assert [record["optimum"] for record in result["tasks"]] == [
        fact.optimum for fact in wanted.facts
    ]


def test_predict() -> None:
    options = ["--sizes", "20", "--draws", "2", "--target", "valid"]
    result = run("predict", "--predictors", "ridge,nwot", *options)["result"]
    wanted = nm.predict(["ridge", "nwot"], sizes=[20], draws=2, target="valid")
    timed = [name for name in wanted.frame if str(name).endswith("_seconds")]
    assert_rows(result["fits"], wanted.frame.drop(columns=timed))
    assert_rows(result["summary"], wanted.summary.drop(columns=timed))


def test_lists() -> None:
    assert_rows(run("list", "searchers")["result"], nm.list_searchers())
    assert_rows(run("list", "recipes")["result"], nm.list_recipes())


@pytest.mark.parametrize(
    ("arguments", "kind", "what"),
    [
        ("search rndom nb201/cifar10", "UnknownNameError", "searcher"),
        ("search random nb201/cifar10 --evaluations 0", "SettingError", "evaluations"),
        ("search random", "SettingError", "task"),
        ("compare --searchers random --nosuch 3", "NoSuchOption", None),
    ],
)
def test_errors(arguments: str, kind: str, what: str | None) -> None:
    error = run(*arguments.split(), status=2)["error"]
    assert (error["type"], error.get("what")) == (kind, what)


def test_a_search_without_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "always_fails.py").write_text(
        "from nasmeta.errors import EvaluationFailed\ndef score(cell):\n    raise EvaluationFailed('no memory')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    options = ["--evaluator", "always_fails:score", "--evaluations", "3"]
    assert (
        run("search", "random", "nb201/cifar10", *options, status=1)["error"]["type"]
        == "EvaluationFailed"
    )


def test_workers_that_print_leave_stdout_alone(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text(
        "def score(cell):\n    print('loud')\n    return len(str(cell))\n"
    )
    options = "--searchers random --tasks nb201/cifar10 --evaluator loud:score --repeats 2 --evaluations 3 --workers 2"
    command = [sys.executable, "-m", "nasmeta", "compare", *options.split(), "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert len(json.loads(done.stdout)["result"]["runs"]) == 2
    assert "loud" in done.stderr


@pytest.mark.filterwarnings("always")
def test_warnings_are_part_of_the_object() -> None:
    source = "nb201/train-seconds/cifar100"
    output = run(
        "search", "source-order", "nb201/cifar10", "--sources", source, "--evaluations", "3"
    )
    assert len(output["warnings"]) == 1


def test_the_page_shows_the_output() -> None:
    page = (DOCS / "how-to" / "programs.md").read_text(encoding="utf-8")
    line, shown = re.search(r"```bash\n(.*?)\n```\n\n```json\n(.*?)```", page, re.DOTALL).groups()
    assert CliRunner().invoke(app, shlex.split(line)[1:]).stdout == shown


def test_the_text_for_programs_names_all_commands() -> None:
    text = (DOCS / "llms.txt").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"`nasmeta {name}" in text
