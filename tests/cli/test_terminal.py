"""What the terminal shows of names that users choose, of times, and of arguments that are no text."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from nasmeta.analysis.report import title_of
from nasmeta.cli._app import app
from nasmeta.files import write_facts

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
    done = CliRunner().invoke(app, ["compare", str(specification), "--folder", str(tmp_path / "results")])
    assert done.exit_code == 0, done.output
    assert done.stdout.count("\n[/x] ") == 1, "the table of values"
    assert "Of [/x] and :x:" in done.stdout
    assert (tmp_path / "results" / "summary.md").read_text(encoding="utf-8").startswith("# Of [/x] and :x:\n")


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
    [["surrogate", "fit", "[/x]"], ["search", "random", "[/x]"], ["meta-train", "[/x]", "--output", "x.npz"]],
)
def test_markup_in_a_name_is_text(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2, done.output
    assert "Unknown" in done.stderr
    assert "[/x]" in done.stderr
