"""Comparisons: the same result on any number of workers, in any order, and after any end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import nasmeta as nm
from nasmeta.arrays import Architectures, Floats
from nasmeta.errors import DamagedFileError, JournalError, RunFailed, SettingError, UnknownNameError
from nasmeta.experiments import results_in
from nasmeta.runs import Journal
from nasmeta.searchers import MetaSearcher, RandomSearch
from nasmeta.spaces import CellSpace
from nasmeta.tasks import SourceTask

SEARCHERS = ["random", "local-search", "evolution"]


class Noisy(MetaSearcher):
    """Learn a random order, so that what the meta-training draws shows in every run; log each meta-training."""

    asked = 0

    def __init__(
        self, space: CellSpace, rng: np.random.Generator, *, log: str = os.devnull
    ) -> None:
        super().__init__(space, rng)
        self.log = log

    def _learn(self, sources: list[SourceTask]) -> Any:
        with open(self.log, "a") as log:
            log.write("learnt\n")
        return self.rng.permutation(self.space.n_architectures).astype(np.int32)

    def ask(self, n: int = 1) -> Architectures:
        order = self._require_meta_model()
        self.asked += n
        return (
            order[self.asked - n : self.asked] if self.asked % 2 else self.space.sample(n, self.rng)
        )

    def tell(self, architectures: Architectures, values: Floats) -> None:
        pass


def rows(frame: pd.DataFrame, **where: Any) -> pd.DataFrame:
    for column, value in where.items():
        frame = frame[frame[column] == value]
    return frame


def test_every_repeat_is_a_search() -> None:
    searchers = {
        "random": "random",
        "usual": "evolution",
        "small": ("evolution", {"population": 5, "sample_size": 2}),
    }
    settings = {
        "random": {},
        "usual": {"sample_size": 7},
        "small": {"population": 5, "sample_size": 2},
    }
    frame = nm.compare(
        searchers,
        "nb201",
        repeats=range(5, 7),
        evaluations=40,
        settings={"usual": {"sample_size": 7}},
    )
    assert len(frame) == 3 * 3 * 2 * 40
    for (task, label, seed), own in frame.groupby(["task", "searcher", "seed"], observed=True):
        name = "random" if label == "random" else "evolution"
        run = nm.search(name, task, evaluations=40, seed=seed, settings=settings[label])
        assert own["cell"].tolist() == run.architectures.tolist()
        assert own["regret"].tolist() == run.frame()["regret"].tolist()
    assert len(nm.compare(RandomSearch, "nb201/cifar10", repeats=1, evaluations=2)) == 2


def test_order_and_company_do_not_matter() -> None:
    frame = nm.compare(SEARCHERS, "nb201", repeats=2, evaluations=30)
    other = nm.compare(
        SEARCHERS[::-1], ["nb201/imagenet16-120", "nb201/cifar10"], repeats=2, evaluations=30
    )
    assert other["task"].iloc[0] == "nb201/imagenet16-120"
    key = ["task", "searcher", "seed", "evaluation"]
    both = frame.astype({"task": str, "searcher": str}).merge(
        other.astype({"task": str, "searcher": str}), on=key, suffixes=("", "_other")
    )
    assert len(both) == len(other)
    assert (both["cell"] == both["cell_other"]).all()


@pytest.mark.parametrize("workers", [1, 2])
def test_meta_training_is_done_once_a_task(tmp_path: Path, workers: int) -> None:
    log = tmp_path / "log.txt"
    searchers = {"noisy": (Noisy, {"log": str(log)}), "random": "random"}
    frame = nm.compare(searchers, repeats=3, evaluations=20, workers=workers)
    assert log.read_text().count("learnt") == 3
    run = nm.search(Noisy, "nb201/cifar100", evaluations=20, seed=2)
    assert (
        rows(frame, task="nb201/cifar100", searcher="noisy", seed=2)["cell"].tolist()
        == run.architectures.tolist()
    )


def test_finished_meta_runs_need_no_meta_training(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    searchers = {"noisy": (Noisy, {"log": str(log)})}
    arguments = {"repeats": 2, "evaluations": 20, "folder": tmp_path / "c"}
    first = nm.compare(searchers, **arguments)
    log.unlink()
    assert_frame_equal(first, nm.compare(searchers, **arguments))
    assert not log.exists()


def test_journals_note_warm_starts(tmp_path: Path) -> None:
    nm.compare(
        {"mine": ("random", {"warm_start": 3})},
        "nb201/cifar10",
        repeats=2,
        evaluations=5,
        folder=tmp_path,
    )
    for path in tmp_path.rglob("*.jsonl"):
        records = [json.loads(line) for line in path.read_text().splitlines()[1:]]
        assert [record[3] == {"note": {"by": "warm start"}} for record in records] == [True] * 3 + [
            False
        ] * 2


def test_the_folder_holds_specification_journals_and_results(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "comparison"
    frame = nm.compare(SEARCHERS, "nb201/cifar10", repeats=2, evaluations=30, folder=folder)
    result = {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".lock", ".runner")
    }
    runs = {
        f"runs/nb201_cifar10/{searcher}/{seed}.jsonl" for searcher in SEARCHERS for seed in (0, 1)
    }
    assert result == runs | {"specification.json", "results.parquet", "times.json"}
    assert_frame_equal(pd.read_parquet(folder / "results.parquet"), frame)
    assert results_in(folder).attrs == frame.attrs


def test_only_times_of_two_equal_comparisons_differ(tmp_path: Path) -> None:
    for name in "ab":
        nm.compare(SEARCHERS, "nb201/cifar10", repeats=1, evaluations=5, folder=tmp_path / name)
    for path in (tmp_path / "a").rglob("*.*"):
        if path.name != "times.json":
            assert (
                path.read_bytes()
                == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()
            ), path


def test_more_repeats_and_evaluations_continue(tmp_path: Path) -> None:
    nm.compare(SEARCHERS, "nb201/cifar10", repeats=1, evaluations=20, folder=tmp_path)
    continued = nm.compare(SEARCHERS, "nb201/cifar10", repeats=3, evaluations=50, folder=tmp_path)
    assert_frame_equal(continued, nm.compare(SEARCHERS, "nb201/cifar10", repeats=3, evaluations=50))
    fewer = nm.compare(SEARCHERS, "nb201/cifar10", repeats=2, evaluations=10, folder=tmp_path)
    assert_frame_equal(fewer, nm.compare(SEARCHERS, "nb201/cifar10", repeats=2, evaluations=10))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"searchers": ["random"]}, "searchers.evolution is"),
        ({"settings": {"evolution": {"population": 3}}}, "evolution.settings.population is"),
        ({"tasks": "nb201/cifar100"}, "tasks.nb201/cifar100 is"),
        ({"clock": {"workers": 2}}, "clock is"),
    ],
)
def test_a_folder_of_another_comparison_is_refused(
    tmp_path: Path, arguments: dict, message: str
) -> None:
    usual = {
        "searchers": SEARCHERS,
        "tasks": "nb201/cifar10",
        "repeats": 1,
        "evaluations": 10,
        "folder": tmp_path,
    }
    nm.compare(**usual)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(SettingError, match=message):
        nm.compare(**{**usual, **arguments})
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_searchers_and_tasks_in_another_order_and_an_end_at_the_optimum_go_on(
    tmp_path: Path,
) -> None:
    tasks = ["nb201/cifar10", "nb201/cifar100"]
    nm.compare(SEARCHERS, tasks, repeats=1, evaluations=10, folder=tmp_path)
    asked = {"repeats": 2, "evaluations": 10, "stop_at_optimum": True}
    frame = nm.compare(SEARCHERS[::-1], tasks[::-1], **asked, folder=tmp_path)
    assert_frame_equal(frame, nm.compare(SEARCHERS[::-1], tasks[::-1], **asked))
    assert_frame_equal(frame, pd.read_parquet(tmp_path / "results.parquet"))
    assert (
        list(json.loads((tmp_path / "specification.json").read_text())["searchers"])
        == SEARCHERS[::-1]
    )


def test_a_damaged_journal_or_specification_is_named(tmp_path: Path) -> None:
    def compare() -> None:
        nm.compare(["random"], "nb201/cifar10", repeats=1, evaluations=10, folder=tmp_path)

    compare()
    journal = tmp_path / "runs/nb201_cifar10/random/0.jsonl"
    content = journal.read_text()
    journal.write_text(content.replace("\n[", "\n{", 1))
    with pytest.raises(DamagedFileError, match="line 2"):
        compare()
    journal.write_text(content)
    (tmp_path / "specification.json").write_text("{")
    with pytest.raises(DamagedFileError, match=r"specification\.json"):
        compare()


def test_an_error_in_a_worker_arrives_as_it_is(tmp_path: Path) -> None:
    nm.compare(["random"], repeats=2, evaluations=10, folder=tmp_path)
    for seed in (0, 1):
        path = tmp_path / f"runs/nb201_cifar10/random/{seed}.jsonl"
        result = Journal.read(path)
        path.unlink()
        with Journal(
            path, {key: entry for key, entry in result.header.items() if key != Journal.mark}
        ) as journal:
            for record in result.records[1::-1]:  # in another order
                journal.append(*record)
    with pytest.raises(JournalError, match="line 2"):
        nm.compare(["random"], repeats=2, evaluations=10, folder=tmp_path, workers=2)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"searchers": []}, SettingError),
        ({"searchers": ["random", "random"]}, SettingError),
        ({"searchers": ["rndom"]}, UnknownNameError),
        ({"searchers": {"a/b": "random", "a_b": "random"}, "folder": "."}, SettingError),
        ({"searchers": {"e": ("evolution", {"population": 0})}}, SettingError),
        ({"tasks": []}, SettingError),
        ({"tasks": ["nb201", "nb201/cifar10"]}, SettingError),
        ({"repeats": 0}, SettingError),
        ({"repeats": [3, 3]}, SettingError),
        ({"evaluations": -3}, SettingError),
        ({"workers": 0}, SettingError),
        ({"settings": {"evolution": {}}}, UnknownNameError),
        ({"sources": "nb201"}, SettingError),
        ({"redo": "random"}, SettingError),
    ],
)
def test_bad_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict, error: type[Exception]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error):
        nm.compare(**{"searchers": ["random"], "repeats": 1, "evaluations": 5, **arguments})


# -- ends
LONG = {"searchers": SEARCHERS, "tasks": "nb201/cifar10", "repeats": 12, "evaluations": 400}


def start(folder: Path, workers: int) -> subprocess.Popen[str]:
    """Start a comparison in a process group of its own and wait until it has done some runs."""
    before = len(list(folder.rglob("*.jsonl")))
    code = (
        f"import nasmeta as nm\nif __name__ == '__main__':\n"
        f"    nm.compare(**{LONG!r}, folder={str(folder)!r}, workers={workers}, progress=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    until = time.monotonic() + 240
    while len(list(folder.rglob("*.jsonl"))) < before + 4:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.005)
    return process


def ends(group: int) -> bool:
    """Wait for the end of all processes of a group."""
    for _ in range(40):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def lines_in(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") - 1 for path in folder.rglob("*.jsonl"))


@pytest.fixture(scope="module")
def uninterrupted() -> pd.DataFrame:
    return nm.compare(**LONG)


@pytest.mark.parametrize(
    "workers",
    [(2, 1), *(pytest.param(each, marks=pytest.mark.slow) for each in ((1, 2, 2), (1, 1, 1)))],
)
def test_kill_and_resume(
    tmp_path: Path, uninterrupted: pd.DataFrame, workers: tuple[int, ...]
) -> None:
    *killed, last = workers
    for n in killed:
        process = start(tmp_path, n)
        process.kill()
        process.communicate()
        assert 0 < lines_in(tmp_path) < len(uninterrupted)
    resumed = nm.compare(**LONG, folder=tmp_path, workers=last)
    assert_frame_equal(resumed, uninterrupted)
    assert lines_in(tmp_path) == len(uninterrupted)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_interrupt_and_resume(tmp_path: Path, uninterrupted: pd.DataFrame, workers: int) -> None:
    process = start(tmp_path, workers)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, said = process.communicate(timeout=30)
    assert process.returncode not in (0, None)
    assert "Interrupted. The same command resumes from" in said
    assert "ExecutorManagerThread" not in said
    assert 0 < lines_in(tmp_path) < len(uninterrupted)
    assert ends(process.pid)  # with all workers
    assert_frame_equal(nm.compare(**LONG, folder=tmp_path, workers=workers), uninterrupted)


@pytest.mark.slow
def test_a_second_interrupt_does_not_break_the_end(tmp_path: Path) -> None:
    process = start(tmp_path, 2)
    for _ in range(2):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.001)
    try:
        _, said = process.communicate(timeout=60)
        assert process.returncode not in (0, None)
        assert "Interrupted." in said
        assert "ExecutorManagerThread" not in said
        assert ends(process.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def test_two_processes_in_one_folder(tmp_path: Path) -> None:
    process = start(tmp_path, 1)
    try:
        os.kill(process.pid, signal.SIGSTOP)
        with pytest.raises(JournalError, match="Another process works"):
            nm.compare(**LONG, folder=tmp_path)
    finally:
        process.kill()
        process.communicate()


class Crashing(RandomSearch):
    """Fails before its first proposal."""

    def ask(self, n: int = 1) -> Architectures:
        raise RuntimeError("not written yet")


class Fixed(RandomSearch):
    """The same searcher after a correction of its code."""


def test_a_searcher_that_crashed_at_once_does_not_lock_the_folder(tmp_path: Path) -> None:
    def run(mine: type[RandomSearch], **more: Any) -> pd.DataFrame:
        searchers = {"random": "random", "mine": mine}
        return nm.compare(
            searchers, "nb201/cifar10", repeats=2, evaluations=5, folder=tmp_path, **more
        )

    with pytest.raises(RuntimeError, match="not written yet"):
        run(Crashing)
    kept = (tmp_path / "runs" / "nb201_cifar10" / "random" / "0.jsonl").stat().st_mtime_ns
    assert (tmp_path / "runs" / "nb201_cifar10" / "mine" / "0.jsonl").read_bytes().count(b"\n") == 1
    assert len(run(Fixed)) == 20
    assert (tmp_path / "runs" / "nb201_cifar10" / "random" / "0.jsonl").stat().st_mtime_ns == kept
    with pytest.raises(SettingError, match=r"mine\.code is"):
        run(RandomSearch)


class Fragile(RandomSearch):
    """Fails in some of its runs."""

    def ask(self, n: int = 1) -> Architectures:
        architectures = super().ask(n)
        if architectures[0] % 11 == 0:
            raise ValueError("divided")
        return architectures


@pytest.mark.parametrize("workers", [1, 2])
def test_other_runs_continue_after_a_crash(tmp_path: Path, workers: int) -> None:
    with pytest.raises(RunFailed) as error:
        nm.compare(
            {"mine": Fragile, "random": "random"}, "nb201/cifar10", repeats=6, evaluations=5, folder=tmp_path,
            workers=workers,
        )  # fmt: skip
    failed = []
    for seed in range(6):
        with contextlib.suppress(RunFailed):
            nm.search(Fragile, "nb201/cifar10", evaluations=5, seed=seed)
            continue
        failed.append(seed)
    assert 0 < len(failed) < 6
    seeds = ", ".join(map(str, failed))
    assert error.value.reason == f"mine on nb201/cifar10, seeds {seeds}: ValueError: divided."
    (frame,) = (line for line in error.value.frames.splitlines() if "File" in line)
    assert "test_compare.py" in frame
    done = [path for path in tmp_path.rglob("*.jsonl") if path.read_bytes().count(b"\n") == 6]
    assert len(done) == 12 - len(failed)


class Unteachable(Noisy):
    """Fails in its meta-training."""

    def _learn(self, sources: list[SourceTask]) -> Any:
        raise ValueError("no sources")


def test_other_runs_continue_after_a_crash_of_a_meta_training(tmp_path: Path) -> None:
    with pytest.raises(
        RunFailed, match="meta-training of mine for nb201/cifar10: ValueError: no sources"
    ):
        nm.compare({"mine": Unteachable}, "nb201/cifar10", repeats=2, evaluations=5)
    with pytest.raises(RunFailed) as error:
        nm.compare(
            {"mine": Unteachable, "random": "random"},
            "nb201/cifar10",
            repeats=2,
            evaluations=5,
            folder=tmp_path,
        )
    assert error.value.reason == "mine on nb201/cifar10, seeds 0, 1: ValueError: no sources."
    assert len([*tmp_path.rglob("random/*.jsonl")]) == 2


def test_redo_repeats_the_runs_of_one_searcher(tmp_path: Path) -> None:
    def run(population: int, **more: Any) -> pd.DataFrame:
        searchers = {"random": "random", "mine": ("evolution", {"population": population})}
        return nm.compare(
            searchers, "nb201/cifar10", repeats=2, evaluations=60, folder=tmp_path, **more
        )

    run(10)
    with pytest.raises(SettingError, match="population"):
        run(20)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("random/*.jsonl")}
    frame = run(20, redo="mine")
    assert_frame_equal(frame, run(20))
    due = nm.search(
        "evolution", "nb201/cifar10", evaluations=60, seed=1, settings={"population": 20}
    )
    assert (
        frame[(frame["searcher"] == "mine") & (frame["seed"] == 1)]["cell"].tolist()
        == due.architectures.tolist()
    )
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("random/*.jsonl")} == kept
    with pytest.raises(UnknownNameError, match="yours"):
        run(20, redo="yours")
    with pytest.raises(RunFailed):
        nm.compare({"random": "random", "mine": Fragile}, "nb201/cifar10", repeats=2, evaluations=60, folder=tmp_path,
                   redo="mine")  # fmt: skip
    with pytest.raises(FileNotFoundError):  # and not the results of the former code
        nm.report(tmp_path)
