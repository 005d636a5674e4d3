"""Searchers × tasks × repeats."""

from __future__ import annotations

import math
import os
import sys
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nasmeta.analysis import limit_of
from nasmeta.checks import check_names
from nasmeta.errors import RunFailed, SettingError
from nasmeta.evaluators import Evaluator, TrainingEvaluator
from nasmeta.experiments._arguments import (
    SearchersLike,
    TasksLike,
    budgets_of,
    evaluators_of,
    seeds_of,
    sources_by_label,
    specs_of,
    tasks_of,
)
from nasmeta.experiments._folder import ComparisonFolder, Results, write_results
from nasmeta.experiments._jobs import Job, Pace, Pair, results_of, share_of
from nasmeta.experiments._published import BASELINES, stored_pairs
from nasmeta.experiments._workers import Workers
from nasmeta.journals import Shard
from nasmeta.progress import duration, heartbeat, progress_bar
from nasmeta.runs import (
    Clock,
    EvaluatorLike,
    RunConfig,
    SearcherSpec,
    SourcesLike,
    Transfer,
    evaluator_for,
    finished_run,
    space_in,
)

_RUNS_A_JOB = 10
_PROGRESS_SECONDS = 0.5


def compare(
    searchers: SearchersLike,
    tasks: TasksLike = "nb201",
    *,
    repeats: int | Sequence[int] = 10,
    evaluations: int | None = None,
    seconds: float | Mapping[str, float] | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    sources: SourcesLike | Mapping[str, SourcesLike] | None = None,
    folder: str | os.PathLike[str] | None = None,
    workers: int | Executor | Workers = 1,
    redo: str | Sequence[str] = (),
    evaluator: EvaluatorLike = "table",
    clock: Clock | Mapping[str, Any] | None = None,
    stop_at_optimum: bool = False,
    with_baselines: bool = False,
    progress: bool = False,
) -> pd.DataFrame:
    """Run searchers on tasks, each several times.

    Each run is one call of `search`. It does not depend on the other searchers, on their order or
    on the number of workers. A meta-searcher is meta-trained once per task, on the task's family
    without the task's dataset. Two settings of one searcher share their random numbers in each
    repeat (common random numbers), so a test of their difference should pair runs of equal seeds.

    Parameters
    ----------
    searchers : sequence of names or classes, or mapping
        The keys of a mapping are labels in the result; a value is a name, a class, or (name or
        class, settings).
    tasks : str, Task, TaskDistribution, SearchSpace, Evaluator, or iterable of names and tasks
        A family of tasks such as ``nb201``, or one or more tasks. A space needs a function as
        `evaluator`. An evaluator implies its own task.
    repeats : int or sequence of int, default 10
        Number of runs of each searcher on each task, with the seeds 0, 1, …; or the seeds, such as
        ``range(5, 15)``.
    evaluations : int, optional
        Budget of each run: number of distinct architectures; 200 unless `seconds` is given, 100
        with baselines.
    seconds : float, or mapping of task to float, optional
        Budget of each run on the simulated clock.
    settings : mapping of label to mapping, optional
        Settings of the searchers, as in `search`.
    sources : as in `search`, or mapping of label to that, optional
        Without a mapping, all meta-searchers use these sources or this meta-model.
    folder : path, optional
        Folder for the journals of all runs and ``results.parquet``. After an interruption, the same
        call resumes and returns the identical result. More repeats or evaluations continue the
        comparison.
    workers : int, Executor or Workers, default 1
        Number of processes; a `concurrent.futures.Executor`; or `nasmeta.experiments.Workers`, for
        a cluster, GPUs, or one shard of the runs.
    redo : str or sequence of str, optional
        Labels of searchers whose runs in `folder` are deleted and repeated, for example after a
        change of their code or settings. The runs of all other searchers are kept. Leave it out to
        resume an interrupted call.
    evaluator : str, path, Evaluator or callable, default "table"
        As in `search`. If the optimum is unknown, as for trainings and functions, regrets are NaN,
        and analysis compares the best values found. Trainings are kept in the folder's
        ``trainings``; each architecture is trained once, and its seconds are charged to every run
        that proposes it.
    clock : Clock or mapping, optional
        Simulated time, as in `search`; its workers are simulated, not processes.
    stop_at_optimum : bool, default False
        End a run when the best value of its task has been evaluated.
    with_baselines : bool, default False
        Also compare with random search, local search, ``evolution``, ``tpe``, ``reinforce`` and
        ``gp``. The package contains 30 runs of 100 evaluations on each of 27 tasks, such as
        ``nb201``. Other runs are done as usual.
    progress : bool, default False
        Show a progress bar on stderr.

    Returns
    -------
    DataFrame
        The results frame of all runs, ordered by task, searcher and seed; for its columns see
        `History.frame`.

    Raises
    ------
    UnknownNameError, SettingError, JournalError
        As in `search`; SettingError also if `folder` contains another comparison.
    RunFailed
        If custom code raises an exception; with a folder, after all other runs are done.
    NasmetaError
        If a node lacks the data, or workers die repeatedly.

    Examples
    --------
    >>> import nasmeta as nm
    >>> frame = nm.compare(["random", "evolution"], "nb201/cifar10", repeats=2, evaluations=50)
    >>> frame.groupby(["searcher", "seed"], observed=True).size().tolist()
    [50, 50, 50, 50]
    """
    home = None if folder is None else ComparisonFolder(Path(folder))
    specs = specs_of(searchers, settings)
    if (space := space_in(tasks)) is not None:
        tasks, evaluator = evaluator_for(space, evaluator), "table"
    if isinstance(tasks, Evaluator):
        tasks, evaluator = tasks.task, evaluator_for(tasks, evaluator)
    targets, seeds = tasks_of(tasks), seeds_of(repeats)
    repeated = [redo] if isinstance(redo, str) else [*redo]
    check_names("the comparison", "searcher", repeated, specs)
    workers = Workers.of(workers)
    shard = None if workers.shard is None else Shard.of(workers.shard)
    if (repeated or shard is not None) and home is None:
        raise SettingError(
            "folder", None, "a folder with the journals of shards or of the searchers to redo"
        )
    evaluators = evaluators_of(targets, evaluator, None if home is None else home.path)
    trainers = [each.trainer for each in evaluators if isinstance(each, TrainingEvaluator)]
    workers = workers.on_this_machine(trains=any(trainer.device == "auto" for trainer in trainers))
    if trainers and home is None and not workers.is_one_process:
        raise SettingError("Workers that train share the folder of the comparison: pass folder.")
    budgets = budgets_of(
        targets, evaluations, seconds, stop_at_optimum, default=100 if with_baselines else 200
    )
    for spec in specs.values():
        # raises an error for impossible settings
        spec.build(targets[0].space, np.random.default_rng(0))
    by_label = sources_by_label(sources, specs)
    clock = None if clock is None else Clock.of(clock)
    baselines = BASELINES if with_baselines else ()
    everyone = {name: SearcherSpec.of(name) for name in baselines} | specs
    if progress and (limit := limit_of(len(seeds), math.comb(len(everyone), 2))):
        print(limit, file=sys.stderr)
    configs = dict[Pair, RunConfig]()
    for i, evaluator_of_task in enumerate(evaluators):
        for label, spec in everyone.items():
            configs[i, label] = RunConfig.of(
                spec,
                evaluator_of_task,
                budgets[i],
                sources=by_label.get(label),
                clock=clock,
                label=label,
            )
    learners = [pair for pair, config in configs.items() if config.searcher.learns]
    if shard is None:
        wanted = dict.fromkeys(configs, seeds)
    else:
        wanted = share_of(shard, [*configs], learners, seeds)
    results = Results(configs, wanted)
    results.recall(stored_pairs(targets.names if with_baselines else ()), own=specs)
    if home is None:
        return _completed(results, workers, progress)
    sources_of_learners: dict[str, dict[str, list[str]]] = {}
    for pair in learners:
        names = sources_of_learners.setdefault(pair[1], {})
        names[configs[pair].task.name] = list(configs[pair].source_names)
    extent: dict[str, Any] = {
        "repeats": repeats if isinstance(repeats, int) else seeds,
        "evaluations": budgets[0].evaluations,
        "seconds": [budget.seconds for budget in budgets],
        "stop_at_optimum": stop_at_optimum,
        "sources": sources_of_learners,
    }
    path = home.path / "results.parquet"
    with home.claimed(
        specs, evaluators, clock=clock, is_shard=shard is not None, redo=repeated, **extent
    ):
        if shard is None:
            path.unlink(missing_ok=True)  # a failure must not leave those of other runs
        for (i, label), wanted_seeds in wanted.items():
            if label in repeated:
                for seed in wanted_seeds:
                    home.journal_of(targets[i].name, label, seed).unlink(missing_ok=True)
        frame = _completed(results, workers, progress, home)
        if shard is None:
            write_results(path, frame)
    return frame


