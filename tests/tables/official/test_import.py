"""Importing official files: every number arrives, whatever the container."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasmeta.errors import ColumnError, DamagedFileError, MissingValueError, SettingError
from nasmeta.tables import import_official, list_sources, load_table
from nasmeta.tables.official._curve_file import CurveFile

CELLS = (0, 1, 11, 15624)
STORE = Path("tables/v1/nb201")
RELEASES = {
    "nats": ("nats-tss-v1.0-official", "NATS-tss v1.0", ("12", "200"), ("cifar10-valid", "cifar10", "cifar100")),
    "v1.1": ("nb201-v1.1-official", "NB201 v1.1", ("less", "full"), ("cifar10-valid", "cifar100")),
    "v1.0": ("nb201-v1.0-official", "NB201 v1.0", ("less", "full"), ("cifar10-valid",)),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("container", "release"),  # a container knows nothing of what is in it: each is tried, and each release
    [("plain", "nats"), ("compressed", "nats"), ("new_torch", "v1.1"), ("old_torch", "v1.0")],
)
def test_a_file_of_many_cells(
    own_cache: Path, tmp_path: Path, official: Any, write: Any, compare: Any, container: str, release: str
) -> None:
    source, name, hps, short_runs = RELEASES[release]
    content = official.whole(CELLS, hps, short_runs, flat_times=release != "v1.0")
    found = import_official(write[container](content, tmp_path / "some.file"))
    assert (found.source, found.release, found.n_cells) == (source, name, len(CELLS))
    table = load_table("nb201")
    assert compare(table, content["arch2infos"], name) > 4 * 10_000


@pytest.mark.slow
def test_an_archive(own_cache: Path, tmp_path: Path, official: Any, compare: Any) -> None:
    content = official.archive(tmp_path / "archive", CELLS)
    told: list[tuple[int, int]] = []
    found = import_official(tmp_path / "archive", workers=1, progress=lambda *done: told.append(done))
    assert (found.release, found.n_cells) == ("NATS-tss v1.0", 4)
    assert told[-1] == (4, 4)
    table = load_table("nb201")
    assert compare(table, content, "NATS-tss v1.0") > 4 * 6_000
    assert not (own_cache / STORE / ".import").exists()


@pytest.mark.slow
def test_workers_bring_the_same(
    own_cache: Path, tmp_path: Path, official: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    official.archive(tmp_path / "archive", CELLS)
    files = []
    for workers in (1, 2):
        monkeypatch.setattr("nasmeta.tables.official._import._RECORDS_A_CHUNK", 2)
        import_official(tmp_path / "archive", workers=workers)
        files.append([file.read_bytes() for file in sorted((own_cache / STORE).glob("nats*.arrow"))])
    assert len(files[0]) == 2
    assert files[0] == files[1]


def test_seeds_that_are_absent(own_cache: Path, tmp_path: Path, official: Any) -> None:
    content = official.archive(tmp_path / "archive", (0, 1))
    import_official(tmp_path / "archive")
    table = load_table("nb201")
    address = {"dataset": "cifar100", "split": "test", "epochs": 200}
    assert table.available_seeds(0, **address) == (777, 888)
    assert table.available_seeds(1, **address) == (777,)
    with pytest.raises(MissingValueError, match="measured seeds: 777"):
        table.query(1, **address, seed=888)
    with pytest.raises(MissingValueError):
        table.curve([0, 1], "cifar100", split="valid+test", epochs=200, seed=888)
    trials = content[0]["200"]["all_results"]
    ends = [trials["cifar100", seed]["eval_acc1es"]["x-test@199"] for seed in (777, 888)]
    assert table.query(0, **address, seed="mean") == pytest.approx(np.mean(ends), rel=1e-6)
    assert table.query(1, **address, seed="mean") == table.query(1, **address, seed=777)
    curves = [
        [trials["cifar100", seed]["eval_acc1es"][f"ori-test@{epoch}"] for epoch in range(200)] for seed in (777, 888)
    ]
    found = table.curve(0, "cifar100", split="valid+test", epochs=200, seed="mean")
    np.testing.assert_allclose(found, np.mean(curves, axis=0), rtol=1e-6)
    assert found[-1] == table.query(0, "cifar100", split="valid+test", epochs=200, seed="mean")
    with pytest.raises(ColumnError, match="only at the end of 200 epochs"):
        table.query(0, **address, seed=777, epoch=37)


def test_what_is_embedded_comes_first(own_cache: Path, tmp_path: Path, official: Any) -> None:
    """An import of a few cells must not hide the complete table of the same release."""
    official.archive(tmp_path / "archive", (0,))
    before = load_table("nb201").column("cifar10", split="valid", epochs=200, seed=777, release="NATS-tss v1.0")
    import_official(tmp_path / "archive")
    after = load_table("nb201").column("cifar10", split="valid", epochs=200, seed=777, release="NATS-tss v1.0")
    np.testing.assert_array_equal(before, after)


@pytest.mark.slow
def test_the_end_of_a_curve_and_a_column_of_ends_answer_for_each_other(
    own_cache: Path, tmp_path: Path, mirror: Path, official: Any
) -> None:
    """A source of 200 cells has curves alone, an import of others their ends, too: what either measured is there."""
    from nasmeta.tables import fetch

    fetch("nb201-curves")
    train = {"dataset": "cifar10", "split": "train", "epochs": 200, "seed": "mean"}
    before = load_table("nb201")
    curve = before.curve(5, **train)
    assert before.query(5, **train, epoch=200) == before.query(5, **train) == before.lookup(**train)(5) == curve[-1]
    assert before.info(**train, epoch=200).source == "nb201-curves"
    with pytest.raises(ColumnError, match="nasgraph-nb201"):
        before.query(5, "cifar100", split="train", epochs=200, seed="mean", epoch=200)

    content = official.archive(tmp_path / "archive", (0, 5_000))
    import_official(tmp_path / "archive")
    after = load_table("nb201")
    assert after.query(5, **train, epoch=200) == after.query(5, **train) == curve[-1]
    assert after.info(**train).source == "nats-tss-v1.0-official + nb201-curves"
    trials = content[5_000]["200"]["all_results"]
    ends = [trials["cifar10-valid", seed]["train_acc1es"] for seed in (777, 888)]
    for epoch in (None, 200):  # the other source must not hide it
        assert after.query(5_000, **train, epoch=epoch) == pytest.approx(np.mean([end[199] for end in ends]), rel=1e-6)
    assert after.query(5_000, **train, epoch=7) == pytest.approx(np.mean([end[6] for end in ends]), rel=1e-6)
    assert after.query(0, **train, epoch=7) == before.query(0, **train, epoch=7), "what comes first counts"
    assert after.available_seeds(5_000, "cifar10", split="train", epochs=200, epoch=200) == (777, 888)
    with pytest.raises(MissingValueError, match="no source on this machine has it"):
        after.query(6_000, **train, epoch=200)


@pytest.mark.slow
def test_a_second_import_replaces_the_first(own_cache: Path, tmp_path: Path, official: Any, write: Any) -> None:
    first = official.whole((0, 11), ("less", "full"))
    import_official(write["old_torch"](first, tmp_path / "first"))
    second = official.whole((11,), ("less", "full"))
    sample = write["new_torch"](second, tmp_path / "second")
    with pytest.raises(SettingError, match="has 2, which would be lost"):
        import_official(sample)
    assert import_official(tmp_path / "first").n_cells == 2, "as many cells as before replace them"
    import_official(sample, replace=True)
    table = load_table("nb201")
    address = {"dataset": "cifar10", "split": "test", "epochs": 200, "seed": 777, "release": "NB201 v1.1"}
    assert np.flatnonzero(~np.isnan(table.column(**address))).tolist() == [11]
    expected = second["arch2infos"][11]["full"]["all_results"]["cifar10", 777]["eval_acc1es"]["ori-test@199"]
    assert table.query(11, **address) == pytest.approx(expected, rel=1e-7)
    states = {state.name: state for state in list_sources("nb201")}
    assert states["nb201-v1.1-official"].built
    assert states["nb201-v1.1-official-curves"].built
    assert not states["nb201-v1.0-official"].built
    assert "nasmeta data import" in states["nb201-v1.0-official"].how_to_get


@pytest.mark.slow
def test_times_that_differ_from_epoch_to_epoch(own_cache: Path, tmp_path: Path, official: Any, write: Any) -> None:
    content = official.whole((0, 11), ("less", "full"), ("cifar10-valid",), flat_times=False)
    import_official(write["old_torch"](content, tmp_path / "file"))
    steps = content["arch2infos"][11]["full"]["all_results"]["cifar100", 888]["train_times"]
    seconds = load_table("nb201").curve(11, "cifar100", "train_seconds", "train", 200, 888, "NB201 v1.0")
    np.testing.assert_allclose(seconds, np.cumsum(list(steps.values())), rtol=1e-6)


def test_naslib(own_cache: Path, tmp_path: Path, official: Any, write: Any) -> None:
    content = official.naslib(CELLS)
    found = import_official(write["plain"](content, tmp_path / "file"))
    assert (found.source, found.n_cells) == ("naslib-cifar10", 4)
    table = load_table("nb201")
    for cell in CELLS:
        record = content[official.space.to_string(cell)]["cifar10-valid"]
        for split, metric, field in (
            ("train", "accuracy", "train_acc1es"),
            ("valid", "accuracy", "eval_acc1es"),
            ("train", "loss", "train_losses"),
            ("valid", "loss", "eval_losses"),
        ):
            curve = table.curve(cell, "cifar10", metric, split, 200, release=found.release)
            np.testing.assert_array_equal(curve.astype(np.float32), np.array(record[field], dtype=np.float32))
    assert table.query(0, "cifar10", "recorded_parameters", release=found.release) == 129306
    assert table.query(0, "cifar10", "train_seconds", release=found.release) == pytest.approx(1444.2, rel=1e-6)


@pytest.mark.parametrize("is_validation", [True, False])
def test_what_naslib_calls_eval(
    own_cache: Path, tmp_path: Path, official: Any, write: Any, is_validation: bool
) -> None:
    """It is x-valid where the embedded table says so, else ori-test."""
    content = official.naslib(CELLS, "cifar100")
    table = load_table("nb201")
    for cell in CELLS:
        if is_validation:
            end = table.query(cell, "cifar100", split="valid", epochs=200, seed=777)
            content[official.space.to_string(cell)]["cifar100"]["eval_acc1es"][-1] = end
            content[official.space.to_string(cell)]["cifar100"]["cost_info"]["train_time"] = 14.4
    found = import_official(write["plain"](content, tmp_path / "file"))
    columns = [info for info in load_table("nb201").columns if info.source == found.source]
    assert {info.split for info in columns} == {"train", "valid" if is_validation else "valid+test"}
    assert ("train_seconds_per_epoch" in {info.metric for info in columns}) is is_validation


def test_an_import_goes_on_after_a_kill(
    own_cache: Path, tmp_path: Path, official: Any, compare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = official.archive(tmp_path / "archive", range(8))
    script = """
        import sys
        from nasmeta.tables import import_official
        from nasmeta.tables.official import _import
        _import._RECORDS_A_CHUNK = 2
        import_official(sys.argv[1], workers=1)
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "archive")]
    process = subprocess.Popen(command, env=environment)
    work = own_cache / STORE / ".import"
    end = time.monotonic() + 60
    while len(list(work.glob("*.npz"))) < 2 and time.monotonic() < end and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = {chunk.name: chunk.stat().st_mtime_ns for chunk in work.glob("*.npz")}
    assert len(kept) >= 2
    assert not list((own_cache / STORE).glob("nats*"))

    told: list[tuple[int, int]] = []
    monkeypatch.setattr("nasmeta.tables.official._import._RECORDS_A_CHUNK", 2)
    assert import_official(tmp_path / "archive", workers=1, progress=lambda *done: told.append(done)).n_cells == 8
    assert told[0] == (2 * len(kept), 8)
    table = load_table("nb201")
    assert compare(table, {cell: content[cell] for cell in (0, 7)}, "NATS-tss v1.0") > 2 * 6_000


