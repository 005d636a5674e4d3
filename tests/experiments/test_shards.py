"""Several processes in one folder: parts of a comparison, and workers that train."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
from filelock import FileLock
from pandas.testing import assert_frame_equal
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import app
from nasmeta.errors import JournalError, SettingError
from nasmeta.evaluators import TrainingEvaluator
from nasmeta.experiments import Workers
from nasmeta.experiments._jobs import share_of
from nasmeta.journals import Shard
from nasmeta.training import ImageDataset, Recipe

WHAT = [
    "compare",
    "--searchers",
    "gp,evolution",
    "--tasks",
    "nb201/cifar10",
    "--repeats",
    "5",
    "--evaluations",
    "32",
]
TINY = Recipe.load("tiny", epochs=3, channels=4, batch_size=16)


def test_shards_need_a_folder() -> None:
    with pytest.raises(SettingError) as error:
        nm.compare(["random"], "nb201/cifar10", workers=Workers(shard="0/2"))
    assert error.value.what == "folder"


@pytest.mark.parametrize("count", [1, 3, 7, 40])
def test_each_run_is_of_one_part(count: int) -> None:
    pairs, learners, seeds = [(0, "a"), (0, "b"), (1, "meta")], [(1, "meta")], range(4, 14)
    parts = [share_of(Shard(i, count), pairs, learners, seeds) for i in range(count)]
    runs = [(pair, seed) for part in parts for pair, own in part.items() for seed in own]
    assert sorted(runs) == sorted((pair, seed) for pair in pairs for seed in seeds)
    sizes = [len(part[0, "a"]) + len(part[0, "b"]) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    if count == 3:
        assert sum(bool(part[1, "meta"]) for part in parts) == 3
        assert [len(part[0, "a"]) for part in parts] == [4, 3, 3]  # all have some of each searcher


@pytest.mark.slow
def test_parts_at_once_and_one_that_is_killed_make_the_same_results(tmp_path: Path) -> None:
    alone = nm.compare(["gp", "evolution"], "nb201/cifar10", repeats=5, evaluations=32)
    folder = tmp_path / "out"

    def begin(i: int) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-m",
            "nasmeta",
            *WHAT,
            "--folder",
            str(folder),
            "--shard",
            f"{i}/3",
        ]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def recorded(i: int) -> int:
        paths = [
            folder / "runs" / "nb201_cifar10" / searcher / f"{seed}.jsonl"
            for searcher, seed in of_part[i]
        ]
        return sum(path.read_bytes().count(b"\n") for path in paths if path.is_file())

    pairs = [(0, "gp"), (0, "evolution")]
    shares = [share_of(Shard(i, 3), pairs, [], range(5)) for i in range(3)]
    of_part = [
        [(label, seed) for (_, label), seeds in share.items() for seed in seeds] for share in shares
    ]
    parts = [begin(i) for i in range(3)]
    try:
        until = time.monotonic() + 240
        while recorded(1) < 20:
            assert time.monotonic() < until
            time.sleep(0.02)
        parts[1].send_signal(signal.SIGKILL)
        said = [part.communicate(timeout=240)[0] for part in parts]
    finally:
        for part in parts:
            part.kill()
    assert [part.returncode for part in parts] == [0, -signal.SIGKILL, 0]
    assert "Shard 0/3: its 4 runs are done" in said[0]
    assert not (folder / "results.parquet").exists()
    done = {path: path.read_bytes() for path in folder.rglob("*.jsonl")}
    begin(1).communicate(timeout=240)
    for (_, label), seeds in [*shares[0].items(), *shares[2].items()]:
        for seed in seeds:
            path = folder / "runs" / "nb201_cifar10" / label / f"{seed}.jsonl"
            assert path.read_bytes() == done[path]
    written = {path: path.stat().st_mtime_ns for path in folder.rglob("*.jsonl")}
    assert CliRunner().invoke(app, [*WHAT, "--folder", str(folder)]).exit_code == 0
    assert {
        path: path.stat().st_mtime_ns for path in folder.rglob("*.jsonl")
    } == written  # nothing was left to do
    assert_frame_equal(pd.read_parquet(folder / "results.parquet"), alone)


def test_shards_of_any_number_share_a_folder(tmp_path: Path) -> None:
    def part(shard: str | None) -> Any:
        return nm.compare(
            ["random"],
            "nb201/cifar10",
            repeats=4,
            evaluations=3,
            folder=tmp_path,
            workers=Workers(shard=shard),
        )

    assert sorted(set(part("0/2")["seed"])) == [0, 2]
    with FileLock(tmp_path / ".lock"), pytest.raises(JournalError):
        part(None)
    part(None)
    assert part("1/9").empty is False
    assert part("8/9").empty  # more parts than runs


@pytest.mark.slow
@pytest.mark.parametrize("isolated", [True, False])
def test_workers_train_each_cell_once(isolated: bool, tmp_path: Path) -> None:
    data = "digits" if isolated else ImageDataset.load("digits").subset(48)
    answers = TrainingEvaluator(
        "nb201/cifar10", data, TINY.but(epochs=1, train_images=48), isolated=isolated
    )
    both = {"one": "random", "two": "random"}  # propose the same cells
    frame = nm.compare(both, answers, repeats=2, evaluations=4, folder=tmp_path, workers=2)
    one, two = (frame[frame["searcher"] == label].reset_index(drop=True) for label in both)
    columns = ["seed", "cell", "value", "cost_seconds"]
    # real seconds: two trainings would not have taken the same
    assert_frame_equal(one[columns], two[columns])
    assert len({*(tmp_path / "trainings").glob("cell-*/result.json")}) == len(
        {int(nm.get_space("nb201").canonical(int(architecture))) for architecture in frame["cell"]}
    )
    again = nm.compare(both, answers, repeats=2, evaluations=4, folder=tmp_path)
    assert_frame_equal(again, frame)


@pytest.mark.slow
def test_workers_that_pause_trainings_agree_with_one_process(tmp_path: Path) -> None:
    def values(folder: Path, **where: Any) -> Any:
        few = ImageDataset.load("digits").subset(48)
        answers = TrainingEvaluator("nb201/cifar10", few, TINY, isolated=False)
        result = nm.compare(
            ["asha", "random"],
            answers,
            repeats=2,
            evaluations=5,
            folder=folder,
            settings={"asha": {"epochs": ["1of3", 3]}},
            **where,
        )
        return result[["searcher", "seed", "cell", "epochs", "value"]]

    assert_frame_equal(values(tmp_path / "two", workers=2), values(tmp_path / "one"))


@pytest.mark.slow
def test_the_trainings_of_a_worker_that_is_killed_go_on(tmp_path: Path) -> None:
    def values(folder: Path, **where: Any) -> Any:
        answers = TrainingEvaluator(
            "nb201/cifar10", "digits", TINY.but(train_images=320, evaluation_images=64)
        )
        result = nm.compare(["random"], answers, repeats=3, evaluations=3, folder=folder, **where)
        return result[["searcher", "seed", "cell", "value"]]

    killed = []

    def kill() -> None:
        until = time.monotonic() + 240
        while (
            len(list((tmp_path / "two").rglob("checkpoint.safetensors"))) < 3
            and time.monotonic() < until
        ):
            time.sleep(0.05)
        killed.append(
            next(
                one.pid
                for one in psutil.Process().children()
                if "LokyProcess" in " ".join(one.cmdline())
            )
        )
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    two = values(tmp_path / "two", workers=2)
    killer.join()
    assert killed
    assert_frame_equal(two, values(tmp_path / "one"))


def test_what_workers_that_train_need(tmp_path: Path) -> None:
    few = ImageDataset.load("digits").subset(48)
    with pytest.raises(SettingError, match="folder"):
        nm.compare(["random"], TrainingEvaluator("nb201/cifar10", few, TINY), workers=2)


def test_another_process_trains_on_the_same_images(tmp_path: Path) -> None:
    trainer = TrainingEvaluator("nb201/cifar10", "digits", TINY, folder=tmp_path).trainer
    assert pickle.loads(pickle.dumps(trainer)).identity == trainer.identity
