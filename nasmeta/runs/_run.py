"""Run a config, resume it from its journal, or read its history."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from nasmeta.runs._config import RunConfig, naming_crashes
from nasmeta.runs._front_history import FrontHistory
from nasmeta.runs._history import History
from nasmeta.runs._journal import Journal, check_recorded, read_journal
from nasmeta.runs._loop import run_loop
from nasmeta.runs._trace import Trace
from nasmeta.runs._transfer import Transfer
from nasmeta.searchers import MultiFidelitySearcher, Searcher


def run_config(
    config: RunConfig,
    path: Path | None = None,
    *,
    learnt: Transfer | None = None,
    searcher: Searcher | None = None,
    watch: Callable[[int], object] | None = None,
) -> Trace:
    """Run the searcher of a config.

    Parameters
    ----------
    config : RunConfig
    path : Path, optional
        Journal to resume and to append to.
    learnt : Transfer, optional
        The result of `RunConfig.learn`, which many runs share.
    searcher : Searcher, optional
        Replaces the searcher of the config.
    watch : callable, optional
        Called with the number of evaluations.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.runs import run_config
    >>> run = nm.search("random", "nb201/cifar10", evaluations=20)
    >>> run_config(run.config).values.tolist() == run.values.tolist()
    True
    """
    if searcher is None:
        searcher = config.learn_and_start() if learnt is None else config.start(learnt)
    if isinstance(searcher, MultiFidelitySearcher):
        searcher.begin(tuple(config.evaluators))
    with ExitStack() as stack:
        stack.callback(searcher.close)
        for evaluator in config.evaluators.values():
            stack.callback(evaluator.close)
        journal, past = None, Trace()
        if path is not None:
            journal = stack.enter_context(Journal(path, config.identity))
            past = journal.past
            check_recorded(path, past, config)
        rows = past.rows
        for epochs, evaluator in config.evaluators.items():
            of_length = [row for row in rows if row[3].get("epochs", epochs) == epochs]
            evaluator.resume([(row[0], row[1], row[3].get("failure")) for row in of_length])
        what = f"{config.label or config.searcher.name} on {config.task.name}, seed {config.seed}"
        hint = ""
        if path is not None and not config.label:
            hint = f"The same command resumes from {path}; after a change of the code, use another file."
        stack.enter_context(naming_crashes(what, hint))
        trace = run_loop(
            searcher,
            config.evaluators,
            evaluations=config.budget.evaluations,
            seconds=config.budget.seconds,
            clock=config.clock,
            sign=config.evaluator.signs,
            target=config.target,
            journal=journal,
            watch=watch,
        )
    return trace


def history_of(config: RunConfig, trace: Trace) -> History:
    """Return the history of a config from its trace.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.runs import history_of, run_config
    >>> run = nm.search("random", "nb201/cifar10", evaluations=20)
    >>> history_of(run.config, run_config(run.config)).best == run.best
    True
    """
    trace.index_type = config.evaluator.space.index_type  # a journal does not state it
    if config.evaluator.n_objectives == 1:
        return History(config, trace)
    return FrontHistory(config, trace)


def finished_run(config: RunConfig, path: Path) -> History | None:
    """Return the history in the journal of a finished run; None if the run has to continue.

    Raises
    ------
    JournalError
        If the journal is damaged, belongs to another run, or contradicts the table.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import nasmeta as nm
    >>> from nasmeta.runs import finished_run
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = nm.search("random", "nb201/cifar10", evaluations=20, journal=f"{folder}/run.jsonl")
    ...     read = finished_run(run.config, Path(folder, "run.jsonl"))
    >>> read.best == run.best
    True
    """
    contents = read_journal(path, config.identity)
    if contents is None:
        return None
    _, trace = contents
    check_recorded(path, trace, config)
    history = history_of(config, trace)
    if not _end(history):
        return None
    return history


def _end(history: History) -> bool:
    """Remove evaluations after the end of the run; return False if the run is not finished."""
    config, n = history.config, len(history)
    most, until = config.budget.most_evaluations, config.budget.most_seconds
    within = (np.arange(n) < most) & (history.start_seconds < until)
    workers, ends = history.workers[within].tolist(), history.end_seconds[within].tolist()
    last_ends = dict(zip(workers, ends, strict=True))  # by worker
    all_busy_until = -np.inf
    if len(last_ends) == history.clock.workers:
        all_busy_until = min(last_ends.values())
    history.end(config.budget, history.clock, config.evaluator.sign, config.target)
    if history.stopped == "optimum":  # unless another evaluation could have started before
        until = min(until, float(history.end_seconds[-1]))
    if within.sum() >= most or within.sum() < n or all_busy_until >= until:
        return True
    if config.clock is None and n >= config.n_measured:
        history.stopped = "exhausted"
        return True
    return False
