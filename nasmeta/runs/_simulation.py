"""The loop on a simulated clock: workers that train at the same time, and an event queue."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from time import perf_counter
from typing import NamedTuple, Protocol

import numpy as np

from nasmeta.errors import NasmetaError, SpaceExhaustedError
from nasmeta.runs._clock import Budget, Clock
from nasmeta.runs._loop import STALL_LIMIT, Trace, no_cells
from nasmeta.searchers import MultiFidelitySearcher, Searcher

__all__ = ["Answer", "Answers", "Started", "assembled", "run_simulation"]

_PATIENCE = 100  # proposals of cells that are being trained, before a free worker waits for the next result

Key = tuple[int, int]  # cell, epochs


class Answer(NamedTuple):
    """What an evaluation brings."""

    value: float
    cost_seconds: float
    failure: str | None = None


class Started(NamedTuple):
    """One evaluation, as it was started; its end is ``start + cost_seconds``."""

    cell: int
    epochs: int
    value: float
    cost_seconds: float
    start: float
    worker: int
    failure: str | None = None


class Answers(Protocol):
    """Where values come from: evaluators, and in front of them a journal."""

    def replayed_searcher_seconds(self, position: int) -> float | None:
        """Return what was charged for the proposal in this position, where it is recorded."""

    def answer(self, position: int, cell: int, epochs: int) -> Answer:
        """Return value and cost of a training from scratch, or what is recorded in this position."""

    def record(self, position: int, started: Started, searcher_seconds: float) -> None:
        """Keep an evaluation; does nothing for those that are recorded."""

    def is_recorded(self, position: int) -> bool:
        """Tell whether the evaluation in this position is answered from a journal."""


def run_simulation(
    searcher: Searcher,
    answers: Answers,
    *,
    budget: Budget,
    clock: Clock,
    full: int,
    n_fidelities: int = 1,
    sign: float = 1.0,
    target: float | None = None,
    stall_limit: int = STALL_LIMIT,
) -> Trace:
    """Run a searcher on simulated workers until the budget is used up.

    A worker that is free asks for a cell, and is free again when that is trained; then its value is told. With one
    worker, free repeats and no limit of seconds this is `run_loop`, proposal by proposal. What is started does not
    depend on the budget, so a shorter run starts what a longer one starts first.

    Parameters
    ----------
    searcher : Searcher
    answers : Answers
    budget : Budget
        ``evaluations`` limits how many are started.
    clock : Clock
    full : int
        Epochs of a full training, those of the task.
    n_fidelities : int
        How many lengths of training there are.
    sign : float
        1 where a higher value is better, -1 where a lower one is.
    target : float, optional
        Stop when a full training whose signed value reaches it ends.
    stall_limit : int
        Stop after so many proposals in a row of which none was new.

    Returns
    -------
    Trace
        In the order in which evaluations end.

    Raises
    ------
    NasmetaError
        Where the searcher proposes something that is no cell, or the answer is NaN.
    """
    several = isinstance(searcher, MultiFidelitySearcher)
    n_cells, everything = searcher.space.size, searcher.space.size * n_fidelities
    free, continued, charge = clock.repeats == "free", clock.promotion == "continued", clock.charge_searcher
    most, until = budget.most_evaluations, budget.most_seconds
    known: dict[Key, float] = {}  # utilities of what has ended
    pending: dict[Key, int] = {}  # how often a result that is on its way was proposed
    paid: dict[int, tuple[int, float]] = {}  # the longest training of a cell, and what was paid for it in all
    started: list[Started] = []
    running: list[tuple[float, int]] = []
    idle = list(range(clock.workers))
    now, seconds, uncharged, in_a_row = 0.0, 0.0, 0.0, 0
    thinks_until = 0.0  # the searcher is one for all workers: where its time is charged they queue for it
    stopped = "budget"

    def told(cell: int, epochs: int, utility: float, times: int = 1) -> float:
        begin = perf_counter()
        cells, values = np.full(times, cell, np.int32), np.full(times, utility)
        if isinstance(searcher, MultiFidelitySearcher):
            searcher.tell_at(cells, np.full(times, epochs, np.int32), values)
        else:
            searcher.tell(cells, values)
        return perf_counter() - begin

    while True:
        stopped = "budget"
        while idle and len(started) < most and now < until and not (running and running[0][0] <= thinks_until):
            if free and len(known) + len(pending) == everything:
                stopped = "exhausted"
                break
            if in_a_row >= (_PATIENCE if running else stall_limit):
                stopped = "stalled"
                break
            begin = perf_counter()
            try:
                if several:
                    cell, epochs = _pair(searcher, n_cells)
                else:
                    cell, epochs = _one(searcher, n_cells), full
            except SpaceExhaustedError:
                stopped = "exhausted"
                break
            finally:
                spent = perf_counter() - begin
                seconds += spent
                uncharged += spent
            key = (cell, epochs)
            if free and (key in known or key in pending):
                in_a_row += 1
                if key in known:
                    spent = told(cell, epochs, known[key])
                    seconds += spent
                    uncharged += spent
                else:
                    pending[key] += 1
                continue
            in_a_row = 0
            position = len(started)
            start = now
            if charge:
                replayed = answers.replayed_searcher_seconds(position)
                uncharged = uncharged if replayed is None else replayed
                start = thinks_until = max(now, thinks_until) + uncharged
                if start >= until:
                    until = min(until, now)  # the searcher thought until the end
                    break
            answer = answers.answer(position, cell, epochs)
            if answer.value != answer.value:
                raise NasmetaError(f"The evaluation of cell {cell} answered NaN.")
            cost = answer.cost_seconds
            longest, before = paid.get(cell, (0, 0.0))
            if continued and epochs > longest > 0 and not answers.is_recorded(position):
                cost = max(cost - before, 0.0)
            worker = heappop(idle)
            one = Started(cell, epochs, answer.value, cost, start, worker, answer.failure)
            answers.record(position, one, uncharged if charge else 0.0)
            uncharged = 0.0
            started.append(one)
            pending[key] = pending.get(key, 0) + 1
            heappush(running, (start + cost, position))
        if not running:
            break
        now, position = heappop(running)
        one = started[position]
        key = (one.cell, one.epochs)
        utility = sign * one.value
        known[key] = utility
        # Where repeats are charged each training tells its own result; else all who asked hear it now.
        times = pending.pop(key) if free else 1
        if not free:
            pending[key] -= 1
            if not pending[key]:
                del pending[key]
        longest, before = paid.get(one.cell, (0, 0.0))
        if one.epochs > longest:
            paid[one.cell] = (one.epochs, one.cost_seconds + (before if continued else 0.0))
        heappush(idle, one.worker)
        in_a_row = 0 if len(running) else in_a_row
        if target is not None and one.epochs == full and utility >= target:
            break
        if (len(started) >= most or now >= until) and not running:
            break
        spent = told(one.cell, one.epochs, utility, times)
        seconds += spent
        uncharged += spent
    return assembled(
        started, budget=budget, clock=clock, full=full, sign=sign, target=target, stopped=stopped, seconds=seconds
    )


def assembled(
    started: Iterable[Started],
    *,
    budget: Budget,
    clock: Clock,
    full: int,
    sign: float = 1.0,
    target: float | None = None,
    stopped: str = "budget",
    seconds: float = float("nan"),
) -> Trace:
    """Return the trace of what was started: in order of the ends, without what the budget or the target cuts off."""
    records = list(started)
    starts = np.array([one.start for one in records], float)
    costs = np.array([one.cost_seconds for one in records], float)
    values = np.array([one.value for one in records], float)
    epochs = np.array([one.epochs for one in records], np.int32)
    ends = starts + costs
    order = np.argsort(ends, kind="stable")
    if target is not None:
        hits = np.flatnonzero((epochs[order] == full) & (sign * values[order] >= target))
        if len(hits) and not (clock.overshoot == "discard" and ends[order][hits[0]] > budget.most_seconds):
            order, stopped = order[: hits[0] + 1], "optimum"
    if clock.overshoot == "discard":
        order = order[ends[order] <= budget.most_seconds]
    chosen = order.tolist()
    return Trace(
        cells=np.array([records[i].cell for i in chosen], np.int32),
        values=values[order],
        cost_seconds=costs[order],
        stopped=stopped,
        searcher_seconds=seconds,
        failures={records[i].cell: why for i in chosen if (why := records[i].failure) is not None},
        end_seconds=ends[order],
        workers=np.array([records[i].worker for i in chosen], np.int32),
        epochs=epochs[order],
    )


def _one(searcher: Searcher, n_cells: int) -> int:
    asked = searcher.ask(1)
    if not isinstance(asked, np.ndarray) or asked.dtype != np.int32 or asked.shape != (1,):
        raise no_cells(searcher, 1, asked)
    cell = int(asked[0])
    if not 0 <= cell < n_cells:
        raise no_cells(searcher, 1, asked)
    return cell


def _pair(searcher: Searcher, n_cells: int) -> Key:
    assert isinstance(searcher, MultiFidelitySearcher)
    asked = searcher.ask_at(1)
    if not (
        isinstance(asked, tuple)
        and len(asked) == 2
        and all(isinstance(part, np.ndarray) and part.shape == (1,) for part in asked)
    ):
        raise NasmetaError(f"{type(searcher).__name__}.ask_at(1) must return cells and epochs, not {asked!r:.80}.")
    cell, epochs = int(asked[0][0]), int(asked[1][0])
    if not 0 <= cell < n_cells:
        raise no_cells(searcher, 1, asked[0])
    if epochs not in searcher.fidelities:
        raise NasmetaError(
            f"{type(searcher).__name__} proposed {epochs} epochs; possible: {', '.join(map(str, searcher.fidelities))}."
        )
    return cell, epochs
