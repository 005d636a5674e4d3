"""Comparisons that end badly in other ways than by a kill of their runner: dead workers, full disks."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import nasmeta as nm

LONG = {
    "searchers": ["random", "evolution"],
    "tasks": "nb201/cifar10",
    "repeats": 8,
    "evaluations": 300,
}


@pytest.fixture(scope="module")
def uninterrupted() -> pd.DataFrame:
    return nm.compare(**LONG)


def recorded(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") - 1 for path in folder.rglob("*.jsonl"))


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_files_that_may_not_grow(tmp_path: Path, uninterrupted: pd.DataFrame, workers: int) -> None:
    arguments = {**LONG, "folder": str(tmp_path), "workers": workers}
    code = f"import nasmeta as nm\nif __name__ == '__main__':\n    nm.compare(**{arguments!r})"

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (7_000, resource.RLIM_INFINITY))

    nm.load_table("nb201")  # whose file is larger
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, preexec_fn=limit
    )
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert 0 < recorded(tmp_path) < len(uninterrupted)
    assert_frame_equal(nm.compare(**LONG, folder=tmp_path, workers=workers), uninterrupted)


FULL = """
import subprocess, sys
from pathlib import Path
import nasmeta as nm
from nasmeta.errors import JournalError

folder, result, what = Path(sys.argv[1]), sys.argv[2], {what!r}
nm.load_table("nb201")
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "none", folder], check=True)
for _ in range(2):
    try:
        nm.compare(**what, folder=folder)
    except (JournalError, OSError) as reason:
        print(reason)
kept = sum(path.read_bytes().count(b"\\n") - 1 for path in folder.rglob("*.jsonl"))
subprocess.run(["mount", "-o", "remount,size=20m", folder], check=True)
there = [path for path in folder.rglob("*.jsonl") if path.stat().st_size]
before = {{path: path.read_bytes() for path in there}}
nm.compare(**what, folder=folder).to_parquet(result)
for path, content in before.items():
    whole = content[: content.rfind(b"\\n") + 1]
    assert path.read_bytes().startswith(whole), path
print("kept", kept)
"""


def _can_mount(folder: Path) -> bool:
    command = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "mount",
        "-t",
        "tmpfs",
        "none",
        str(folder),
    ]
    return (
        shutil.which("unshare") is not None
        and subprocess.run(command, capture_output=True).returncode == 0
    )


@pytest.mark.slow
def test_a_full_disk(tmp_path: Path, uninterrupted: pd.DataFrame) -> None:
    if not _can_mount(tmp_path):
        pytest.skip(
            "This system lets nobody mount a small disk in a namespace (unshare --user --mount)."
        )
    disk, result = tmp_path / "disk", tmp_path / "result.parquet"
    disk.mkdir()
    command = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        sys.executable,
        "-c",
        FULL.format(what=LONG),
    ]
    done = subprocess.run([*command, str(disk), str(result)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second, kept = done.stdout.splitlines()
    assert first.startswith("No space left for ")
    assert second.startswith("No space left for ")
    assert 0 < int(kept.split()[1]) < len(uninterrupted)
    assert_frame_equal(pd.read_parquet(result), uninterrupted)
