"""The speed report is written. No time is tested: a busy machine would make such a test fail for no reason."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "benchmarks/speed.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_report_is_written(tmp_path: Path) -> None:
    done = run("--only", "column", "--rounds", "2", "--output", str(tmp_path / "speed"))
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "speed" / "speed.json").read_text(encoding="utf-8"))
    assert record["versions"]["numpy"]
    assert {row["case"] for row in record["rows"]} == {"column"}
    text = (tmp_path / "speed" / "README.md").read_text(encoding="utf-8")
    for row in record["rows"]:
        assert len(row["ours"]) == 2
        assert (
            len(row["peers"]) == len(row["ratios"]) == (0 if "not installed" in row["peer"] else 2)
        )
        assert f"| {row['what']} | " in text


def test_rows_compare_in_the_direction_that_is_better(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from _measure import Row  # type: ignore[import-not-found]
    from speed import line  # type: ignore[import-not-found]

    time = Row("x", "a time", "ms", [1.0, 2.0], peer="P", peers=[10.0, 10.0])
    assert time.ratios == [10.0, 5.0]
    rate = Row(
        "x", "a rate", "1/s", [10.0, 20.0], higher_is_better=True, peer="P", peers=[5.0, 5.0]
    )
    assert rate.ratios == [2.0, 4.0]
    assert (
        line(Row("x", "alone", "s", [1.0], peer="P: not installed"))
        == "| alone | 1 s | P: not installed | – | – |"
    )


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "wait4"), reason="the system does not report the memory of children"
)
def test_scale_is_written(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "benchmarks/scale.py",
        "--evaluations",
        "3600",
        "--output",
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads((tmp_path / "scale.json").read_text(encoding="utf-8"))["rows"]
    assert row["evaluations"] == 3600
    assert row["frame_mb"] < row["peak_mb"]
    assert row["page_mb"] < 10
    assert "| page, MB | " in (tmp_path / "scale.md").read_text(encoding="utf-8")
