"""``nasmeta meta-train``: what it prints."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from nasmeta.cli._app import app
from nasmeta.meta import SavedMetaModel


def test_a_file_that_lay_there_is_not_called_its_log(tmp_path: Path) -> None:
    (tmp_path / "order.csv").write_text("a,b\n1,2\n")
    arguments = ["meta-train", "source-order", "--leave-out", "cifar10", "--out", str(tmp_path / "order.npz")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "written" in result.output
    assert "losses" not in result.output
    assert (tmp_path / "order.csv").read_text() == "a,b\n1,2\n"


def test_what_no_source_is_on_is_not_called_unknown(tmp_path: Path) -> None:
    arguments = ["meta-train", "source-order", "--sources", "tnb101", "--out", str(tmp_path / "order.npz")]
    result = CliRunner().invoke(app, [*arguments, "--leave-out", "CIFAR10"])
    said = " ".join(result.output.split())
    assert result.exit_code != 0
    assert "class_scene" in said
    result = CliRunner().invoke(app, [*arguments, "--leave-out", "jigsww"])
    assert "Unknown dataset or device 'jigsww'. Did you mean 'jigsaw'?" in " ".join(result.output.split())


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["meta-train", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, " ".join(result.stderr.split())


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    for out in (".", "..", str(tmp_path), "/"):
        code, _, said = run("meta-gp", "--labels", "50", "--leave-out", "cifar10", "--out", out)
        assert (code, "a file that ends in .npz" in said) == (2, True)


def test_what_is_there_is_kept_or_called_done(tmp_path: Path) -> None:
    out = str(tmp_path / "order.npz")
    arguments = ["source-order", "--leave-out", "cifar10", "--out", out]
    code, told, said = run(*arguments, "--resume")
    assert code == 0
    assert "order.checkpoint to resume from: the training begins" in said
    assert f"written            {out}" in told
    assert f"sha256 of content  {SavedMetaModel.load(out).sha256}" in told
    code, told, said = run(*arguments, "--resume")
    assert (code, said) == (0, "")
    assert f"done already       {out}" in told
    assert "written" not in told
    code, _, said = run(*arguments)
    assert (code, "--overwrite" in said) == (2, True)
    code, told, _ = run(*arguments, "--overwrite")
    assert (code, "written" in told) == (0, True)


def test_off_a_terminal_progress_is_told_in_lines(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    tiny = [part for setting in ("iterations=3", "walks=4", "steps=3", "hidden=4") for part in ("--set", setting)]
    code, _, said = run("meta-rl", "--labels", "50", "--leave-out", "cifar10", *tiny, "--out", str(tmp_path / "a.npz"))
    assert code == 0
    assert "meta-rl: 1 of 3, loss" in said
    assert "meta-rl: 3 of 3, loss" in said
