"""Searches, comparisons and meta-learning on tables of one's own, and functions as evaluators."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import nasmeta as nm
from nasmeta.errors import (
    JournalError,
    LeakageError,
    MissingValueError,
    NasmetaError,
    NasmetaWarning,
    OtherMetricWarning,
    SettingError,
)
from nasmeta.evaluators import FunctionEvaluator
from nasmeta.runs import History
from nasmeta.searchers import SEARCHERS, MetaSearcher, MultiFidelitySearcher
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.tasks import Table, TaskDistribution, default_sources
from nasmeta.threads import one_thread

SPACE = SearchSpace(
    "mlp", {"width": [8, 16, 32, 64, 128], "depth": [1, 2, 3, 4], "act": ["relu", "tanh", "gelu"]}
)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASMETA_CACHE", str(tmp_path / "cache"))


def smooth(space: SearchSpace, seed: int = 0) -> Any:
    """Return values that are better the nearer an architecture is to one of them."""
    rng = np.random.default_rng(seed)
    best = rng.integers(space.n_choices) if seed else np.zeros(space.n_positions)
    apart = np.abs(space.codes - best) / np.maximum(np.array(space.n_choices) - 1, 1)
    return (
        90
        - 10 * (apart * np.linspace(0.5, 1, space.n_positions)).sum(axis=1)
        + 0.01 * rng.random(space.size)
    )


def partial_table(n: int = 2000, **columns: Any) -> Table:
    """Return a table of cells of NAS-Bench-201, one metric, no seeds, no cost."""
    space = get_space("nb201")
    architectures = np.sort(np.random.default_rng(1).choice(space.size, n, replace=False))
    return Table.from_frame(
        pd.DataFrame({"arch": architectures, "val_acc": smooth(space)[architectures], **columns}),
        space,
        name="mine",
    )


def family(datasets: int = 4, **columns: Any) -> Table:
    """Return a table of several datasets over a small space, with similar best architectures."""
    frames = [
        pd.DataFrame(
            {
                "arch": range(SPACE.size),
                "dataset": f"data{i}",
                "val_acc": 0.8 * smooth(SPACE) + 0.2 * smooth(SPACE, i),
            }
        )
        for i in range(1, datasets + 1)
    ]
    return Table.from_frame(pd.concat(frames).assign(**columns), SPACE, name="mine")


def same(one: History, other: History) -> None:
    """Assert that two runs have the same trace."""
    np.testing.assert_array_equal(one.architectures, other.architectures)
    np.testing.assert_array_equal(one.values, other.values)


# -- searches
# the peers' adapters are tested with their contract
OTHERS = (
    "botorch",
    "command",
    "optuna-gp",
    "smac",
    "syne-tune",
)
PLAIN = sorted(
    name
    for name, kind in SEARCHERS.items()
    if not issubclass(kind, MetaSearcher)
    and not name.startswith(OTHERS)
    and kind.objectives != "several"
)


@pytest.mark.parametrize("name", PLAIN)
def test_every_searcher_keeps_to_what_was_measured(name: str) -> None:
    architectures = np.sort(np.random.default_rng(1).choice(SPACE.size, 30, replace=False))
    table = Table.from_frame(
        pd.DataFrame({"arch": architectures, "val_acc": smooth(SPACE)[architectures]}),
        SPACE,
        name="mine",
    )
    settings = None
    if issubclass(SEARCHERS[name], MultiFidelitySearcher):
        with pytest.raises(SettingError):
            nm.search(name, table.task(), evaluations=12)
        settings = {"epochs": [0]}
    run = nm.search(name, table.task(), evaluations=12, settings=settings)
    assert len(run) >= 12
    assert set(run.architectures.tolist()) <= set(architectures.tolist())
    assert run.space == "measured:0.5"


@pytest.mark.parametrize("name", ["asha", "bohb", "hyperband"])
def test_short_trainings_of_an_own_table(name: str) -> None:
    architectures = np.arange(0, SPACE.size, 2)
    lengths = [
        pd.DataFrame({"arch": architectures, "epochs": n, "acc": smooth(SPACE)[architectures] + n})
        for n in (1, 3, 9)
    ]
    task = Table.from_frame(pd.concat(lengths), SPACE, name="mine").task(epochs=9)
    run = nm.search(name, task, evaluations=40)
    assert set(run.epochs.tolist()) <= {1, 3, 9}
    assert len(set(run.epochs.tolist())) > 1
    assert set(run.architectures.tolist()) <= set(architectures.tolist())


# -- journals
@pytest.mark.parametrize("change", ["a value", "the cost", "another cell"])
def test_a_journal_of_a_changed_table_is_refused(change: str, tmp_path: Path) -> None:
    journal, frame = (
        tmp_path / "run.jsonl",
        partial_table(50, train_seconds=1.0).to_frame("mine")[["val_acc", "train_seconds"]],
    )
    frame = frame.dropna()
    nm.search(
        "random",
        Table.from_frame(frame, "nb201", name="mine").task(),
        evaluations=5,
        journal=journal,
    )
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
    np.testing.assert_array_equal(again.architectures[:20], first.architectures)
    assert set(again.cost_seconds.tolist()) == {0.0, 2.0}
    frame = nm.compare("random", task, repeats=1, evaluations=10, folder=tmp_path / "out")
    assert_frame_equal(
        nm.compare("random", task, repeats=1, evaluations=10, folder=tmp_path / "out"), frame
    )
    with pytest.raises(SettingError, match="does not record"):
        nm.search("random", task, seconds=10)


def test_a_budget_in_seconds() -> None:
    with pytest.raises(SettingError, match=r"does not record.*evaluations"):
        nm.search("random", partial_table(50).task(), seconds=10)
    with pytest.raises(MissingValueError):
        _ = partial_table(50).task().cost_seconds
    run = nm.search("random", partial_table(50, train_seconds=2.0).task(), seconds=10)
    assert len(run) == 5
    with pytest.raises(SettingError, match="does not record"):
        nm.search("random", partial_table(50, train_seconds=2.0).task(cost=None), seconds=10)


# -- meta-learning
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
    first = target.values[run.architectures[0]]
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
        frames.append(
            pd.DataFrame(
                {"arch": range(SPACE.size), "dataset": dataset, "acc": smooth(SPACE), **own}
            )
        )
    return Table.from_frame(
        pd.concat(frames), SPACE, name="mine", direction={"f1": "max"}, **columns
    )


def test_sources_of_a_second_metric_are_of_this_metric() -> None:
    Table.from_frame(
        pd.DataFrame({"arch": [0, 1], "acc": [1.0, 2.0]}), SPACE, name="mine", dataset="other"
    ).add()
    table = hardware()
    for metric in ("latency", "f1"):
        with warnings.catch_warnings():
            warnings.simplefilter("error", OtherMetricWarning)
            run = nm.search("source-order", table.task(metric, "d1"), evaluations=3)
        # and not those of the table that was added
        assert run.sources == (
            f"mine/d2/{metric}",
            f"mine/d3/{metric}",
        )
    assert [source.name for source in default_sources(table.task("acc", "d2"))] == [
        "mine/d1",
        "mine/d3",
    ]


@pytest.mark.parametrize("dataset", ["pets", "cifar100"])
def test_an_own_table_on_a_built_in_space_learns_from_its_family(
    dataset: str, tmp_path: Path
) -> None:
    space = get_space("nb201")
    values = smooth(space)[:500]
    frame = pd.DataFrame({"arch": range(500), "accuracy": values})
    table = Table.from_frame(frame, "nb201", name="mine", dataset=dataset)
    family = tuple(
        f"nb201/{name}" for name in ("cifar10", "cifar100", "imagenet16-120") if name != dataset
    )
    with pytest.warns(NasmetaWarning, match=", ".join(family)):
        run = nm.search("source-order", table.task(), evaluations=3)
    assert run.sources == family
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nm.search("source-order", table.task(), evaluations=3, sources=["nb201/imagenet16-120"])


# -- functions and surrogates
def wide(choices: Mapping[str, Any]) -> float:
    return choices["width"] / choices["depth"]


def test_a_function_answers(tmp_path: Path) -> None:
    run = nm.search("random", SPACE, evaluator=wide, evaluations=60, journal=tmp_path / "run.jsonl")
    assert run.best.value == 128.0
    assert SPACE.choices(run.best.architecture)["depth"] == 1
    same(
        nm.search("random", SPACE, evaluator=wide, evaluations=60, journal=tmp_path / "run.jsonl"),
        run,
    )
    least = FunctionEvaluator(wide, SPACE, direction="min")
    assert nm.search("random", least, evaluations=60).best.value == 2.0
    timed = FunctionEvaluator(lambda choices: (choices["width"], 2.0), SPACE, name="timed")
    assert len(nm.search("random", timed, seconds=10)) == 5


@pytest.mark.parametrize(
    "answer",
    [
        float("nan"),
        float("inf"),
        None,
        "good",
        (1.0, float("nan")),
        (1.0, "s"),
        (1.0, -1.0),
        [1, 2],
    ],
)
def test_what_a_function_must_not_return(answer: Any, tmp_path: Path) -> None:
    journal = tmp_path / "run.jsonl"
    with pytest.raises(NasmetaError):
        nm.search("random", SPACE, evaluator=lambda _: answer, evaluations=5, journal=journal)
    assert not journal.exists() or len(journal.read_text().splitlines()) <= 1
