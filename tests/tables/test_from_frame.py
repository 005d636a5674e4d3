"""Tables from data frames: what is read, what it means, and how each thing that cannot be taken is refused."""

from __future__ import annotations

import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nasmeta as nm
from nasmeta.errors import ArchitectureError, ColumnError, SettingError, UnknownNameError
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import Table

SPACE = SearchSpace("toy", {"width": [16, 32, 64], "depth": [1, 2, 3], "act": ["relu", "tanh"]})
NA = pd.NA


def frame_of(**columns: Any) -> pd.DataFrame:
    """Return a frame of the first architectures, as many as there are values."""
    n = len(next(iter(columns.values())))
    return pd.DataFrame({"architecture": range(n), **columns})


def own(frame: Any, space: str | SearchSpace = SPACE, **arguments: Any) -> Table:
    return Table.from_frame(frame, space, **arguments)


def addresses(table: Table) -> list[str]:
    return [info.address for info in table.columns]


def by_positions(architectures: list[int], **columns: Any) -> pd.DataFrame:
    return pd.DataFrame([SPACE.choices(architecture) for architecture in architectures]).assign(
        **columns
    )


# -- what is read
CELLS = [3, 17, 0]
ARCHITECTURES = {
    "index": pd.DataFrame({"architecture": CELLS}),
    "strings": pd.DataFrame({"arch": [SPACE.to_string(architecture) for architecture in CELLS]}),
    "both": pd.DataFrame({"arch_str": [3, SPACE.to_string(17), 0]}),
    "floats, as after a merge": pd.DataFrame({"cell": np.array(CELLS, dtype=float)}),
    "nullable": pd.DataFrame({"cell": pd.array(CELLS, dtype="Int64")}),
    "positions": by_positions(CELLS),
    "positions as texts": by_positions(CELLS).astype(str),
    "positions and the same architecture": by_positions(CELLS, architecture=CELLS),
    "frame index": pd.DataFrame(index=pd.Index(CELLS, name="architecture")),
    "row numbers of a CSV": pd.DataFrame({"Unnamed: 0": [0, 1, 2], "architecture": CELLS}),
    "rows of one number": pd.DataFrame({"architecture": CELLS}, index=[7, 7, 7]),
}


@pytest.mark.parametrize("form", ARCHITECTURES)
def test_architectures_in_any_form(form: str) -> None:
    table = own(ARCHITECTURES[form].assign(acc=[0.5, 0.25, 0.75]))
    assert addresses(table) == ["own/acc/-/-/-"]
    expected = np.full(SPACE.size, np.nan, dtype=np.float32)
    expected[CELLS] = [0.5, 0.25, 0.75]
    np.testing.assert_array_equal(table.column("own", "acc"), expected)
    np.testing.assert_array_equal(table.task().measured, np.sort(CELLS))


def test_a_given_mean_is_kept() -> None:
    measured = {0: [90.25, 91.5], 1: [80.75, 80.5]}
    rows = [
        (architecture, seed, values[seed])
        for architecture, values in measured.items()
        for seed in (0, 1)
    ]
    frame = pd.DataFrame(
        [*rows, (0, "mean", 90.88), (1, "mean", 80.63)], columns=["cell", "seed", "acc"]
    )
    table = own(frame)
    assert table.query([0, 1], "own", "acc", seed="mean").tolist() == pytest.approx([90.88, 80.63])
    frame.loc[5, "acc"] = 80.75
    # one has seeds and no mean, the other the mean
    alone = frame[(frame["seed"] == "mean") == (frame["cell"] == 1)]
    assert own(alone).query([0, 1], "own", "acc", seed="mean").tolist() == [90.875, 80.75]


def test_keys_as_columns_and_as_arguments() -> None:
    frame = frame_of(acc=[1.0, 2.0])
    keys = {"dataset": "My Pets", "split": "valid", "epochs": 12, "seed": 3, "release": "v1"}
    said = own(frame, **keys)
    assert said.columns[0].address == "My Pets/acc/valid/12/3"
    assert said.columns[0].release == "v1"
    assert own(frame.assign(**keys)) == said
    assert (
        own(
            frame.assign(split="valid", seed=3),
            dataset="My Pets",
            epochs=np.int64(12),
            release="v1",
        )
        == said
    )


