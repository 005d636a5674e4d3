"""Searches, comparisons and meta-learning on tables of one's own, and functions as evaluators."""

from __future__ import annotations

import importlib
import json
import linecache
import subprocess
import sys
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import nasmeta as nm
from nasmeta.errors import (
    ColumnError,
    JournalError,
    LeakageError,
    MissingValueError,
    NasmetaError,
    NasmetaWarning,
    OtherMetricWarning,
    SettingError,
)
from nasmeta.evaluators import FunctionEvaluator, TableEvaluator
from nasmeta.runs import History
from nasmeta.searchers import SEARCHERS, MetaSearcher, MultiFidelitySearcher
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.tables import Table
from nasmeta.tasks import Task, TaskDistribution, default_sources
from nasmeta.threads import one_thread

SPACE = SearchSpace("mlp", {"width": [8, 16, 32, 64, 128], "depth": [1, 2, 3, 4], "act": ["relu", "tanh", "gelu"]})


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASMETA_CACHE", str(tmp_path / "cache"))


def smooth(space: SearchSpace, seed: int = 0) -> Any:
    """Return values that are better the nearer an architecture is to one of them."""
    rng = np.random.default_rng(seed)
    best = rng.integers(space.n_choices) if seed else np.zeros(space.n_positions)
    apart = np.abs(space.codes - best) / np.maximum(np.array(space.n_choices) - 1, 1)
    return 90 - 10 * (apart * np.linspace(0.5, 1, space.n_positions)).sum(axis=1) + 0.01 * rng.random(space.size)


def partial_table(n: int = 2000, **columns: Any) -> Table:
    """Return a table of cells of NAS-Bench-201, one metric, no seeds, no cost."""
    space = get_space("nb201")
    cells = np.sort(np.random.default_rng(1).choice(space.size, n, replace=False))
    return Table.from_frame(
        pd.DataFrame({"arch": cells, "val_acc": smooth(space)[cells], **columns}), space, name="mine"
    )


def family(datasets: int = 4, **columns: Any) -> Table:
    """Return a table of several datasets over a small space, with similar best architectures."""
    frames = [
        pd.DataFrame(
            {"arch": range(SPACE.size), "dataset": f"data{i}", "val_acc": 0.8 * smooth(SPACE) + 0.2 * smooth(SPACE, i)}
        )
        for i in range(1, datasets + 1)
    ]
    return Table.from_frame(pd.concat(frames).assign(**columns), SPACE, name="mine")


def same(one: History, other: History) -> None:
    """Assert that two runs have the same trace."""
    np.testing.assert_array_equal(one.cells, other.cells)
    np.testing.assert_array_equal(one.values, other.values)


# -- searches -------------------------------------------------------------------------------------------------------
def test_from_a_csv_to_a_search_curve(tmp_path: Path) -> None:
    family(1).to_frame("data1").to_csv(tmp_path / "sweep.csv")

    frame = pd.read_csv(tmp_path / "sweep.csv")
    task = nm.Table.from_frame(
        frame, nm.SearchSpace.from_frame(frame, ["width", "depth", "act"]), metrics=["val_acc"]
    ).task()
    run = nm.search("evolution", task, evaluations=30)

    curve = np.maximum.accumulate(run.values)
    assert len(curve) == 30
    assert curve[-1] == run.best.value == task.values[run.best.cell]


@pytest.mark.slow
def test_workers_give_the_same(tmp_path: Path) -> None:
    tasks = [*partial_table().tasks(), *family(2).tasks()]
    arguments: dict[str, Any] = {"repeats": 2, "evaluations": 8}
    one = nm.compare(["random", "evolution"], tasks, **arguments)
    two = nm.compare(["random", "evolution"], tasks, workers=2, folder=tmp_path / "out", **arguments)
    assert_frame_equal(one, two)
    assert_frame_equal(nm.compare(["random", "evolution"], tasks, folder=tmp_path / "out", **arguments), one)
    assert len(one) == 2 * 3 * 2 * 8
    values = {task.name: task.values for task in tasks}
    assert all(row.value == values[row.task][row.cell] for row in one.itertuples())


OTHERS = (
    "ax",
    "botorch",
    "optuna-gp",
    "ppo",
    "smac",
    "syne-tune",
)  # the peers' adapters are tested with their contract
PLAIN = sorted(
    name
    for name, kind in SEARCHERS.items()
    if not issubclass(kind, MetaSearcher) and not name.startswith(OTHERS) and kind.objectives != "several"
)


