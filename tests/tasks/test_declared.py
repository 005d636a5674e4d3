"""Families that sources declare: their names, what they hold out, and what joins them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import nasmeta as nm
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import TASKS, Table, Task, TaskDistribution, default_sources, task_families

GRAPHS = ("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv", "proteins")
VISION = (
    "class_scene",
    "class_object",
    "jigsaw",
    "room_layout",
    "segmentsemantic",
    "normal",
    "autoencoder",
)
FAMILIES = {
    "graph": GRAPHS,
    "graph/latency": GRAPHS,
    "fcnet": (
        "naval_propulsion",
        "parkinsons_telemonitoring",
        "protein_structure",
        "slice_localization",
    ),
    "hpobench-mlp": (
        "australian",
        "blood_transfusion",
        "car",
        "credit_g",
        "kc1",
        "phoneme",
        "segment",
        "vehicle",
    ),
    "tnb101-macro": VISION,
    "nbmacro/test": ("cifar10",),
}
PERFORMANCE = [family for family in FAMILIES if family not in ("graph/latency",)]


@pytest.mark.parametrize("family", FAMILIES)
def test_families_are_known_by_name(family: str) -> None:
    distribution = nm.task_distribution(family)
    assert family in task_families()
    assert {task.signal.dataset for task in distribution} == set(FAMILIES[family])
    for task in distribution:
        assert nm.get_task(task.name) == task
        assert task.table_name == family.partition("/")[0]


def test_one_dataset_is_held_out_in_every_family() -> None:
    both = TaskDistribution(
        [*nm.task_distribution("tnb101"), *nm.task_distribution("tnb101-macro")]
    )
    source, target = both.leave_out("jigsaw")
    assert target.names == ("tnb101/jigsaw", "tnb101-macro/jigsaw")
    assert len(source) == 12
    assert {"nb201/cifar10", "nbmacro/cifar10/test"} == set(
        TaskDistribution([*nm.task_distribution("nb201"), nm.get_task("nbmacro/cifar10/test")])
        .leave_out("cifar10")[1]
        .names
    )


def test_a_language_model_holds_out_all_with_as_many_parameters() -> None:
    target = nm.get_task("step-law/215m-100b")
    assert target.held_out == ("215m",)
    sources = default_sources(target).names
    assert len(sources) == 36
    assert not [name for name in sources if "/215m-" in name]


def test_latency_holds_out_the_device() -> None:
    task = nm.get_task("graph/latency/cora")
    assert (task.kind, task.device, task.held_out) == ("latency", "gpu", ("gpu",))
    assert len(default_sources(task)) == 0  # all were measured on one device


COLUMNS = {
    "performance": ("dice", {"direction": "max"}, ("pets",)),
    "size": ("megabytes", {"kind": "size"}, ("pets", "parameters_and_flops")),
    "parameters": ("parameters", {}, ("pets", "parameters_and_flops")),
    "flops": ("flops", {}, ("pets", "parameters_and_flops")),
    "seconds": ("train_seconds", {}, ("pets", "train_seconds")),
    "proxy": ("synflow", {"kind": "proxy", "direction": "max"}, ("pets", "synflow")),
    "latency of a device": ("latency_ms", {"measured_on": "phone"}, ("phone",)),
    "latency of nobody knows what": ("latency_ms", {}, ("pets",)),
    "energy": ("mj", {"kind": "energy", "measured_on": "phone"}, ("phone",)),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_what_is_held_out_follows_from_the_kind(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASMETA_CACHE", str(tmp_path))
    metric, arguments, expected = COLUMNS[case]
    space = SearchSpace("toy", {"width": [1, 2, 3]})
    frame = pd.DataFrame({"architecture": [0, 1, 2], metric: [1.0, 2.0, 3.0]})
    task = Table.from_frame(frame, space, dataset="pets", **arguments).task(metric)
    assert task.held_out == expected
    assert task.direction == ("max" if case in ("performance", "proxy") else "min")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TASKS, "_entries", dict(TASKS._entries))


@pytest.mark.parametrize("family", ["nb201", "fcnet"])
@pytest.mark.usefixtures("registry")
def test_a_registered_task_joins_the_family_of_its_prefix(family: str) -> None:
    before = nm.task_distribution(family)
    more = Task(f"{family}/again", family, replace(before[0].signal, dataset="pets"))
    TASKS.register(more.name)(more)
    after = nm.task_distribution(family)
    assert after.names == (*before.names, more.name)
    assert more.name in default_sources(before[0]).names
    assert default_sources(more).names == before.names
    assert after.leave_out("pets")[1].names == (more.name,)
