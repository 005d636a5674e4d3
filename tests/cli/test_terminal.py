"""What the terminal shows of names that users choose, of times, and of arguments that are no text."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from nasmeta.analysis.report import title_of
from nasmeta.cli._app import app
from nasmeta.files import write_facts
from nasmeta.terminal import print_facts, print_table

SPECIFICATION = """
title = "Of [/x] and :x:"
tasks = ["nb201/cifar10"]
repeats = 2
report = ["cifar10/accuracy/valid/200/777"]
[budget]
evaluations = 5
[searchers."[/x]"]
searcher = "random"
"""


@pytest.mark.usefixtures("blank_figures")
def test_markup_in_a_label_is_text(tmp_path: Path) -> None:
    specification = tmp_path / "labels.toml"
    specification.write_text(SPECIFICATION, encoding="utf-8")
    done = CliRunner().invoke(
        app, ["compare", str(specification), "--folder", str(tmp_path / "results")]
    )
    assert done.exit_code == 0, done.output
    assert done.stdout.count("\n[/x] ") == 1, "the table of values"
    assert "Of [/x] and :x:" in done.stdout
    assert (
        (tmp_path / "results" / "summary.md")
        .read_text(encoding="utf-8")
        .startswith("# Of [/x] and :x:\n")
    )


@pytest.mark.usefixtures("blank_figures")
def test_a_report_has_the_title_of_its_specification(tmp_path: Path) -> None:
    specification, folder = tmp_path / "labels.toml", tmp_path / "results"
    specification.write_text(SPECIFICATION, encoding="utf-8")
    CliRunner().invoke(app, ["compare", str(specification), "--folder", str(folder)])
    page = folder / "report" / "report.md"
    for more, title in (([], "Of [/x] and :x:"), (["--title", "Mine"], "Mine")):
        done = CliRunner().invoke(app, ["report", str(folder), "--formats", "svg", *more])
        assert done.exit_code == 0, done.output
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {title}\n")
        assert "seed 777" in text, "the column that the specification reports"
    write_facts(tmp_path / "provenance.json", {"specification": {"text": 'tasks = "nb201"'}})
    assert title_of(tmp_path) == "Comparison of searchers"


@pytest.mark.parametrize(
    "arguments",
    [
        ["surrogate", "fit", "[/x]"],
        ["search", "random", "[/x]"],
        ["meta-train", "[/x]", "--output", "x.npz"],
    ],
)
def test_markup_in_a_name_is_text(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2, done.output
    assert "Unknown" in done.stderr
    assert "[/x]" in done.stderr


@pytest.fixture
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("COLUMNS", "80"), ("FORCE_COLOR", "1"), ("TERM", "dumb")):
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("_narrow")
def test_a_narrow_terminal_breaks_facts_between_words(capsys: pytest.CaptureFixture) -> None:
    checksum = "0123456789abcdef" * 4
    print_facts({"packages": "scikit-learn 1.9.1, " * 8, "sha256": checksum})
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) == 80
    assert [line[:16].strip() for line in lines] == ["packages", "", "", "sha256"]
    assert " ".join(line[16:].strip() for line in lines[:3]) == ("scikit-learn 1.9.1, " * 8).strip()
    assert lines[3].endswith(checksum)


@pytest.mark.usefixtures("_narrow")
def test_a_narrow_terminal_shortens_architectures_and_breaks_summaries(
    capsys: pytest.CaptureFixture,
) -> None:
    print_table(["cell", "architecture", "accuracy"], [["7", "a" * 300, "91.25"]])
    assert capsys.readouterr().out.split()[3:] == ["7", f"{'a' * 20}...{'a' * 20}", "91.25"]
    summaries = [f"One clause; {'another one ' * 9}", "words " * 30]
    print_table(["name", "summary"], [["x", text] for text in summaries], whole=True)
    assert capsys.readouterr().out.split() == [
        "name",
        "summary",
        *"x ".join(["", *summaries]).split(),
    ]


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("search nb201/cifar10 gp", "nasmeta search gp nb201/cifar10"),
        ("compare --searchers random evolution", "--searchers random,evolution"),
        ("publish results --out x.json.gz", "--output"),
        ("compare --searchers random --tasks images", "nb201, nbmacro, tnb101"),
        ("list tasks images", "nb201, nbmacro, tnb101"),
        ("plan random --tasks nb201", "at least two searchers"),
        ("search gp nb201/cifar10+train_seconds", "nsga2, optuna-nsgaii, random"),
    ],
)
def test_mistakes_get_a_hint(line: str, hint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERMINAL_WIDTH", "200")
    done = CliRunner().invoke(app, line.split())
    assert done.exit_code == 2
    assert hint in done.stderr.replace("\n", " ")


def test_lists_can_be_listed() -> None:
    assert CliRunner().invoke(app, ["list"]).stdout.split()[2:4] == ["searchers", "for"]
