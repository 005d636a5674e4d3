"""Wrong calls of what a run is made of end in a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import nasmeta as nm
from nasmeta.errors import NasmetaError
from nasmeta.evaluators import TableEvaluator
from nasmeta.runs import Clock, History, run_loop
from nasmeta.searchers import RandomSearch

TASK = "nb201/cifar10"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seconds": 5000.0}, "clock"),
        ({"evaluations": 3, "batch": 0}, "batch must be a whole number of at least 1"),
        ({"evaluations": -3}, "evaluations must be a whole number"),
        ({"evaluations": 2.5}, "evaluations must be a whole number"),
        ({"evaluations": "3"}, "evaluations must be a whole number"),
        ({"evaluations": 12, "batch": 3, "clock": Clock()}, "batch"),
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
