"""Wrong calls of what a run is made of end in a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import nasmeta as nm
from nasmeta.errors import NasmetaError
from nasmeta.evaluators import FunctionEvaluator, TableEvaluator
from nasmeta.runs import Clock, History, run_loop
from nasmeta.searchers import RandomSearch

TASK = "nb201/cifar10"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seconds": 5000.0}, "Seconds pass on a clock"),
        ({"evaluations": 3, "batch": 0}, "batch must be a whole number of at least 1"),
        ({"evaluations": -3}, "evaluations must be a whole number"),
        ({"evaluations": 2.5}, "evaluations must be a whole number"),
        ({"evaluations": "3"}, "evaluations must be a whole number"),
        ({"evaluations": 12, "batch": 3, "clock": Clock()}, "not a batch"),
        ({"evaluations": 3, "clock": {"threads": 2}}, "no setting 'threads'"),
    ],
)
def test_of_the_loop(wrong: dict[str, Any], message: str) -> None:
    evaluator = TableEvaluator(nm.get_task(TASK))
    searcher = RandomSearch(evaluator.space, np.random.default_rng(0))
    with pytest.raises(NasmetaError, match=message):
        run_loop(searcher, evaluator, **wrong)
    with pytest.raises(NasmetaError, match="There is no evaluator"):
        run_loop(searcher, {}, evaluations=3)


def test_a_history_of_no_task_can_be_looked_at() -> None:
    assert repr(History()) == "History(0 evaluations of no task, stopped by budget)"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"x": "foo"}, "x must be one of evaluation, simulated_seconds"),
        ({"at": True}, "at must be a number"),
        ({"at": "x"}, "at must be a number"),
        ({"level": None}, "level must be a number"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"formats": ("bmp",)}, "a format must be one of png, svg, pdf"),
    ],
)
def test_of_a_report(wrong: dict[str, Any], message: str) -> None:
    frame = nm.compare(["random", "evolution"], TASK, repeats=2, evaluations=10)
    with pytest.raises(NasmetaError, match=message):
        nm.report(frame, **wrong)
    with pytest.raises(NasmetaError, match="no column task"):
        nm.report(pd.DataFrame())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nm.query(1, "cifar10", table=3), "table must be"),
        (lambda: nm.predict(5), "Predictors are names"),
        (lambda: nm.predict("nope"), "Unknown predictor 'nope'"),
        (lambda: nm.predict("ridge", sizes=5, target="valid"), "sizes must be a list"),
        (lambda: nm.predict("ridge", sizes="20", target="valid"), "sizes must be a list"),
        (lambda: nm.predict("ridge", settings=5), "settings must be a mapping"),
        (lambda: nm.predict("ridge", encoder=5), "encoder must be a text"),
        (lambda: nm.predict("ridge", foo=3), "predict has no option 'foo'"),
        (lambda: nm.meta_train("source-order", out="x.npz", progress=5), "progress is True, False, or a function"),
        (lambda: nm.meta_train("source-order", out="x.npz", resume="no"), "resume must be true or false"),
        (lambda: nm.meta_train("source-order", out="x.npz", settings=5), "Settings are a mapping"),
        (lambda: nm.train(1, export=5), "export must be a text or a path"),
    ],
)
def test_of_what_the_commands_do(call: Any, message: str) -> None:
    with pytest.raises(NasmetaError, match=message):
        call()


SPACE, HUGE = nm.get_space("nb201"), 10**5000


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FunctionEvaluator(int, SPACE), "A function is called with the choices"),
        (lambda: nm.search("random", SPACE, evaluator=FunctionEvaluator, evaluations=3), "A function is called"),
        (lambda: nm.search("random", SPACE, evaluator="builtins:int", evaluations=3), "is <class 'int'>"),
        (lambda: FunctionEvaluator(len, SPACE, name=5), "name must be of type str, not 5"),
        (lambda: FunctionEvaluator(len, SPACE, name="val_loss"), "Whether less of val_loss is better has to be said"),
        (lambda: FunctionEvaluator(len, SPACE, metric=5), "metric must be of type str, not 5"),
    ],
)
def test_of_a_function(call: Any, message: str) -> None:
    with pytest.raises(NasmetaError, match=message):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: nm.get_task(HUGE),
        lambda: nm.task_distribution("nb201").leave_out(HUGE),
        lambda: nm.search(HUGE, TASK, evaluations=3),
        lambda: nm.search("gp", TASK, evaluations=3, settings=HUGE),
        lambda: nm.search("gp", TASK, evaluations=3, clock=HUGE),
        lambda: nm.search("gp", TASK, evaluations=3, prune_space=HUGE),
        lambda: nm.search("gp", TASK, evaluations=3, warm_start=HUGE),
        lambda: nm.search("rgpe", TASK, evaluations=3, sources=HUGE),
        lambda: nm.compare(["random"], tasks=[HUGE]),
        lambda: FunctionEvaluator(len, SPACE, direction=HUGE),
    ],
)
def test_a_number_that_python_does_not_write_is_told_of(call: Any) -> None:
    with pytest.raises(NasmetaError, match=r"an int too large to show|Possible"):
        call()
