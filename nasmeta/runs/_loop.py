"""The loop of one run: the searcher proposes, the evaluator evaluates, the searcher observes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from time import perf_counter
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from nasmeta.arrays import Architectures, Booleans, Floats
from nasmeta.errors import NasmetaError, SettingError, SpaceExhaustedError
from nasmeta.evaluators import Evaluation, SupportsEvaluate, evaluate_or_fail
from nasmeta.runs._clock import Budget, Clock
from nasmeta.runs._journal import Journal, recorded_evaluation
from nasmeta.runs._trace import Trace
from nasmeta.searchers import MultiFidelitySearcher, Searcher

STALL_LIMIT = 100_000  # consecutive proposals without a new architecture, which end a run

_PATIENCE = 100  # consecutive proposals that are already running, before a free worker waits for the next result


def run_loop(
    searcher: Searcher,
    evaluator: SupportsEvaluate | Mapping[int, SupportsEvaluate],
    *,
    evaluations: int | None = None,
    seconds: float | None = None,
    clock: Clock | None = None,
    sign: float | Floats = 1.0,
    target: float | None = None,
    journal: Journal | None = None,
    watch: Callable[[int], object] | None = None,
) -> Trace:
    """Run a searcher on an evaluator until the budget, the target or the space ends the run.

    An architecture that was evaluated before is not evaluated again if repeats are free; the
    searcher then observes the known value.

    The proposals do not depend on the budget: a shorter run starts with the same evaluations as a
    longer one.

    Parameters
    ----------
    searcher : Searcher
    evaluator : SupportsEvaluate, or mapping of int to SupportsEvaluate
        A mapping has one evaluator per number of epochs; the largest number is a full training.
    evaluations : int, optional
        Largest number of evaluations.
    seconds : float, optional
        Last moment, on the clock, at which an evaluation may start.
    clock : Clock, optional
        Simulated workers. Without a clock there is one worker and no time passes.
    sign : float or ndarray of float64, shape (m,), default 1.0
        1 for values to maximise, -1 for values to minimise; one sign per objective.
    target : float, optional
        The run stops when a full training reaches this signed value.
    journal : Journal, optional
        Recorded evaluations are replayed, new ones are appended.
    watch : callable, optional
        Called with the number of evaluations after each proposal.

    Returns
    -------
    Trace

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> from nasmeta.evaluators import TableEvaluator
    >>> from nasmeta.runs import run_loop
    >>> from nasmeta.searchers import SEARCHERS
    >>> evaluator = TableEvaluator(nm.get_task("nb201/cifar10"))
    >>> searcher = SEARCHERS["random"](evaluator.space, np.random.default_rng(0))
    >>> len(run_loop(searcher, evaluator, evaluations=20))
    20
    """
    evaluators = evaluator if isinstance(evaluator, Mapping) else {0: evaluator}
    several_lengths = isinstance(evaluator, Mapping) and isinstance(searcher, MultiFidelitySearcher)
    loop = _Loop(
        searcher=searcher,
        multi_fidelity=searcher if several_lengths else None,  # type: ignore[arg-type]
        evaluators=evaluators,
        budget=Budget(evaluations, seconds),
        clock=Clock.of(clock),
        timed=clock is not None or seconds is not None,
        sign=sign,
        target=target,
        journal=journal,
        watch=watch,
    )
    if loop.clock.workers == 1:
        loop.run_one_worker()
    else:
        loop.run_workers()
    trace = loop.trace
    trace.stopped, trace.searcher_seconds = loop.stopped, loop.searcher_seconds
    trace.end(loop.budget, loop.clock, sign, target)
    return trace


_Observation: TypeAlias = "tuple[Architectures, int]"  # architectures and epochs


class _Training(NamedTuple):
    """A training of an architecture."""

    epochs: int
    seconds: float


_UNTRAINED = _Training(0, 0.0)


class _Trial:
    """A proposal and its evaluation by one worker."""

    def __init__(
        self, architectures: Architectures, architecture: int, epochs: int, key: Any
    ) -> None:
        self.architectures = architectures  # the proposal, shape (1,)
        self.architecture, self.epochs = architecture, epochs
        self.key = key  # of the evaluation: the architecture, or (architecture, epochs)

    # Known when the trial has started:
    position: int  # in the history
    worker: int
    end: float  # seconds on the clock
    total: float  # seconds, including the shorter training that it continues
    utility: Any  # a number, or one number per objective
    utilities: Floats  # the same, shape (1,) or (1, m)


@dataclass
class _Loop:
    """The state of a run, and its steps.

    Single numbers are Python's own ints and floats, which are several times faster here than
    NumPy's.
    """

    searcher: Searcher
    # the same searcher, if it chooses training lengths
    multi_fidelity: MultiFidelitySearcher | None
    evaluators: Mapping[int, SupportsEvaluate]
    budget: Budget
    clock: Clock
    timed: bool
    sign: float | Floats
    target: float | None
    journal: Journal | None
    watch: Callable[[int], object] | None
    # Evaluations by key:
    known: dict[Any, Any] = field(default_factory=dict)  # utilities of all that have started
    failed: set[Any] = field(default_factory=set)
    n_waiting: dict[Any, int] = field(default_factory=dict)  # workers that wait for a running one
    # By architecture, the longest training, if trainings are continued:
    trained: dict[int, _Training] = field(default_factory=dict)
    # Observations:
    ended: list[Any] = field(default_factory=list)  # utilities, of failures too
    withheld: list[_Observation] = field(default_factory=list)  # failures before the first success
    n: int = 0  # evaluations that have started
    n_repeats: int = 0  # consecutive proposals without a new architecture
    now: float = 0.0  # seconds on the clock
    searcher_seconds: float = 0.0
    stopped: str = "budget"

    def __post_init__(self) -> None:
        self.full_epochs = max(self.evaluators)
        self.n_architectures = self.searcher.space.size
        self.index_type = self.searcher.space.index_type
        self.n_possible = self.n_architectures
        if self.multi_fidelity is not None:
            self.n_possible *= len(self.evaluators)
        self.objectives = np.shape(self.sign)  # (m,), or () for one objective
        self.maximised = self.objectives == () and self.sign == 1
        self.free = self.clock.repeats == "free"
        self.continued = self.clock.promotion == "continued"
        self.shared = self.free and self.clock.workers > 1
        self.most, self.until = self.budget.most_evaluations, self.budget.most_seconds
        costs = [getattr(each, "cost_seconds", None) for each in self.evaluators.values()]
        self.costs_unknown = self.budget.seconds is not None and any(
            column is None for column in costs
        )
        n_objectives = int(np.size(self.sign))
        self.trace = Trace(
            n_objectives, self.full_epochs, timed=self.timed, index_type=self.index_type
        )
        self.n_recorded = 0
        if self.journal is not None:
            self.n_recorded = len(self.journal.past)

    def run_one_worker(self) -> None:
        """Propose, evaluate, observe, and so on."""
        while self.n < self.most and self.now < self.until:
            trial = self.propose(STALL_LIMIT)
            if trial is None:
                break
            self.start(trial, worker=0)
            self.now = trial.end
            if self.reaches_target(trial) or not self.within_budget():
                break
            self.observe(trial)

    def run_workers(self) -> None:
        """Give each free worker a proposal; then go to the moment at which the next trial ends, and observe it."""
        running: list[tuple[float, int, _Trial]] = []  # a heap: by the end, then by the start
        idle = list(range(self.clock.workers))  # a heap
        while True:
            self.stopped = "budget"
            while idle and self.within_budget():
                patience = _PATIENCE if running else STALL_LIMIT
                trial = self.propose(patience)
                if trial is None:
                    break
                self.start(trial, worker=heappop(idle))
                heappush(running, (trial.end, trial.position, trial))
            if not running:
                break
            _, _, trial = heappop(running)
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
                architectures, epochs = self._ask()
            except SpaceExhaustedError:
                self.stopped = "exhausted"
                return None
            architecture: int = architectures.item()
            key: Any = architecture
            if self.multi_fidelity is not None:
                key = (architecture, epochs)
            if not (self.free and key in self.known):
                self.n_repeats = 0
                return _Trial(architectures, architecture, epochs, key)
            self.n_repeats += 1
            if self.shared and key in self.n_waiting:
                self.n_waiting[key] += 1
            else:
                self._observe(architectures, epochs, np.array([self.known[key]]), again=True)

    def _ask(self) -> tuple[Architectures, int]:
        """Request a proposal, of `index_type`, shape (1,), and the length of the training."""
        begin, epochs = perf_counter(), self.full_epochs
        architectures: Any
        if self.multi_fidelity is None:
            architectures = self.searcher.ask(1)
        else:
            architectures, lengths = self.multi_fidelity.ask_at(1)
            epochs = int(lengths[0])
        self.searcher_seconds += perf_counter() - begin
        is_proposal = (
            type(architectures) is np.ndarray
            and architectures.shape == (1,)
            and architectures.dtype.kind in "iu"
        )
        if not is_proposal or not 0 <= architectures.item() < self.n_architectures:
            expected = f"an array of one integer from 0 to {self.n_architectures - 1}"
            raise NasmetaError(
                f"proposal of {type(self.searcher).__name__}", architectures, expected
            )
        return architectures.astype(self.index_type, copy=False), epochs

    def start(self, trial: _Trial, worker: int) -> None:
        """Evaluate the architecture of a proposal, and append it to the trace."""
        evaluation = self._evaluate(trial.architectures, trial.epochs)
        (value,) = evaluation.values.tolist()
        trial.utilities, trial.utility = evaluation.values, value
        if not self.maximised:  # else a product with 1 at each evaluation
            trial.utilities = self.sign * evaluation.values
            (trial.utility,) = trial.utilities.tolist()
        failure = None
        if evaluation.failures:
            failure = evaluation.failures[0]
        self.known[trial.key] = trial.utility
        if failure is not None:
            self.failed.add(trial.key)
        elif _is_missing(trial.utility):
            name = type(self.evaluators[trial.epochs]).__name__
            raise NasmetaError(f"value of {name}", "NaN", "a number or a failure with a reason")

        is_recorded = self.n < self.n_recorded
        paid = self._paid_before(trial) if self.continued else 0.0
        cost: float = evaluation.cost_seconds.item()
        if paid and not is_recorded:  # the journal contains the difference
            cost = max(cost - paid, 0.0)
        trial.position, trial.worker, trial.total = self.n, worker, paid + cost
        trial.end = self.now
        if self.timed:
            trial.end += cost

        note = None
        if self.searcher.notes:
            note = self.searcher.notes[0]
        self.trace.append(
            trial.architecture, value, cost, failure, note, self.now, worker, trial.epochs
        )
        if self.journal is not None and not is_recorded:
            self.journal.append(*self.trace.row(self.n))
        if self.shared:
            self.n_waiting[trial.key] = 1
            trial.architectures = trial.architectures.copy()  # the searcher may change its own
        self.n += 1
        if self.watch is not None:
            self.watch(self.n)

    def _paid_before(self, trial: _Trial) -> float:
        """Return the seconds of the shorter training that a trial continues, or 0."""
        earlier = self.trained.get(trial.architecture, _UNTRAINED)
        if trial.epochs <= earlier.epochs:
            return 0.0
        return earlier.seconds

    def _evaluate(self, architectures: Architectures, epochs: int) -> Evaluation:
        """Evaluate an architecture, shape (1,), or read its value from the journal."""
        evaluator = self.evaluators[epochs]
        if self.journal is None or self.n >= self.n_recorded:
            evaluation = evaluate_or_fail(evaluator, architectures)
        else:
            evaluation = recorded_evaluation(self.journal, self.n, architectures.item(), epochs)
        if self.costs_unknown and not any(evaluation.failures):
            self.costs_unknown = False
            if not evaluation.cost_seconds.any():
                expected = "above 0 with a budget in seconds"
                hint = "Return (value, seconds) or cost_seconds, or give evaluations instead."
                raise SettingError(
                    f"cost of an evaluation by {type(evaluator).__name__}", 0.0, expected, hint
                )
        return evaluation

    def reaches_target(self, trial: _Trial) -> bool:
        """Return whether a trial that ends now is a full training with the target value."""
        if self.continued:
            earlier = self.trained.get(trial.architecture, _UNTRAINED)
            if trial.epochs > earlier.epochs:
                self.trained[trial.architecture] = _Training(trial.epochs, trial.total)
        if self.target is None or trial.epochs != self.full_epochs or trial.key in self.failed:
            return False
        return bool(trial.utility >= self.target)

    def observe(self, trial: _Trial) -> None:
        """Pass the values of a trial to the searcher, once per worker that proposed it."""
        architectures, utilities = trial.architectures, trial.utilities
        self.ended.append(trial.utility)
        if self.shared:
            n_workers = self.n_waiting.pop(trial.key)
            architectures = architectures.repeat(n_workers)
            utilities = utilities.repeat(n_workers, axis=0)
        self._observe(architectures, trial.epochs, utilities)

    def _observe(
        self, architectures: Architectures, epochs: int, utilities: Floats, *, again: bool = False
    ) -> None:
        begin = perf_counter()
        if self.failed:
            self._observe_failures(architectures, epochs, utilities, again)
        else:
            self._tell(architectures, epochs, utilities)
        self.searcher_seconds += perf_counter() - begin

    def _observe_failures(
        self, architectures: Architectures, epochs: int, utilities: Floats, again: bool
    ) -> None:
        """Pass on utilities after a failure: the worst utility so far replaces missing ones (NaN).

        Failures before the first success are withheld until then. If the searcher proposes one of
        them again before that, it observes 0.
        """
        missing = _missing_rows(utilities)
        worst = self._worst_utility()
        if not missing.any():
            self._tell(architectures, epochs, utilities)
            for earlier, length in self.withheld:
                self._tell(earlier, length, np.full((len(earlier), *self.objectives), worst))
            self.withheld.clear()
        elif worst is None and not again:
            self.withheld.append((architectures.copy(), epochs))
        else:
            filled = utilities.copy()
            filled[missing] = 0.0 if worst is None else worst
            self._tell(architectures, epochs, filled)

    def _worst_utility(self) -> Floats | None:
        """Return the worst utility so far, shape () or (m,); None before the first success."""
        ended = np.array(self.ended)  # shape (n,) or (n, m)
        present = ended[~_missing_rows(ended)]
        if not len(present):
            return None
        worst: Floats = present.min(axis=0)
        return worst

    def _tell(self, architectures: Architectures, epochs: int, utilities: Floats) -> None:
        """Pass utilities of one architecture, without NaN, to the searcher."""
        if self.multi_fidelity is not None:
            self.multi_fidelity.tell_at(
                architectures, np.full(len(architectures), epochs, np.int32), utilities
            )
        elif self.failed and int(architectures[0]) in self.failed:
            self.searcher.tell_failures(architectures, utilities)
        else:
            self.searcher.tell(architectures, utilities)


def _is_missing(utility: Any) -> bool:
    """Return whether a utility, a number or a list of one number per objective, contains NaN."""
    if isinstance(utility, list):
        return any(number != number for number in utility)
    missing: bool = utility != utility  # far faster than numpy.isnan, at each evaluation
    return missing


def _missing_rows(values: Floats) -> Booleans:
    """Return which rows contain NaN, bool, shape (n,)."""
    return np.asarray(np.isnan(values).reshape(len(values), -1).any(axis=1))