def test_numbers_that_are_not_whole_and_unknown_choices_are_named() -> None:
    assert addresses(own(frame_of(acc=[1.0, 2.0], seed=[0.0, 1.0])))[:2] == [
        "own/acc/-/-/0",
        "own/acc/-/-/1",
    ]
    with pytest.raises(ArchitectureError, match=r"is 0\.5;"):
        own(pd.DataFrame({"cell": [3.0, 0.5], "acc": 1.0}))
    with pytest.raises(SettingError, match="elu"):
        own(by_positions([0, 1], acc=1.0).replace({"act": {"tanh": "elu"}}))
    with pytest.raises(SettingError) as refusal:
        own(frame_of(acc=[1.0, 2.0], seed=[0.0, 0.5]))
    assert refusal.value.value == 0.5


def test_several_datasets() -> None:
    frame = frame_of(acc=[1.0, 2.0, 3.0], dataset=["CIFAR-10", "Pets", None])
    table = own(frame, name="mine")
    assert table.datasets == ("cifar10", "Pets", "mine")
    assert table.tasks().names == ("mine/cifar10", "mine/Pets", "mine/mine")
    assert table.query(1, "PETS", "acc") == 2.0  # however it is spelled


def test_the_first_spelling_of_a_dataset_names_its_task() -> None:
    table = own(
        frame_of(
            acc=[1.0, 2.0, 3.0], train_seconds=1.0, dataset=["hospitalA", "HospitalA", "hospitalB"]
        )
    )
    tasks = table.tasks()
    first = tasks[0]
    assert tasks.names == ("own/hospitalA", "own/hospitalB")
    assert table.task(dataset="HOSPITALA").name == first.name
    assert first.measured.tolist() == [0, 1]
    assert first.has_cost
    assert table.to_frame("hospitala")["acc"].count() == 2
    assert tasks.leave_out("HospitalA")[0].names == ("own/hospitalB",)
    with pytest.raises(UnknownNameError, match="hospitalA, hospitalB"):
        tasks.leave_out("clinic")


FACTS = {
    "acc in percent": ({"acc": [71.0, 2.0]}, {}, ("percent", "max", "performance", None)),
    "acc as a share": ({"acc": [0.71, 0.2]}, {}, ("1", "max", "performance", None)),
    "in capitals": ({"Val_Loss": [1.0, 2.0]}, {}, ("1", "min", "performance", None)),
    "parameters": ({"parameters": [1, 2]}, {}, ("1", "min", "size", None)),
    "seconds": ({"train_seconds": [1, 2]}, {}, ("s", "min", "seconds", None)),
    "hardware": (
        {"latency_ms": [1, 2]},
        {"measured_on": "phone"},
        ("ms", "min", "latency", "phone"),
    ),
    "unknown": ({"f1": [1, 2]}, {"direction": "max"}, ("1", "max", "performance", None)),
    "the kind implies the direction": (
        {"lat": [1, 2]},
        {"kind": "latency", "unit": "ms", "measured_on": "phone"},
        ("ms", "min", "latency", "phone"),
    ),
    "by metric": (
        {"lat": [1, 2]},
        {"direction": {"lat": "max"}, "unit": {"lat": "1/s"}, "kind": {"lat": "performance"}},
        ("1/s", "max", "performance", None),
    ),
}


@pytest.mark.parametrize("case", FACTS)
def test_the_facts_about_a_metric(case: str) -> None:
    columns, arguments, expected = FACTS[case]
    info = own(frame_of(**columns), **arguments).columns[0]
    assert (info.unit, info.direction, info.kind, info.device) == expected


def test_any_other_metric_needs_a_direction() -> None:
    frame = frame_of(
        acc=[0.5, 0.6], **{metric: [1.0, 2.0] for metric in ("f1", "valLoss", "train_acc_std")}
    )
    with pytest.raises(SettingError):
        own(frame)
    stated = {"f1": "max", "valLoss": "min", "train_acc_std": "min"}
    assert {info.metric: info.direction for info in own(frame, direction=stated).columns} == {
        "acc": "max",
        **stated,
    }
    assert len(own(frame, metrics=["acc"]).columns) == 1


