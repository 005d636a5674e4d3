"""The loop of one run: the searcher proposes, the evaluator evaluates, the searcher observes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from math import inf
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_int
from nasmeta.errors import NasmetaError, SettingError, SpaceExhaustedError, shown
from nasmeta.evaluators import Evaluation, FunctionEvaluator, SupportsEvaluate, evaluate_or_fail
from nasmeta.runs._clock import Budget, Clock
from nasmeta.runs._feedback import Feedback
from nasmeta.runs._front_history import history_for
from nasmeta.runs._history import History
from nasmeta.runs._journal import Journal, Replay
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
    evaluators = evaluator if isinstance(evaluator, Mapping) else {0: evaluator}
    if not evaluators:
        raise SettingError("There is no evaluator: pass one, or a mapping of epochs to evaluators.")
    batch = check_int("batch", batch, most=10**30)
    if evaluations is not None:
        evaluations = check_int("evaluations", evaluations, least=0)
    if clock is None and seconds is not None:
        raise SettingError("A budget in seconds needs a clock, for example clock=Clock().")
    if clock is not None and batch > 1:
        raise SettingError("On a clock each worker proposes one architecture: use workers instead of a batch.")
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
        self.keys = keys  # what identifies each evaluation: the architecture, or (architecture, epochs)
        self.new = new  # the architectures that have not been evaluated

    # Known when the trial has started:
    position: int  # of the first evaluation in the history
    worker: int
    end: float  # seconds on the clock
    cost: float  # seconds of the first evaluation
    best: float  # highest utility, -inf if an evaluation failed
    utilities: NDArray[np.float64] | None  # None if some have to be looked up: the batch repeats them

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
        self.searcher, self.evaluators, self.multi_fidelity = searcher, evaluators, multi_fidelity
        self.budget, self.clock, self.timed = budget, clock or Clock(), clock is not None
        self.batch, self.sign, self.target, self.stall_limit = batch, sign, target, stall_limit
        self.watch = watch or (lambda n: None)
        self.full_epochs = max(evaluators)
        self.n_cells = searcher.space.size
        self.n_possible = self.n_cells * len(evaluators)
        self.objectives = np.shape(sign)
        self.maximised = not self.objectives and sign == 1.0
        self.free = self.clock.repeats == "free"
        self.continued = self.clock.promotion == "continued"
        self.shared = self.free and self.clock.workers > 1
        self.most, self.until = budget.most_evaluations, budget.most_seconds
        self.costs_unknown = budget.seconds is not None and any(
            getattr(one, "cost_seconds", None) is None for one in evaluators.values()
        )
        self.history = history_for(int(np.size(sign)), timed=self.timed)
        self.replay = None if journal is None else Replay(journal, self.timed)
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
        while self.within_budget():
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
            if self.batch > 1:
                self.batch = min(self.batch, self.n_possible - len(self.known))
            begin, epochs = perf_counter(), self.full_epochs
            try:
                if self.multi_fidelity is None:
                    asked: Any = self.searcher.ask(self.batch)
                else:
                    asked, epochs = _ask_with_epochs(self.multi_fidelity)
            except SpaceExhaustedError:
                if self.batch > 1:  # a smaller batch may be left
                    self.batch //= 2
                    continue
                self.stopped = "exhausted"
                return None
            finally:
                self.thought += perf_counter() - begin
            trial = self._proposed(asked, epochs)
            if trial.new:
                self.n_repeats = 0
                return trial
            self._repeat(trial)

    def _proposed(self, asked: Any, epochs: int) -> _Trial:
        """Check what a searcher proposed, and find the new architectures in it."""
        if not isinstance(asked, np.ndarray) or asked.shape != (self.batch,) or asked.dtype.kind not in "iu":
            raise _not_architectures(self.searcher, self.batch, asked)
        cells: list[int] = asked.tolist()
        keys: list[Any] = cells if self.multi_fidelity is None else [(cells[0], epochs)]
        if self.batch == 1:
            new = cells if not self.free or keys[0] not in self.known else []
        else:
            new = [cell for cell in dict.fromkeys(cells) if cell not in self.known]
        if new and (min(new) < 0 or max(new) >= self.n_cells):
            raise _not_architectures(self.searcher, self.batch, asked)
        return _Trial(asked if asked.dtype == _INT32 else asked.astype(_INT32), epochs, keys, new)

    def _repeat(self, trial: _Trial) -> None:
        """Pass on known values, or note that another worker waits for the same result."""
        self.n_repeats += self.batch
        if self.shared and trial.keys[0] in self.pending:
            self.pending[trial.keys[0]] += 1
        else:
            self._observe(trial.cells, trial.epochs, np.array([self.known[key] for key in trial.keys]), again=True)

    def start(self, trial: _Trial, worker: int) -> bool:
        """Evaluate the new architectures of a proposal, unless the searcher's own time has used up the budget."""
        start, charged = self.now, 0.0
        if self.clock.charge_searcher:
            replayed = None if self.replay is None else self.replay.searcher_seconds(self.n)
            charged = self.thought - self.charged if replayed is None else replayed
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
        evaluation = self._evaluate(cells, trial.epochs, start)
        values, costs = evaluation.values.tolist(), evaluation.cost_seconds.tolist()
        if self.maximised:
            utilities, observed = values, evaluation.values
        else:
            observed = self.sign * evaluation.values
            utilities = observed.tolist()
        total = observed.sum() if self.objectives else sum(utilities)
        if total != total and _lacks_a_reason(evaluation):  # NaN
            raise NasmetaError(f"{type(self.evaluators[trial.epochs]).__name__} returned NaN for one of {new}.")
        self.known.update(zip(keys, utilities, strict=True))
        if self.continued and (self.replay is None or not self.replay.holds(self.n)):
            costs = [self._remaining_cost(new[0], trial.epochs, costs[0])]
        quiet = self.searcher.notes is None and not evaluation.notes
        notes = None if quiet else self._notes(trial, new, evaluation)
        self.history.append(new, values, costs, evaluation.failures, start, worker, trial.epochs, notes)
        if self.replay is not None:
            self.replay.record(
                self.n, new, values, costs, evaluation.failures, start, worker, trial.epochs, charged, notes
            )
        if evaluation.failures:
            reasons = zip(keys, evaluation.failures, strict=True)
            self.feedback.failed.update(key for key, reason in reasons if reason is not None)
        trial.best = max(utilities) if total == total else -inf
        if self.shared:
            self.pending[trial.keys[0]] = 1
            trial.cells = trial.cells.copy()
        trial.position, trial.worker, trial.cost = self.n, worker, costs[0]
        trial.end = start + sum(costs) if self.timed else self.now
        trial.utilities = None if partial else observed
        self.n += len(new)
        self.watch(self.n)
        return True

    def _evaluate(self, cells: NDArray[np.int32], epochs: int, start: float) -> Evaluation:
        """Evaluate architectures, shape (n,), or read their values from the journal."""
        evaluator = self.evaluators[epochs]
        if self.replay is None:
            evaluation = evaluate_or_fail(evaluator, cells)
        else:
            evaluation = self.replay.evaluate(self.n, cells, epochs, evaluator)
        if self.objectives and evaluation.values.shape[1:] != self.objectives:
            raise NasmetaError(
                f"{type(evaluator).__name__} returned values of shape {evaluation.values.shape}; for "
                f"{self.objectives[0]} objectives it must be ({len(cells)}, {self.objectives[0]})."
            )
        if self.costs_unknown:
            self.costs_unknown = not _has_seconds(evaluator, evaluation, self.n, start)
        return evaluation

    def _remaining_cost(self, cell: int, epochs: int, cost: float) -> float:
        """Return what is left to pay for a training that continues a shorter one, in seconds."""
        longest, before = self.paid.get(cell, (0, 0.0))
        return max(cost - before, 0.0) if epochs > longest > 0 else cost

    def _notes(self, trial: _Trial, new: list[int], evaluation: Evaluation) -> list[Mapping[str, Any]]:
        """Return the notes of searcher and evaluator on each new architecture."""
        notes = self.searcher.notes
        own = [{}] * len(new) if notes is None else _notes_of(notes, trial.cells.tolist(), new)
        if not evaluation.notes:
            return own
        return [{**first, **second} for first, second in zip(own, evaluation.notes, strict=True)]

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
        self.feedback.observe(cells, epochs, utilities, again=again)
        self.thought += perf_counter() - begin

    def ended_history(self) -> History:
        """Return the history, without the evaluations after the end of the run."""
        self.history.stopped, self.history.searcher_seconds = self.stopped, self.thought
        sign = 1.0 if self.objectives else float(self.sign)
        self.history.end(self.budget, self.clock, sign, self.target, self.full_epochs)
        return self.history


