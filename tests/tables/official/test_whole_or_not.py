"""An import that ends half-way leaves what was there before, and records that contradict themselves are refused."""

from __future__ import annotations

import bz2
import errno
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasmeta.errors import DamagedFileError, SettingError
from nasmeta.tables import import_official, load_table
from nasmeta.tables.official import _import

STORE = Path("tables/v1/nb201")
TRAIN: dict[str, Any] = {"dataset": "cifar100", "split": "train", "epochs": 200, "seed": 777}
V1_1 = {**TRAIN, "release": "NB201 v1.1"}


def series(content: Any, cell: int) -> list[float]:
    trial = content["arch2infos"][cell]["full"]["all_results"]["cifar100", 777]
    return [trial["train_acc1es"][epoch] for epoch in range(200)]


def few(official: Any, cell: int = 0) -> Any:
    """Return the content of a small file: one dataset after 12 epochs, one cell."""
    return official.whole((cell,), ("less", "full"), ("cifar10-valid", "cifar100"))


@pytest.fixture
def two(own_cache: Path, tmp_path: Path, official: Any, write: Any) -> tuple[Any, Any, Path]:
    """Import a file; return its content, and the content and path of another file of the same cell."""
    first, second = few(official), few(official)
    import_official(write["plain"](first, tmp_path / "first"))
    return first, second, write["plain"](second, tmp_path / "second")


@pytest.mark.parametrize("written", [0, 1])
def test_a_full_disk_leaves_the_earlier_import(
    two: tuple[Any, Any, Path], own_cache: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    """Whichever of the two files is the one for which there is no room."""
    fsync, n_calls = os.fsync, 0

    def full(descriptor: int) -> None:
        nonlocal n_calls
        n_calls += 1
        if n_calls > written:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    first, second, path = two
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(SettingError, match="No space left"):
            import_official(path)
    table = load_table("nb201")
    np.testing.assert_allclose(table.curve(0, **V1_1), series(first, 0), rtol=1e-6)
    assert table.query(0, **V1_1) == pytest.approx(series(first, 0)[-1], rel=1e-6)
    assert not list((own_cache / STORE).glob(".*.tmp"))
    import_official(path)
    np.testing.assert_allclose(load_table("nb201").curve(0, **V1_1), series(second, 0), rtol=1e-6)


@pytest.mark.slow
def test_a_kill_between_the_files_mixes_no_imports(two: tuple[Any, Any, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    _, second, path = two
    n_moves = 0
    move = _import.move

    def once(*arguments: Path) -> None:
        nonlocal n_moves
        n_moves += 1
        if n_moves == 2:
            raise KeyboardInterrupt
        move(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(_import, "move", once)
        with pytest.raises(KeyboardInterrupt):
            import_official(path)
    table = load_table("nb201")
    with pytest.warns(RuntimeWarning, match="nb201-v1.1-official-curves is left out"):
        assert table.query(0, **V1_1) == pytest.approx(series(second, 0)[-1], rel=1e-6)
    with pytest.raises(DamagedFileError, match="of another import"):
        table.curve(0, **V1_1)
    import_official(path)
    np.testing.assert_allclose(load_table("nb201").curve(0, **V1_1), series(second, 0), rtol=1e-6)


def test_what_a_killed_import_left_is_removed(two: tuple[Any, Any, Path], own_cache: Path) -> None:
    left = own_cache / STORE / ".nb201-v1.1-official-curves.arrow.1.tmp"
    left.write_bytes(b"half")
    import_official(two[2])
    assert not left.exists()


def test_epochs_of_one_seed_may_take_different_times(
    own_cache: Path, tmp_path: Path, official: Any, write: Any
) -> None:
    content = few(official)
    trials = content["arch2infos"][0]["full"]["all_results"]
    varied, flat = trials["cifar100", 777]["train_times"], trials["cifar100", 888]["train_times"]
    varied[3] += 0.5
    release = import_official(write["plain"](content, tmp_path / "file")).release
    table = load_table("nb201")
    both = [np.cumsum(list(times.values())) for times in (varied, flat)]
    for seed, expected in ((777, both[0]), (888, both[1]), ("mean", np.mean(both, axis=0))):
        found = table.curve(0, "cifar100", "train_seconds", "train", 200, seed, release)
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        end = table.query(0, "cifar100", "train_seconds", "train", 200, seed, release)
        assert end == pytest.approx(expected[-1], rel=1e-6)


def test_what_cannot_be_put_together_is_no_traceback(
    own_cache: Path, tmp_path: Path, official: Any, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: object) -> None:
        raise ValueError("all input arrays must have the same shape")

    monkeypatch.setattr(_import, "write_curves", fails)
    with pytest.raises(DamagedFileError, match=r"file cannot be converted: ValueError: all input"):
        import_official(write["plain"](few(official), tmp_path / "file"))


@pytest.mark.parametrize("wrong", ["index", "other half", "place"])
def test_a_record_that_contradicts_itself(
    own_cache: Path, tmp_path: Path, official: Any, write: Any, wrong: str
) -> None:
    content = few(official, 11)
    if wrong == "index":
        content["arch2infos"][11]["less"]["arch_index"] = 12
    elif wrong == "other half":
        content["arch2infos"][11]["full"]["arch_str"] = official.space.to_string(12)
    else:
        content["arch2infos"] = {12: content["arch2infos"][11]}
    with pytest.raises(DamagedFileError, match=r"file: .*contradicts itself.*11.*12|12.*11"):
        import_official(write["plain"](content, tmp_path / "file"))


@pytest.mark.parametrize("wrong", ["index", "other half"])
def test_a_file_of_a_cell_that_contradicts_itself(own_cache: Path, tmp_path: Path, official: Any, wrong: str) -> None:
    content = official.archive(tmp_path / "archive", (11,))[11]
    if wrong == "index":
        content["12"]["arch_index"] = content["200"]["arch_index"] = 12
    else:
        content["12"] = official.arch(12, 12)
    path = tmp_path / "archive/000011.pickle.pbz2"
    with bz2.open(path, "wb") as file:
        pickle.dump(content, file)
    with pytest.raises(DamagedFileError, match=r"000011.*contradicts itself"):
        import_official(tmp_path / "archive", workers=1)


@pytest.mark.slow
def test_the_file_of_one_cell_alone(own_cache: Path, tmp_path: Path, official: Any, compare: Any) -> None:
    content = official.archive(tmp_path / "archive", (11,))
    found = import_official(tmp_path / "archive/000011.pickle.pbz2")
    assert (found.release, found.n_cells) == ("NATS-tss v1.0", 1)
    assert compare(load_table("nb201"), content, "NATS-tss v1.0") > 6_000
