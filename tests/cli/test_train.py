"""``nasmeta train``, and options of commands that train."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from nasmeta.cli._app import app
from nasmeta.errors import TrainingFailed
from nasmeta.training import CellNetwork, read_result


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


@pytest.mark.parametrize("arguments", ["99999", "²", "-- --5", "6111 --recipe tin", "6111 --data folder:."])
def test_errors(arguments: str) -> None:
    assert CliRunner().invoke(app, ["train", *arguments.split()]).exit_code == 2


def test_a_fraction_of_another_split_is_refused(tmp_path: Path) -> None:
    arguments = ["train", "6111", "--data", "digits", "--split", "nb201", "--valid-fraction", "0.2"]
    result = CliRunner().invoke(app, [*arguments, "--folder", str(tmp_path / "training")])
    assert result.exit_code == 2
    assert not (tmp_path / "training").exists()


def test_a_comparison_that_trains_is_told_its_task() -> None:
    arguments = ["compare", "--searchers", "random", "--evaluator", "training", "--data", "digits"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code != 0


@pytest.mark.parametrize("command", [["search", "random", "nb201/cifar10"], ["compare", "--searchers", "random"]])
def test_options_of_training_are_refused_without_training(command: list[str]) -> None:
    result = CliRunner().invoke(app, [*command, "--evaluations", "2", "--recipe", "tiny", "--valid-fraction", "0.3"])
    assert result.exit_code == 2


def test_a_failed_training_is_no_wrong_question(monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(*_: object, **__: object) -> None:
        raise TrainingFailed("the loss is nan", "diverged")

    monkeypatch.setattr("nasmeta.training.commands.train", diverge)
    assert CliRunner().invoke(app, ["train", "6111", "--data", "digits"]).exit_code == 1


def test_the_demonstration_has_its_own_options(tmp_path: Path) -> None:
    arguments = ["verify", "run.jsonl", "--demo", "--top", "7", "--folder", str(tmp_path)]
    assert CliRunner().invoke(app, arguments).exit_code == 2
