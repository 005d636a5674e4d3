"""The commands that measure on a GPU, at a small size."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

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


@pytest.mark.slow
def test_it_runs_at_a_small_size(gpu: ModuleType, tmp_path: Path) -> None:
    has_loader = importlib.util.find_spec("torchvision") is not None
    parts = ["--part", "rank", "--part", "top", *(["--part", "speed"] if has_loader else [])]
    command = [sys.executable, "reports/training/gpu.py", "--smoke", "--device", "cpu", "--output", str(tmp_path)]
    done = subprocess.run([*command, *parts], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "smoke.json").read_text())
    assert len(figures["rank"]["rows"]) == 4
    assert figures["top"]["top_seconds"] > 0
    assert not has_loader or figures["speed"]["ratio"] > 0
    assert "no figure means anything" in (tmp_path / "smoke.md").read_text()