def test_a_changed_file_is_converted_again(
    own_cache: Path, tmp_path: Path, official: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nasmeta.tables.official._import._RECORDS_A_CHUNK", 2)
    folder = tmp_path / "archive"
    official.archive(folder, range(6))
    good = (folder / "000005.pickle.pbz2").read_bytes()
    (folder / "000005.pickle.pbz2").write_bytes(good[:-100])
    with pytest.raises(DamagedFileError, match="000005"):
        import_official(folder, workers=1)
    assert len(list((own_cache / STORE / ".import").glob("*.npz"))) == 2
    assert not list((own_cache / STORE).glob("nats*"))
    (folder / "000005.pickle.pbz2").write_bytes(good)
    assert import_official(folder, workers=1).n_cells == 6


def test_a_cell_that_is_there_twice(own_cache: Path, tmp_path: Path, official: Any) -> None:
    official.archive(tmp_path / "archive", (3, 4))
    shutil.copy(tmp_path / "archive/000004.pickle.pbz2", tmp_path / "archive/000005.pickle.pbz2")
    with pytest.raises(DamagedFileError, match="Cell 4 appears twice"):
        import_official(tmp_path / "archive")
    assert not list((own_cache / STORE).glob("nats*"))


def test_damage_of_the_companion_is_noticed(own_cache: Path, tmp_path: Path, official: Any) -> None:
    (tmp_path / "000000.pickle").write_bytes(pickle.dumps({"12": official.arch(0, 12)}))
    import_official(tmp_path / "000000.pickle")
    path = own_cache / STORE / "nats-tss-v1.0-official-curves.arrow"
    whole = path.read_bytes()
    opened = CurveFile(path)
    right = [opened.column(i)[0] for i in range(len(opened.infos))]
    rng = np.random.default_rng(0)
    noticed = 0
    places = [*rng.integers(len(whole), size=60).tolist(), 0, len(whole) - 1]
    for place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            changed = CurveFile(path)
            np.testing.assert_array_equal([changed.column(i)[0] for i in range(len(changed.infos))], right)
        except DamagedFileError:
            noticed += 1
    assert noticed > len(places) / 2
    path.write_bytes(whole[: len(whole) // 2])
    address = {"dataset": "cifar100", "split": "valid", "epochs": 12, "seed": 111, "release": "NATS-tss v1.0"}
    with pytest.warns(RuntimeWarning, match="nats-tss-v1.0-official-curves is left out"):
        assert load_table("nb201").query(0, **address) > 0, "the columns do not need the companion"
    with (
        pytest.warns(RuntimeWarning, match="is left out"),
        pytest.raises(DamagedFileError, match="nasmeta data import"),
    ):
        load_table("nb201").curve(0, **address)


def test_nothing_is_there(own_cache: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no file or folder"):
        import_official(tmp_path / "nowhere")
    with pytest.raises(SettingError, match="workers"):
        import_official(tmp_path, workers=0)
    with pytest.raises(DamagedFileError, match="no official archive"):
        import_official(tmp_path)


def test_a_cache_that_cannot_be_written(
    tmp_path: Path, official: Any, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setenv("NASMETA_CACHE", str(tmp_path / "cache"))
    with pytest.raises(SettingError, match="NASMETA_CACHE"):
        import_official(write["plain"](official.naslib((0,)), tmp_path / "file"))


def test_the_command(own_cache: Path, tmp_path: Path, official: Any) -> None:
    from typer.testing import CliRunner

    from nasmeta.cli._app import app

    official.archive(tmp_path / "archive", (0, 1))
    done = CliRunner().invoke(app, ["data", "import", str(tmp_path / "archive")])
    assert done.exit_code == 0, done.output
    assert "2 of 15,625 cells" in done.output
    failed = CliRunner().invoke(app, ["data", "import", str(tmp_path / "nowhere")])
    assert failed.exit_code == 2
