"""The loop of one run: the searcher proposes, the evaluator evaluates, the searcher observes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from math import inf
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import NasmetaError, SettingError, SpaceExhaustedError
from nasmeta.evaluators import Evaluation, SupportsEvaluate, evaluate_or_fail, joined_evaluation
from nasmeta.runs._clock import Budget, Clock
from nasmeta.runs._feedback import Feedback
from nasmeta.runs._front_history import history_for
from nasmeta.runs._history import History
from nasmeta.runs._journal import Journal, recorded_evaluation
from nasmeta.searchers import MultiFidelitySearcher, Searcher

STALL_LIMIT = 100_000
_INT32 = np.dtype(np.int32)
_PATIENCE = 100  # consecutive proposals that are already running, before a free worker waits for the next result
_FREE_FAILURES = 100  # evaluations without any cost in seconds, before a budget in seconds is refused


def run_loop(
    searcher: Searcher,
    evaluator: SupportsEvaluate | Mapping[int, SupportsEvaluate],
    *,
    evaluations: int | None = None,
    seconds: float | None = None,
    batch: int = 1,
    clock: Clock | None = None,
    sign: float | NDArray[np.float64] = 1.0,
    target: float | None = None,
    journal: Journal | None = None,
    stall_limit: int = STALL_LIMIT,
    watch: Callable[[int], object] | None = None,
) -> History:
    """Run a searcher on an evaluator until the budget, the target or the space ends the run.

    An architecture that was evaluated before is not evaluated again if repeats are free; the searcher then observes the
    known value.

    The proposals do not depend on the budget: a shorter run starts with the same evaluations as a longer one.
    Therefore a batch never shrinks to fit the budget. Of the last batch, only the first architectures are evaluated.

    Parameters
    ----------
    searcher : Searcher
    evaluator : SupportsEvaluate, or mapping of int to SupportsEvaluate
        A mapping has one evaluator per number of epochs; the largest number is a full training.
    evaluations : int, optional
        Largest number of evaluations.
    seconds : float, optional
        Last moment, on the clock, at which an evaluation may start.
    batch : int, default 1
        Architectures per proposal; only without a clock.
    clock : Clock, optional
        Simulated workers. Without a clock there is one worker and no time passes.
    sign : float or ndarray of float64, shape (m,), default 1.0
        1 for values to maximise, -1 for values to minimise; one sign per objective.
    target : float, optional
        The run stops when a full training reaches this signed value.
    journal : Journal, optional
        Recorded evaluations are replayed, new ones are appended.
    stall_limit : int, default 100,000
        The run stops after this number of consecutive proposals without a new architecture.
    watch : callable, optional
        Called with the number of evaluations after each proposal.

    Returns
    -------
    History

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> from nasmeta.evaluators import TableEvaluator
    >>> from nasmeta.runs import run_loop
    >>> from nasmeta.searchers import RandomSearch
    >>> evaluator = TableEvaluator(nm.get_task("nb201/cifar10"))
    >>> len(run_loop(RandomSearch(evaluator.space, np.random.default_rng(0)), evaluator, evaluations=20, batch=5))
    20
    """
    if clock is None and seconds is not None:
        raise SettingError("A budget in seconds needs a clock, for example clock=Clock().")
    if clock is not None and batch > 1:
        raise SettingError("batch", batch, "1 with a clock", "Use workers of the clock.")
    evaluators = evaluator if isinstance(evaluator, Mapping) else {0: evaluator}
    loop = _Loop(
        searcher,
        evaluators,
        searcher if isinstance(evaluator, Mapping) and isinstance(searcher, MultiFidelitySearcher) else None,
        Budget(evaluations, seconds),
        None if clock is None else Clock.of(clock),
        batch,
        sign,
        target,
        journal,
        stall_limit,
        watch,
    )
    if loop.clock.workers == 1:
        loop.run_one_worker()
    else:
        loop.run_workers()
    return loop.ended_history()


class _Trial:
    """A proposal and its evaluation by one worker; trials are ordered by their end, then by their start."""

    __slots__ = ("best", "cells", "cost", "end", "epochs", "keys", "new", "position", "utilities", "worker")

    def __init__(self, cells: NDArray[np.int32], epochs: int, keys: list[Any], new: list[int]) -> None:
        self.cells = cells  # shape (batch,)
        self.epochs = epochs
        self.keys = keys  # of the evaluations: architectures, or (architecture, epochs)
        self.new = new  # the architectures that have not been evaluated

    # Known when the trial has started:
    position: int  # of the first evaluation in the history
    worker: int
    end: float  # seconds on the clock
    cost: float  # seconds of the first evaluation
    best: float  # highest utility, -inf if an evaluation failed
    utilities: NDArray[np.float64] | None  # None if the batch repeats architectures

    def __lt__(self, other: _Trial) -> bool:
        return (self.end, self.position) < (other.end, other.position)


class _Loop:
    """The state of a run, and its steps.

    Single numbers are Python's own ints and floats, which are several times faster here than NumPy's.
    """

    def __init__(
        self,
        searcher: Searcher,
        evaluators: Mapping[int, SupportsEvaluate],
        multi_fidelity: MultiFidelitySearcher | None,
        budget: Budget,
        clock: Clock | None,
        batch: int,
        sign: float | NDArray[np.float64],
        target: float | None,
        journal: Journal | None,
        stall_limit: int,
        watch: Callable[[int], object] | None,
    ) -> None:
        self.searcher, self.multi_fidelity, self.evaluators = searcher, multi_fidelity, evaluators
        self.budget, self.target, self.sign = budget, target, sign
        self.batch, self.stall_limit, self.watch = batch, stall_limit, watch
        self.full_epochs = max(evaluators)
        self.n_cells = searcher.space.size
        self.n_possible = self.n_cells * (1 if multi_fidelity is None else len(evaluators))
        self.maximised = np.ndim(sign) == 0 and sign == 1
        self.objectives = np.shape(sign)  # (m,), or () for one objective
        self.timed = clock is not None
        self.clock = clock or Clock()
        self.free = self.clock.repeats == "free"
        self.continued = self.clock.promotion == "continued"
        self.shared = self.free and self.clock.workers > 1
        self.most, self.until = budget.most_evaluations, budget.most_seconds
        self.costs_unknown = budget.seconds is not None and any(
            getattr(one, "cost_seconds", None) is None for one in evaluators.values()
        )
        self.history = history_for(int(np.size(sign)), timed=self.timed)
        self.journal = journal
        self.n_recorded = 0 if journal is None else len(journal.past)
        self.known: dict[Any, Any] = {}  # utilities of all evaluations that have started, by key
        self.feedback = Feedback(searcher, multi_fidelity, self.known)
        self.pending: dict[Any, int] = {}  # proposals of each running evaluation, if there are several workers
        self.paid: dict[int, tuple[int, float]] = {}  # per architecture: epochs of the longest training, its total cost
        self.n = 0  # evaluations that have started
        self.n_repeats = 0  # consecutive proposals without a new architecture
        self.now = 0.0  # seconds on the clock
        self.thought = 0.0  # the searcher's own seconds
        self.charged = 0.0  # the part of them that the clock has counted
        self.thinks_until = 0.0  # one searcher serves all workers: if its time is charged, they queue for it
        self.stopped = "budget"

    def run_one_worker(self) -> None:
        """Propose, evaluate, observe, and so on."""
        while self.n < self.most and self.now < self.until:
            trial = self.propose(self.stall_limit)
            if trial is None or not self.start(trial, worker=0):
                break
            self.now = trial.end
            if self.reaches_target(trial) or not self.within_budget():
                break
            self.observe(trial)

    def run_workers(self) -> None:
        """Give each free worker a proposal; then go to the moment at which the next trial ends, and observe it."""
        running: list[_Trial] = []  # a heap
        idle = list(range(self.clock.workers))  # a heap
        while True:
            self.stopped = "budget"
            while idle and self.within_budget() and not (running and running[0].end <= self.thinks_until):
                trial = self.propose(_PATIENCE if running else self.stall_limit)
                if trial is None or not self.start(trial, worker=idle[0]):
                    break
                heappop(idle)
                heappush(running, trial)
            if not running:
                break
            trial = heappop(running)
            self.now = trial.end
            heappush(idle, trial.worker)
            if running:
                self.n_repeats = 0
            if self.reaches_target(trial) or not (running or self.within_budget()):
                break
            self.observe(trial)

    def within_budget(self) -> bool:
        """Return whether another evaluation may start now."""
        return self.n < self.most and self.now < self.until

    def propose(self, patience: int) -> _Trial | None:
        """Return the next proposal with a new architecture, or None after so many proposals without one."""
        while True:
            if self.free and len(self.known) == self.n_possible:
                self.stopped = "exhausted"
                return None
            if self.n_repeats >= patience:
                self.stopped = "stalled"
                return None
            try:
                proposed, epochs = self._ask()
            except SpaceExhaustedError:
                if self.batch > 1:  # a smaller batch may be left
                    self.batch //= 2
                    continue
                self.stopped = "exhausted"
                return None
            cells: list[int] = proposed.tolist()
            keys: list[Any] = cells if self.multi_fidelity is None else [(cells[0], epochs)]
            if new := self._new(cells, keys):
                self.n_repeats = 0
                return _Trial(proposed, epochs, keys, new)
            self.n_repeats += self.batch
            if self.shared and keys[0] in self.pending:
                self.pending[keys[0]] += 1
            else:
                self._observe(proposed, epochs, np.array([self.known[key] for key in keys]), again=True)

    def _ask(self) -> tuple[NDArray[np.int32], int]:
        """Request a proposal, int32, shape (batch,), and the length of the training."""
        if self.batch > 1:
            self.batch = min(self.batch, self.n_possible - len(self.known))
        begin, epochs = perf_counter(), self.full_epochs
        proposed: Any
        if self.multi_fidelity is None:
            proposed = self.searcher.ask(self.batch)
        else:
            proposed, lengths = self.multi_fidelity.ask_at(1)
            epochs = int(lengths[0])
            if epochs not in self.multi_fidelity.fidelities:
                possible = ", ".join(map(str, self.multi_fidelity.fidelities))
                raise NasmetaError(f"epochs that {type(self.searcher).__name__} proposed", epochs, f"one of {possible}")
        self.thought += perf_counter() - begin
        if type(proposed) is not np.ndarray or proposed.shape != (self.batch,):
            raise self._not_architectures(proposed)
        if proposed.dtype != _INT32:
            if proposed.dtype.kind not in "iu" or proposed.min() < 0 or proposed.max() >= self.n_cells:
                raise self._not_architectures(proposed)
            proposed = proposed.astype(_INT32)
        return proposed, epochs

    def _new(self, cells: list[int], keys: list[Any]) -> list[int]:
        """Return the architectures of a proposal to evaluate."""
        if self.batch == 1:
            if self.free and keys[0] in self.known:
                return []
            new = cells
        else:
            new = [cell for cell in dict.fromkeys(cells) if cell not in self.known]
        for cell in new:
            if not 0 <= cell < self.n_cells:
                raise self._not_architectures(cells)
        return new

    def _not_architectures(self, proposed: object) -> NasmetaError:
        space = self.searcher.space
        return NasmetaError(
            f"proposal of {type(self.searcher).__name__}",
            proposed,
            f"an array of {self.batch} integer(s) from 0 to {space.size - 1}, indices of {space.name}",
        )

    def start(self, trial: _Trial, worker: int) -> bool:
        """Evaluate the new architectures of a proposal, unless the searcher's own time has used up the budget."""
        start, charged = self.now, 0.0
        if self.clock.charge_searcher:
            charged = self._charged_seconds()
            start = self.thinks_until = max(self.now, self.thinks_until) + charged
            if start >= self.until:
                self.until = min(self.until, self.now)
                return False
        self.charged = self.thought
        new, keys, cells = trial.new, trial.keys, trial.cells
        if len(new) > self.most - self.n:
            new = new[: int(self.most - self.n)]
        if partial := len(new) < len(cells):
            keys, cells = new, np.array(new, np.int32)
        evaluation = self._evaluate(cells, trial.epochs)
        observed = evaluation.values if self.maximised else self.sign * evaluation.values
        utilities, costs = observed.tolist(), evaluation.cost_seconds.tolist()
        if len(utilities) == 1:  # as below, but faster
            self.known[keys[0]] = utilities[0]
        else:
            self.known.update(zip(keys, utilities, strict=True))
        total = observed.sum() if self.objectives or len(utilities) > 1 else utilities[0]
        if total != total:  # NaN
            _require_reasons(evaluation, self.evaluators[trial.epochs])
        if self.continued and self.n >= self.n_recorded:
            costs = [self._remaining_cost(new[0], trial.epochs, costs[0])]
        notes = self._notes(trial, new, evaluation) if evaluation.notes or self.searcher.notes else ()
        values = utilities if self.maximised else evaluation.values.ravel().tolist()
        self.history.append(new, values, costs, evaluation.failures, notes, start, worker, trial.epochs, charged)
        if self.journal is not None and self.n + len(new) > self.n_recorded:
            for position in range(max(self.n, self.n_recorded), self.n + len(new)):
                self.journal.append(*self.history.row(position))
        if evaluation.failures:
            reasons = zip(keys, evaluation.failures, strict=True)
            self.feedback.failed.update(key for key, reason in reasons if reason is not None)
        trial.best = max(utilities) if self.target is not None and total == total else -inf
        if self.shared:
            self.pending[trial.keys[0]] = 1
            trial.cells = trial.cells.copy()
        trial.position, trial.worker, trial.cost = self.n, worker, costs[0]
        trial.end = start + sum(costs) if self.timed else self.now
        trial.utilities = None if partial else observed
        self.n += len(new)
        if self.watch is not None:
            self.watch(self.n)
        return True

    def _charged_seconds(self) -> float:
        """Return the searcher's seconds for this proposal, or those in the journal."""
        if self.journal is not None and self.n < self.n_recorded:
            charged: float = self.journal.past.row(self.n)[3].get("searcher_seconds", 0.0)
            return charged
        return self.thought - self.charged

    def _evaluate(self, cells: NDArray[np.int32], epochs: int) -> Evaluation:
        """Evaluate architectures, shape (n,), or read their values from the journal."""
        evaluator = self.evaluators[epochs]
        if self.journal is None or self.n >= self.n_recorded:
            evaluation = evaluate_or_fail(evaluator, cells)
        else:
            evaluation = recorded_evaluation(self.journal, self.n, cells, epochs)
            rest = cells[len(evaluation.values) :]
            if len(rest):
                evaluation = joined_evaluation([evaluation, evaluate_or_fail(evaluator, rest)])
        if self.objectives and evaluation.values.shape[1:] != self.objectives:
            expected = f"({len(cells)}, {self.objectives[0]})"
            raise NasmetaError(f"shape of the values of {type(evaluator).__name__}", evaluation.values.shape, expected)
        if self.costs_unknown:
            self._require_seconds(evaluator, evaluation)
        return evaluation

    def _require_seconds(self, evaluator: SupportsEvaluate, evaluation: Evaluation) -> None:
        """Raise an error if evaluations have no cost; the first failures may be immediate."""
        if evaluation.cost_seconds.any():
            self.costs_unknown = any(evaluation.failures)
        elif not any(evaluation.failures) or (self.now == 0 and self.n + 1 >= _FREE_FAILURES):
            who = getattr(evaluator, "function", None) or type(evaluator)
            raise SettingError(
                f"cost of the first {self.n + 1} evaluations by {getattr(who, '__qualname__', who)}",
                0.0,
                "above 0 with a budget in seconds",
                "Return (value, seconds) or cost_seconds, or give evaluations instead.",
            )

    def _remaining_cost(self, cell: int, epochs: int, cost: float) -> float:
        """Return the cost of a training that continues a shorter one, in seconds."""
        longest, before = self.paid.get(cell, (0, 0.0))
        return max(cost - before, 0.0) if epochs > longest > 0 else cost

    def _notes(self, trial: _Trial, new: list[int], evaluation: Evaluation) -> list[Mapping[str, Any]]:
        """Return the notes of searcher and evaluator on each new architecture."""
        of_searcher = dict(zip(trial.cells.tolist(), self.searcher.notes or (), strict=False))
        of_evaluator = evaluation.notes or ({},) * len(new)
        return [{**of_searcher.get(cell, {}), **note} for cell, note in zip(new, of_evaluator, strict=True)]

    def reaches_target(self, trial: _Trial) -> bool:
        """Return whether a trial that ends now is a full training with the target value."""
        if self.continued:
            longest, before = self.paid.get(trial.new[0], (0, 0.0))
            if trial.epochs > longest:
                self.paid[trial.new[0]] = (trial.epochs, before + trial.cost)
        return self.target is not None and trial.epochs == self.full_epochs and trial.best >= self.target

    def observe(self, trial: _Trial) -> None:
        """Pass the values of a trial to the searcher, once per worker that proposed it."""
        cells, utilities = trial.cells, trial.utilities
        if utilities is None:
            utilities = np.array([self.known[key] for key in trial.keys])
        if self.shared and (times := self.pending.pop(trial.keys[0])) > 1:
            cells, utilities = cells.repeat(times), utilities.repeat(times, axis=0)
        self._observe(cells, trial.epochs, utilities)

    def _observe(
        self, cells: NDArray[np.int32], epochs: int, utilities: NDArray[np.float64], *, again: bool = False
    ) -> None:
        begin = perf_counter()
        if self.feedback.failed:
            self.feedback.observe(cells, epochs, utilities, again=again)
        elif self.multi_fidelity is None:
            self.searcher.tell(cells, utilities)
        else:
            self.multi_fidelity.tell_at(cells, np.full(len(cells), epochs, np.int32), utilities)
        self.thought += perf_counter() - begin

    def ended_history(self) -> History:
        """Return the history, without the evaluations after the end of the run."""
        self.history.stopped, self.history.searcher_seconds = self.stopped, self.thought
        sign = 1.0 if self.objectives else float(self.sign)
        self.history.end(self.budget, self.clock, sign, self.target, self.full_epochs)
        return self.history


def _require_reasons(evaluation: Evaluation, evaluator: SupportsEvaluate) -> None:
    """Raise an error if a value is NaN although its evaluation is not reported as failed."""
    lost = np.array(np.isnan(evaluation.values).reshape(len(evaluation.values), -1).any(axis=1))
    failed = [reason is not None for reason in evaluation.failures or (None,) * len(lost)]
    if (lost & ~np.array(failed)).any():
        raise NasmetaError(f"value of {type(evaluator).__name__}", "NaN", "a number or a failure with a reason")
