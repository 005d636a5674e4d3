"""One GPU a worker: what worker processes see, without any GPU."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

import nasmeta as nm
from nasmeta.errors import SettingError
from nasmeta.experiments import Workers


def gpu_seen(choices: Mapping[str, Any]) -> float:
    time.sleep(0.05)  # so that no worker does all
    return float(os.environ["CUDA_VISIBLE_DEVICES"])


def seen_by_workers(
    workers: Workers, seen: Callable[[Mapping[str, Any]], float] = gpu_seen
) -> dict[int, set[float]]:
    """Return what was seen by seed; runs of one seed are in one process."""
    space = nm.SearchSpace("numbers", {"number": list(range(40))})
    frame = nm.compare(
        ["random"],
        nm.evaluators.FunctionEvaluator(seen, space),
        repeats=6,
        evaluations=5,
        workers=workers,
    )
    return {seed: set(own) for seed, own in frame.groupby("seed", observed=True)["value"]}


@pytest.mark.parametrize(
    ("named", "count"),
    [("7,9", 2), ("", 0), ("-1", 0), (" GPU-ab , 3", 2), ("1,-1,2", 1), (None, 3)],
)
def test_the_gpus_that_are_visible(
    named: str | None, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    if named is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    with nullcontext() if count else pytest.raises(SettingError):
        assert Workers(gpus_per_worker=1).on_this_machine(trains=True).n == count


@pytest.mark.slow
def test_each_worker_sees_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7,9")
    seen = seen_by_workers(Workers(gpus_per_worker=1))
    assert all(len(own) == 1 for own in seen.values())
    assert set.union(*seen.values()) == {7.0, 9.0}
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "7,9"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    # new processes
    assert set.union(*seen_by_workers(Workers(gpus_per_worker=0.5)).values()) == {3.0}


def gpu_seen_after_a_death(choices: Mapping[str, Any]) -> float:
    mark = Path(os.environ["NASMETA_DEATH"])
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return gpu_seen(choices)


@pytest.mark.slow
def test_the_gpu_of_a_dead_worker_is_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7,9")
    monkeypatch.setenv("NASMETA_DEATH", str(tmp_path / "death"))
    assert set.union(
        *seen_by_workers(Workers(gpus_per_worker=1), gpu_seen_after_a_death).values()
    ) == {7.0, 9.0}


def test_workers_fit_on_the_gpus_and_take_them_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert [Workers(n).on_this_machine(trains=True).gpus_per_worker for n in (1, 2, 4)] == [
        None,
        1.0,
        0.5,
    ]
    assert Workers(2).on_this_machine(trains=False).gpus_per_worker is None
    assert [Workers(gpus_per_worker=gpus).on_this_machine(trains=False).n for gpus in (1, 0.5)] == [
        2,
        4,
    ]
    with pytest.raises(SettingError) as error:
        Workers(3, gpus_per_worker=1).on_this_machine(trains=False)
    assert (error.value.what, error.value.value) == ("workers", 3)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(SettingError):
        nm.compare(
            ["random"],
            "nb201/cifar10",
            repeats=1,
            evaluations=5,
            workers=Workers(gpus_per_worker=1),
        )


@pytest.mark.cluster
@pytest.mark.filterwarnings("default")
def test_dask_runs_jobs_where_a_gpu_is() -> None:
    distributed = pytest.importorskip("distributed")
    one = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
    gpu = {"resources": {"GPU": 1}, "env": {"CUDA_VISIBLE_DEVICES": "7"}}
    with distributed.LocalCluster(**one, **gpu) as cluster:
        workers = Workers(backend=f"dask={cluster.scheduler_address}", gpus_per_worker=1)
        assert set.union(*seen_by_workers(workers).values()) == {7.0}
    with pytest.raises(SettingError) as error:
        seen_by_workers(Workers(backend="dask", gpus_per_worker=1))
    assert error.value.what == "backend"
