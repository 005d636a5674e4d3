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


def test_a_failed_training_is_no_wrong_question(monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(*_: object, **__: object) -> None:
        raise TrainingFailed("the loss is nan", "diverged")

    monkeypatch.setattr("nasmeta.training.commands.train", diverge)
    assert CliRunner().invoke(app, ["train", "6111", "--data", "digits"]).exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            "train 99999",
            "train ²",
            "train -- --5",
            "train 6111 --recipe tin",
            "train 6111 --data folder:.",
        ),
        "train 6111 --data digits --valid-split nb201 --valid-fraction 0.2",
        "search random nb201/cifar10 --evaluator training",
        "search random nb201/cifar10 --evaluations 2 --recipe tiny --valid-fraction 0.3",
        "compare --searchers random --evaluations 2 --recipe tiny",
        "compare --searchers random --evaluator training --data digits",
    ],
)
def test_trainings_that_are_refused(
    arguments: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = [*arguments.split(), *(["--folder", "results"] if "search " not in arguments else [])]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 2, done.output
    assert not Path("results").exists()
