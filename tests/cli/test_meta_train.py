"""``nasmeta meta-train``: what it prints."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from nasmeta.cli._app import app


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
    assert "None of these 7 tasks is on cifar10" in said
    assert "class_scene" in said
    assert "Unknown" not in said
    result = CliRunner().invoke(app, [*arguments, "--leave-out", "jigsww"])
    assert "Unknown dataset or device 'jigsww'. Did you mean 'jigsaw'?" in " ".join(result.output.split())