@pytest.mark.parametrize("name", PLAIN)
def test_every_searcher_keeps_to_what_was_measured(name: str) -> None:
    cells = np.sort(np.random.default_rng(1).choice(SPACE.size, 30, replace=False))
    table = Table.from_frame(pd.DataFrame({"arch": cells, "val_acc": smooth(SPACE)[cells]}), SPACE, name="mine")
    settings = None
    if issubclass(SEARCHERS[name], MultiFidelitySearcher):
        with pytest.raises(SettingError):
            nm.search(name, table.task(), evaluations=12)
        settings = {"epochs": [0]}
    run = nm.search(name, table.task(), evaluations=12, settings=settings)
    assert len(run) >= 12
    assert set(run.cells.tolist()) <= set(cells.tolist())
    assert run.space == "measured:0.5"


@pytest.mark.parametrize("name", ["asha", "bohb", "hyperband"])
def test_short_trainings_of_an_own_table(name: str) -> None:
    cells = np.arange(0, SPACE.size, 2)
    lengths = [pd.DataFrame({"arch": cells, "epochs": n, "acc": smooth(SPACE)[cells] + n}) for n in (1, 3, 9)]
    task = Table.from_frame(pd.concat(lengths), SPACE, name="mine").task(epochs=9)
    run = nm.search(name, task, evaluations=40)
    assert set(run.epochs.tolist()) <= {1, 3, 9}
    assert len(set(run.epochs.tolist())) > 1
    assert set(run.cells.tolist()) <= set(cells.tolist())


def test_a_search_ends_where_all_is_evaluated() -> None:
    table = Table.from_frame(pd.DataFrame({"arch": [3, 9, 27], "acc": [1.0, 2.0, 3.0]}), SPACE)
    run = nm.search("evolution", table.task(), evaluations=10)
    assert sorted(run.cells.tolist()) == [3, 9, 27]
    assert run.stopped == "exhausted"


# -- journals -------------------------------------------------------------------------------------------------------
def test_a_journal_goes_on(tmp_path: Path) -> None:
    task, journal = partial_table().task(), tmp_path / "run.jsonl"
    nm.search("evolution", task, evaluations=10, journal=journal)
    again = nm.search("evolution", task, evaluations=25, journal=journal)
    same(again, nm.search("evolution", task, evaluations=25))


def test_a_folder_of_a_changed_table_is_refused(tmp_path: Path) -> None:
    frame = partial_table(50).to_frame("mine")[["val_acc"]].dropna()
    arguments: dict[str, Any] = {"repeats": 1, "evaluations": 5, "folder": tmp_path / "out"}
    nm.compare("random", Table.from_frame(frame, "nb201", name="mine").task(), **arguments)
    with pytest.raises(NasmetaError):
        nm.compare("random", Table.from_frame(frame + 1, "nb201", name="mine").task(), **arguments)


@pytest.mark.parametrize("change", ["a value", "the cost", "another cell"])
def test_a_journal_of_a_changed_table_is_refused(change: str, tmp_path: Path) -> None:
    journal, frame = (
        tmp_path / "run.jsonl",
        partial_table(50, train_seconds=1.0).to_frame("mine")[["val_acc", "train_seconds"]],
    )
    frame = frame.dropna()
    nm.search("random", Table.from_frame(frame, "nb201", name="mine").task(), evaluations=5, journal=journal)
    changed = frame.copy()
    if change == "another cell":
        changed = changed.iloc[1:]
    else:
        changed.iloc[0, 0 if change == "a value" else 1] += 1
    other = Table.from_frame(changed, "nb201", name="mine").task()
    with pytest.raises(JournalError):
        nm.search("random", other, evaluations=10, journal=journal)


def test_a_cost_that_is_missing_in_some_rows(tmp_path: Path) -> None:
    seconds = np.where(np.arange(50) % 3 == 0, np.nan, 2.0)
    task, journal = partial_table(50, train_seconds=seconds).task(), tmp_path / "run.jsonl"
    first = nm.search("random", task, evaluations=20, journal=journal)
    assert "NaN" not in journal.read_text()
    assert [json.loads(line) for line in journal.read_text().splitlines()]
    again = nm.search("random", task, evaluations=40, journal=journal)
    np.testing.assert_array_equal(again.cells[:20], first.cells)
    assert set(again.cost_seconds.tolist()) == {0.0, 2.0}
    frame = nm.compare("random", task, repeats=1, evaluations=10, folder=tmp_path / "out")
    assert_frame_equal(nm.compare("random", task, repeats=1, evaluations=10, folder=tmp_path / "out"), frame)
    with pytest.raises(SettingError, match="no seconds for 17 of 50 measured architectures"):
        nm.search("random", task, seconds=10)


