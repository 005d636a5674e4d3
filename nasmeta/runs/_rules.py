"""The rules of a run: who answers, budget, clock and lengths of training; and the run under them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import MissingValueError, SettingError
from nasmeta.evaluators import Evaluator, TrainingEvaluator
from nasmeta.journals import FolderLease as Claim
from nasmeta.runs._answers import RunAnswers, check_known, read_started, started_of
from nasmeta.runs._clock import Budget, Clock
from nasmeta.runs._journal import Journal, JournaledEvaluator, read_finished
from nasmeta.runs._loop import Trace, run_loop
from nasmeta.runs._simulation import assembled, run_simulation
from nasmeta.runs._spec import SearcherSpec
from nasmeta.searchers import MultiFidelitySearcher, Searcher
from nasmeta.tasks import fidelities

__all__ = ["Rules", "read_trace", "rules_of", "trace_of"]


@dataclass(frozen=True)
class Rules:
    """What one run may spend, who answers, and how time passes.

    Attributes
    ----------
    budget : Budget
    evaluator : Evaluator
        Of full trainings.
    clock : Clock or None
        None where nobody asked for one: then evaluations are counted, and architectures may be asked for in batches.
    lengths : dict of int to Evaluator, or None
        For a multi-fidelity searcher the evaluators by epochs.
    """

    budget: Budget
    evaluator: Evaluator
    clock: Clock | None = None
    lengths: dict[int, Evaluator] | None = None

    @property
    def evaluators(self) -> dict[int, Evaluator]:
        """The evaluators by epochs."""
        return self.lengths or {self.evaluator.full_epochs: self.evaluator}

    @property
    def measured(self) -> NDArray[np.int32] | None:
        """What has an answer after every length of training, int32; None where all have."""
        parts = [one.measured for one in self.evaluators.values() if one.measured is not None]
        if not parts:
            return None
        common = parts[0]
        for part in parts[1:]:
            common = np.intersect1d(common, part)
        if not len(common):
            raise MissingValueError(
                f"Nothing was measured after all of {', '.join(map(str, self.evaluators))} epochs for "
                f"{self.evaluator.task.name}: leave out one of them."
            )
        return common

    @property
    def measured_share(self) -> float:
        """The share of the space that is searched."""
        measured = self.measured
        return 1.0 if measured is None else len(measured) / self.evaluator.space.size

    @property
    def target(self) -> float | None:
        """The utility at which the run ends."""
        return self.evaluator.sign * self.evaluator.optimum if self.budget.stop_at_optimum else None


def rules_of(
    spec: SearcherSpec,
    evaluator: Evaluator,
    budget: Budget,
    clock: Clock | None,
    epochs: Iterable[int | str] | None = None,
) -> Rules:
    """Return the rules of the runs of a searcher on what an evaluator answers, checked.

    Raises
    ------
    SettingError
    """
    lengths, task = None, evaluator.task
    if spec.is_multi_fidelity:
        asked = fidelities(task, epochs)
        if epochs is None and evaluator.name != "table":
            asked = {evaluator.full_epochs: task}
        if len(asked) == 1 and epochs is None and not spec.settings.get("rungs"):
            (only,) = asked
            known = f"is known for one, {only} epochs" if only else "says no length"
            raise SettingError(
                f"{spec.name} needs trainings of several lengths, but {task.name} {known}. "
                f"epochs=[{only}] (--epochs {only}) searches without short ones."
            )
        lengths = evaluator.at(asked)
        if budget.seconds is None and clock is None:
            clock = Clock()
    elif epochs is not None:
        fidelities(task, epochs)  # says what is possible
    if budget.seconds is not None:
        clock = clock or Clock()
        free = next((other for other in (lengths or {0: evaluator}).values() if not other.has_costs()), None)
        if free is not None:
            raise SettingError(_why_no_seconds(free))
    if evaluator.values is None:
        if budget.stop_at_optimum:
            raise SettingError(f"The optimum of a {evaluator.name} is not known, so a search cannot stop at it.")
        if clock is not None and clock.workers > 1:
            raise SettingError("Real trainings run one after another: leave out the workers of the clock.")
    return Rules(budget, evaluator, clock, lengths)


def _why_no_seconds(evaluator: Evaluator) -> str:
    task = evaluator.task
    if task.device is None and not task.has_cost:
        return (
            f"{task.name} has no cost: nobody recorded the seconds of an evaluation, so a budget in seconds says "
            "nothing. Give one in evaluations, or name a column of seconds, as in table.task(…, cost='train_seconds')."
        )
    if task.device is None and (missing := np.isnan(task.cost_seconds[task.measured])).any():
        return (
            f"{task.name} has no seconds for {missing.sum():,} of {len(missing):,} measured architectures: nobody "
            "recorded what they cost, so a budget in seconds says nothing. Give one in evaluations."
        )
    return (
        f"{task.name} has evaluations that cost no seconds, so a budget in seconds says nothing: "
        "give one in evaluations."
    )


def read_trace(path: Path, header: Mapping[str, Any], rules: Rules) -> Trace | None:
    """Return the trace of a run that its journal holds to the end; else None."""
    evaluator = rules.evaluator
    if rules.clock is None:
        assert rules.budget.evaluations is not None
        measured = rules.measured
        return read_finished(
            path,
            header,
            evaluations=rules.budget.evaluations,
            known=_known(evaluator),
            n_cells=evaluator.space.size if measured is None else len(measured),
            sign=evaluator.sign,
            target=rules.target,
        )
    started = read_started(path, header, _known_by_epochs(rules))
    if started is None:
        return None
    full = evaluator.full_epochs
    most, until = rules.budget.most_evaluations, rules.budget.most_seconds
    within = [one for i, one in enumerate(started) if i < most and one.start < until]
    trace = assembled(
        within, budget=rules.budget, clock=rules.clock, full=full, sign=evaluator.sign, target=rules.target
    )
    last = {one.worker: one.start + one.cost_seconds for one in within}
    used_up = len(within) >= most or (len(last) == rules.clock.workers and min(last.values()) >= until)
    return trace if used_up or len(within) < len(started) or _hit(trace, last, rules.clock) else None


def _hit(trace: Trace, last: Mapping[int, float], clock: Clock) -> bool:
    """Tell whether the optimum was found while every worker was busy, so that nothing else could be started before."""
    if trace.stopped != "optimum" or trace.end_seconds is None:
        return False
    return clock.workers == 1 or (len(last) == clock.workers and min(last.values()) >= trace.end_seconds[-1])


def trace_of(
    searcher: Searcher, path: Path | None, header: Mapping[str, Any], rules: Rules, claim: Claim | None = None
) -> Trace:
    """Run a searcher under rules, with a journal where there is a path, as long as the claim is held."""
    evaluator = rules.evaluator

    def plain(answers: Evaluator | JournaledEvaluator) -> Trace:
        assert rules.budget.evaluations is not None
        return run_loop(
            searcher,
            answers,
            evaluations=rules.budget.evaluations,
            batch=int(header["batch"]),
            sign=evaluator.sign,
            target=rules.target,
        )

    def simulated(journal: Journal | None) -> Trace:
        assert rules.clock is not None
        if isinstance(searcher, MultiFidelitySearcher):
            searcher.begin(tuple(rules.evaluators))
        return run_simulation(
            searcher,
            RunAnswers(rules.evaluators, journal),
            budget=rules.budget,
            clock=rules.clock,
            full=evaluator.full_epochs,
            n_fidelities=len(rules.evaluators),
            sign=evaluator.sign,
            target=rules.target,
        )

    with ExitStack() as stack:
        for one in rules.evaluators.values():
            stack.callback(one.close)
        if path is None:
            return plain(evaluator) if rules.clock is None else simulated(None)
        journal = stack.enter_context(
            Journal(path, header, known=_known(evaluator) if rules.clock is None else None, claim=claim)
        )
        if isinstance(evaluator, TrainingEvaluator):
            evaluator.resume(journal.cells, journal.values, journal.failures)
        if rules.clock is None:
            return plain(JournaledEvaluator(evaluator, journal))
        check_known(path, header, started_of(path, journal.records), _known_by_epochs(rules))
        return simulated(journal)


def _known_by_epochs(rules: Rules) -> dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] | None:
    known = {epochs: _known(evaluator) for epochs, evaluator in rules.evaluators.items()}
    return None if any(one is None for one in known.values()) else known  # type: ignore[return-value]


def _known(evaluator: Evaluator) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return values and costs of all, where they are known before."""
    if evaluator.values is None or evaluator.cost_seconds is None:
        return None
    return evaluator.values, evaluator.cost_seconds
