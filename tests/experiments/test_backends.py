"""Where a comparison may run, and nodes that would answer otherwise."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from typing import Any

import pytest

import nasmeta as nm
from nasmeta.errors import NasmetaError, SettingError, UnknownNameError
from nasmeta.evaluators import TableEvaluator
from nasmeta.experiments import _backends
from nasmeta.experiments._backends import Backend
from nasmeta.experiments._jobs import DataFingerprint, Runs
from nasmeta.runs import Clock, RunConfig
from nasmeta.runs._clock import Budget
from nasmeta.runs._spec import SearcherSpec


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"backend": "rai"}, UnknownNameError, "Unknown backend 'rai'. Did you mean 'ray'.*Possible: dask, loky, ray"),
        ({"backend": None}, UnknownNameError, "Unknown backend None"),
        ({"address": "tcp://here:1"}, SettingError, "loky runs on this machine and has no address"),
        ({"backend": "dask", "address": 5}, SettingError, "The address of a cluster is a text"),
        ({"workers": 0}, SettingError, "workers must be"),
        ({"backend": "ray", "workers": -1}, SettingError, "workers must be"),
    ],
)
def test_what_cannot_be(
    asked: dict[str, Any], error: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_backends, "find_spec", lambda name: object())  # as where the extras are installed
    with pytest.raises(error, match=message):
        nm.compare(["random"], "nb201/cifar10", repeats=1, evaluations=5, **asked)


@pytest.mark.parametrize("name", ["ray", "dask"])
def test_an_extra_that_is_not_here_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_backends, "find_spec", lambda name: None)
    with pytest.raises(NasmetaError, match=rf'pip install "nasmeta\[{name}\]"'):
        nm.compare(["random"], "nb201/cifar10", repeats=1, evaluations=5, backend=name)


def test_how_many_workers() -> None:
    assert Backend.of("loky").workers == 1
    if importlib.util.find_spec("distributed"):
        assert Backend.of("dask").workers is None


def job() -> Runs:
    evaluator = TableEvaluator(nm.get_task("nb201/cifar10"))
    return Runs((0, "random"), RunConfig(SearcherSpec.of("random"), evaluator, Budget(evaluations=3)), [0], [None])


def test_a_node_like_the_runner_does_the_job() -> None:
    seen = DataFingerprint().of(job())
    assert list(seen.checksums.values()) == [nm.get_task("nb201/cifar10").column.source_sha256]
    seen.require_here(job())
    ((seed, history),) = job().results()
    assert (seed, len(history.cells)) == (0, 3)


def test_a_node_with_other_versions_or_data_is_refused() -> None:
    with pytest.raises(NasmetaError, match=r"has nasmeta .*, the runner nasmeta 0\.0\.1, numpy 1"):
        DataFingerprint("nasmeta 0.0.1, numpy 1.26").of(job()).require_here(job())
    seen = DataFingerprint().of(job())
    seen.checksums = dict.fromkeys(seen.checksums, "0" * 64)
    with pytest.raises(NasmetaError, match=r"has other data of nb201/cifar10 than the runner .*nasmeta data fetch"):
        seen.require_here(job())


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


LATER = """
import json
import numpy
from threadpoolctl import threadpool_info
from nasmeta.threads import one_thread

def blas():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

before = blas()
with one_thread():
    import scipy.linalg
    inside = blas()
print(json.dumps([before, inside, blas()]))
"""


def test_a_library_that_is_imported_inside_has_one_thread_until_the_end() -> None:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "3", "OMP_NUM_THREADS": "3"}
    done = subprocess.run([sys.executable, "-c", LATER], env=environment, capture_output=True, text=True, check=True)
    before, inside, after = json.loads(done.stdout)
    assert set(inside) == {1}
    assert set(after) == set(before)


def test_a_clock_of_simulated_workers_is_no_number_of_processes() -> None:
    frame = nm.compare(["random"], "nb201/cifar10", repeats=1, evaluations=8, clock=Clock(workers=4))
    assert set(frame["worker"]) == {0, 1, 2, 3}