def test_all_columns_of_a_dataset_have_one_unit() -> None:
    for values in ([0.8, 70.0], [70.0, 0.8]):  # 0.8 percent, as the other seed shows
        table = own(frame_of(acc=values, seed=[1, 2]))
        assert {info.unit for info in table.columns} == {"percent"}
    assert own(frame_of(acc=[0.5, 1.0])).columns[0].unit == "1"


@pytest.mark.parametrize(
    ("columns", "main"),
    [
        (["train_seconds", "acc"], "acc"),
        (["train_acc", "val_acc"], "val_acc"),
        (["train_acc", "test_acc"], "test_acc"),
        (["train_loss", "val_loss"], "val_loss"),
        (["f1", "params"], "f1"),
        (["parameters"], "parameters"),
        (["f1", "id"], None),  # a task of each
    ],
)
def test_the_main_metric(columns: list[str], main: str | None) -> None:
    stated = {metric: "max" for metric in columns if metric in ("f1", "id")}
    table = own(frame_of(**{column: [1.0, 2.0] for column in columns}), direction=stated)
    if main is None:
        with pytest.raises(ColumnError):
            table.task()
        assert table.tasks().names == tuple(f"own/own/{metric}" for metric in columns)
    else:
        assert table.task().name == "own/own"
        assert table.task().signal.metric == main


def test_a_large_frame_needs_little_memory() -> None:
    n = 50_000
    space = SearchSpace("large", {"width": list(range(50)), "depth": list(range(1000))})
    metrics = ("accuracy", "loss", "params", "flops", "train_seconds")
    frame = pd.DataFrame({"cell": range(n), **dict.fromkeys(metrics, np.linspace(0, 1, n))})
    own(frame[:2], space)
    tracemalloc.start()
    own(frame, space)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most / n < 400  # bytes; 40 of these are the frame's values


def test_few_measured_architectures_need_little_memory_and_disk(own_cache: Path) -> None:
    rng, n = np.random.default_rng(0), 200
    architectures = np.concatenate([rng.choice(15625, 20, replace=False) for _ in range(n)])
    frame = pd.DataFrame(
        {"cell": architectures, "dataset": np.repeat(range(n), 20), "loss": rng.normal(size=20 * n)}
    )
    own(frame[:20], "nb201")
    tracemalloc.start()
    table = own(frame, "nb201").add("sparse")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    whole = n * 15625 * table.column("0", "loss").itemsize
    assert most < whole / 2
    (file,) = (own_cache / "tables" / "v1" / "sparse").glob("*.arrow")
    assert file.stat().st_size < whole / 20
    found = np.concatenate(
        [table.column(str(i), "loss")[architectures[20 * i : 20 * i + 20]] for i in range(n)]
    )
    np.testing.assert_array_equal(found, frame["loss"].astype(found.dtype))
    assert np.isnan(table.column("7", "loss")).sum() == 15625 - 20


def test_points_of_learning_curves() -> None:
    frame = pd.DataFrame(
        {"architecture": [0, 0, 5, 5], "epoch": [1, 2, 1, 2], "acc": [1.0, 2.0, 3.0, 4.0]}
    )
    table = own(frame, epochs=2, split="valid", seed=0)
    # the last point is the end
    assert addresses(table) == [
        "own/acc/valid/2/0",
        "own/acc/valid/2/mean",
    ]
    np.testing.assert_array_equal(
        table.curve([0, 5], "own", "acc", "valid", 2, 0), [[1, 2], [3, 4]]
    )
    assert table.query(5, "own", "acc", "valid", 2, 0, epoch=1) == 3.0
    assert table.task().values[[0, 5]].tolist() == [2.0, 4.0]
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(table)).curve(5, "own", "acc", "valid", 2, 0), [3, 4]
    )


def test_a_space_of_the_same_rows() -> None:
    rows = pd.DataFrame({"lr": [0.1, 0.1, 0.01], "net": ["a", "b", "b"], "acc": [1.0, 3.0, 2.0]})
    space = SearchSpace.from_frame(rows, ["lr", "net"], "listed")
    table = own(rows, space)
    assert space.size == 3
    assert table.column("own", "acc").tolist() == [1.0, 3.0, 2.0]
    assert (
        table.task().space.to_string(int(table.task().optimal_architectures[0])) == "lr=0.1,net=b"
    )
    assert pickle.loads(pickle.dumps(table)).space == space