def test_a_budget_in_seconds() -> None:
    with pytest.raises(SettingError, match=r"recorded.*evaluations"):
        nm.search("random", partial_table(50).task(), seconds=10)
    with pytest.raises(MissingValueError, match="nobody recorded the seconds"):
        _ = partial_table(50).task().cost_seconds
    run = nm.search("random", partial_table(50, train_seconds=2.0).task(), seconds=10)
    assert len(run) == 5
    with pytest.raises(ColumnError, match="kind='seconds'"):
        partial_table(50, params=2.0).task(cost="params")
    with pytest.raises(SettingError, match="recorded"):
        nm.search("random", partial_table(50, train_seconds=2.0).task(cost=None), seconds=10)


# -- meta-learning --------------------------------------------------------------------------------------------------
def test_families_of_an_own_table() -> None:
    tasks = family().add().tasks()
    assert tasks.names == tuple(f"mine/data{i}" for i in range(1, 5))
    source, target = nm.task_distribution("mine").leave_out("data2")
    assert target.names == ("mine/data2",)
    assert source.names == ("mine/data1", "mine/data3", "mine/data4")
    assert default_sources(nm.get_task("mine/data2")).names == source.names
    with pytest.raises(LeakageError, match="mine/data1"):
        nm.search("meta-gp", tasks[0], evaluations=5, sources=[tasks[0]])


@pytest.mark.parametrize("name", ["meta-gp", "rgpe", "source-order", "multi-task-gp"])
def test_meta_searchers_learn_from_own_tables(name: str) -> None:
    *sources, target = family().tasks()
    with warnings.catch_warnings():
        warnings.simplefilter("error", OtherMetricWarning)
        run = nm.search(name, target, evaluations=6, sources=sources)
        with one_thread():
            again = nm.search(name, target, evaluations=6, sources=TaskDistribution(sources))
    same(run, again)
    first = target.values[run.cells[0]]
    assert first > np.quantile(target.values, 0.8)  # what the sources say of good ones holds


@pytest.mark.parametrize("added", [True, False])
def test_sources_where_nobody_names_any(added: bool) -> None:
    table = family()
    target = (table.add() if added else table).tasks()[3]
    run = nm.search("source-order", target, evaluations=3)
    same(run, nm.search("source-order", target, evaluations=3, sources=list(table.tasks())[:3]))


def hardware(**columns: Any) -> Table:
    """Return a table of accuracies and of a second metric on three datasets."""
    rng, frames = np.random.default_rng(0), []
    for dataset in ("d1", "d2", "d3"):
        own = {name: rng.uniform(1, 9, SPACE.size) for name in ("latency", "train_seconds", "f1")}
        frames.append(pd.DataFrame({"arch": range(SPACE.size), "dataset": dataset, "acc": smooth(SPACE), **own}))
    return Table.from_frame(pd.concat(frames), SPACE, name="mine", direction={"f1": "max"}, **columns)


def test_sources_of_a_second_metric_are_of_this_metric() -> None:
    Table.from_frame(pd.DataFrame({"arch": [0, 1], "acc": [1.0, 2.0]}), SPACE, name="mine", dataset="other").add()
    table = hardware()
    for metric in ("latency", "f1"):
        with warnings.catch_warnings():
            warnings.simplefilter("error", OtherMetricWarning)
            run = nm.search("source-order", table.task(metric, "d1"), evaluations=3)
        assert run.sources == (f"mine/d2/{metric}", f"mine/d3/{metric}")  # and not those of the table that was added
    assert [source.name for source in default_sources(table.task("acc", "d2"))] == ["mine/d1", "mine/d3"]


@pytest.mark.parametrize("dataset", ["pets", "cifar100"])
def test_an_own_table_on_a_built_in_space_learns_from_its_family(dataset: str, tmp_path: Path) -> None:
    space = get_space("nb201")
    values = smooth(space)[:500]
    frame = pd.DataFrame({"arch": range(500), "accuracy": values})
    table = Table.from_frame(frame, "nb201", name="mine", dataset=dataset)
    family = tuple(f"nb201/{name}" for name in ("cifar10", "cifar100", "imagenet16-120") if name != dataset)
    with pytest.warns(NasmetaWarning, match=f"{', '.join(family)}.* images of {dataset} .*--sources"):
        run = nm.search("source-order", table.task(), evaluations=3)
    assert run.sources == family
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nm.search("source-order", table.task(), evaluations=3, sources=["nb201/imagenet16-120"])


