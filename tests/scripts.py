"""Scripts outside the package, as modules."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


def load_script(path: str) -> ModuleType:
    """Return a script of the repository; skip the test if it is absent, as in a source distribution."""
    if not (ROOT / path).is_file():
        pytest.skip(f"{path} is absent")
    specification = importlib.util.spec_from_file_location(f"script_{Path(path).stem}", ROOT / path)
    module = importlib.util.module_from_spec(specification)
    before = list(sys.path)
    specification.loader.exec_module(module)
    sys.path[:] = before
    return module
