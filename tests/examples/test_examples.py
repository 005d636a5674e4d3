"""The examples run as their docstrings say it, from the first command to the last."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scripts import load_script

from nasmeta.searchers import Searcher
from nasmeta.spaces import SearchSpace
from nasmeta.testing import SearcherContract

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.*"))
WRITES = {"hardware_pareto": "pareto.png"}
MOST_LINES = 70


def commands_of(script: Path) -> list[str]:
    """Return the commands in the docstring of a script."""
    return re.findall(
        r"^#?    +((?:python|nasmeta|pytest) .+)$", script.read_text("utf-8"), re.MULTILINE
    )


def imported(name: str) -> ModuleType:
    """Return an example as a module."""
    return load_script(f"examples/{name}.py")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_it_says_how_to_run_it_and_is_short(script: Path) -> None:
    commands = commands_of(script)
    assert commands
    assert f" examples/{script.name}" in commands[0]
    assert len(script.read_text("utf-8").splitlines()) <= MOST_LINES


def test_the_page_lists_all() -> None:
    page = (EXAMPLES.parent / "docs" / "examples.md").read_text("utf-8")
    notebooks = sorted((EXAMPLES.parent / "notebooks").glob("*.ipynb"))
    assert len(notebooks) == 8
    assert [path.name for path in [*notebooks, *SCRIPTS] if f"/{path.name})" not in page] == []


@pytest.mark.parametrize("name", WRITES)
def test_help_writes_nothing(name: str, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py", "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"python examples/{name}.py" in ended.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_its_commands_run(script: Path, tmp_path: Path) -> None:
    if script.stem == "optuna_both_ways":
        pytest.importorskip("optuna")
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PATH": path}
    for command in commands_of(script):
        words = shlex.split(command)
        run = [sys.executable] if words[0] == "python" else [sys.executable, "-m", words[0]]
        ended = subprocess.run(
            [*run, *words[1:]],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert ended.returncode == 0, f"{command}: {ended.stdout[-2000:]}{ended.stderr[-2000:]}"
        assert ended.stdout.strip()
    if script.stem in WRITES:
        assert (tmp_path / WRITES[script.stem]).stat().st_size > 10_000


def test_the_last_architecture_in_an_answer() -> None:
    answer = 'Instead of {"a": 1}, I "suggest" {"a": [2]}:\n```\n{"a": 2}\n```\nnot {"b": 2} or {c}'
    assert imported("chat_model").architecture_in(answer, {"a": [1, 2]}) == {"a": 2}


class TestOwnSearcher(SearcherContract):
    def make(self, space: SearchSpace, rng: np.random.Generator) -> Searcher:
        searcher = imported("own_searcher").Climber(space, rng)
        return searcher
