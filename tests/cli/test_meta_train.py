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