def _has_seconds(evaluator: SupportsEvaluate, evaluation: Evaluation, n: int, start: float) -> bool:
    """Return whether a successful evaluation has a cost; without any cost, raise an error."""
    failed = any(evaluation.failures)
    if evaluation.cost_seconds.any():
        return not failed
    if failed and (start or n + 1 < _FREE_FAILURES):  # a failure may be immediate
        return False
    who, hint = f"evaluator {type(evaluator).__name__}", "return cost_seconds"
    if isinstance(evaluator, FunctionEvaluator):
        who, hint = evaluator.column.source, "return (value, seconds)"
    what = f"The first {n + 1} evaluations of the {who} failed" if failed else f"The {who} returned a value"
    hint += ", raise EvaluationFailed(reason, seconds)" if failed else ""
    raise SettingError(f"{what} without seconds, as a budget in seconds requires: {hint}, or give evaluations instead.")


def _lacks_a_reason(evaluation: Evaluation) -> bool:
    """Return whether a value is NaN although its evaluation is not reported as failed."""
    lost = np.asarray(np.isnan(evaluation.values).reshape(len(evaluation.values), -1).any(axis=1))
    reasons = evaluation.failures or (None,) * len(lost)
    return any(one and why is None for one, why in zip(lost.tolist(), reasons, strict=True))


