"""Wrong calls of the public face end in errors of the project's own kind, which say what was asked and is possible."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure

import nasmeta as nm
from nasmeta import analysis, predictors, searchers, tables, tasks
from nasmeta.checks import checked_types
from nasmeta.errors import NasmetaError, SettingError
from nasmeta.evaluators import FunctionEvaluator, SurrogateEvaluator
from nasmeta.spaces import CellSpace, Position, SearchSpace
from nasmeta.training import CellNetwork

RUNS = pd.DataFrame(
    {
        "task": "t", "searcher": ["a"] * 4 + ["b"] * 4, "seed": [0, 0, 1, 1] * 2, "evaluation": [1, 2] * 4,
        "regret": [2.0, 1.0, 3.0, 1.0, 4.0, 2.0, 5.0, 2.0],
    }
)  # fmt: skip
VALUES = pd.DataFrame({"cell": [1, 2], "loss": [0.1, 0.2]})
NETWORK = CellNetwork(6111, channels=4, cells_per_stage=1)
TABLE = pd.DataFrame({"searcher": ["a"], "regret": [1.0]})
EPOCHS = pd.DataFrame({"cell": 1, "role": "pick", "seed": 0, "epoch": [1, 2]})
SPACE = nm.SearchSpace("s", {"width": [1, 2], "act": ["x", "y"]})
RNG = np.random.default_rng(0)
SOURCE = tasks.SourceTask("mine", "mnist", SPACE, [0, 2], [1.0, 2.0])  # type: ignore[arg-type]


def own_table() -> nm.Table:
    return nm.Table.from_frame(pd.DataFrame({"cell": [1, 2], "accuracy": [90.0, 91.0]}), space="nb201", dataset="d")


def task() -> Any:
    return own_table().task("accuracy")


CALLS: dict[str, tuple[Callable[[Any], object], str]] = {
    "samples are text": (lambda a: analysis.bootstrap_interval("abc"), "samples must be an array of numbers"),
    "seed is negative": (lambda a: analysis.bootstrap_interval([1.0, 2.0], seed=-1), "seed must be a whole number"),
    "no such axis": (lambda a: analysis.bootstrap_interval([1.0, 2.0], axis=1), "axis must be one of -1, 0"),
    "statistic is no function": (lambda a: analysis.bootstrap_interval([1.0, 2.0], a("mean")), "must be a function"),
    "level is text": (lambda a: analysis.regret_curves(RUNS, level=a("high")), "level must be a number"),
    "at is a list": (lambda a: analysis.paired_tests(RUNS, at=a([1, 2])), "at must be a number"),
    "at is a bool": (lambda a: analysis.friedman_test(RUNS, at=True), "at must be a number"),
    "axis of time is an array": (lambda a: analysis.plot_ranks(RUNS, a(np.ones(2))), "one of evaluation, simulated"),
    "grid is text": (lambda a: analysis.regret_curves(RUNS, grid="all"), "grid must be an array of numbers"),
    "a task is missing": (lambda a: analysis.plot_ranks(RUNS.assign(task=np.nan)), "column task .* is nan"),
    "regrets are bools": (lambda a: analysis.plot_ranks(RUNS.assign(regret=True)), "regret .* holds bool"),
    "a column is twice": (lambda a: analysis.plot_ranks(pd.concat([RUNS, RUNS], axis=1)), "a column twice"),
    "tasks are a number": (lambda a: analysis.plot_regret(RUNS, tasks=a(3)), "tasks must be a list, each entry a text"),
    "unit is no text": (lambda a: analysis.plot_regret(RUNS, unit=a(3)), "unit must be a text, not 3"),
    "no task column": (lambda a: analysis.front_distances(TABLE), "lacks the column.s. task"),
    "cells are a number": (lambda a: analysis.plot_cells(a(3)), "cells must be a list, each entry a whole number"),
    "cells are fractions": (lambda a: analysis.plot_cells(a([1.5])), "cells must be a list"),
    "titles are too few": (lambda a: analysis.plot_cells([1, 2], titles=["one"]), "1 titles for 2 cells"),
    "trainings are no frame": (lambda a: analysis.plot_training_curves(a("folder")), "nasmeta.verify returns"),
    "trainings lack a column": (lambda a: analysis.plot_training_curves(EPOCHS), "lacks the column.s. train_loss"),
    "no figure": (lambda a: analysis.save_figure(a("plot"), "name"), "figure is saved under a name, not 'plot'"),
    "no file name": (lambda a: analysis.save_figure(Figure(), ""), "saved under a name"),
    "folder is a file": (lambda a: analysis.save_figure(Figure(), Path(__file__) / "x"), "cannot be written"),
    "budgets are a number": (lambda a: analysis.summarise(RUNS, at=a(3)), "at must be a list"),
    "headers are text": (lambda a: analysis.to_latex(TABLE, headers=a("x")), "a mapping, each value a text"),
    "decimals are a list": (lambda a: analysis.to_markdown(TABLE, decimals=a([2])), "decimals must be a mapping"),
    "decimals are negative": (lambda a: analysis.to_latex(TABLE, decimals={"regret": -1}), "decimals of regret"),
    "a heading is a number": (lambda a: analysis.to_latex(TABLE, headers=a({"a": 3})), "a mapping, each value a text"),
    "goals are text": (lambda a: analysis.to_latex(TABLE, best=a("min")), "best must be a mapping, not 'min'"),
    "the best of texts": (lambda a: analysis.to_latex(TABLE, best={"searcher": "max"}), "column searcher, to have"),
    "a table's column is twice": (lambda a: analysis.to_markdown(pd.concat([TABLE, TABLE], axis=1)), "appears twice"),
    "positions are a number": (lambda a: nm.SearchSpace("s", a(3)), "positions must be a mapping, .* or a list"),
    "features are text": (lambda a: nm.SearchSpace("s", {"a": [1]}, features=a("x")), "features must be a mapping"),
    "validity is text": (lambda a: nm.SearchSpace("s", {"a": [1]}, valid=a("x")), "valid must be a function"),
    "columns are a number": (lambda a: nm.SearchSpace.from_frame(TABLE, a(3)), "columns must be a list"),
    "a column is named twice": (lambda a: nm.SearchSpace.from_frame(TABLE, ["regret", "regret"]), "appears twice"),
    "no order of all cells": (
        lambda a: CellSpace("c", ["none", "conv"], n_nodes=2, official_order=[0, 0]), "each of 2 cells once",
    ),
    "an edge is no pair": (lambda a: CellSpace("c", ["none", "conv"], n_nodes=2, edges=a([0])), "pairs of nodes"),
    "a dataset is a number": (lambda a: nm.get_space("nb201").params(1, a(3)), "dataset"),  # type: ignore[attr-defined]
    "no such choice": (lambda a: Position("width", (1, 2)).code(3), "3 is no choice of width"),
    "axes are text": (lambda a: SPACE.draw(0, "axes"), "ax must be axes of matplotlib"),
    "replace is text": (lambda a: SPACE.sample(1, RNG, a("no")), "replace must be true or false"),
    "no source": (lambda a: nm.Table("t", []), "at least one source"),
    "no such metric": (lambda a: own_table().tasks("f1"), "f1"),
    "metric is empty": (lambda a: own_table().task(""), "metric=''"),
    "architecture is no name": (lambda a: nm.Table.from_frame(TABLE, "nb201", architecture=a(0)), "no column 0"),
    "citation is no text": (lambda a: own_table().add("mine", citation=a(3)), "citation must be of type str"),
    "table is a number": (lambda a: nm.load_table(a(3)), "name of a table"),
    "sources are a number": (lambda a: tables.fetch(a(3)), "names must be a text or a list"),
    "official path is a number": (lambda a: tables.import_official(a(3)), "path must be a text or a path"),
    "table of a task is none": (lambda a: tasks.Task("t", a(None), task().signal), "table of t is a Table"),
    "held out is text": (lambda a: task().with_held_out(a("cifar10")), "held_out must be a list, each entry a text"),
    "cell is negative": (lambda a: nm.get_task("nb201/cifar10").report(-1), "cell must be a whole number"),
    "rule is unknown": (lambda a: tasks.Objective(task().signal, a("best"), 1.0), "rule must be one of within"),
    "amount is no number": (lambda a: tasks.Objective(task().signal, "within", np.nan), "amount must be a number"),
    "cell has no label": (lambda a: SOURCE.rows_of(np.array([1], np.int32)), "no label of one of the cells"),
    "space is text": (lambda a: SOURCE.in_space(a("nb201")), "space must be of type SearchSpace"),
    "family is a list": (lambda a: nm.list_tasks(a(["nb201"])), "family must be a text"),
    "directions are a number": (lambda a: tasks.pareto_front([[1.0]], a(3)), "directions must be a list"),
    "table of objectives is a number": (
        lambda a: nm.multi_objective_task(["accuracy", "latency"], table=a(3)), "table must be of type Table",
    ),
    "tasks of a distribution are a number": (lambda a: tasks.TaskDistribution(a(3)), "a list of tasks, not of 3"),
    "sources of episodes are a number": (lambda a: tasks.EpisodeSampler(a(3)), "sources must be a list"),
    "no generator": (lambda a: searchers.SEARCHERS["random"](SPACE, a(0)), "numpy.random.Generator draws the cells"),
    "space of a searcher is text": (lambda a: searchers.SEARCHERS["random"](a("nb201"), RNG), "space must be of type"),
    "stop is text": (lambda a: nm.search("random", task(), stop_at_optimum=a("no")), "must be true or false, not 'no'"),
    "seconds are too many": (lambda a: nm.search("random", task(), seconds=10**400), "seconds must be a positive"),
    "a name is too long": (lambda a: nm.search("random", task(), evaluator="x" * 300), "An evaluator is"),
    "seed is a fraction": (lambda a: SurrogateEvaluator("nb201/cifar10", seed=a(1.5)), "seed must be a whole number"),
    "no cells to report": (lambda a: analysis.deterministic_runs(RUNS), "lacks the column.s. cell"),
    "encoder is a mapping": (lambda a: nm.predict("ridge", encoder=a({})), "encoder must be a text"),
    "classes are texts": (lambda a: predictors.load_predictor("x", a(["a"])), "a list, each entry a class"),
    "classes are a number": (lambda a: predictors.load_predictor("x", a(3)), "classes must be a list"),
    "a name is an array": (lambda a: nm.get_task(a(np.array(["a"]))), r"task array\(\['a'\]"),
    "a table's name is an array": (lambda a: nm.load_table(a(np.array(["a", "b"]))), "name of a table"),
    "evaluator is an array": (lambda a: nm.search("random", task(), evaluator=a(np.ones(2))), "An evaluator is"),
    "progress is an array": (lambda a: nm.search("random", task(), progress=a(np.ones(2))), "progress must be true"),
    "progress is a word": (lambda a: nm.compare(["random"], task(), progress=a("no")), "progress must be true or"),
    "epochs are no list": (lambda a: nm.search("asha", task(), epochs=a(np.array(3))), "Lengths of trainings are"),
    "tasks are no list": (lambda a: nm.compare(["random"], a(np.array(3))), "Tasks are names of tasks"),
    "objectives are no list": (lambda a: nm.multi_objective_task(a(np.array("x"))), "Objectives are a list"),
    "dataset is an array": (
        lambda a: nm.multi_objective_task(["accuracy", "train_seconds"], dataset=a(np.ones(2))), "dataset must be of",
    ),
    "predictors are no list": (lambda a: nm.predict(a(np.array(3))), "Predictors are names"),
    "a predictor is an array": (lambda a: nm.predict(a(np.ones((2, 2)))), "A predictor is a name"),
    "sources of a training are no list": (
        lambda a: nm.meta_train("source-order", a(np.array(3)), out="x.npz"), "Sources are names",
    ),
    "metrics are no list": (lambda a: nm.Table.from_frame(VALUES, "nb201", metrics=a(np.array("x"))), "metrics is a"),
    "direction is an array": (
        lambda a: nm.Table.from_frame(VALUES, "nb201", direction=a(np.ones(2))), "direction of loss is 'max' or 'min'",
    ),
    "kind is an array": (lambda a: nm.Table.from_frame(VALUES, "nb201", kind=a(np.ones(2))), "kind of loss is one of"),
    "split is a tensor": (lambda a: nm.Table.from_frame(VALUES, "nb201", split=a(torch.ones(2))), "split is one value"),
    "columns are a matrix": (lambda a: nm.SearchSpace.from_frame(TABLE, a(np.eye(2))), "has no column"),
    "epoch is an array": (
        lambda a: nm.load_table("nb201").column("cifar10", "accuracy", "valid", 200, 777, epoch=a(np.ones(2))),
        "epoch must be an integer",
    ),
    "seed of a task is an array": (lambda a: own_table().task("accuracy", seed=a(np.ones(2))), "seed must be an int"),
    "cost is an array": (lambda a: own_table().task("accuracy", cost=a(np.ones(2))), "metric must be a string"),
    "against is an array": (
        lambda a: own_table().plot(dataset="d", against=a(np.ones(2))), "against must be a mapping",
    ),
    "at of ranks is an array": (lambda a: analysis.average_ranks(RUNS, a(np.array(["a"]))), "at must be a number"),
    "directions are a matrix": (lambda a: tasks.pareto_front([[1.0, 2.0]], a(np.ones((2, 2)))), "'max' or 'min'"),
    "a function's name is an array": (
        lambda a: FunctionEvaluator(lambda _: 1.0, SPACE, name=a(np.ones(2))), "name must be of type str",
    ),
    "a function's direction is an array": (
        lambda a: FunctionEvaluator(lambda _: 1.0, SPACE, direction=a(np.ones(2))), "direction must be one of max, min",
    ),
    "images are an array": (lambda a: NETWORK(a(np.ones((2, 3, 16, 16)))), "images must be a tensor of shape .n, 3,"),
    "images are flat": (lambda a: NETWORK(torch.ones(2, 3)), r"height, width\), not a tensor of shape \(2, 3\)"),
    "images have a channel": (lambda a: NETWORK(torch.ones(2, 1, 16, 16)), "not a tensor of shape .2, 1, 16, 16"),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_it_says_what_is_wrong(name: str) -> None:
    call, words = CALLS[name]
    with pytest.raises(NasmetaError, match=words):
        call(lambda value: value)  # what mypy would refuse


Kind = Literal["mean", "median"]
OnEnd = Callable[[int], object]


@checked_types
def face(
    n: int = 1,
    x: float = 1.0,
    *,
    flag: bool = True,
    kind: Kind = "mean",
    cells: Sequence[int] | None = None,
    names: str | Iterable[str] = (),
    path: str | Path = "",
    on_end: OnEnd | None = None,
    space: SearchSpace | None = None,
    other: np.ndarray[Any, Any] | None = None,
    options: Mapping[str, int] | None = None,
    **more: int,
) -> dict[str, Any]:
    """Say what was given."""
    return {**locals()}


@pytest.mark.parametrize(
    "given",
    [
        {"n": np.int8(3), "x": 2}, {"x": np.float32(1)}, {"x": np.inf}, {"flag": np.False_}, {"kind": "unknown"},
        {"cells": np.arange(3)}, {"cells": None}, {"cells": pd.Series([1])}, {"names": iter("ab")}, {"names": "ab"},
        {"path": Path("a")}, {"on_end": print}, {"space": SPACE}, {"other": "left to the function"}, {"options": {}},
        {"any_other": "not checked"},
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_fits_is_passed_on(given: dict[str, Any]) -> None:
    found = face(**given)
    assert all(found.get(name, found["more"].get(name)) is value for name, value in given.items())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"n": True}, "a whole number"), ({"n": 1.0}, "a whole number"), ({"n": 2**63}, "a whole number"),
        ({"n": "1"}, "a whole number"), ({"x": np.nan}, "a number"), ({"x": 10**400}, "a number"),
        ({"flag": 1}, "true or false"), ({"kind": 3}, "one of mean, median"), ({"cells": "12"}, "a list, each entry a"),
        ({"cells": {1: 2}}, "a list"), ({"cells": np.zeros((1, 1))}, "a list"), ({"cells": np.array(3)}, "a list"),
        ({"cells": [1, 1.5]}, "a list"), ({"names": [1]}, "a text or a list"), ({"names": b"a"}, "a text or a list"),
        ({"path": 3}, "a text or a path"), ({"on_end": "print"}, "a function"), ({"space": "nb201"}, "a SearchSpace"),
        ({"options": [1]}, "a mapping"), ({"options": {"a": "x"}}, "a mapping, each value a whole number"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else value,
)  # fmt: skip
def test_what_does_not_fit_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingError, match=f"{next(iter(given))} must be {words}"):
        face(**given)


def test_python_says_what_is_missing() -> None:
    with pytest.raises(TypeError, match="positional"):
        face(1, 2.0, 3)  # type: ignore[misc]
