"""The simulated clock: order of events, policies and budgets by hand-computed constants; resume."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from numpy.typing import NDArray
from pandas.testing import assert_frame_equal

import nasmeta as nm
from nasmeta.errors import JournalError, NasmetaError, SettingError, SpaceExhaustedError
from nasmeta.evaluators import Evaluation
from nasmeta.runs import Clock, History, run_loop
from nasmeta.searchers import MultiFidelitySearcher, RandomSearch, RegularizedEvolution, Searcher
from nasmeta.spaces import get_space

SPACE = get_space("tnb101")


class Script(Searcher):
    """Propose cells in a given order; remember what is told, and when in terms of proposals."""

    def __init__(self, *cells: int) -> None:
        super().__init__(SPACE, np.random.default_rng(0))
        self.cells, self.log = list(cells), list[str]()

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        if not self.cells:
            raise SpaceExhaustedError("The script ends.")
        self.log.append(f"ask {self.cells[0]}")
        return np.array([self.cells.pop(0)], np.int32)

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        self.log += [f"tell {cell}={value:g}" for cell, value in zip(cells.tolist(), values.tolist(), strict=True)]


class Ladder(MultiFidelitySearcher):
    """Propose given (cell, epochs)."""

    def __init__(self, *pairs: tuple[int, int]) -> None:
        super().__init__(SPACE, np.random.default_rng(0))
        self.pairs = list(pairs)

    def ask_at(self, n: int = 1) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        if not self.pairs:
            raise SpaceExhaustedError("The script ends.")
        cell, epochs = self.pairs.pop(0)
        return np.array([cell], np.int32), np.array([epochs], np.int32)

    def tell_at(self, cells: NDArray[np.int32], epochs: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        pass


class Seconds:
    """Answer cell c with c / 10 after c seconds (times a factor)."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def evaluate(self, cells: NDArray[np.int32]) -> Evaluation:
        return Evaluation(cells / 10.0, cells * self.factor)


def run(
    searcher: Searcher,
    seconds: float | None = None,
    evaluations: int | None = None,
    target: float | None = None,
    **clock: Any,
) -> History:
    answers = {1: Seconds()}
    if isinstance(searcher, MultiFidelitySearcher):
        searcher.begin([1, 4])
        answers = {1: Seconds(), 4: Seconds(4.0)}
    return run_loop(searcher, answers, evaluations=evaluations, seconds=seconds, clock=Clock.of(clock), target=target)


def table(trace: History) -> list[tuple[int, float, int]]:
    return list(zip(trace.cells.tolist(), trace.end_seconds.tolist(), trace.workers.tolist(), strict=True))


def test_two_workers_by_hand() -> None:
    searcher = Script(5, 3, 4, 1)
    # Worker 0: 5 until 5, then 1 until 6. Worker 1: 3 until 3, then 4 until 7.
    trace = run(searcher, evaluations=4, workers=2)
    assert table(trace) == [(3, 3.0, 1), (5, 5.0, 0), (1, 6.0, 0), (4, 7.0, 1)]
    assert searcher.log[:6] == ["ask 5", "ask 3", "tell 3=0.3", "ask 4", "tell 5=0.5", "ask 1"]
    assert trace.stopped == "budget"


def test_ends_at_the_same_time_come_in_the_order_of_their_starts() -> None:
    assert table(run(Script(4, 1, 3, 2), evaluations=3, workers=2)) == [(1, 1.0, 1), (4, 4.0, 0), (3, 4.0, 1)]


@pytest.mark.parametrize(("overshoot", "cells"), [("count", [5, 3, 4]), ("discard", [5, 3])])
def test_what_crosses_the_budget_counts_or_not(overshoot: str, cells: list[int]) -> None:
    trace = run(Script(5, 3, 4, 1), seconds=10.0, overshoot=overshoot)
    assert trace.cells.tolist() == cells


def test_what_ends_exactly_at_the_budget_is_within_and_nothing_begins_there() -> None:
    for overshoot in ("count", "discard"):
        assert run(Script(5, 5, 3, 4), seconds=8.0, overshoot=overshoot).cells.tolist() == [5, 3]


