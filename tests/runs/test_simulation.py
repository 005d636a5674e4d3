"""The simulated clock: order of events, policies and budgets against values computed by hand; resuming."""

from __future__ import annotations

from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from numpy.typing import NDArray
from pandas.testing import assert_frame_equal

import nasmeta as nm
from nasmeta.arrays import Architectures, Epochs, Floats
from nasmeta.errors import JournalError, NasmetaError, SpaceExhaustedError
from nasmeta.evaluators import Evaluation
from nasmeta.runs import Budget, Clock, Journal, Trace, run_loop
from nasmeta.searchers import SEARCHERS, MultiFidelitySearcher, RandomSearch, Searcher
from nasmeta.spaces import get_space

SPACE = get_space("tnb101")


class Script(Searcher):
    """Propose cells in a given order; remember what is told, and when in terms of proposals."""

    def __init__(self, *architectures: int) -> None:
        super().__init__(SPACE, np.random.default_rng(0))
        self.architectures, self.log = list(architectures), list[str]()

    def ask(self, n: int = 1) -> Architectures:
        if not self.architectures:
            raise SpaceExhaustedError("The script ends.")
        self.log.append(f"ask {self.architectures[0]}")
        return np.array([self.architectures.pop(0)], np.int32)

    def tell(self, architectures: Architectures, values: Floats) -> None:
        self.log += [
            f"tell {architecture}={value:g}"
            for architecture, value in zip(architectures.tolist(), values.tolist(), strict=True)
        ]


class Ladder(MultiFidelitySearcher):
    """Propose given (cell, epochs)."""

    def __init__(self, *pairs: tuple[int, int]) -> None:
        super().__init__(SPACE, np.random.default_rng(0))
        self.pairs = list(pairs)

    def ask_at(self, n: int = 1) -> tuple[Architectures, Epochs]:
        if not self.pairs:
            raise SpaceExhaustedError("The script ends.")
        architecture, epochs = self.pairs.pop(0)
        return np.array([architecture], np.int32), np.array([epochs], np.int32)

    def tell_at(self, architectures: Architectures, epochs: Epochs, values: Floats) -> None:
        pass


