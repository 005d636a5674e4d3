"""The commands that measure on a GPU, at a small size."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from nasmeta.training import Recipe
from nasmeta.training._stack import StackedLearner

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def gpu() -> ModuleType:
    path = ROOT / "reports" / "training" / "gpu.py"
    if not path.is_file():
        pytest.skip("reports/ is not part of a source distribution")
    specification = importlib.util.spec_from_file_location("gpu_report", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    before = list(sys.path)
    specification.loader.exec_module(module)
    sys.path[:] = before
    return module


def test_cells_are_spread_over_the_range(gpu: ModuleType) -> None:
    values = np.random.default_rng(0).permutation(1000).astype(float)
    cells = gpu.spread_over(values, 20)
    assert sorted(int(values[cell] // 50) for cell in cells) == list(range(20))
    assert np.ptp(values[cells[:4]]) > 500


def test_the_page_says_what_is_open_and_what_is_reached(gpu: ModuleType) -> None:
    recipe = Recipe.load("nb201-12")
    assert gpu.page_of({}, "a table", recipe).count("| not measured |") == len(gpu.TARGETS)
    page = gpu.page_of({"speed": {"card": "A card", "ratio": 4.0, "ratio_fast": None}}, "a table", recipe)
    assert "| ≥ 5 | 4 | no | A card |" in page
    assert "| the same, stacks of 64, CUDA graphs | – | not measured | – | – |" in page
    assert page.count("| not measured |") == len(gpu.TARGETS) - 1


@pytest.mark.slow
def test_stacks_are_measured_at_a_small_size(gpu: ModuleType, tmp_path: Path) -> None:
    command = [sys.executable, "reports/training/gpu.py", "--smoke", "--part", "stack", "--device", "cpu"]
    done = subprocess.run([*command, "--output", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "smoke.json").read_text())["stack"]
    assert min(figures["alone"], figures["stack_1"], figures["stack_2"]) > 0
    page = (tmp_path / "speed" / "stacked" / "README.md").read_text(encoding="utf-8")
    assert page.count("| as it is |") == 2
    assert str(tmp_path) not in page
    assert "Not measured" not in page


def test_a_stack_that_does_not_fit_is_said_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    stacked = pytest.importorskip("stacked", reason="benchmarks/ is not part of a source distribution")
    attempt = StackedLearner._try_step

    def short(self: StackedLearner, *arguments: Any) -> Any:
        if len(self._members) > 1:
            raise torch.OutOfMemoryError("out of memory")
        return attempt(self, *arguments)

    monkeypatch.setattr(StackedLearner, "_try_step", short)
    small = "--recipe tiny --image-size 8 --steps 1 --rounds 1 --stack 1,2 --device cpu --output"
    assert [row.case for row in stacked.main([*small.split(), str(tmp_path)])] == ["1"]
    assert "Not measured: 2 networks, as it is: out of memory." in (tmp_path / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_it_runs_at_a_small_size(gpu: ModuleType, tmp_path: Path) -> None:
    pytest.importorskip("torchvision")
    command = [sys.executable, "reports/training/gpu.py", "--smoke", "--device", "cpu", "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "smoke.json").read_text())
    assert len(figures["rank"]["rows"]) == 4
    assert figures["speed"]["ratio"] > 0
    assert "no figure means anything" in (tmp_path / "smoke.md").read_text()
