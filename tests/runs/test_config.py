"""The config of a run, its identity, and histories."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

import nasmeta as nm
from nasmeta.errors import JournalError, SettingError
from nasmeta.evaluators import TableEvaluator
from nasmeta.runs import Clock, History, Journal, RunConfig, run_loop
from nasmeta.searchers import SEARCHERS


def config_of(**asked: object) -> RunConfig:
    return nm.search("evolution", "nb201/cifar10", evaluations=30, **asked).config  # type: ignore[arg-type]


@pytest.mark.parametrize("clock", [None, Clock(workers=3), Clock(repeats="charged", overshoot="discard")])
def test_a_run_depends_on_its_config_alone(clock: Clock | None, tmp_path: Path) -> None:
    run = nm.search("evolution", "nb201/cifar10", evaluations=30, seed=4, clock=clock)
    config = pickle.loads(pickle.dumps(run.config))
    assert_frame_equal(config.run().frame(), run.frame())
    path = tmp_path / "run.jsonl"
    assert config.read(path) is None
    config.run(path)
    read = config.read(path)
    assert read is not None
    assert_frame_equal(read.frame(), run.frame())
    assert replace(config, budget=replace(config.budget, evaluations=31)).read(path) is None


def test_the_identity_is_the_first_line_of_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    run = nm.search("meta-gp", "nb201/cifar10", evaluations=3, seed=2, journal=path, settings={"warm_start": 2})
    assert json.loads(path.read_bytes().splitlines()[0]) == {"nasmeta_journal": 3, **run.config.identity}
    with pytest.raises(JournalError):
        replace(run.config, seed=3).read(path)


@pytest.mark.parametrize("timed", [False, True])
def test_a_history_is_appended_to_and_read_in_the_order_of_the_ends(timed: bool) -> None:
    history = History(timed=timed)
    history.append(5, 50.0, 9.0, worker=0, epochs=4)
    history.append(3, 30.0, 2.0, "out of memory", worker=1, epochs=4)
    assert history.architectures.tolist() == [5, 3]
    config = config_of()
    history.end(config.budget, Clock(workers=2), 1.0, None, 4)
    assert history.architectures.tolist() == ([3, 5] if timed else [5, 3])
    assert history.end_seconds.tolist() == ([2.0, 9.0] if timed else [9.0, 11.0])
    assert history.start_seconds.tolist() == ([0.0, 0.0] if timed else [0.0, 9.0])
    assert history.workers.tolist() == ([1, 0] if timed else [0, 0])
    assert history.failures == {3: "out of memory"}
    assert history.architectures.dtype == history.workers.dtype == np.int32


def test_a_history_of_a_loop_alone_is_the_record_and_nothing_else() -> None:
    evaluator = TableEvaluator(nm.get_task("nb201/cifar10"))
    history = run_loop(SEARCHERS["evolution"](evaluator.space, np.random.default_rng(0)), evaluator, evaluations=20)
    assert (len(history), history.stopped) == (20, "budget")
    with pytest.raises(SettingError):
        _ = history.task
    assert history.of(config_of()).task.name == "nb201/cifar10"


def test_a_loop_goes_on_from_a_journal(tmp_path: Path) -> None:
    evaluator = TableEvaluator(nm.get_task("nb201/cifar10"))

    def run(evaluations: int) -> History:
        searcher = SEARCHERS["evolution"](evaluator.space, np.random.default_rng(0))
        with Journal(tmp_path / "loop.jsonl", {}) as journal:
            return run_loop(searcher, evaluator, evaluations=evaluations, journal=journal)

    first, second = run(20), run(50)
    assert second.architectures[:20].tolist() == first.architectures.tolist()
    assert len((tmp_path / "loop.jsonl").read_bytes().splitlines()) == 51


def test_histories_are_small_when_they_are_sent() -> None:
    run = nm.search("random", "nb201/cifar10", evaluations=1000)
    assert len(pickle.dumps(run.of(None))) < 30_000  # 20 bytes an evaluation: the tables do not travel