class Seconds:
    """Answer cell c with c / 10 after c seconds (times a factor)."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def evaluate(self, architectures: Architectures) -> Evaluation:
        return Evaluation(architectures / 10.0, architectures * self.factor)


def run(
    searcher: Searcher,
    seconds: float | None = None,
    evaluations: int | None = None,
    target: float | None = None,
    **clock: Any,
) -> Trace:
    answers = {1: Seconds()}
    if isinstance(searcher, MultiFidelitySearcher):
        searcher.begin([1, 4])
        answers = {1: Seconds(), 4: Seconds(4.0)}
    return run_loop(
        searcher,
        answers,
        evaluations=evaluations,
        seconds=seconds,
        clock=Clock.of(clock),
        target=target,
    )


def table(trace: Trace) -> list[tuple[int, float, int]]:
    return list(
        zip(
            trace.architectures.tolist(),
            trace.end_seconds.tolist(),
            trace.workers.tolist(),
            strict=True,
        )
    )


def test_two_workers_by_hand() -> None:
    searcher = Script(5, 3, 4, 1)
    # Worker 0: 5 until 5, then 1 until 6. Worker 1: 3 until 3, then 4 until 7.
    trace = run(searcher, evaluations=4, workers=2)
    assert table(trace) == [(3, 3.0, 1), (5, 5.0, 0), (1, 6.0, 0), (4, 7.0, 1)]
    assert searcher.log[:6] == ["ask 5", "ask 3", "tell 3=0.3", "ask 4", "tell 5=0.5", "ask 1"]
    assert trace.stopped == "budget"


@pytest.mark.parametrize(
    ("overshoot", "architectures"), [("count", [5, 3, 4]), ("discard", [5, 3])]
)
def test_what_crosses_the_budget_counts_or_not(overshoot: str, architectures: list[int]) -> None:
    trace = run(Script(5, 3, 4, 1), seconds=10.0, overshoot=overshoot)
    assert trace.architectures.tolist() == architectures


def test_what_ends_exactly_at_the_budget_is_within_and_nothing_begins_there() -> None:
    for overshoot in ("count", "discard"):
        assert run(Script(5, 5, 3, 4), seconds=8.0, overshoot=overshoot).architectures.tolist() == [
            5,
            3,
        ]
    longer = run(Script(5, 3, 4), evaluations=3)
    longer.end(Budget(seconds=8.0), Clock(), 1.0, None)  # as after a replay
    assert longer.architectures.tolist() == [5, 3]


def test_other_workers_end_what_they_began() -> None:
    # At 3 worker 1 is free and begins 9 until 12; at 5 the budget of 5 is used up.
    assert table(run(Script(5, 3, 9, 1), seconds=5.0, workers=2)) == [
        (3, 3.0, 1),
        (5, 5.0, 0),
        (9, 12.0, 1),
    ]
    assert run(
        Script(5, 3, 9, 1), seconds=5.0, workers=2, overshoot="discard"
    ).architectures.tolist() == [3, 5]


def test_repeats_are_free_or_charged() -> None:
    searcher = Script(5, 5, 3, 5, 2)
    assert table(run(searcher, seconds=9.0)) == [(5, 5.0, 0), (3, 8.0, 0), (2, 10.0, 0)]
    assert searcher.log[:4] == ["ask 5", "tell 5=0.5", "ask 5", "tell 5=0.5"]
    assert table(run(Script(5, 5, 3, 5, 2), seconds=11.0, repeats="charged")) == [
        (5, 5.0, 0),
        (5, 10.0, 0),
        (3, 13.0, 0),
    ]


def test_a_cell_that_is_being_trained_is_told_once_for_each_who_asked() -> None:
    searcher = Script(5, 5, 3, 9)
    assert table(run(searcher, evaluations=3, workers=2)) == [
        (3, 3.0, 1),
        (5, 5.0, 0),
        (9, 12.0, 1),
    ]
    assert searcher.log == [
        "ask 5",
        "ask 5",
        "ask 3",
        "tell 3=0.3",
        "ask 9",
        "tell 5=0.5",
        "tell 5=0.5",
    ]


def test_equal_ends_are_observed_in_the_order_of_their_starts() -> None:
    searcher = Script(5, 3, 4, 1, 2)
    run_loop(searcher, Seconds(0.0), evaluations=5, clock=Clock(workers=4))
    assert [entry for entry in searcher.log if "tell" in entry] == [
        "tell 5=0.5",
        "tell 3=0.3",
        "tell 4=0.4",
        "tell 1=0.1",
    ]


def test_a_worker_that_waits_requests_a_proposal_after_the_next_result() -> None:
    class Repeating(Script):
        def ask(self, n: int = 1) -> Architectures:
            waits = len(self.architectures) == 1 and "tell 3=0.3" not in self.log
            return np.array([5], np.int32) if waits else super().ask(n)

    assert table(run(Repeating(5, 3, 7), evaluations=3, workers=3)) == [
        (3, 3.0, 1),
        (5, 5.0, 0),
        (7, 10.0, 1),
    ]


def test_repeats_that_are_not_consecutive_do_not_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasmeta.runs._loop.STALL_LIMIT", 3)
    assert run(Script(5, 5, 5, 3, 5, 5, 2), evaluations=9).architectures.tolist() == [5, 3, 2]


@pytest.mark.parametrize(
    ("promotion", "last"), [("scratch", 2 + 3 + 8 + 12), ("continued", 2 + 3 + 6 + 9)]
)
def test_a_promotion_begins_anew_or_goes_on(promotion: str, last: float) -> None:
    trace = run(Ladder((2, 1), (3, 1), (2, 4), (3, 4)), evaluations=4, promotion=promotion)
    assert table(trace)[-1] == (3, last, 0)
    assert trace.epochs.tolist() == [1, 1, 4, 4]


def test_a_training_continues_shorter_ones_and_costs_at_least_nothing() -> None:
    lengths = {1: Seconds(), 4: Seconds(4.0), 16: Seconds(16.0), 64: Seconds(15.0)}
    searcher = Ladder((2, 1), (2, 1), (2, 4), (2, 4), (2, 16), (2, 64))
    trace = run_loop(
        searcher, lengths, evaluations=6, clock=Clock(promotion="continued", repeats="charged")
    )
    assert trace.cost_seconds.tolist() == [2, 2, 6, 8, 24, 0]


def test_a_promotion_goes_on_from_the_longest_training_even_if_that_began_anew() -> None:
    # Worker 1 begins cell 2 anew for 4 epochs while worker 0 trains it for one, so 16 epochs take
    # 32 - 8 more seconds.
    searcher = Ladder((2, 1), (2, 4), (9, 1), (2, 16))
    searcher.begin([1, 4, 16])
    lengths = {epochs: Seconds(epochs) for epochs in (1, 4, 16)}
    trace = run_loop(
        searcher, lengths, evaluations=4, clock=Clock(workers=2, promotion="continued")
    )
    assert table(trace) == [(2, 2.0, 0), (2, 8.0, 1), (9, 11.0, 0), (2, 32.0, 1)]


def test_the_target_counts_full_trainings_only() -> None:
    trace = run(Ladder((9, 1), (3, 1), (9, 4), (3, 4)), evaluations=10, target=0.9)
    assert (len(trace.architectures), trace.stopped) == (3, "optimum")


def test_the_optimum_ends_the_run_before_what_is_still_running() -> None:
    assert table(run(Script(9, 5, 1, 7), evaluations=9, workers=3, target=0.5)) == [
        (1, 1.0, 2),
        (5, 5.0, 1),
    ]


def test_a_searcher_that_repeats_for_ever_stalls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasmeta.runs._loop.STALL_LIMIT", 150)

    class Stubborn(Script):
        def ask(self, n: int = 1) -> Architectures:
            return np.array([3], np.int32)

    for workers in (1, 3):
        trace = run_loop(Stubborn(), Seconds(), evaluations=9, clock=Clock(workers))
        assert (trace.architectures.tolist(), trace.stopped) == ([3], "stalled")


@pytest.mark.parametrize("width", ["int8", "uint16", "int64"])
def test_proposals_are_integers_of_any_width(width: str) -> None:
    class Wide(Script):
        def ask(self, n: int = 1) -> NDArray[Any]:
            return super().ask(n).astype(width)

    trace = run(Wide(3, 1, 2), evaluations=3)
    assert trace.architectures.tolist() == [3, 1, 2]
    assert trace.architectures.dtype == np.int32


def test_a_proposal_does_not_wrap_around() -> None:
    class Beyond(Script):
        def ask(self, n: int = 1) -> NDArray[Any]:
            return super().ask(n).astype(np.int64) + 2**32

    with pytest.raises(NasmetaError):
        run(Beyond(3), evaluations=1)


@given(
    seconds=st.lists(st.integers(1, 50), min_size=1, max_size=40, unique=True),
    workers=st.integers(1, 6),
    budget=st.none() | st.integers(1, 300),
)
def test_no_worker_does_two_things_at_once(
    seconds: list[int], workers: int, budget: int | None
) -> None:
    trace = run(Script(*seconds), evaluations=99, seconds=budget, workers=workers)
    ends, costs = trace.end_seconds, trace.cost_seconds
    assert (np.diff(ends) >= 0).all()
    for worker in range(workers):
        own = np.flatnonzero(trace.workers == worker)
        assert all(ends[b] - costs[b] >= ends[a] for a, b in pairwise(own.tolist()))
    if len(ends):
        assert costs.max() <= ends[-1] <= costs.sum()
        assert ends[-1] >= costs.sum() / workers
    if budget is None:
        assert len(ends) == len(seconds)
    else:
        assert (ends - costs < budget).all()


@given(seed=st.integers(0, 99), evaluations=st.integers(1, 60))
@pytest.mark.parametrize("kind", [RandomSearch, SEARCHERS["evolution"]])
def test_one_worker_is_the_loop(kind: type[Searcher], seed: int, evaluations: int) -> None:
    plain = run_loop(kind(SPACE, np.random.default_rng(seed)), Seconds(), evaluations=evaluations)
    clocked = run(kind(SPACE, np.random.default_rng(seed)), evaluations=evaluations)
    np.testing.assert_array_equal(plain.architectures, clocked.architectures)
    np.testing.assert_array_equal(np.cumsum(plain.cost_seconds), clocked.end_seconds)


CLOCK = {"workers": 3, "repeats": "charged", "overshoot": "discard"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    workers=st.integers(1, 5),
    repeats=st.sampled_from(["free", "charged"]),
    overshoot=st.sampled_from(["count", "discard"]),
    seconds=st.none() | st.integers(1_000, 60_000),
    evaluations=st.integers(1, 25),
    cut=st.floats(0, 1),
    seed=st.integers(0, 5),
)
def test_any_run_resumes_and_is_the_beginning_of_a_longer_one(
    tmp_path: Path,
    workers: int,
    repeats: str,
    overshoot: str,
    seconds: int | None,
    evaluations: int,
    cut: float,
    seed: int,
) -> None:
    path = tmp_path / "run.jsonl"
    path.unlink(missing_ok=True)
    fixed = {
        "clock": {"workers": workers, "repeats": repeats, "overshoot": overshoot},
        "settings": {"population": 3, "sample_size": 2},
        "seed": seed,
    }
    budget = {"seconds": seconds, "evaluations": evaluations}

    def searched(**options: Any) -> pd.DataFrame:
        return nm.search("evolution", "nb201/cifar10", **{**fixed, **budget, **options}).frame()

    alone = searched()
    assert_frame_equal(searched(journal=path), alone)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: 1 + round(cut * (len(lines) - 1))]))
    assert_frame_equal(searched(journal=path), alone)
    assert path.read_bytes() == b"".join(lines)
    searched(seconds=None, evaluations=evaluations + 5, journal=path)
    assert path.read_bytes().startswith(b"".join(lines))
    assert_frame_equal(searched(journal=path), alone)


def test_a_space_is_exhausted_when_each_length_of_each_architecture_is_known() -> None:
    ladder = [*((architecture, 1) for architecture in range(SPACE.size)), (7, 4)]
    assert len(run(Ladder(*ladder), evaluations=10**4)) == len(ladder)


def test_a_replay_with_another_training_length_is_refused(tmp_path: Path) -> None:
    evaluators = {1: Seconds(), 4: Seconds()}
    for epochs, expected in ((1, nullcontext()), (4, pytest.raises(JournalError))):
        searcher = Ladder((5, epochs))
        searcher.begin([1, 4])
        with Journal(tmp_path / "run.jsonl", {}) as journal, expected:
            run_loop(searcher, evaluators, evaluations=1, clock=Clock(), journal=journal)
