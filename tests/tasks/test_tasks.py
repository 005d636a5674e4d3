"""Tasks and their distribution, on the embedded tables."""

import pickle
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import nasmeta as nm
from nasmeta.errors import SettingError, UnknownNameError
from nasmeta.tasks import Signal, TaskDistribution, as_tasks, get_task, task_distribution
from nasmeta.tasks._signal import recorded_costs

OPTIMA = {
    "cifar10": (91.6067, 6111),
    "cifar100": (73.4933, 9930),
    "imagenet16-120": (46.7333, 10676),
}


@pytest.mark.parametrize("dataset", OPTIMA)
def test_optimum(dataset: str) -> None:
    task = nm.get_task(f"nb201/{dataset}")
    value, architecture = OPTIMA[dataset]
    assert task.optimum == pytest.approx(value, abs=5e-5)
    assert task.optimal_architectures.tolist() == [architecture]
    assert (task.direction, task.dataset, task.column.unit) == ("max", dataset, "percent")
    assert task.values.shape == task.cost_seconds.shape == (15_625,)
    assert not task.values.flags.writeable


def test_costs_keep_their_published_ratios() -> None:
    c10, c100, in16 = (task.cost_seconds for task in nm.task_distribution("nb201"))
    np.testing.assert_allclose(c100, 2 * c10, rtol=1e-5)
    np.testing.assert_allclose(in16, 6.068 * c10, rtol=1e-3)


def test_a_source_shows_its_labels_and_nothing_else() -> None:
    task = nm.get_task("nb201/cifar10")
    source = task.as_source(25, np.random.default_rng(0))
    described = {"name", "dataset", "space", "held_out", "metric_kind", "scale"}
    assert set(vars(source)) == {"architectures", "utilities", *described}
    assert len(source) == len(set(source.architectures.tolist())) == 25
    np.testing.assert_array_equal(source.utilities, task.values[source.architectures])
    assert len(task.as_source()) == 15_625


def test_a_task_travels_by_its_address() -> None:
    task = nm.get_task("nb201/cifar10")
    task.values  # noqa: B018  a cached array must not travel
    packed = pickle.dumps(task)
    assert len(packed) < 1_000
    copy = pickle.loads(packed)
    assert copy == task
    np.testing.assert_array_equal(copy.values, task.values)


def test_the_table_of_a_task_has_tasks() -> None:
    frame = pd.DataFrame({"architecture": [6111, 9930], "accuracy": [91.5, 90.1]})
    added = nm.Table.from_frame(frame, "nb201", name="with-tasks").add(replace=True)
    for task in (nm.get_task("nb201/cifar10"), added.task()):
        for table in (task.table, pickle.loads(pickle.dumps(task)).table):
            assert table.task("accuracy", task.signal.dataset) == task


def test_unknown_names_and_repeated_tasks() -> None:
    tasks = nm.task_distribution("nb201")
    for call in (lambda: nm.task_distribution("nb101"), lambda: tasks.leave_out("jigsaw")):
        with pytest.raises(UnknownNameError):
            call()
    with pytest.raises(SettingError):
        TaskDistribution([tasks[0], tasks[0]])


def test_shorter_trainings_of_a_task_without_a_cost_have_none() -> None:
    rows = [
        (architecture, epochs, 1.0 + architecture, 60.0)
        for epochs in (12, 200)
        for architecture in range(3)
    ]
    frame = pd.DataFrame(rows, columns=["cell", "epochs", "accuracy", "train_seconds"])
    table = nm.Table.from_frame(frame, "nb201", name="lengths")
    for cost, has_cost in (("recorded", True), (None, False)):
        lengths = nm.tasks.fidelities(table.task("accuracy", cost=cost), [12, 200])
        assert [task.has_cost for task in lengths.values()] == [has_cost, has_cost]


def test_tasks_are_names_families_objects_or_several_of_these() -> None:
    own, nb201 = (
        get_task("nb201/cifar100"),
        ["nb201/cifar10", "nb201/cifar100", "nb201/imagenet16-120"],
    )
    for asked, names in (
        ("nb201", nb201),
        ("nb201/cifar10", nb201[:1]),
        (own, [own.name]),
        (task_distribution("nb201"), nb201),
        (["nb201", "nb201/latency/pixel3"], [*nb201, "nb201/latency/pixel3"]),
        ((name for name in nb201), nb201),
        ([], []),
    ):
        assert [task.name for task in as_tasks(asked)] == names
    # Of a family what is held out is left out; what is named itself is there.
    assert [task.name for task in as_tasks(["nb201", own], held_out=["cifar100"])] == [
        nb201[0],
        nb201[2],
        own.name,
    ]


def test_sources_may_be_labels_without_a_table() -> None:
    labels = get_task("nb201/cifar100").as_source(20, np.random.default_rng(0))
    assert as_tasks([labels, "nb201/cifar10"])[0] is labels


def test_labels_of_a_source_are_built_once() -> None:
    task = get_task("nb201/cifar10")
    assert task.as_source() is task.as_source()


def test_the_checksum_of_an_order_depends_on_the_order_alone() -> None:
    labels = get_task("nb201/cifar100").as_source(20, np.random.default_rng(0))
    order = np.random.default_rng(1).permutation(20)
    rearranged = replace(
        labels, architectures=labels.architectures[order], utilities=labels.utilities[order] / 7
    )
    others = replace(labels, utilities=labels.utilities[order])
    assert rearranged.order_sha256 == labels.order_sha256 != others.order_sha256


def test_costs_of_the_same_training_come_first() -> None:
    frame = pd.DataFrame({"cell": [0, 1], "epochs": 9, "accuracy": 1.0, "train_seconds": 60.0})
    accuracy, seconds = nm.Table.from_frame(frame, "nb201", name="costs").columns
    table = SimpleNamespace(
        name="costs", columns=[accuracy, replace(seconds, epochs=None), seconds]
    )
    assert [cost.signal.epochs for cost in recorded_costs(table, Signal.of(accuracy))] == [9, None]


def test_lengths_that_lack_a_measured_architecture_are_left_out() -> None:
    frame = pd.DataFrame(
        {"cell": [0, 1, 0, 1, 0], "epochs": [9, 9, 3, 3, 1], "acc": [5.0, 6.0, 3.0, 2.0, 1.0]}
    )
    task = nm.Table.from_frame(frame, "nb201", dataset="pets").task()
    assert {length: shorter.name for length, shorter in nm.tasks.fidelities(task).items()} == {
        3: "own/pets@3ep", 9: "own/pets"
    }  # fmt: skip
