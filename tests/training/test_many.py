"""Processes that train side by side, and how they end."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from nasmeta.errors import SettingError, TrainingFailed
from nasmeta.training import _many, load_dataset, load_recipe, train_many

_CHILD = """
import os, time
from nasmeta.training._worker import serve
serve(os.getppid())
print("ready", flush=True)
time.sleep(120)
"""
_PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_CHILD!r}])"


def test_a_worker_ends_with_a_parent_that_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    parent.kill()
    rest, _ = parent.communicate(timeout=20)  # the pipe is open as long as the worker lives
    assert rest == ""


def test_an_error_beside_others_is_tried_again_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rounds: list[tuple[list[tuple[int, int]], int]] = []

    def fake(jobs: list[tuple[int, int]], n_workers: int, *_: object) -> dict[tuple[int, int], object]:
        rounds.append((list(jobs), n_workers))
        failed = {(2, 0): "error", (3, 0): "nan"}
        return {job: TrainingFailed("no", failed[job]) if job in failed else "done" for job in jobs}

    monkeypatch.setattr(_many, "_round", fake)
    found = _many._in_processes([(1, 0), (2, 0), (3, 0)], 2, tmp_path, None, {})  # type: ignore[arg-type]
    assert rounds == [([(1, 0), (2, 0), (3, 0)], 2), ([(2, 0)], 1)]
    assert [getattr(result, "reason", result) for result in found.values()] == ["done", "error", "nan"]


@pytest.mark.slow  # two processes that import PyTorch
def test_an_error_ends_what_runs_beside_it(tmp_path: Path) -> None:
    (tmp_path / "5-0").write_text("")  # no folder
    recipe, began = load_recipe("tiny", epochs=10_000), time.monotonic()
    with pytest.raises(SettingError):
        train_many([9, 5], dataset=load_dataset("digits"), recipe=recipe, folder=tmp_path, device="cpu", workers=2)
    assert time.monotonic() - began < 60
