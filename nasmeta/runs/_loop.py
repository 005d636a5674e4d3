"""The one loop: free workers ask, an evaluator answers, what has ended is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from math import inf
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_int
from nasmeta.errors import NasmetaError, SettingError, SpaceExhaustedError, shown
from nasmeta.evaluators import Evaluation, FunctionEvaluator, SupportsEvaluate, evaluate_or_fail
from nasmeta.runs._clock import Budget, Clock
from nasmeta.runs._front_history import history_for
from nasmeta.runs._history import History
from nasmeta.runs._journal import Journal, Replay
from nasmeta.runs._tell import Teller
from nasmeta.searchers import MultiFidelitySearcher, Searcher

STALL_LIMIT = 100_000
# When it ends, the position of its first evaluation, worker, epochs, cost, best utility, what was asked for, what will
# be told (None: look it up), and under which keys it is known.
_Running: TypeAlias = (
    "tuple[float, int, int, int, float, Any, NDArray[np.int32], NDArray[np.float64] | None, list[Any]]"
)
_PATIENCE = 100  # proposals of what is being trained, before a free worker waits for the next result
_FREE_FAILURES = 100  # without any seconds from the start on, before a budget in seconds is refused


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
    """Run a searcher on an evaluator until something ends the run.

    A worker that is free asks, and is free again when what it was given is trained; then the values are told. Without a
    clock there is one worker, and time stands still. Where repeats are free, only what is new in this run is evaluated
    and recorded; for the rest the searcher is told the known value.

    What is started does not depend on the budget: a shorter run starts what a longer one starts first. Hence a batch is
    never made smaller to fit the budget, only to fit what is left in the space; of the last batch just the first
    architectures are evaluated.

    Evaluators are by epochs where there are several lengths of training; the longest is a full one. Nothing is started
    after so many `evaluations`, or `seconds` of the clock. Without a clock `batch` architectures are asked for at once.
    The `sign` is 1 where a higher value is better, else -1; of several objectives an array of shape (m,). The run stops
    when a full training reaches the signed `target`, or after `stall_limit` proposals in a row of which none was new.
    What the journal holds is replayed, what follows is recorded. `watch` is called with the number of evaluations.

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
    several = searcher if isinstance(evaluator, Mapping) and isinstance(searcher, MultiFidelitySearcher) else None
    lengths = evaluator if isinstance(evaluator, Mapping) else {0: evaluator}
    if not lengths:
        raise SettingError("There is no evaluator: pass one, or a mapping of epochs to evaluators.")
    clock = None if clock is None else Clock.of(clock)
    batch = check_int("batch", batch, most=10**30)
    if evaluations is not None:
        evaluations = check_int("evaluations", evaluations, least=0)
    if clock is None and seconds is not None:
        raise SettingError("Seconds pass on a clock: pass one as well, such as clock=Clock().")
    if clock is not None and batch > 1:
        raise SettingError("On a clock each worker asks for one architecture: use its workers, not a batch.")
    full, budget, rules = max(lengths), Budget(evaluations, seconds), clock or Clock()
    plain, n_objectives = np.ndim(sign) == 0 and sign == 1.0, np.shape(sign)
    history = history_for(int(np.size(sign)), timed=clock is not None)
    timed, record, ask, timer = history.timed, history.append, searcher.ask, perf_counter
    replay = None if journal is None else Replay(journal, timed)
    costs_unknown = seconds is not None and any(getattr(one, "cost_seconds", None) is None for one in lengths.values())
    n_cells, everything = searcher.space.size, searcher.space.size * len(lengths)
    free, continued, charge = rules.repeats == "free", rules.promotion == "continued", rules.charge_searcher
    shared = free and rules.workers > 1
    most, until = budget.most_evaluations, budget.most_seconds
    known: dict[Any, Any] = {}  # utilities of what was started, by cell, or by (cell, epochs)
    teller = Teller(searcher, several, known, timer)
    pending: dict[Any, int] = {}  # how often what one of several workers is busy with was proposed
    paid: dict[int, tuple[int, float]] = {}  # the longest training of a cell, and what was paid for it in all
    running: list[_Running] = []  # a heap
    idle = list(range(rules.workers))  # a heap
    now, thought, accounted, n, in_a_row, epochs = 0.0, 0.0, 0.0, 0, 0, full
    thinks_until = 0.0  # the searcher is one for all workers: where its time is charged they queue for it

    # Python's own lists, ints and floats: for single numbers they are several times faster than numpy's.
    while True:
        stopped = "budget"
        while idle and n < most and now < until and not (running and running[0][0] <= thinks_until):
            if free and len(known) == everything:
                stopped = "exhausted"
                break
            if in_a_row >= (_PATIENCE if running else stall_limit):
                stopped = "stalled"
                break
            if batch > 1:
                batch = min(batch, everything - len(known))
            begin = timer()
            try:
                if several is None:
                    asked = ask(batch)
                else:
                    asked, epochs = _pair(several)
            except SpaceExhaustedError:
                if batch > 1:
                    batch //= 2  # fewer may be left
                    continue
                stopped = "exhausted"
                break
            finally:
                thought += timer() - begin
            if not isinstance(asked, np.ndarray) or asked.dtype.kind not in "iu" or asked.shape != (batch,):
                raise _no_cells(searcher, batch, asked)
            cells = asked.tolist()  # before the cast, which would wrap large numbers
            asked = asked.astype(np.int32, copy=False)
            keys = cells if several is None else [(cells[0], epochs)]
            if batch == 1:
                new = cells if not free or keys[0] not in known else []
            else:
                new = [cell for cell in dict.fromkeys(cells) if cell not in known]
            if not new:
                in_a_row += batch
                if shared and keys[0] in pending:
                    pending[keys[0]] += 1
                else:
                    thought += teller.tell(asked, epochs, np.array([known[key] for key in keys]), again=True)
                continue
            if min(new) < 0 or max(new) >= n_cells:
                raise _no_cells(searcher, batch, asked)
            in_a_row, start, spent = 0, now, 0.0
            if charge:
                replayed = None if replay is None else replay.searcher_seconds(n)
                spent = thought - accounted if replayed is None else replayed
                start = thinks_until = max(now, thinks_until) + spent
                if start >= until:
                    until = min(until, now)  # the searcher thought until the end
                    break
            accounted = thought
            if len(new) > most - n:
                new = new[: int(most - n)]
            all_new = len(new) == batch
            chosen = asked if all_new else np.array(new, np.int32)
            if replay is None:
                evaluation = evaluate_or_fail(lengths[epochs], chosen)
            else:
                evaluation = replay.evaluate(n, chosen, epochs, lengths[epochs])
            values, costs = evaluation.values.tolist(), evaluation.cost_seconds.tolist()
            if n_objectives:
                if evaluation.values.shape[1:] != n_objectives:
                    raise NasmetaError(
                        f"{type(lengths[epochs]).__name__} answered with values of shape {evaluation.values.shape}; "
                        f"for {n_objectives[0]} objectives it must be ({len(new)}, {n_objectives[0]})."
                    )
                utilities, total = (sign * evaluation.values).tolist(), evaluation.values.sum()
            else:
                utilities = values if plain else [sign * value for value in values]
                total = sum(utilities)
            if total != total and _lacks_a_reason(evaluation):  # NaN
                raise NasmetaError(f"{type(lengths[epochs]).__name__} answered NaN for one of the cells {new}.")
            if costs_unknown:
                costs_unknown = not _has_seconds(lengths[epochs], evaluation, n, start)
            known.update(zip(keys if all_new else new, utilities, strict=True))
            if continued and (replay is None or not replay.holds(n)):
                longest, before = paid.get(new[0], (0, 0.0))
                if epochs > longest > 0:
                    costs = [max(costs[0] - before, 0.0)]
            worker = heappop(idle)
            notes = None if searcher.notes is None else _notes_of(searcher.notes, cells, new)
            if evaluation.notes:
                said = notes or [{}] * len(new)
                notes = [{**own, **also} for own, also in zip(said, evaluation.notes, strict=True)]
            if evaluation.failures:
                own = zip(keys if all_new else new, evaluation.failures, strict=True)
                teller.failed.update(key for key, why in own if why is not None)
            record(new, values, costs, evaluation.failures, start, worker, epochs, notes)
            if replay is not None:
                replay.record(n, new, values, costs, evaluation.failures, start, worker, epochs, spent, notes)
            if shared:
                pending[keys[0]], asked = 1, asked.copy()
            told = None if not all_new else evaluation.values if plain else np.array(utilities)
            end = start + sum(costs) if timed else now
            best = max(utilities) if total == total else -inf
            heappush(running, (end, n, worker, epochs, costs[0], best, asked, told, keys))
            n += len(new)
            if watch is not None:
                watch(n)
        if not running:
            break
        now, _, worker, epochs, cost, best, asked, told, keys = heappop(running)
        heappush(idle, worker)
        if running:
            in_a_row = 0
        if continued:
            cell = int(asked[0])
            longest, before = paid.get(cell, (0, 0.0))
            if epochs > longest:
                paid[cell] = (epochs, before + cost)
        if target is not None and epochs == full and best >= target:
            break
        if (n >= most or now >= until) and not running:
            break
        if told is None:
            told = np.array([known[key] for key in keys])
        if shared and (times := pending.pop(keys[0])) > 1:  # all who asked hear it now
            asked, told = asked.repeat(times), told.repeat(times, axis=0)
        thought += teller.tell(asked, epochs, told)
    history.stopped, history.searcher_seconds = stopped, thought
    history.end(budget, rules, 1.0 if n_objectives else float(sign), target, full)
    return history


