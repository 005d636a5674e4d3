"""Processes that train side by side, and how they end."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from nasmeta.errors import DamagedFileError, SettingError, TrainingFailed
from nasmeta.training import ImageDataset, Recipe, TrainingResult, _many, read_result, train, train_many

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
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    parent.kill()
    rest, _ = parent.communicate(timeout=20)  # the pipe is open as long as the worker lives
    assert rest == ""


def test_an_error_beside_others_is_tried_again_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rounds: list[tuple[list[tuple[int, int]], int]] = []

    def fake(jobs: list[tuple[int, int]], n_workers: int, *_: object) -> dict[tuple[int, int], object]:
        rounds.append((list(jobs), n_workers))
        failed = {(2, 0): "error", (3, 0): "diverged"}
        return {job: TrainingFailed("no", failed[job]) if job in failed else "done" for job in jobs}

    monkeypatch.setattr(_many, "_round", fake)
    found = _many._in_processes([(1, 0), (2, 0), (3, 0)], 2, (tmp_path, None, {}), print)  # type: ignore[arg-type]
    assert rounds == [([(1, 0), (2, 0), (3, 0)], 2), ([(2, 0)], 1)]
    assert [getattr(result, "reason", result) for result in found.values()] == ["done", "error", "diverged"]


@pytest.mark.slow  # two processes that import PyTorch
def test_an_error_ends_what_runs_beside_it(tmp_path: Path) -> None:
    (tmp_path / "5-0").write_text("")  # no folder
    recipe, began = Recipe.load("tiny", epochs=10_000), time.monotonic()
    with pytest.raises(SettingError):
        train_many([9, 5], data=ImageDataset.load("digits"), recipe=recipe, folder=tmp_path, device="cpu", workers=2)
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"cells": 6111}, "cells must be a list of cells, each an index or a string, not 6111"),
        ({"cells": "6111"}, "cells must be a list of cells"),
        ({"cells": None}, "cells must be a list of cells"),
        ({"seeds": 0}, "seeds must be a list of whole numbers, not 0"),
        ({"data": "digits", "data_options": {"depth": 1}}, "ImageDataset.load has no option 'depth'"),
        ({"data": "digits", "data_options": 5}, "data_options must be of type Mapping"),
        ({"device": "abacus", "workers": "ray"}, "device is auto, cpu, cuda or cuda:N, not 'abacus'"),
        ({"workers": 10**5000}, "workers must be a whole number"),
    ],
)
def test_wrong_calls_end_in_a_sentence(tmp_path: Path, wrong: dict[str, Any], message: str) -> None:
    few = ImageDataset.load("digits").subset(32)
    with pytest.raises(SettingError, match=message):
        train_many(**{"cells": [9], "data": few, "recipe": "tiny", "folder": tmp_path, **wrong})


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 100_000,
        b"[]",
        b"\xff",
        b'{"nasmeta_training": ' + b"1" * 5000 + b"}",
        {"cell": "6111"},
        {"versions": None},
        {"epochs": [{"epoch": "first"}]},
    ],
)
def test_a_damaged_result_is_said_to_be_one(tmp_path: Path, text: Any) -> None:
    if isinstance(text, dict):
        few = ImageDataset.load("digits").subset(32)
        done = train(9, few, Recipe.load("tiny", epochs=1), device="cpu").to_dict()
        assert TrainingResult.from_dict(done).cell == 9
        text["epochs"] = [{**done["epochs"][0], **epoch} for epoch in text.get("epochs", done["epochs"])]
        text = json.dumps({**done, **text}).encode()
    (tmp_path / "result.json").write_bytes(text)
    with pytest.raises(DamagedFileError, match=r"result\.json"):
        read_result(tmp_path)
