"""The one loop: ask, evaluate, tell, record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import NasmetaError, SpaceExhaustedError
from nasmeta.evaluators import SupportsEvaluate
from nasmeta.searchers import Searcher

__all__ = ["STALL_LIMIT", "Trace", "no_cells", "run_loop"]

STALL_LIMIT = 100_000


@dataclass(frozen=True)
class Trace:
    """What one pass of the loop recorded.

    Attributes
    ----------
    cells : ndarray of int32, shape (n,)
    values, cost_seconds : ndarray of float64, shape (n,)
    stopped : {"budget", "optimum", "exhausted", "stalled"}
    searcher_seconds : float
        Time inside ``ask`` and ``tell``; NaN where the trace was read and not run.
    failures : mapping of int to str
        Cells whose training failed, and why.
    end_seconds, workers, epochs : ndarray, shape (n,), optional
        On a simulated clock: when each evaluation ended, on which worker it ran, and how long the training was.
    """

    cells: NDArray[np.int32]
    values: NDArray[np.float64]
    cost_seconds: NDArray[np.float64]
    stopped: str
    searcher_seconds: float = float("nan")
    failures: Mapping[int, str] = field(default_factory=dict)
    end_seconds: NDArray[np.float64] | None = None
    workers: NDArray[np.int32] | None = None
    epochs: NDArray[np.int32] | None = None

    @classmethod
    def of(
        cls,
        cells: list[int],
        values: list[float],
        costs: list[float],
        stopped: str,
        seconds: float = float("nan"),
        failures: Mapping[int, str] | None = None,
    ) -> Trace:
        """Build the arrays from lists."""
        return cls(
            np.array(cells, np.int32), np.array(values, float), np.array(costs, float), stopped, seconds, failures or {}
        )


def run_loop(
    searcher: Searcher,
    evaluator: SupportsEvaluate,
    *,
    evaluations: int,
    batch: int = 1,
    sign: float = 1.0,
    target: float | None = None,
    stall_limit: int = STALL_LIMIT,
) -> Trace:
    """Run a searcher on an evaluator until something ends the run.

    Only cells that are new in this run are evaluated and recorded; for others the searcher is told the known value.
    What is recorded does not depend on the budget: a shorter run is a prefix of a longer one. Hence a batch is never
    made smaller to fit the budget, only to fit the cells that are left in the space; of the last batch just the first
    cells are evaluated.

    Parameters
    ----------
    searcher : Searcher
    evaluator : Evaluator
    evaluations : int
        Budget: how many distinct cells may be evaluated.
    batch : int
        How many cells are asked for at once; fewer where the space or the searcher has fewer left.
    sign : float
        1 where a higher value is better, -1 where a lower one is.
    target : float, optional
        Stop after the evaluation whose signed value reaches it.
    stall_limit : int
        Stop after so many proposals in a row of which none was new.

    Raises
    ------
    NasmetaError
        Where the searcher proposes something that is no array of cells, or the evaluator answers with NaN.
    """
    # Python's own lists, ints and floats: for single numbers they are several times faster than numpy's.
    ask, tell, evaluate, clock = searcher.ask, searcher.tell, evaluator.evaluate, perf_counter
    n_cells = searcher.space.size
    utility_of: dict[int, float] = {}
    cells: list[int] = []
    values: list[float] = []
    costs: list[float] = []
    failures: dict[int, str] = {}
    seconds, idle = 0.0, 0
    stopped = "budget"
    while len(cells) < evaluations:
        if len(cells) == n_cells:
            stopped = "exhausted"
            break
        batch = min(batch, n_cells - len(cells))
        start = clock()
        try:
            asked = ask(batch)
        except SpaceExhaustedError:
            if batch > 1:
                batch //= 2  # fewer may be left
                continue
            stopped = "exhausted"
            break
        finally:
            seconds += clock() - start
        if not isinstance(asked, np.ndarray) or asked.dtype != np.int32 or asked.shape != (batch,):
            raise no_cells(searcher, batch, asked)
        proposals = asked.tolist()
        new = [cell for cell in dict.fromkeys(proposals) if cell not in utility_of]
        if new:
            if min(new) < 0 or max(new) >= n_cells:
                raise no_cells(searcher, batch, asked)
            all_new = len(new) == batch
            room = evaluations - len(cells)
            if len(new) > room:
                del new[room:]
                all_new = False
            evaluation = evaluate(asked if all_new else np.array(new, dtype=np.int32))
            answers = evaluation.values.tolist()
            utilities = answers if sign == 1.0 else [sign * value for value in answers]
            best = max(utilities)
            if best != best or sum(utilities) != sum(utilities):  # NaN
                raise NasmetaError(f"{type(evaluator).__name__} answered NaN for one of the cells {new}.")
            utility_of.update(zip(new, utilities, strict=True))
            cells += new
            values += answers
            costs += evaluation.cost_seconds.tolist()
            if evaluation.failures:
                failures.update((c, why) for c, why in zip(new, evaluation.failures, strict=True) if why is not None)
            idle = 0
            if target is not None and best >= target:
                surplus = len(new) - 1 - next(i for i, utility in enumerate(utilities) if utility >= target)
                if surplus:  # the rest of a batch: evaluated, but after the end of this run
                    del cells[-surplus:], values[-surplus:], costs[-surplus:]
                stopped = "optimum"
                break
            if len(cells) >= evaluations:
                break
            told = evaluation.values if all_new and sign == 1.0 else None
        else:
            idle += batch
            if idle >= stall_limit:
                stopped = "stalled"
                break
            told = None
        if told is None:
            told = np.array([utility_of[cell] for cell in proposals])
        start = clock()
        tell(asked, told)
        seconds += clock() - start
    return Trace.of(cells, values, costs, stopped, seconds, failures)


def no_cells(searcher: Searcher, batch: int, asked: object) -> NasmetaError:
    """Return the error that says what a searcher proposed instead of cells."""
    if isinstance(asked, np.ndarray):
        what = f"{asked.dtype} of shape {asked.shape}: {asked.ravel()[:5].tolist()}"
    else:
        what = f"{type(asked).__name__}: {asked!r:.80}"
    return NasmetaError(
        f"The searcher {type(searcher).__name__} was asked for {batch} cell(s) of {searcher.space.name} and proposed "
        f"{what}. It must propose an int32 array of shape ({batch},) with cells from 0 to {searcher.space.size - 1}."
    )
