"""``nasmeta plan``, and a comparison that is terminated."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nasmeta.cli._app import app

OPTIONS = ["--tasks", "nb201/cifar100", "--evaluations", "30"]


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.usefixtures("blank_figures")
def test_a_folder_and_names_give_the_same_plan(tmp_path: Path) -> None:
    named = run(
        "plan",
        "random,local-search",
        *OPTIONS,
        "--repeats",
        "8",
        "--plot",
        str(tmp_path / "power.svg"),
    )
    assert (tmp_path / "power.svg").is_file()
    folder = str(tmp_path / "results")
    run(
        "compare",
        "--searchers",
        "random,local-search",
        *OPTIONS,
        "--repeats",
        "8",
        "--folder",
        folder,
    )
    assert run("plan", folder) == named[named.index("nb201/cifar100") : named.index("Written:")]


def test_a_narrow_terminal_breaks_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("COLUMNS", "80"), ("FORCE_COLOR", "1"), ("TERM", "dumb")):
        monkeypatch.setenv(name, value)
    lines = run("plan", "evolution,local-search", *OPTIONS, "--repeats", "5").splitlines()
    table = lines[
        lines.index("nb201/cifar100, regret") : next(
            i for i, s in enumerate(lines) if s.startswith("From")
        )
    ]
    assert max(map(len, table)) == 80
    words = {
        "searcher",
        "other",
        "difference",
        "winner",
        "needed",
        "evaluations",
        "hours",
        "evolution",
        "local-search",
    }
    assert words <= set(" ".join(table).split())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process at once")
def test_a_terminated_comparison_tells_how_to_resume(tmp_path: Path) -> None:
    command = ["compare", "--searchers", "random,evolution", "--repeats", "3000"]
    line = [sys.executable, "-m", "nasmeta", *command, "--folder", str(tmp_path)]
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as process:
        while not any(tmp_path.rglob("*.jsonl")):
            time.sleep(0.1)
        process.terminate()
        assert str(tmp_path) in process.communicate(timeout=30)[1].splitlines()[-1]
    assert process.returncode == 130
