"""What a release says of itself agrees with the package."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import nasmeta

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(
    not (ROOT / ".ci").is_dir(), reason="Of the repository, not of the source distribution."
)


def test_the_citation_is_of_this_version() -> None:
    text = (ROOT / "CITATION.cff").read_text("utf-8")
    assert re.search(r"^version: (.*)$", text, re.MULTILINE)[1] == nasmeta.__version__  # type: ignore[index]
    assert re.search(r"^cff-version: 1\.2\.0$", text, re.MULTILINE)


def test_lower_bounds_are_exact_and_of_all_that_is_needed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    done = subprocess.run(
        [sys.executable, str(ROOT / ".ci/lower-bounds"), "optuna"],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", line) for line in lines)
    assert [line.partition("=")[0] for line in lines] == [
        *(line.partition(">")[0] for line in project["dependencies"]),
        "optuna",
    ]