def test_other_workers_end_what_they_began() -> None:
    # At 3 worker 1 is free and begins 9 until 12; at 5 the budget of 5 is used up.
    assert table(run(Script(5, 3, 9, 1), seconds=5.0, workers=2)) == [(3, 3.0, 1), (5, 5.0, 0), (9, 12.0, 1)]
    assert run(Script(5, 3, 9, 1), seconds=5.0, workers=2, overshoot="discard").cells.tolist() == [3, 5]


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
    searcher = Script(5, 5, 3)
    assert table(run(searcher, evaluations=2, workers=2)) == [(3, 3.0, 1), (5, 5.0, 0)]
    assert searcher.log == ["ask 5", "ask 5", "ask 3", "tell 3=0.3", "tell 5=0.5", "tell 5=0.5"][:4] + searcher.log[4:]
    assert searcher.log.count("tell 5=0.5") in (0, 2)  # the last result of a run is told to nobody


def test_two_workers_that_repeat_one_cell_both_train_where_repeats_are_charged() -> None:
    assert table(run(Script(5, 5, 3), evaluations=3, workers=2, repeats="charged")) == [
        (5, 5.0, 0),
        (5, 5.0, 1),
        (3, 8.0, 0),
    ]


@pytest.mark.parametrize(("promotion", "last"), [("scratch", 2 + 3 + 8 + 12), ("continued", 2 + 3 + 6 + 9)])
def test_a_promotion_begins_anew_or_goes_on(promotion: str, last: float) -> None:
    trace = run(Ladder((2, 1), (3, 1), (2, 4), (3, 4)), evaluations=4, promotion=promotion)
    assert table(trace)[-1] == (3, last, 0)
    assert trace.epochs.tolist() == [1, 1, 4, 4]


def test_the_target_counts_full_trainings_only() -> None:
    trace = run(Ladder((9, 1), (3, 1), (9, 4), (3, 4)), evaluations=10, target=0.9)
    assert (len(trace.cells), trace.stopped) == (3, "optimum")


def test_the_optimum_ends_the_run_before_what_is_still_running() -> None:
    assert table(run(Script(9, 5, 1, 7), evaluations=9, workers=3, target=0.5)) == [(1, 1.0, 2), (5, 5.0, 1)]


def test_a_searcher_that_repeats_for_ever_stalls() -> None:
    class Stubborn(Script):
        def ask(self, n: int = 1) -> NDArray[np.int32]:
            return np.array([3], np.int32)

    for workers in (1, 3):
        trace = run_loop(Stubborn(), Seconds(), evaluations=9, clock=Clock(workers), stall_limit=150)
        assert (trace.cells.tolist(), trace.stopped) == ([3], "stalled")