def _completed(
    results: Results, workers: Workers, progress: bool, home: ComparisonFolder | None = None
) -> pd.DataFrame:
    """Read finished runs from the journals, do the others, and return the results of all runs."""
    evaluators = {id(config.evaluator): config.evaluator for config in results.configs.values()}
    training = deque([""], maxlen=1)  # the progress of a training in this process
    try:
        with (
            progress_bar("runs", results.total, shown=progress, estimate=False) as bar,
            ExitStack() as held,
        ):
            for evaluator in evaluators.values():
                held.enter_context(evaluator.kept_open())
                if progress and isinstance(evaluator, TrainingEvaluator):
                    evaluator.trainer.announce = training.append

            def show() -> None:
                notes = []
                if left := pace.seconds_left():
                    notes.append(f"{duration(left)} left")
                notes.append(pace.learned() or f"{results.evaluations:,} evaluations")
                if training[0]:
                    notes.append(training[0])
                bar.update(results.done, results.total, ", ".join(notes))

            if home is not None:
                _read(home, results)
            pace = _pace(results, workers)
            with heartbeat(show, _PROGRESS_SECONDS):
                _run(results, workers, home, pace)
            show()
    except KeyboardInterrupt:
        if home is None:
            kept = "Nothing was kept: no folder was given."
        else:
            kept = f"The same command resumes from {home.path}."
        print(f"\nInterrupted. {kept}", file=sys.stderr)
        raise
    return results.frame()


