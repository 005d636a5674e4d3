"""Where a comparison may run, and nodes that would answer otherwise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import nasmeta as nm
from nasmeta.errors import MissingPackageError, NasmetaError, SettingError, UnknownNameError
from nasmeta.experiments import Workers
from nasmeta.experiments._jobs import Runs, _on_node


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"backend": "rai"}, UnknownNameError),
        ({"address": "tcp://here:1"}, SettingError),
        ({"n": 0}, SettingError),
        ({"gpus": 2}, SettingError),
        ({"shard": "2/2"}, SettingError),
    ],
)
def test_impossible_workers(asked: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Workers(**asked)


@pytest.mark.parametrize("name", ["ray", "dask"])
def test_a_missing_extra_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, {"dask": "distributed"}.get(name, name), None)
    with pytest.raises(MissingPackageError) as error:
        Workers(backend=name)
    assert error.value.extra == name


def job(evaluations: int = 3) -> Runs:
    config = nm.search("random", "nb201/cifar10", evaluations=evaluations).config
    return Runs((0, "random"), config, [0], [None])


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_counts_runs_and_evaluations(workers: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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
    _, results, journals = _on_node(0, here, here.config.identity, [b""])
    assert not here.paths[0].exists()
    ((seed, history),) = results
    assert (seed, len(history.cells)) == (0, 3)
    here.config.run(tmp_path / "due.jsonl")
    assert journals == [(tmp_path / "due.jsonl").read_bytes()]
    longer = replace(here, config=job(5).config)
    _, _, (continued,) = _on_node(0, longer, here.config.identity, journals)
    assert continued.startswith(journals[0])


@pytest.mark.parametrize("key", ["written_by", "source_sha256"])
def test_a_node_with_other_versions_or_data_is_refused(key: str) -> None:
    with pytest.raises(NasmetaError, match=f"differs from the driver: {key} is"):
        _on_node(0, job(), {**job().config.identity, key: "other"}, [])


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
    done = subprocess.run([sys.executable, "-c", THREADS], env=environment, capture_output=True, text=True, check=True)
    before, inside, after, while_the_other_is_inside = json.loads(done.stdout)
    assert before == after
    assert set(inside) == set(while_the_other_is_inside) == {1}