def _notes_of(notes: Any, cells: list[int], new: list[int]) -> list[Mapping[str, Any]]:
    """Return the searcher's notes on the evaluated proposals; a user's searcher may use the name for something else."""
    pairs = zip(cells, notes, strict=False) if isinstance(notes, list) else ()
    known = {cell: note for cell, note in pairs if isinstance(note, dict)}
    return [known.get(cell, {}) for cell in new]


def _ask_with_epochs(searcher: MultiFidelitySearcher) -> tuple[NDArray[np.int32], int]:
    """Request one architecture and the length of its training."""
    asked = searcher.ask_at(1)
    if not (
        isinstance(asked, tuple)
        and len(asked) == 2
        and all(isinstance(part, np.ndarray) and part.shape == (1,) for part in asked)
    ):
        raise NasmetaError(f"{type(searcher).__name__}.ask_at(1) must return cells and epochs, not {shown(asked)}.")
    cell, epochs = int(asked[0][0]), int(asked[1][0])
    if not 0 <= cell < searcher.space.size:
        raise _not_architectures(searcher, 1, asked[0])
    if epochs not in searcher.fidelities:
        raise NasmetaError(
            f"{type(searcher).__name__} proposed {epochs} epochs; possible: {', '.join(map(str, searcher.fidelities))}."
        )
    return np.array([cell], np.int32), epochs


def _not_architectures(searcher: Searcher, batch: int, asked: object) -> NasmetaError:
    """Return the error for a proposal that is not a batch of architectures."""
    if isinstance(asked, np.ndarray):
        what = f"{asked.dtype} of shape {asked.shape}: {asked.ravel()[:5].tolist()}"
    else:
        what = f"{type(asked).__name__}: {shown(asked)}"
    return NasmetaError(
        f"{type(searcher).__name__} proposed {what}. A proposal is an array of {batch} integer(s) from 0 to "
        f"{searcher.space.size - 1}, the indices of architectures of {searcher.space.name}."
    )