class Slow(Script):
    """Take a fifth of a second for each proposal, by a clock that stands still otherwise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *cells: int) -> None:
        super().__init__(*cells)
        self.time = 0.0
        monkeypatch.setattr("nasmeta.runs._loop.perf_counter", lambda: self.time)

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        self.time += 0.2
        return super().ask(n)


def test_the_searchers_time_can_be_charged(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = run(Slow(monkeypatch, 5, 3, 4), evaluations=3, charge_searcher=True)
    assert trace.searcher_seconds == pytest.approx(0.6)
    assert trace.end_seconds == pytest.approx([5.2, 8.4, 12.6])
    assert trace.cost_seconds.tolist() == [5, 3, 4]
    assert len(run(Slow(monkeypatch, *range(1, 40)), seconds=0.3, charge_searcher=True).cells) == 1


def test_workers_wait_for_the_one_searcher(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = run(Slow(monkeypatch, 5, 6, 7, 8, 9, 1), evaluations=6, workers=4, charge_searcher=True)
    starts = trace.end_seconds - trace.cost_seconds
    assert sorted(starts.tolist()) == pytest.approx([0.2, 0.4, 0.6, 0.8, 5.4, 6.6])  # 5 ends at 5.2, 6 at 6.4


def test_a_searcher_that_thinks_is_told_what_ended_before_it_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class VerySlow(Slow):
        def ask(self, n: int = 1) -> NDArray[np.int32]:
            self.time += 1.8
            return super().ask(n)

    searcher = VerySlow(monkeypatch, 1, 9, 8, 7)
    trace = run(searcher, evaluations=4, workers=3, charge_searcher=True)
    assert searcher.log[:4] == ["ask 1", "ask 9", "tell 1=0.1", "ask 8"]  # 1 ends at 3; asked again at 4, not at 0
    assert sorted((trace.end_seconds - trace.cost_seconds).tolist()) == pytest.approx([2, 4, 6, 8])


@pytest.mark.parametrize("cells", [[4096], [-1]])
def test_no_cells(cells: list[int]) -> None:
    with pytest.raises(NasmetaError, match="Script"):
        run(Script(*cells), evaluations=3)
    with pytest.raises(NasmetaError, match="possible: 1, 4"):
        run(Ladder((3, 2)), evaluations=3)


@pytest.mark.parametrize("width", ["int8", "uint16", "int64"])
def test_proposals_are_integers_of_any_width(width: str) -> None:
    class Wide(Script):
        def ask(self, n: int = 1) -> NDArray[Any]:
            return super().ask(n).astype(width)

    trace = run(Wide(3, 1, 2), evaluations=3)
    assert trace.cells.tolist() == [3, 1, 2]
    assert trace.cells.dtype == np.int32


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
def test_no_worker_does_two_things_at_once(seconds: list[int], workers: int, budget: int | None) -> None:
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
@pytest.mark.parametrize("kind", [RandomSearch, RegularizedEvolution])
def test_one_worker_is_the_loop(kind: type[Searcher], seed: int, evaluations: int) -> None:
    plain = run_loop(kind(SPACE, np.random.default_rng(seed)), Seconds(), evaluations=evaluations)
    clocked = run(kind(SPACE, np.random.default_rng(seed)), evaluations=evaluations)
    np.testing.assert_array_equal(plain.cells, clocked.cells)
    np.testing.assert_array_equal(np.cumsum(plain.cost_seconds), clocked.end_seconds)


def test_search_by_seconds_is_search_by_evaluations_cut_there() -> None:
    long = nm.search("evolution", "nb201/cifar10", evaluations=80, seed=4)
    short = nm.search("evolution", "nb201/cifar10", seconds=100_000, seed=4)
    n = len(short)
    assert 30 < n < 80
    assert short.cells.tolist() == long.cells[:n].tolist()
    assert short.end_seconds[-2] < 100_000 <= short.end_seconds[-1]
    assert short.frame()["simulated_seconds"].tolist() == short.end_seconds.tolist()
    assert short.frame()["clock"].unique().tolist() == [str(Clock())]


CLOCK = {"workers": 3, "repeats": "charged", "overshoot": "discard"}


@pytest.mark.parametrize("clock", [None, CLOCK, {"workers": 2, "charge_searcher": True}])
def test_resumes_after_a_cut_at_any_line(tmp_path: Path, clock: dict[str, Any] | None) -> None:
    path = tmp_path / "run.jsonl"
    arguments: dict[str, Any] = {"seconds": 60_000, "seed": 2, "clock": clock, "journal": path}
    whole = nm.search("evolution", "nb201/cifar10", settings={"population": 5}, **arguments)
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    for end in (0, 1, 2, len(lines) // 2, len(lines) - 1, len(lines)):
        path.write_bytes(b"".join(lines[:end]) + (b"[12" if 0 < end < len(lines) else b""))
        again = nm.search("evolution", "nb201/cifar10", settings={"population": 5}, **arguments)
        if clock and "charge_searcher" in clock and end < len(lines):
            assert again.cells.tolist()[: end // 2] == whole.cells.tolist()[: end // 2]  # computing times differ
            continue
        assert_frame_equal(whole.frame(), again.frame())
        assert path.read_bytes() == content
        assert np.isnan(again.searcher_seconds) == (end == len(lines))


def test_a_larger_budget_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    for seconds in (30_000, 90_000, 50_000):
        kept = nm.search("random", "nb201/cifar100", seconds=seconds, clock=CLOCK, journal=path)
        assert_frame_equal(kept.frame(), nm.search("random", "nb201/cifar100", seconds=seconds, clock=CLOCK).frame())


def test_journals_of_other_clocks_or_values_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    nm.search("random", "nb201/cifar10", seconds=30_000, clock=CLOCK, journal=path)
    with pytest.raises(JournalError, match=r"clock\.workers is 3 there, but 1"):
        nm.search("random", "nb201/cifar10", seconds=30_000, journal=path)
    content = path.read_text()
    path.write_text(content.replace('"epochs": 200}', '"epochs": 12}', 1))
    with pytest.raises(JournalError, match="line 2"):
        nm.search("random", "nb201/cifar10", seconds=30_000, clock=CLOCK, journal=path)


def test_compare_by_seconds(tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"repeats": 2, "seconds": {"nb201/cifar10": 40_000, "nb201/cifar100": 60_000}}
    arguments |= {"tasks": ["nb201/cifar10", "nb201/cifar100"], "clock": CLOCK}
    frame = nm.compare(["random", "evolution"], **arguments, folder=tmp_path)
    assert_frame_equal(frame, nm.compare(["random", "evolution"], **arguments))
    assert_frame_equal(frame, nm.compare(["random", "evolution"], **arguments, folder=tmp_path))
    own = frame.attrs["searcher_seconds"]
    assert set(own) == {"nb201/cifar10", "nb201/cifar100"}
    assert all(0 < own[task][searcher] < 60 for task in own for searcher in ("random", "evolution"))
    last = frame.groupby("task", observed=True)["simulated_seconds"].max()
    assert last["nb201/cifar10"] <= 40_000 < last["nb201/cifar100"] <= 60_000
    one = nm.search("evolution", "nb201/cifar100", seconds=60_000, clock=CLOCK, seed=1)
    chosen = frame[(frame.task == "nb201/cifar100") & (frame.searcher == "evolution") & (frame.seed == 1)]
    assert chosen["cell"].tolist() == one.cells.tolist()
    with pytest.raises(SettingError, match="clock is"):
        nm.compare(["random", "evolution"], **{**arguments, "clock": None}, folder=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seconds": 0}, "seconds"),
        ({"seconds": "10"}, "seconds"),
        ({"seconds": float("inf")}, "seconds"),
        ({"seconds": True}, "seconds"),
        ({"clock": 3}, "clock"),
        ({"clock": {"worker": 3}}, "no setting 'worker'. Possible: workers, repeats"),
        ({"clock": {"repeats": "paid"}}, "repeats of the clock must be one of free, charged"),
        ({"clock": {"workers": 0}}, "workers of the clock"),
        ({"clock": {"charge_searcher": 1}}, "true or false"),
        ({"clock": {"batch": 2, "workers": 2}}, "batch"),
        ({"clock": {"batch": 2}, "seconds": 9}, "batch"),
    ],
)
def test_impossible(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        nm.search("random", "nb201/cifar10", **arguments)


def test_seconds_of_tasks_that_are_not_compared() -> None:
    with pytest.raises(SettingError, match="cifar11"):
        nm.compare(["random"], "nb201", seconds={"nb201/cifar11": 3})
    with pytest.raises(SettingError, match="no seconds for nb201/cifar100"):
        nm.compare(["random"], "nb201", seconds={"nb201/cifar10": 3})


@pytest.mark.slow
def test_continues_after_a_kill(tmp_path: Path) -> None:
    program = (
        "import nasmeta as nm, sys; nm.compare(['evolution'], 'nb201/cifar10', repeats=40, seconds=1_500_000, "
        f"clock={CLOCK!r}, folder=sys.argv[1])"
    )
    folder = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", program, str(folder)], env={**os.environ, "OMP_NUM_THREADS": "1"})
    until = time.monotonic() + 60
    while len(list(folder.rglob("*.jsonl"))) < 4 and time.monotonic() < until and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    arguments: dict[str, Any] = {"tasks": "nb201/cifar10", "repeats": 6, "seconds": 1_500_000, "clock": CLOCK}
    assert_frame_equal(nm.compare(["evolution"], **arguments, folder=folder), nm.compare(["evolution"], **arguments))


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
    fixed: dict[str, Any] = {
        "clock": {"workers": workers, "repeats": repeats, "overshoot": overshoot},
        "settings": {"population": 3, "sample_size": 2},
        "seed": seed,
    }
    budget: dict[str, Any] = {"seconds": seconds, "evaluations": evaluations}
    alone = nm.search("evolution", "nb201/cifar10", **budget, **fixed).frame()
    assert_frame_equal(nm.search("evolution", "nb201/cifar10", **budget, **fixed, journal=path).frame(), alone)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: 1 + round(cut * (len(lines) - 1))]))
    assert_frame_equal(nm.search("evolution", "nb201/cifar10", **budget, **fixed, journal=path).frame(), alone)
    assert path.read_bytes() == b"".join(lines)
    nm.search("evolution", "nb201/cifar10", evaluations=evaluations + 5, **fixed, journal=path)
    assert path.read_bytes().startswith(b"".join(lines))
    assert_frame_equal(nm.search("evolution", "nb201/cifar10", **budget, **fixed, journal=path).frame(), alone)
