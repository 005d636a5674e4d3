"""One training in several processes, on the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from nasmeta.errors import SettingError
from nasmeta.training import ImageDataset, Recipe, train
from nasmeta.training._machine import Ranks

PLAIN = """
import faulthandler, json, os, sys
from pathlib import Path
import torch
import nasmeta as nm
from nasmeta.training import ImageDataset, Recipe, train

few = ImageDataset.load("digits").subset(67)  # batches of 16, 16, 16, 16 and 3
recipe = Recipe.load("tiny", epochs=2, batch_size=16, channels=4)
space = nm.SearchSpace("small", {"width": [4, 8]})

def build(choices):
    layers = [torch.nn.Conv2d(3, choices["width"], 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(2)]
    return torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(4 * choices["width"], 10))

def plain(**how):
    result = train(1, few, recipe, space=space, build_network=build, device="cpu", **how)
    return [[e.train_loss, e.train_accuracy, e.valid_loss, e.valid_accuracy, e.test_accuracy] for e in result.epochs]
"""
TOGETHER = (
    PLAIN
    + """
faulthandler.dump_traceback_later(240, exit=True)  # so that none waits for ever for one that is gone
home = Path(sys.argv[1])
found = {"plain": plain(distributed=True)}
cell = {"data": few, "recipe": recipe, "device": "cpu", "distributed": True}
whole = train(6111, folder=home / "whole", **cell)
paused = train(6111, folder=home / "paused", until=1, **cell)
again = train(6111, folder=home / "paused", **cell)
found["stopped"] = [whole.stopped, paused.stopped, again.stopped]
found["losses"] = [[e.train_loss for e in result.epochs] for result in (whole, again)]
found["device"] = whole.device
(home / f"{os.environ['RANK']}.json").write_text(json.dumps(found))
"""
)


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path: Path) -> None:
    script = tmp_path / "together.py"
    script.write_text(TOGETHER)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert first == second
    names: dict[str, object] = {}
    exec(PLAIN, names)
    alone = names["plain"]()  # type: ignore[operator]
    for one, two in zip(alone, first["plain"], strict=True):
        assert two == pytest.approx(one, rel=1e-4)
    assert first["stopped"] == ["finished", "paused", "finished"]
    assert first["losses"][0] == first["losses"][1]  # to the bit
    assert first["device"] == "2 × cpu"
    assert (tmp_path / "whole" / "network.safetensors").read_bytes() == (
        tmp_path / "paused" / "network.safetensors"
    ).read_bytes()
    few, recipe = ImageDataset.load("digits").subset(67), Recipe.load("tiny", epochs=2, batch_size=16, channels=4)
    with pytest.raises(SettingError, match="differs in processes"):
        train(6111, few, recipe, device="cpu", folder=tmp_path / "whole")


def test_torchrun_starts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
            monkeypatch.delenv(name)
    with pytest.raises(SettingError, match=r"started by torchrun, which sets RANK.*--nproc-per-node 4"):
        train(6111, device="cpu", distributed=True)


def test_parts_of_a_batch() -> None:
    parts = [Ranks(rank, 3) for rank in range(3)]
    images = torch.arange(8)
    assert sorted(torch.cat([images[part.shares(8)[0]] for part in parts]).tolist()) == list(range(8))
    assert {part.shares(8)[1] for part in parts} == {1.0}
    assert all(images[:5][part.shares(5)[0]].tolist() == list(range(5)) for part in parts)
    assert sum(part.shares(5)[1] for part in parts) == pytest.approx(1)
    assert Ranks().shares(1)[1] == 1
