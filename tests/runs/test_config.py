"""The config of a run, its identity, and traces."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

import nasmeta as nm
from nasmeta.errors import JournalError
from nasmeta.runs import Budget, Clock, Trace, finished_run, history_of, run_config


@pytest.mark.parametrize(
    "clock", [None, Clock(workers=3), Clock(repeats="charged", overshoot="discard")]
)
def test_a_run_depends_on_its_config_alone(clock: Clock | None, tmp_path: Path) -> None:
    run = nm.search("evolution", "nb201/cifar10", evaluations=30, seed=4, clock=clock)
    config = pickle.loads(pickle.dumps(run.config))
    path = tmp_path / "run.jsonl"
    assert finished_run(config, path) is None
    assert_frame_equal(history_of(config, run_config(config, path)).frame(), run.frame())
    read = finished_run(config, path)
    assert_frame_equal(read.frame(), run.frame())
    assert (
        finished_run(replace(config, budget=replace(config.budget, evaluations=31)), path) is None
    )


def test_the_identity_is_the_first_line_of_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    run = nm.search(
        "source-order",
        "nb201/cifar10",
        evaluations=3,
        seed=2,
        journal=path,
        settings={"warm_start": 2},
    )
    assert json.loads(path.read_bytes().splitlines()[0]) == {
        "nasmeta_journal": 3,
        **run.config.identity,
    }
    with pytest.raises(JournalError):
        finished_run(replace(run.config, seed=3), path)


@pytest.mark.parametrize("timed", [False, True])
def test_a_trace_is_appended_to_and_read_in_the_order_of_the_ends(timed: bool) -> None:
    trace = Trace(full_epochs=4, timed=timed)
    trace.append(5, 50.0, 9.0, worker=0, epochs=4)
    trace.append(3, 30.0, 2.0, "out of memory", worker=1, epochs=4)
    assert trace.architectures.tolist() == [5, 3]
    trace.end(Budget(30), Clock(workers=2), 1.0, None)
    assert trace.architectures.tolist() == ([3, 5] if timed else [5, 3])
    assert trace.end_seconds.tolist() == ([2.0, 9.0] if timed else [9.0, 11.0])
    assert trace.start_seconds.tolist() == ([0.0, 0.0] if timed else [0.0, 9.0])
    assert trace.workers.tolist() == ([1, 0] if timed else [0, 0])
    assert trace.failures == {3: "out of memory"}
    assert trace.architectures.dtype == trace.workers.dtype == np.int32


def test_traces_are_small_when_they_are_sent() -> None:
    run = nm.search("random", "nb201/cifar10", evaluations=1000)
    # 20 bytes an evaluation: the tables do not travel
    assert len(pickle.dumps(run_config(run.config))) < 30_000
