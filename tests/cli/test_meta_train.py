"""``nasmeta meta-train``: what it prints."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from nasmeta.cli._app import app
from nasmeta.meta import SavedMetaModel


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["meta-train", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, " ".join(result.stderr.split())


@pytest.mark.parametrize("out", [".", "..", "/"])
def test_a_folder_is_no_file(out: str) -> None:
    assert run("meta-gp", "--n-labels", "50", "--leave-out", "cifar10", "--output", out)[0] == 2


def test_an_existing_file_is_kept_or_done(tmp_path: Path) -> None:
    out = str(tmp_path / "order.npz")
    arguments = ["source-order", "--leave-out", "cifar10", "--output", out]
    code, told, _ = run(*arguments)
    assert (code, SavedMetaModel.load(out).sha256 in told) == (0, True)
    assert run(*arguments, "--resume")[0] == 0
    assert run(*arguments)[0] == 2
    assert run(*arguments, "--overwrite")[0] == 0
    assert run(*arguments[:1], "--sources", "tnb101", "--leave-out", "jigsww", "--output", out)[0] == 2


def test_progress_off_a_terminal_has_lines(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    tiny = ["--n-labels", "50", "--leave-out", "cifar10", "--set", "steps=3"]
    code, _, told = run("maml", *tiny, "--output", str(tmp_path / "a.npz"))
    assert code == 0
    assert "3 of 3, loss" in told
