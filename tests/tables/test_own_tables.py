"""Tables that a user adds to the store under a name."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nasmeta as nm
from nasmeta.errors import (
    ColumnError,
    DamagedFileError,
    JournalError,
    MissingValueError,
    SettingError,
    UnknownNameError,
)
from nasmeta.spaces import SearchSpace
from nasmeta.tables import added_tables, list_sources, read_frame, remove_added
from nasmeta.tasks import Table, load_table, task_families

SPACE = SearchSpace("toy", {"width": [16, 32, 64], "depth": [1, 2, 3]})
FRAME = pd.DataFrame(
    {
        "architecture": [0, 1, 2, 0, 1],
        "dataset": ["pets", "pets", "pets", "x-rays", "x-rays"],
        "acc": [1.0, 3, 2, 5, 4],
    }
)


@pytest.fixture(autouse=True)
def cache(own_cache: Path) -> Path:
    return own_cache


def mine(name: str = "mine", frame: pd.DataFrame = FRAME, **arguments: Any) -> Table:
    return Table.from_frame(frame, SPACE, name=name, **arguments)


def kept_files(cache: Path) -> list[str]:
    return sorted(str(path.relative_to(cache / "tables" / "v1")) for path in cache.rglob("*.arrow"))


def test_an_added_table_is_known_by_name() -> None:
    table = mine().add()
    assert table == load_table("mine")
    assert added_tables() == ("mine",)
    assert table.space == SPACE
    assert nm.get_task("mine/x-rays").optimum == 5.0
    assert nm.get_task("mine/pets/acc").optimal_architectures.tolist() == [1]
    assert nm.task_distribution("mine").names == ("mine/pets", "mine/x-rays")
    assert "mine" in task_families()
    source, target = nm.task_distribution("mine").leave_out("pets")
    assert (source.names, target.names) == (("mine/x-rays",), ("mine/pets",))
    (state,) = list_sources("mine")
    assert (state.name, state.licence, state.built) == ("mine", "not stated", True)
    assert state.holds == "pets, x-rays: acc"
    assert "mine" in {state.table for state in list_sources()}
    assert nm.get_task("mine/pets") == pickle.loads(pickle.dumps(nm.get_task("mine/pets")))


def test_removing() -> None:
    table = mine().add()
    remove_added("mine")
    assert added_tables() == ()
    assert table.query(0, "pets", "acc") == 1.0  # what is open stays open
    for unknown in ("mine", "nb201", "../mine"):
        with pytest.raises(SettingError):
            remove_added(unknown)
    with pytest.raises(UnknownNameError):
        load_table("mine")
    with pytest.raises(UnknownNameError):
        nm.get_task("mine/pets")


@pytest.mark.parametrize("damage", ["a value", "the header"])
def test_a_damaged_file(damage: str, cache: Path) -> None:
    mine().add()
    file = cache / "tables" / "v1" / "mine" / "mine.added.arrow"
    raw = file.read_bytes()
    value = np.float32(5).tobytes()
    assert raw.count(value) == 1
    at = raw.rindex(b'"x-rays"') + 1
    altered_header = raw[:at] + b"y" + raw[at + 1 :]
    file.write_bytes(
        raw.replace(value, np.float32(9).tobytes()) if damage == "a value" else altered_header
    )
    with pytest.raises(DamagedFileError):
        load_table("mine").column("x-rays", "acc")
    with pytest.raises(DamagedFileError):
        nm.get_task("mine/x-rays").values.sum()
    mine().add(replace=True)
    assert nm.get_task("mine/x-rays").optimum == 5.0


def test_a_process_that_is_killed_while_it_writes_leaves_nothing(cache: Path) -> None:
    script = (
        "import os, pandas as pd, nasmeta as nm, nasmeta.files as files\n"
        "space = nm.SearchSpace('toy', {'width': [16, 32, 64], 'depth': [1, 2, 3]})\n"
        "table = nm.Table.from_frame(pd.DataFrame({'architecture': [0], 'acc': [1.0]}), space, name='mine')\n"
        "os.fsync = lambda _: os.kill(os.getpid(), 9)\n"
        "table.add()\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert killed.returncode == -9, killed.stderr
    assert added_tables() == ()
    mine().add()
    assert [name for name in kept_files(cache) if name.startswith("mine/")] == [
        "mine/mine.added.arrow"
    ]
    assert not list(cache.rglob("*.tmp"))


def test_a_disk_that_is_full_leaves_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = mine()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(SettingError):
            table.add()
    assert added_tables() == ()
    assert table.add().query(0, "pets", "acc") == 1.0


def test_content_that_is_not_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = pickle.dumps(mine())
    monkeypatch.setenv("NASMETA_CACHE", str(tmp_path / "another machine"))
    with pytest.raises(MissingValueError):
        pickle.loads(kept)


def test_tasks_of_several_columns_have_several_names() -> None:
    parts = [
        (split, epochs, seed)
        for split in ("valid", "test")
        for epochs in (12, 50)
        for seed in (0, 1)
    ]
    frames = [
        pd.DataFrame(
            {
                "cell": [0, 1],
                "acc": [i, i + 1.0],
                "map@5": [i, 9.0],
                "split": split,
                "epochs": n,
                "seed": seed,
            }
        )
        for i, (split, n, seed) in enumerate(parts, start=2)
    ]
    table = mine(frame=pd.concat(frames), dataset="pets@home", direction={"map@5": "max"}).add()
    asked = {
        "mine/pets@home": {"seed": "mean", "split": "valid", "epochs": 50},
        "mine/pets@home#0": {"seed": 0},
        "mine/pets@home#1": {"seed": 1},
        "mine/pets@home@test": {"split": "test"},
        "mine/pets@home@12ep#1": {"seed": 1, "epochs": 12},
        "mine/pets@home/map@5@test@12ep#0": {
            "metric": "map@5",
            "seed": 0,
            "epochs": 12,
            "split": "test",
        },
        "mine/pets@home/map@5#sample": {"metric": "map@5", "seed": "sample"},
    }
    tasks = {name: table.task(**said) for name, said in asked.items()}
    assert [task.name for task in tasks.values()] == [*tasks]
    assert {name: nm.get_task(name) for name in tasks} == tasks
    several = [tasks[name] for name in ("mine/pets@home", "mine/pets@home#0", "mine/pets@home#1")]
    frame = nm.compare(["random"], several, repeats=1, evaluations=1)
    assert frame["task"].tolist() == [task.name for task in several]
    with pytest.raises(ColumnError):
        nm.get_task("mine/pets@home#7")


def test_what_people_write_in_a_file_is_read_or_explained(tmp_path: Path) -> None:
    file = tmp_path / "sweep.csv"
    file.write_text("width, depth , norm,accuracy\n8,1, batch,50\n16,2,None,60\n")
    frame = read_frame(file)
    assert frame.columns.tolist() == ["width", "depth", "norm", "accuracy"]
    assert frame["norm"][0] == "batch"
    with pytest.raises(SettingError):
        SearchSpace.from_frame(frame, ["width", "norm"])
    file.write_text("width,depth\n")
    with pytest.raises(SettingError):
        SearchSpace.from_frame(read_frame(file), ["width"])


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_white_space_around_texts(suffix: str, tmp_path: Path) -> None:
    file, frame = (
        tmp_path / f"a.{suffix}",
        pd.DataFrame({"act": ["relu", "relu ", " tanh"], "acc": [1.0, 2.0, 3.0]}),
    )
    if suffix == "parquet":
        frame.to_parquet(file)
    else:
        frame.to_csv(file, sep="," if suffix == "csv" else "\t", index=False)
    assert read_frame(file)["act"].tolist() == ["relu", "relu", "tanh"]


def test_a_journal_of_a_table_that_was_replaced(tmp_path: Path) -> None:
    journal, folder = tmp_path / "run.jsonl", tmp_path / "results"
    mine().add()
    nm.search("random", "mine/pets", evaluations=2, journal=journal)
    nm.compare("random", "mine/pets", repeats=1, evaluations=2, folder=folder)
    mine(frame=FRAME.assign(acc=FRAME["acc"] + 1)).add(replace=True)
    with pytest.raises(JournalError):
        nm.search("random", "mine/pets", evaluations=2, journal=journal)
    with pytest.raises(JournalError):
        nm.compare("random", "mine/pets", repeats=1, evaluations=3, folder=folder)


def test_the_least_recently_used_tables_of_data_frames_are_removed(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = mine()._sources[0].path
    monkeypatch.setattr("nasmeta.tables._store.MOST_CONTENT_BYTES", int(2.5 * first.stat().st_size))
    second = mine(frame=FRAME.assign(acc=FRAME["acc"] + 1))._sources[0].path
    assert mine()._sources[0].path == first  # used again
    third = mine(frame=FRAME.assign(acc=FRAME["acc"] + 2))._sources[0].path
    assert (first.is_file(), second.is_file(), third.is_file()) == (True, False, True)


def test_a_table_of_two_metrics_has_tasks_and_a_family_per_metric() -> None:
    frame = FRAME.rename(columns={"acc": "f1"}).assign(infer_ms=[3.0, 1, 2, 5, 4])
    mine("hpo", frame, direction={"f1": "max", "infer_ms": "min"}).add()
    assert nm.list_tasks("hpo")["task"].tolist() == [
        f"hpo/{dataset}/{metric}" for dataset in ("pets", "x-rays") for metric in ("f1", "infer_ms")
    ]
    assert {*nm.list_tasks("hpo")["task"]} < {*nm.list_tasks()["task"]}
    assert nm.task_distribution("hpo/f1").names == ("hpo/pets/f1", "hpo/x-rays/f1")
    results = nm.compare("random", "hpo/infer_ms", repeats=1, evaluations=1)
    assert results["task"].tolist() == ["hpo/pets/infer_ms", "hpo/x-rays/infer_ms"]
    with pytest.raises(ColumnError) as refusal:
        nm.get_task("hpo/pets")
    assert (refusal.value.what, refusal.value.expected) == (
        "metric of hpo/pets",
        "one of f1, infer_ms",
    )
    with pytest.raises(UnknownNameError):
        nm.task_distribution("hpo/f2")
