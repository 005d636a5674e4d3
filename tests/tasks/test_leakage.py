"""One dataset has one name, whatever a task calls it."""

import pytest

import nasmeta as nm
from nasmeta.errors import LeakageError, SettingError
from nasmeta.tasks import Signal, Task, TaskDistribution

RELEASE = "NATS-tss v1.0"


def own(dataset: str, seed: int | str = 777) -> Task:
    return Task(f"own/{dataset}", "nb201", Signal(dataset, "accuracy", "valid", 200, seed, RELEASE))


@pytest.mark.parametrize(
    ("alias", "target"),
    [("ImageNet", "imagenet16-120"), ("ImageNet16-120", "imagenet16-120"), ("CIFAR10", "cifar10"),
     ("cifar10-valid", "cifar10"), ("Cifar100", "cifar100")],
)  # fmt: skip
def test_an_alias_is_no_way_in(alias: str, target: str) -> None:
    with pytest.raises(LeakageError):
        nm.search("source-order", f"nb201/{target}", sources=[own(alias)], evaluations=5)
    everything = TaskDistribution([*nm.task_distribution("nb201"), own(alias)])
    source, left_out = everything.leave_out(target)
    assert f"own/{alias}" in left_out.names
    assert f"own/{alias}" not in source.names


def test_leave_out_takes_the_usual_names() -> None:
    tasks = nm.task_distribution("nb201")
    assert tasks.leave_out("imagenet")[1].names == ("nb201/imagenet16-120",)
    with pytest.raises(SettingError, match="is a name"):
        tasks.leave_out(5)  # type: ignore[arg-type]


def test_the_same_source_twice_is_refused() -> None:
    (source,) = nm.task_distribution("nb201")[1:2]
    for name in ("source-order", "meta-gp"):
        with pytest.raises(SettingError, match="twice"):
            nm.search(name, "nb201/cifar10", sources=[source, source], evaluations=5)


def test_costs_that_are_multiples_of_each_other_hold_out_each_other() -> None:
    tasks = TaskDistribution(
        Task(f"own/{d}", "nb201", Signal(d, "train_seconds", "train", 200, "mean", RELEASE))
        for d in ("cifar10", "cifar100")
    )
    source, target = tasks.leave_out("cifar100")
    assert target.names == ("own/cifar100",)
    assert len(source) == 0


def test_networks_trained_on_all_of_cifar10_cost_twice_as_much() -> None:
    half = nm.get_task("nb201/cifar10")
    whole = Task("own/test", "nb201", Signal("cifar10", "accuracy", "test", 200, "mean", "another release"))
    assert (whole.cost_seconds == 2 * half.cost_seconds).all()
    of_half = Task("own/half", "nb201", Signal("cifar10-valid", "accuracy", "test", 200, "mean", "another release"))
    assert (of_half.cost_seconds == half.cost_seconds).all()
