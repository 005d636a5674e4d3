"""Processes that train side by side, and how they end."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nasmeta.errors import TrainingFailed
from nasmeta.training import EpochRecord, ImageDataset, Recipe, Trainer, TrainingResult, train_many


def made_up(cell: int) -> TrainingResult:
    epoch = EpochRecord(1, 0.1, 1.0, 50.0, 1.0, 50.0, 1.0, 49.0, 2.0)
    return TrainingResult(
        cell, "nb201", "digits", {}, 0, "cpu", (epoch,), 2.0, 0.5, "s", "d", 1, "finished", {}
    )


_CHILD = """
import os, time
from nasmeta.threads import end_with
end_with(os.getppid())
print("ready", flush=True)
time.sleep(120)
"""
_PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_CHILD!r}])"


def test_a_worker_ends_with_a_parent_that_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout.readline() == "ready\n"
    parent.kill()
    rest, _ = parent.communicate(timeout=20)  # the pipe is open as long as the worker lives
    assert rest == ""


@pytest.mark.parametrize("reason", ["killed", "error", "diverged"])
def test_a_failure_ends_no_other_training(
    reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fake(self: Trainer, cell: int, seed: int, folder: Path, tell: Any = None) -> TrainingResult:
        if cell == 5:
            raise TrainingFailed("no", reason)
        return made_up(cell)

    monkeypatch.setattr(Trainer, "train", fake)
    few = ImageDataset.load("digits").subset(32)
    found = train_many([3, 5, 9], data=few, folder=tmp_path, workers=2)
    assert [getattr(result, "reason", None) for result in found] == [None, reason, None]


@pytest.mark.slow  # two processes that import PyTorch
def test_an_error_ends_what_runs_beside_it(tmp_path: Path) -> None:
    (tmp_path / "5-0").write_text("")  # no folder
    recipe = Recipe.load("tiny", epochs=10_000)
    with pytest.raises(FileExistsError):
        train_many(
            [9, 5],
            data=ImageDataset.load("digits"),
            recipe=recipe,
            folder=tmp_path,
            device="cpu",
            workers=2,
        )
    assert not (tmp_path / "9-0" / "result.json").exists()