def test_where_no_dataset_has_a_source_the_error_helps() -> None:
    on_device, seconds = hardware(device="pixel3").task("latency", "d1"), hardware().task("train_seconds", "d1")
    for task, held_out in ((on_device, "pixel3"), (seconds, "d1 and train_seconds")):
        why = rf"what it holds out, {held_out}\. .*--sources.*with_held_out"
        with pytest.raises(SettingError, match=why):
            nm.search("source-order", task, evaluations=3)
        name = held_out.rpartition(" ")[2]
        with pytest.raises(LeakageError, match=rf"both are on {name}\. Possible here: .*leave_out\('{name}'\)"):
            nm.search("source-order", task, evaluations=3, sources=[task.table.task(task.signal.metric, "d2")])
    run = nm.search("source-order", on_device.with_held_out(["d1"]), evaluations=3)
    assert run.sources == ("mine/d2/latency", "mine/d3/latency")


def test_a_partial_source_and_a_warm_start() -> None:
    target = partial_table().task()
    source = Table.from_frame(
        pd.DataFrame({"arch": range(300), "loss": -smooth(get_space("nb201"), 2)[:300]}), "nb201", name="other"
    ).task()
    run = nm.search("gp", target, evaluations=8, sources=[source], settings={"warm_start": 3})
    assert set(run.cells.tolist()) <= set(target.measured.tolist())
    assert len(nm.search("source-order", target, evaluations=4, sources=["nb201/cifar10"])) == 4


# -- functions and surrogates ---------------------------------------------------------------------------------------
def wide(choices: Mapping[str, Any]) -> float:
    return choices["width"] / choices["depth"]


def test_a_function_answers(tmp_path: Path) -> None:
    run = nm.search("random", SPACE, evaluator=wide, evaluations=60, journal=tmp_path / "run.jsonl")
    assert run.best.value == 128.0
    assert SPACE.choices(run.best.cell)["depth"] == 1
    half = nm.search("random", SPACE, evaluator=wide, evaluations=20, journal=tmp_path / "half.jsonl")
    again = nm.search("random", SPACE, evaluator=wide, evaluations=60, journal=tmp_path / "half.jsonl")
    same(again, run)
    np.testing.assert_array_equal(again.cells[:20], half.cells)
    least = FunctionEvaluator(wide, SPACE, direction="min")
    assert nm.search("random", least, evaluations=60).best.value == 2.0
    timed = FunctionEvaluator(lambda choices: (choices["width"], 2.0), SPACE, name="timed")
    assert len(nm.search("random", timed, seconds=10)) == 5


def test_a_space_is_compared_on_where_a_function_answers(tmp_path: Path) -> None:
    frame = nm.compare(["random", "evolution"], SPACE, evaluator=wide, repeats=2, evaluations=5, folder=tmp_path)
    assert frame["task"].unique().tolist() == [f"{SPACE.name}/wide"]
    run = nm.search("evolution", SPACE, evaluator=wide, evaluations=5, seed=1)
    rows = frame[(frame["searcher"] == "evolution") & (frame["seed"] == 1)]
    assert rows["cell"].tolist() == run.cells.tolist()
    with pytest.raises(SettingError, match="space"):
        nm.compare(["random"], SPACE)


def test_a_function_for_a_task_of_an_own_table() -> None:
    *sources, target = family().tasks()
    run = nm.search("random", target, evaluator=wide, evaluations=10)
    assert run.values.tolist() == [wide(SPACE.choices(cell)) for cell in run.cells.tolist()]
    learnt = nm.search("source-order", target, evaluator=wide, evaluations=5, sources=sources)
    same(learnt, nm.search("source-order", target, evaluator=wide, evaluations=5, sources=sources))
    with pytest.raises(LeakageError):
        nm.search("source-order", target, evaluator=wide, evaluations=5, sources=[target])