def _has_seconds(evaluator: SupportsEvaluate, evaluation: Evaluation, n: int, start: float) -> bool:
    """Whether a success costs seconds; one that costs none is refused, and so are failures alone that never do."""
    failed = any(evaluation.failures)
    if evaluation.cost_seconds.any():
        return not failed
    if failed and (start or n + 1 < _FREE_FAILURES):  # that one fails at once is possible
        return False
    who, helps = f"evaluator {type(evaluator).__name__}", "answer with cost_seconds"
    if isinstance(evaluator, FunctionEvaluator):
        who, helps = evaluator.column.source, "return (value, seconds)"
    what = (
        f"The first {n + 1} evaluations of the {who} failed without seconds"
        if failed
        else f"The {who} returned no seconds"
    )
    failing = ", raise EvaluationFailed(reason, seconds)" if failed else ""
    raise SettingError(
        f"{what}, so a budget in seconds says nothing: {helps}{failing}, or give a budget in evaluations."
    )


def _lacks_a_reason(evaluation: Evaluation) -> bool:
    """Whether a value is NaN though nobody says that its evaluation failed."""
    lost = np.asarray(np.isnan(evaluation.values).reshape(len(evaluation.values), -1).any(axis=1))
    reasons = evaluation.failures or (None,) * len(lost)
    return any(one and why is None for one, why in zip(lost.tolist(), reasons, strict=True))


