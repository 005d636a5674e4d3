"""The workers of a comparison, and nodes with other versions or data."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pandas.testing import assert_frame_equal

import nasmeta as nm
from nasmeta.errors import MissingPackageError, NasmetaError, SettingError, UnknownNameError
from nasmeta.evaluators import FunctionEvaluator
from nasmeta.experiments import Workers
from nasmeta.experiments._jobs import Job, _on_node
from nasmeta.runs import run_config


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"backend": "rai"}, UnknownNameError),
        ({"n": 0}, SettingError),
        ({"gpus_per_worker": 2}, SettingError),
        ({"shard": "2/2"}, SettingError),
    ],
)
def test_impossible_workers(asked: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        Workers(**asked)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingPackageError) as error:
        Workers(backend="dask=tcp://here:1")
    assert error.value.extra == "dask"


@pytest.mark.parametrize("n", [None, 1])
def test_any_executor_does_the_runs(n: int | None, tmp_path: Path) -> None:
    what = {
        "searchers": ["random", "source-order"],
        "tasks": "nb201/cifar10",
        "repeats": 3,
        "evaluations": 9,
    }
    with ThreadPoolExecutor(2) as executor:
        workers = executor if n is None else Workers(n, executor)
        frame = nm.compare(**what, folder=tmp_path, workers=workers)
        assert executor.submit(int).result() == 0  # it stays open
    assert_frame_equal(frame, nm.compare(**what), check_exact=True)
    assert_frame_equal(nm.compare(**what, folder=tmp_path), frame, check_exact=True)


def value_after_a_death(choices: Mapping[str, Any]) -> float:
    mark = Path(os.environ["NASMETA_DEATH"])
    if choices["number"] == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return float(choices["number"])


def value_of_a_death(choices: Mapping[str, Any]) -> float:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0.0


@pytest.mark.slow
def test_the_runs_of_a_dead_process_are_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASMETA_DEATH", str(tmp_path / "death"))
    space = nm.SearchSpace("numbers", {"number": list(range(9))})
    what = {"searchers": ["random"], "repeats": 4, "evaluations": 9, "workers": 2}
    frame = nm.compare(
        tasks=FunctionEvaluator(value_after_a_death, space), folder=tmp_path / "out", **what
    )
    assert sum(path.read_bytes().count(b"\n") - 1 for path in tmp_path.rglob("*.jsonl")) == len(
        frame
    )
    assert frame.groupby("seed")["value"].apply(sorted).tolist() == [[*map(float, range(9))]] * 4
    with pytest.raises(NasmetaError, match="3 workers died"):
        nm.compare(tasks=FunctionEvaluator(value_of_a_death, space), **what)


def job(evaluations: int = 3) -> Job:
    config = nm.search("random", "nb201/cifar10", evaluations=evaluations).config
    return Job((0, "random"), config, [0])


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_counts_runs_and_evaluations(
    workers: int, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for repeats in (1, 3):  # the second call reads the first run
        nm.compare(
            ["random"],
            "nb201/cifar10",
            repeats=repeats,
            evaluations=20,
            folder=tmp_path,
            workers=workers,
            progress=True,
        )
        last = capsys.readouterr().err.splitlines()[-1]
        assert last.startswith(f"runs: {repeats} of {repeats}, {repeats * 20} evaluations")


def test_a_node_returns_histories_and_journals(tmp_path: Path) -> None:
    here = replace(job(), paths=[tmp_path / "new" / "0.jsonl"])
    results, journals = _on_node(here, here.config.identity, [b""], os.getpid())
    assert not here.paths[0].exists()
    ((seed, trace, _),) = results
    assert (seed, len(trace)) == (0, 3)
    run_config(here.config, tmp_path / "due.jsonl")
    assert journals == [(tmp_path / "due.jsonl").read_bytes()]
    longer = replace(here, config=job(5).config)
    _, (continued,) = _on_node(longer, here.config.identity, journals, os.getpid())
    assert continued.startswith(journals[0])


@pytest.mark.parametrize("key", ["written_by", "source_sha256"])
def test_a_node_with_other_versions_or_data_is_refused(key: str) -> None:
    with pytest.raises(NasmetaError, match=f"differs from the driver: {key} is"):
        _on_node(job(), {**job().config.identity, key: "other"}, [], os.getpid())


THREADS = """
import json, threading
from threadpoolctl import threadpool_info
import scipy.linalg
from nasmeta.threads import one_thread

def blas():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

found, inside, leave = [blas()], threading.Event(), threading.Event()
with one_thread():
    found.append(blas())
found.append(blas())

def stay():
    with one_thread():
        inside.set()
        leave.wait(30)

with one_thread():
    other = threading.Thread(target=stay)
    other.start()
    inside.wait(30)
found.append(blas())
leave.set()
other.join()
print(json.dumps(found))
"""


def test_one_thread_lasts_until_the_last_of_several_leaves() -> None:
    # In a process of its own: the tests themselves are on one thread already.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "3", "OMP_NUM_THREADS": "3"}
    done = subprocess.run(
        [sys.executable, "-c", THREADS], env=environment, capture_output=True, text=True, check=True
    )
    before, inside, after, while_the_other_is_inside = json.loads(done.stdout)
    assert before == after
    assert set(inside) == set(while_the_other_is_inside) == {1}
