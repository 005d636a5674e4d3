"""The commands that measure on a GPU, at a small size."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from scripts import load_script

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def gpu() -> ModuleType:
    return load_script("reports/training/gpu.py")


@pytest.mark.slow
def test_it_runs_at_a_small_size(gpu: ModuleType, tmp_path: Path) -> None:
    has_loader = importlib.util.find_spec("torchvision") is not None
    parts = ["--part", "rank", "--part", "top", *(["--part", "speed"] if has_loader else [])]
    command = [
        sys.executable,
        "reports/training/gpu.py",
        "--smoke",
        "--device",
        "cpu",
        "--output",
        str(tmp_path),
    ]
    done = subprocess.run([*command, *parts], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "smoke.json").read_text())
    assert len(figures["rank"]["rows"]) == 4
    assert figures["top"]["top_seconds"] > 0
    assert not has_loader or figures["speed"]["ratio"] > 0
    assert "no figure means anything" in (tmp_path / "smoke.md").read_text()
