"""``nasmeta train``."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import app
from nasmeta.errors import SettingError
from nasmeta.training import CellNetwork, ImageDataset, Recipe, read_result


def test_trains_writes_and_goes_on(tmp_path: Path) -> None:
    recipe = tmp_path / "short.toml"
    recipe.write_text('based_on = "tiny"\nepochs = 1\nchannels = 4\n')
    folder, network = tmp_path / "run", tmp_path / "network.safetensors"
    command = ["train", "6111", "--recipe", str(recipe), "--folder", str(folder), "--device", "cpu"]
    done = CliRunner().invoke(app, [*command, "--export", str(network)])
    assert done.exit_code == 0, done.output
    result = read_result(folder)
    assert f"valid {result.valid_accuracy:.2f} %" in done.output
    assert CellNetwork.load(network).cell == 6111
    again = CliRunner().invoke(app, command)
    assert again.exit_code == 0
    assert f"test {result.test_accuracy:.2f} %" in again.output


def test_errors_are_one_line(tmp_path: Path) -> None:
    for arguments, message in (
        (["train", "99999"], "99999"),
        (["train", "²"], "is no cell of nb201"),
        (["train", "--", "--5"], "no cell"),
        (["train", "9" * 5000], "no cell"),
        (["train", "6111", "--recipe", "tin"], "Did you mean 'tiny'"),
        (["train", "6111", "--data", f"folder:{tmp_path}"], "classes"),
    ):
        done = CliRunner().invoke(app, arguments)
        assert (done.exit_code, message in done.output) == (2, True), done.output
        assert "Traceback" not in done.output


def test_what_cannot_be_exported_is_refused_before_the_training(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").mkdir()
    folder = tmp_path / "run"
    for name, message in (
        ("x.foo", "ends in none of .safetensors, .pt2, .onnx"),
        ("none/x.pt2", "there is no folder"),
        ("a.onnx", "it is a folder"),
    ):
        command = ["train", "6111", "--folder", str(folder), "--device", "cpu", "--export", str(tmp_path / name)]
        done = CliRunner().invoke(app, command)
        assert (done.exit_code, message in done.output) == (2, True), done.output
        assert not folder.exists()


def test_into_the_folder_that_the_training_makes(tmp_path: Path) -> None:
    recipe, few = Recipe.load("tiny", epochs=1, channels=4), ImageDataset.load("digits").subset(64)
    network = tmp_path / "run" / "elsewhere.safetensors"
    result = nm.train(6111, few, recipe, folder=tmp_path / "run", device="cpu", export=network)
    assert (CellNetwork.load(network).cell, result.cell) == (6111, 6111)
    again = nm.train(6111, few, recipe, 0, space="nb201", folder=tmp_path / "run", device="cpu")
    assert again.valid_accuracy == result.valid_accuracy
    with pytest.raises(SettingError, match="given by its name"):
        nm.train(6111, few, recipe, size=16)
