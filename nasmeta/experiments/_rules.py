"""The rules of a run: budget, clock and lengths of training; and the run under them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError
from nasmeta.evaluators import Evaluator, SurrogateEvaluator, TableEvaluator, TrainingEvaluator, TrainingTask
from nasmeta.experiments._answers import RunAnswers, check_known, read_started, started_of
from nasmeta.experiments._claim import Claim
from nasmeta.experiments._clock import Budget, Clock
from nasmeta.experiments._journal import Journal, JournaledEvaluator, read_finished
from nasmeta.experiments._loop import Trace, run_loop
from nasmeta.experiments._simulation import assembled, run_simulation
from nasmeta.experiments._spec import SearcherSpec
from nasmeta.searchers import MultiFidelitySearcher, Searcher
from nasmeta.surrogates import SurrogateTask
from nasmeta.tasks import Task, fidelities

__all__ = ["Rules", "read_trace", "rules_of", "trace_of"]


@dataclass(frozen=True)
class Rules:
    """What one run may spend, and how time passes.

    Attributes
    ----------
    budget : Budget
    clock : Clock or None
        None where nobody asked for one: then evaluations are counted, and cells may be asked for in batches.
    lengths : dict of int to Task, or None
        For a multi-fidelity searcher the task by epochs.
    """

    budget: Budget
    clock: Clock | None = None
    lengths: dict[int, Task] | None = None

    def target(self, task: Task) -> float | None:
        """Return the utility at which the run ends."""
        return task.sign * task.optimum if self.budget.stop_at_optimum else None


def rules_of(
    spec: SearcherSpec, task: Task, budget: Budget, clock: Clock | None, epochs: Iterable[int | str] | None = None
) -> Rules:
    """Return the rules of the runs of a searcher on a task, checked.

    Raises
    ------
    SettingError
    """
    lengths = None
    if spec.is_multi_fidelity:
        lengths = fidelities(task, epochs)
        if len(lengths) == 1 and epochs is None and not spec.settings.get("rungs"):
            (only,) = lengths
            raise SettingError(
                f"{spec.name} needs trainings of several lengths, but {task.name} is known for one, {only} epochs. "
                f"epochs=[{only}] (--epochs {only}) searches without short ones."
            )
        for other in lengths.values():
            other.require_complete()
        if budget.seconds is None and clock is None:
            clock = Clock()
    elif epochs is not None:
        fidelities(task, epochs)  # says what is possible
    if budget.seconds is not None:
        clock = clock or Clock()
        if not isinstance(task, TrainingTask):
            costs = (lengths or {0: task}).values()
            free = next((other for other in costs if not (other.cost_seconds > 0).all()), None)
            if free is not None:
                raise SettingError(
                    f"{free.name} has evaluations that cost no seconds, so a budget in seconds says nothing: "
                    "give one in evaluations."
                )
    if clock is not None and clock.workers > 1 and isinstance(task, TrainingTask):
        raise SettingError("Real trainings run one after another: leave out the workers of the clock.")
    return Rules(budget, clock, lengths)


def read_trace(path: Path, header: Mapping[str, Any], task: Task, rules: Rules) -> Trace | None:
    """Return the trace of a run that its journal holds to the end; else None."""
    target = rules.target(task)
    if rules.clock is None:
        assert rules.budget.evaluations is not None
        return read_finished(
            path,
            header,
            evaluations=rules.budget.evaluations,
            known=_known(task),
            n_cells=task.space.size,
            sign=task.sign,
            target=target,
        )
    started = read_started(path, header, _known_by_epochs(task, rules))
    if started is None:
        return None
    full = task.signal.epochs or 0
    most, until = rules.budget.most_evaluations, rules.budget.most_seconds
    within = [one for i, one in enumerate(started) if i < most and one.start < until]
    trace = assembled(within, budget=rules.budget, clock=rules.clock, full=full, sign=task.sign, target=target)
    last = {one.worker: one.start + one.cost_seconds for one in within}
    used_up = len(within) >= most or (len(last) == rules.clock.workers and min(last.values()) >= until)
    return trace if used_up or len(within) < len(started) or _hit(trace, last, rules.clock) else None


def _hit(trace: Trace, last: Mapping[int, float], clock: Clock) -> bool:
    """Tell whether the optimum was found while every worker was busy, so that nothing else could be started before."""
    if trace.stopped != "optimum" or trace.end_seconds is None:
        return False
    return clock.workers == 1 or (len(last) == clock.workers and min(last.values()) >= trace.end_seconds[-1])


def trace_of(
    searcher: Searcher,
    task: Task,
    path: Path | None,
    header: Mapping[str, Any],
    rules: Rules,
    claim: Claim | None = None,
) -> Trace:
    """Run a searcher under rules, with a journal where there is a path, as long as the claim is held."""
    target = rules.target(task)

    def plain(evaluator: Evaluator) -> Trace:
        assert rules.budget.evaluations is not None
        return run_loop(
            searcher,
            evaluator,
            evaluations=rules.budget.evaluations,
            batch=int(header["batch"]),
            sign=task.sign,
            target=target,
        )

    def simulated(evaluators: Mapping[int, Evaluator], journal: Journal | None) -> Trace:
        assert rules.clock is not None
        if isinstance(searcher, MultiFidelitySearcher):
            searcher.begin(tuple(evaluators))
        return run_simulation(
            searcher,
            RunAnswers(evaluators, journal),
            budget=rules.budget,
            clock=rules.clock,
            full=task.signal.epochs or 0,
            n_fidelities=len(evaluators),
            sign=task.sign,
            target=target,
        )

    with ExitStack() as stack:
        tasks = rules.lengths or {task.signal.epochs or 0: task}
        evaluators = {epochs: stack.enter_context(_evaluator_of(other)) for epochs, other in tasks.items()}
        evaluator = evaluators[max(evaluators)]
        if path is None:
            return plain(evaluator) if rules.clock is None else simulated(evaluators, None)
        journal = stack.enter_context(
            Journal(path, header, known=_known(task) if rules.clock is None else None, claim=claim)
        )
        if isinstance(evaluator, TrainingEvaluator):
            evaluator.resume(journal.cells, journal.values, journal.failures)
        if rules.clock is None:
            return plain(JournaledEvaluator(evaluator, journal))
        check_known(path, header, started_of(path, journal.records), _known_by_epochs(task, rules))
        return simulated(evaluators, journal)


def _known_by_epochs(task: Task, rules: Rules) -> dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] | None:
    if isinstance(task, TrainingTask):
        return None
    lengths = rules.lengths or {task.signal.epochs or 0: task}
    return {epochs: (other.values, other.cost_seconds) for epochs, other in lengths.items()}


def _known(task: Task) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return values and costs of all cells, where they are known before."""
    return None if isinstance(task, TrainingTask) else (task.values, task.cost_seconds)


@contextmanager
def _evaluator_of(task: Task) -> Iterator[Evaluator]:
    if isinstance(task, TrainingTask):
        try:
            yield task.evaluator
        finally:
            task.evaluator.close()
    else:
        yield SurrogateEvaluator(task) if isinstance(task, SurrogateTask) else TableEvaluator(task)
