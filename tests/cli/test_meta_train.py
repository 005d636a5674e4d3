"""``nasmeta meta-train``: what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nasmeta.cli._app import app
from nasmeta.meta import SavedMetaModel


def run(*arguments: str, status: int = 0) -> Any:
    result = CliRunner().invoke(app, ["meta-train", *arguments])
    assert result.exit_code == status, result.exception
    return result


@pytest.mark.parametrize("out", [".", "..", "/"])
def test_a_folder_is_no_file(out: str) -> None:
    run("meta-gp", "--n-labels", "50", "--leave-out", "cifar10", "--output", out, status=2)


def test_an_existing_file_is_kept_or_done(tmp_path: Path) -> None:
    out = str(tmp_path / "order.npz")
    arguments = ["source-order", "--leave-out", "cifar10", "--output", out]
    printed = run(*arguments).stdout
    assert SavedMetaModel.load(out).sha256 in printed
    run(*arguments, "--resume")
    run(*arguments, status=2)
    run(*arguments, "--replace")
    run("source-order", "--sources", "tnb101", "--leave-out", "jigsww", "--output", out, status=2)


def test_progress_off_a_terminal_has_lines(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    tiny = ["--n-labels", "50", "--leave-out", "cifar10", "--set", "steps=3"]
    printed = run("maml", *tiny, "--output", str(tmp_path / "a.npz")).stderr
    assert "3 of 3, loss" in " ".join(printed.split())