# -- kept by content
def files_in(folder: Path) -> list[str]:
    """Return what is in the store, but for locks."""
    return sorted(
        path.name
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(".lock")
    )


def test_the_same_frame_is_the_same_file(own_cache: Path) -> None:
    first, again = own(frame_of(acc=[1.0, 2.0])), own(frame_of(acc=[1.0, 2.0]))
    assert first == again
    assert hash(first) == hash(again)
    assert len(files_in(own_cache)) == 1
    assert own(frame_of(acc=[1.0, 3.0])) != first
    assert len(files_in(own_cache)) == 2


# -- what cannot be taken
def test_two_releases_under_one_address() -> None:
    table = own(pd.DataFrame({"architecture": 0, "acc": [1.0, 2.0], "release": ["v1", "v2"]}))
    with pytest.raises(ColumnError):
        table.query(0, "own", "acc")
    with pytest.raises(ColumnError):
        table.task()
    assert table.query(0, "own", "acc", release="v2") == 2.0
    assert table.task(release="v1").optimum == 1.0


# -- metrics and keys
def test_a_kind_declares_what_an_evaluation_costs() -> None:
    frame = frame_of(acc=[0.5, 0.6], train_time=[700.0, 800.0])
    silent = own(frame, direction={"train_time": "min"})
    with pytest.raises(SettingError):
        nm.search("random", silent.task("acc"), seconds=10)
    stated = own(frame, kind={"train_time": "seconds"}).task("acc")
    assert stated.cost_seconds[:2].tolist() == [700.0, 800.0]
    both = frame.assign(eval_time=5.0)
    assert (
        not own(both, kind={"train_time": "seconds", "eval_time": "seconds"}).task("acc").has_cost
    )
    named = both.rename(columns={"train_time": "train_seconds"})
    assert own(named, kind={"eval_time": "seconds"}).task("acc").cost_seconds[1] == 800.0


@pytest.mark.parametrize(
    "values", [1e9 + np.arange(18.0), [0.0, 1e-60, *range(1, 17)]], ids=["FLOPs", "a tiny loss"]
)
def test_values_that_float32_would_merge_are_kept_apart(values: Any) -> None:
    frame = pd.DataFrame({"cell": range(18), "loss": values, "accuracy": range(18)})
    table = own(frame)
    task = table.task("loss")
    assert len(np.unique(task.values)) == 18
    assert table.column("own", "loss").tolist() == pytest.approx(list(values), rel=1e-15)
    found = nm.search("random", task, evaluations=3, seed=1).frame()
    assert found["regret"].tolist() == [
        min(values[architecture] for architecture in found["cell"][: i + 1]) - min(values)
        for i in range(3)
    ]
    again = pickle.loads(pickle.dumps(table))
    np.testing.assert_array_equal(again.column("own", "loss"), table.column("own", "loss"))
    seeds = own(pd.concat([frame.assign(seed=seed) for seed in (0, 1)]))
    np.testing.assert_array_equal(
        seeds.column("own", "loss", seed="mean"), table.column("own", "loss")
    )
    assert own(frame[["cell", "accuracy"]]).column("own").dtype == np.float32


def test_one_split_in_two_spellings_is_one() -> None:
    frame = frame_of(
        acc=[0.5, 0.6, 0.7, 0.8, 0.9], split=["Validation", "val", "valid", "test", "Test"]
    )
    table = own(frame)
    assert addresses(table) == ["own/acc/valid/-/-", "own/acc/test/-/-"]
    assert table.task().signal.split == "valid"
    with pytest.raises(SettingError):
        own(frame.assign(architecture=0))


def test_curves_fill_ends_that_are_missing() -> None:
    frame = pd.DataFrame(
        {"arch": [0, 1, 1], "acc": [50.0, 60.0, 55.0], "epochs": 10, "epoch": [np.nan, 10, 5]}
    )
    table = Table.from_frame(frame, "nb201", name="own", dataset="d", direction={"acc": "max"})
    assert table.query([0, 1], "d", "acc", epochs=10).tolist() == [50.0, 60.0]