def _read(home: ComparisonFolder, results: Results) -> None:
    """Read the finished runs from their journals."""
    for pair, config in results.configs.items():
        for seed in results.missing(pair):
            journal = home.journal_of(config.task.name, config.label, seed)
            history = finished_run(replace(config, seed=seed), journal)
            if history is not None:
                results.keep(pair, seed, history)


def _pace(results: Results, workers: Workers) -> Pace:
    """Return the pace before the remaining jobs."""
    due: Counter[tuple[str, bool]] = Counter()
    for (i, label), config in results.configs.items():
        if seeds := results.missing((i, label)):
            due[label, False] += len(seeds)
            due[label, True] += config.searcher.learns
    return Pace(due, workers.n or os.cpu_count() or 1)


def _run(results: Results, workers: Workers, home: ComparisonFolder | None, pace: Pace) -> None:
    """Do the remaining jobs: meta-trainings first; the other searchers take turns, for an early estimate of the time.

    The runs that use a meta-model follow as soon as it is trained.
    """
    left = {pair: seeds for pair in results.configs if (seeds := results.missing(pair))}
    learners = [pair for pair in left if results.configs[pair].searcher.learns]
    n_workers = workers.n or os.cpu_count() or 1

    def runs(pair: Pair, learnt: Transfer | None = None) -> list[Job]:
        config, seeds = results.configs[pair], left[pair]
        size = max(1, min(_RUNS_A_JOB, math.ceil(len(seeds) / (2 * n_workers))))
        jobs = []
        for first in range(0, len(seeds), size):
            seeds_of_job = seeds[first : first + size]
            journals = []
            if home is not None:
                for seed in seeds_of_job:
                    journals.append(home.journal_of(config.task.name, config.label, seed))
            jobs.append(Job(pair, config, seeds_of_job, journals, learnt))
        return jobs

    if not left:
        return
    jobs = deque(Job(pair, results.configs[pair]) for pair in learners)
    queues = [runs(pair) for pair in left if pair not in learners]
    for turn in zip_longest(*queues):
        jobs.extend(job for job in turn if job is not None)
    with workers.executors() as executors, closing(results_of(jobs, workers, executors)) as done:
        for job, (seed, outcome, seconds) in done:
            if home is None and isinstance(outcome, RunFailed):
                raise outcome
            pace.add(job.pair[1], seed is None, seconds)
            if isinstance(outcome, Transfer):
                first, *others = runs(job.pair, outcome)
                jobs.appendleft(first)
                jobs.extend(others)
                continue
            if seed is not None:
                results.keep(job.pair, seed, outcome)
                continue
            for missing_seed in left[job.pair]:  # a failed meta-training
                results.keep(job.pair, missing_seed, outcome)
            pace.due[job.pair[1], False] -= len(left[job.pair])
