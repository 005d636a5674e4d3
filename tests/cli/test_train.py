"""``nasmeta train``."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import app
from nasmeta.errors import SettingError
from nasmeta.training import CellNetwork, ImageDataset, read_result


def test_trains_writes_and_goes_on(tmp_path: Path) -> None:
    recipe = tmp_path / "short.toml"
    recipe.write_text('based_on = "tiny"\nepochs = 1\nchannels = 4\n')
    folder = tmp_path / "run"
    command = ["train", "6111", "--recipe", str(recipe), "--folder", str(folder), "--device", "cpu"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    result = read_result(folder)
    assert f"valid {result.valid_accuracy:.2f} %" in done.output
    assert CellNetwork.load(folder / "network.safetensors").cell == 6111
    again = CliRunner().invoke(app, command)
    assert again.exit_code == 0
    assert f"test {result.test_accuracy:.2f} %" in again.output


def test_errors_are_one_line(tmp_path: Path) -> None:
    for arguments, message in (
        (["train", "99999"], "99999"),
        (["train", "²"], "cell of nb201"),
        (["train", "--", "--5"], "cell of nb201"),
        (["train", "9" * 5000], "cell of nb201"),
        (["train", "6111", "--recipe", "tin"], "Did you mean 'tiny'"),
        (["train", "6111", "--data", f"folder:{tmp_path}"], "classes"),
    ):
        done = CliRunner().invoke(app, arguments)
        assert (done.exit_code, message in done.output) == (2, True), done.output
        assert "Traceback" not in done.output


def test_options_of_a_source_need_a_source() -> None:
    with pytest.raises(SettingError):
        nm.train(6111, ImageDataset.load("digits").subset(64), "tiny", size=16)
