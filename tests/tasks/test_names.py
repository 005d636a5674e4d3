"""Names of tasks: what each means, what it holds out, and what is said where one is wrong. No downloads needed."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.errors import ColumnError, MissingValueError, UnknownNameError
from nasmeta.tasks import default_sources, task_families

V1 = "NATS-tss v1.0"
EMBEDDED = ("cifar10", "accuracy", "valid", 200)


@pytest.mark.parametrize(
    ("name", "signal", "held_out"),
    [
        ("nb201/cifar10", (*EMBEDDED, "mean", V1), ("cifar10",)),
        ("nb201/cifar10#777", (*EMBEDDED, 777, V1), ("cifar10",)),
        (
            "nb201/cifar10@12ep",
            ("cifar10", "accuracy", "valid", 12, "mean", "NB201, unnamed release"),
            ("cifar10",),
        ),
        (
            "nb201/cifar100@12ep",
            ("cifar100", "accuracy", "valid", 12, 111, "NB201, unnamed release"),
            ("cifar100",),
        ),
        (
            "nb201/train-seconds/cifar100",
            ("cifar100", "train_seconds", "train", 200, "mean", V1),
            ("cifar100", "train_seconds"),
        ),
        (
            "nb201/latency/pixel3",
            ("cifar10", "latency_pixel3_milliseconds", None, None, None, "HW-NAS-Bench v1.0"),
            ("pixel3",),
        ),
        (
            "nb201/latency/1080ti_batch32",
            ("cifar10", "latency_1080ti_batch32_milliseconds", None, None, None, "HELP"),
            ("1080ti",),
        ),
        (
            "nb201/energy/fpga/imagenet16-120",
            ("imagenet16-120", "energy_fpga_millijoules", None, None, None, "HW-NAS-Bench v1.0"),
            ("fpga",),
        ),
        (
            "nb201/robust/pgd@0.5",
            ("cifar10", "accuracy_under_pgd@0.5", "test", 200, None, "NAS robustness dataset"),
            ("cifar10",),
        ),
        (
            "tnb101/jigsaw",
            ("jigsaw", "accuracy", "valid", 10, None, "TransNAS-Bench-101"),
            ("jigsaw",),
        ),
        (
            "tnb101/jigsaw/train",
            ("jigsaw", "accuracy", "train", 10, None, "TransNAS-Bench-101"),
            ("jigsaw",),
        ),
        (
            "tnb101/room_layout",
            ("room_layout", "loss", "valid", 25, None, "TransNAS-Bench-101"),
            ("room_layout",),
        ),
    ],
)
def test_a_name_says_everything(
    name: str, signal: tuple[object, ...], held_out: tuple[str, ...]
) -> None:
    task = nm.get_task(name)
    s = task.signal
    assert (s.dataset, s.metric, s.split, s.epochs, s.seed, s.release) == signal
    assert (task.name, task.held_out, task.dataset) == (name, held_out, held_out[0])
    assert task.space.name == task.table_name == name.partition("/")[0]
    assert nm.get_task(name) is task
    assert pickle.loads(pickle.dumps(task)) == task


def test_names_of_combined_tasks() -> None:
    task = nm.get_task("nb201/cifar100@12ep/within-5.5ms/pixel3")
    assert (task.objective.rule, task.objective.amount, task.held_out) == (
        "within",
        5.5,
        ("cifar100", "pixel3"),
    )
    assert task.parts[0].signal == nm.get_task("nb201/cifar100@12ep").signal
    assert task.parts[1].signal == nm.get_task("nb201/latency/pixel3/cifar100").signal
    assert pickle.loads(pickle.dumps(task)) == task
    energy = nm.get_task("nb201/cifar10/within-9mJ/fpga")
    assert energy.objective.cost.metric == "energy_fpga_millijoules"
    # pixel2 was measured for cifar10 only
    other = nm.get_task("nb201/cifar100/tradeoff-2/pixel2/cifar10")
    assert (other.objective.rule, other.objective.amount, other.objective.cost.dataset, other.held_out) == (
        "tradeoff", 2.0, "cifar10", ("cifar100", "pixel2"),
    )  # fmt: skip


def test_a_search_keeps_to_cells_with_a_value() -> None:
    seed = nm.get_task("nb201/cifar10#999")
    assert len(seed.as_source()) == len(seed.measured) == 8_169
    run = nm.search("evolution", seed, evaluations=60)
    assert np.isin(run.architectures, seed.measured).all()
    frame = nm.compare(["random", "local-search"], seed, repeats=2, evaluations=20)
    assert np.isin(frame["cell"], seed.measured).all()
    assert set(frame["space"]) == {run.space} == {"measured:0.523"}


@pytest.mark.parametrize(
    "name",
    [
        "nb201/cifar10@13ep",
        "nb201/test/cifar10",
        "nb201/cifar10@37of200",
        "nb201/cifar10#1",
        "nb201/latency/pixel2/cifar100",
        "nb201/robust/pgd@7",
        "nb201/cifar100/within-5s/pixel3",
        "nb201/cifar100/within-5ms/pixel2",
        "tnb101/cifar10",
        "nb101/cifar10",
    ],
)
def test_an_unknown_name(name: str) -> None:
    with pytest.raises(UnknownNameError):
        nm.get_task(name)


@pytest.mark.parametrize("name", ["nb201/cifar10", "graph/cora", "hpobench-mlp/car"])
def test_one_rule_of_suffixes_covers_all_tables(name: str) -> None:
    cost = {
        "nb201": "latency_seconds",
        "graph": "latency_seconds",
        "hpobench-mlp": "train_seconds",
    }[name.split("/")[0]]
    task, seconds = nm.get_task(name), nm.get_task(f"{name}/{cost}")
    limit = f"{np.nanmedian(seconds.values):.6f}"
    within = nm.get_task(f"{name}/within-{limit}s/{cost}")
    assert within.name == f"{name}/within-{limit}s/{cost}"
    assert within.optimum == task.values[seconds.values <= float(limit)].max()
    traded = nm.get_task(f"{name}/tradeoff-0.5/{cost}")
    np.testing.assert_allclose(traded.values, task.values - 0.5 * np.log(seconds.values))
    both = nm.get_task(f"{name}+{cost}")
    np.testing.assert_array_equal(both.values, np.stack([task.values, seconds.values], axis=1))


def test_families() -> None:
    sizes = {
        name: len(nm.task_distribution(name)) for name in task_families() if name != "nb201/within"
    }
    assert sizes == {
        "nb201": 3, "nb201/12ep": 3, "nb201/accuracy": 15, "nb201/accuracy+latency": 18, "nb201/energy": 3,
        "nb201/latency": 28, "nb201/robust": 32,
        "nb201/tradeoff": 15, "nb201/train-seconds": 3, "tnb101": 7, "tnb101/train": 7, "all": 85,
        "graph": 9, "graph/latency": 9, "tnb101-macro": 7, "nbmacro/test": 1, "graphgym": 32, "hpobench-mlp": 8,
        "fcnet": 4, "lcbench": 34, "step-law": 42, "step-law/dense": 17,
        "hw-gpt": 3, "hw-gpt-s": 1, "hw-gpt-m": 1, "hw-gpt-l": 1, "hw-gpt-s/latency": 3, "hw-gpt-s/energy": 2,
        "hw-gpt-s/memory": 1, "hw-gpt-s/perplexity+cost": 6, "scan-llm": 1, "scan-llm/train-flops": 1,
        "scan-tabpfn": 1, "scan-tabpfn/train-flops": 1, "scan-vlm": 1, "scan-vlm/train-flops": 1,
        "scan/loss+train-flops": 3,
    }  # fmt: skip
    assert nm.task_distribution("nb201").names == (
        "nb201/cifar10",
        "nb201/cifar100",
        "nb201/imagenet16-120",
    )
    with pytest.raises(UnknownNameError):
        nm.task_distribution("nb201/latencies")


def test_a_device_is_left_out_with_all_its_batch_sizes() -> None:
    source, target = nm.task_distribution("nb201/latency").leave_out("titanx")
    assert set(target.names) == {f"nb201/latency/titanx_batch{n}" for n in (1, 32, 256)}
    assert "titanx" not in source.datasets
    assert "nb201/latency/titanxp_batch1" in source.names  # another device
    assert len(source) == 25


def test_what_a_target_shares_is_in_no_source() -> None:
    """A task with a budget on a device is no source for another dataset on this device."""
    names = (
        "nb201/cifar100/within-5ms/pixel3",
        "nb201/cifar10/within-5ms/pixel3",
        "nb201/cifar10",
        "nb201/latency/fpga",
    )
    tasks = nm.tasks.TaskDistribution(nm.get_task(name) for name in names)
    source, target = tasks.leave_out("cifar100")
    assert target.names == names[:1]
    assert source.names == names[2:]


@pytest.mark.parametrize(
    ("target", "first", "n"),
    [
        ("nb201/cifar10", "nb201/cifar100", 2),
        ("nb201/cifar10#777", "nb201/cifar100", 2),
        ("nb201/cifar10@12ep", "nb201/cifar100@12ep", 2),
        ("nb201/robust/pgd@1", "nb201/cifar100", 2),
        ("nb201/cifar100/within-5ms/pixel3", "nb201/cifar10", 2),
        ("nb201/latency/1080ti_batch1", "nb201/latency/2080ti_batch1", 25),
        ("nb201/energy/fpga", "nb201/energy/edgegpu", 2),
        ("tnb101/jigsaw", "tnb101/class_scene", 6),
    ],
)
def test_default_sources_share_nothing_with_the_target(target: str, first: str, n: int) -> None:
    task = nm.get_task(target)
    sources = default_sources(task)
    assert (sources.names[0], len(sources)) == (first, n)
    assert not set(sources.datasets) & set(task.held_out)


def test_costs_of_an_evaluation() -> None:
    full = nm.get_task("nb201/cifar10").cost_seconds
    np.testing.assert_array_equal(nm.get_task("nb201/cifar10#777").cost_seconds, full)
    np.testing.assert_allclose(nm.get_task("nb201/cifar10@12ep").cost_seconds, 0.06 * full)
    np.testing.assert_array_equal(nm.get_task("nb201/robust/pgd@1").cost_seconds, full)
    np.testing.assert_array_equal(nm.get_task("nb201/cifar10/within-5ms/pixel3").cost_seconds, full)
    assert not nm.get_task("nb201/latency/pixel3").cost_seconds.any()
    seconds = nm.get_task("nb201/train-seconds/cifar10")
    np.testing.assert_array_equal(seconds.values, seconds.cost_seconds)
    assert (seconds.direction, seconds.optimum) == ("min", full.min())


@pytest.mark.parametrize(
    "name",
    [
        "tnb101/jigsaw",
        "nb201/cifar10@12ep",
        "nb201/latency/pixel3",
        "nb201/latency/pixel2",
        "nb201/robust/pgd@1",
        "nb201/cifar100/within-5ms/pixel3",
    ],
)
def test_what_is_not_here_says_how_to_get_it(
    name: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASMETA_CACHE", str(tmp_path_factory.getbasetemp() / "nothing-fetched"))
    fresh = pickle.loads(pickle.dumps(nm.get_task(name)))  # one whose values nobody has read yet
    with pytest.raises((ColumnError, MissingValueError)):
        fresh.values  # noqa: B018


def test_a_tradeoff_learns_from_those_of_its_weight() -> None:
    names = default_sources(nm.get_task("nb201/cifar10/tradeoff-2/pixel3")).names
    assert "nb201/cifar100/tradeoff-2/raspi4" in names
    assert len(names) == 2 * 4
    assert not any("cifar10/" in name or "pixel3" in name for name in names)
    assert (
        "nb201/cifar100@12ep/tradeoff-0.5/fpga"
        in default_sources(nm.get_task("nb201/cifar10@12ep/tradeoff-0.5/pixel3")).names
    )
    of_gpu = default_sources(nm.get_task("nb201/cifar10/tradeoff-2/1080ti_batch1")).names
    assert len(of_gpu) == 2 * 5
    attacked = nm.get_task("nb201/robust/pgd@1/tradeoff-2/pixel3")
    assert default_sources(attacked).names == ("nb201/cifar100", "nb201/imagenet16-120")