def _notes_of(notes: Any, cells: list[int], new: list[int]) -> list[Mapping[str, Any]]:
    """Return what was said of those proposals that are evaluated; a searcher may mean something else by the name."""
    said = zip(cells, notes, strict=False) if isinstance(notes, list) else ()
    known = {cell: note for cell, note in said if isinstance(note, dict)}
    return [known.get(cell, {}) for cell in new]


def _pair(searcher: MultiFidelitySearcher) -> tuple[NDArray[np.int32], int]:
    """Ask for a cell and the length of its training."""
    asked = searcher.ask_at(1)
    if not (
        isinstance(asked, tuple)
        and len(asked) == 2
        and all(isinstance(part, np.ndarray) and part.shape == (1,) for part in asked)
    ):
        raise NasmetaError(f"{type(searcher).__name__}.ask_at(1) must return cells and epochs, not {shown(asked)}.")
    cell, epochs = int(asked[0][0]), int(asked[1][0])
    if not 0 <= cell < searcher.space.size:
        raise _no_cells(searcher, 1, asked[0])
    if epochs not in searcher.fidelities:
        raise NasmetaError(
            f"{type(searcher).__name__} proposed {epochs} epochs; possible: {', '.join(map(str, searcher.fidelities))}."
        )
    return np.array([cell], np.int32), epochs


def _no_cells(searcher: Searcher, batch: int, asked: object) -> NasmetaError:
    """Return the error that says what a searcher proposed instead of cells."""
    if isinstance(asked, np.ndarray):
        what = f"{asked.dtype} of shape {asked.shape}: {asked.ravel()[:5].tolist()}"
    else:
        what = f"{type(asked).__name__}: {shown(asked)}"
    return NasmetaError(
        f"The searcher {type(searcher).__name__} was asked for {batch} cell(s) of {searcher.space.name} and proposed "
        f"{what}. It must propose integers of shape ({batch},) with cells from 0 to {searcher.space.size - 1}."
    )