def test_a_changed_function_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, file = tmp_path / "run.jsonl", tmp_path / "measure_of_mine.py"
    monkeypatch.syspath_prepend(tmp_path)

    def measure(factor: str) -> Any:
        file.write_text(f"def measure(choices):\n    return choices['width'] * {factor}\n")
        sys.modules.pop("measure_of_mine", None)
        linecache.clearcache()
        importlib.invalidate_caches()
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        try:
            return importlib.import_module("measure_of_mine").measure
        finally:
            sys.dont_write_bytecode = before

    nm.search("random", SPACE, evaluator=measure("1.0"), evaluations=5, journal=journal)
    assert len(nm.search("random", SPACE, evaluator=measure("1.0"), evaluations=6, journal=journal)) == 6
    with pytest.raises(JournalError):
        nm.search("random", SPACE, evaluator=measure("2.0"), evaluations=10, journal=journal)
    sys.modules.pop("measure_of_mine", None)


class Scaled:
    def __init__(self, factor: float) -> None:
        self.factor = factor
        self.calls = 0

    def __call__(self, choices: Mapping[str, Any]) -> float:
        self.calls += 1
        return self.factor * wide(choices)


def times(choices: Mapping[str, Any], factor: float) -> float:
    return factor * wide(choices)


def inner(factor: float) -> Any:
    return lambda choices: factor * wide(choices)


@pytest.mark.parametrize(
    "made", [Scaled, inner, lambda factor: partial(times, factor=factor)], ids=["object", "inner", "partial"]
)
def test_a_function_with_other_settings_is_refused(made: Any, tmp_path: Path) -> None:
    journal = tmp_path / "run.jsonl"
    nm.search("random", SPACE, evaluator=made(1.0), evaluations=5, journal=journal)
    assert len(nm.search("random", SPACE, evaluator=made(1.0), evaluations=6, journal=journal)) == 6
    with pytest.raises(JournalError):
        nm.search("random", SPACE, evaluator=made(2.0), evaluations=10, journal=journal)


@pytest.mark.parametrize(
    "answer", [float("nan"), float("inf"), None, "good", (1.0, float("nan")), (1.0, "s"), (1.0, -1.0), [1, 2]]
)
def test_what_a_function_must_not_return(answer: Any, tmp_path: Path) -> None:
    journal = tmp_path / "run.jsonl"
    with pytest.raises(NasmetaError, match=r"function returned .* for width=.*finite number"):
        nm.search("random", SPACE, evaluator=lambda _: answer, evaluations=5, journal=journal)
    assert not journal.exists() or len(journal.read_text().splitlines()) <= 1


def test_a_space_alone_has_no_answers() -> None:
    with pytest.raises(SettingError, match="space"):
        nm.search("random", SPACE, evaluations=5)
    with pytest.raises(SettingError, match="optimum"):
        nm.search("random", SPACE, evaluator=wide, stop_at_optimum=True)


def test_a_surrogate_of_an_own_table(tmp_path: Path) -> None:
    from nasmeta.surrogates import fit_surrogate

    task = family(1).task()
    file = fit_surrogate(task).save(tmp_path / "mine.npz")
    run = nm.search("random", task, evaluator=file, evaluations=30)
    assert len(run) == 30
    assert np.corrcoef(run.values, task.values[run.cells])[0, 1] > 0.7
    assert isinstance(TableEvaluator(task).task, Task)


# -- a source of a script -------------------------------------------------------------------------------------------
SCRIPT = """
import numpy as np
import nasmeta as nm
from nasmeta.tables import SOURCES, ColumnInfo
from nasmeta.tables.sources import Source


@SOURCES.register("lab")
class Lab(Source):
    name, table, space, release = "lab", "lab", "nb201", "2025"
    licence, citation, holds, how_to_get = "CC0", "", "pets", "It is here."

    def raw_files(self):
        return {"script": __import__("pathlib").Path(__file__)}

    def read(self, space, files, sha256):
        info = ColumnInfo("pets", "acc", "valid", None, None, "percent", "max", "2025", "lab", "CC0")
        return [(info, np.arange(space.size, dtype=np.float32))]


if __name__ == "__main__":
    task = nm.load_table("lab").task("acc")
    assert nm.get_task("lab/pets").optimum == task.optimum == 15624.0
    one = nm.compare(["random", "evolution"], task, repeats=2, evaluations=5)
    two = nm.compare(["random", "evolution"], task, repeats=2, evaluations=5, workers=2)
    print(one.equals(two), len(two), (two["value"] == two["cell"]).all())
"""


@pytest.mark.slow
def test_workers_know_a_source_that_a_script_registers(tmp_path: Path) -> None:
    script = tmp_path / "my_study.py"
    script.write_text(SCRIPT)
    found = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert found.stdout.split() == ["True", "20", "True"]
