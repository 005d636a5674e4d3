"""Searchers × tasks × repeats."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nasmeta.checks import check_bool, is_listed
from nasmeta.errors import SettingError
from nasmeta.evaluators import Evaluator, TrainingEvaluator
from nasmeta.experiments._arguments import (
    SearchersLike,
    TasksLike,
    budgets_of,
    evaluators_of,
    names_of_learnt,
    per_label,
    per_learner,
    seeds_of,
    specs_of,
    tasks_of,
)
from nasmeta.experiments._backends import Backend, Connection, connected, visible_gpus
from nasmeta.experiments._folder import ComparisonFolder, Results
from nasmeta.experiments._jobs import DataFingerprint, Job, MetaTrainJob, Pair, Runs, results_of, share_of
from nasmeta.journals import FolderLease, Shard
from nasmeta.places import in_store, located
from nasmeta.progress import progress_bar
from nasmeta.runs import Clock, RunConfig, check_lengths_used
from nasmeta.runs._answers import EvaluatorLike, answers_for, space_in
from nasmeta.runs._sources import MetaModelLike, SourcesLike
from nasmeta.runs._warm_start import Guide
from nasmeta.tasks import SourceTask, Task

if TYPE_CHECKING:
    from nasmeta.training import ImageDataset, Recipe

_RUNS_A_JOB = 10


def compare(
    searchers: SearchersLike,
    tasks: TasksLike = "nb201",
    *,
    repeats: int | None = None,
    evaluations: int | None = None,
    seconds: float | Mapping[str, float] | None = None,
    seed: int | None = None,
    seeds: Sequence[int] | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    sources: SourcesLike | Mapping[str, SourcesLike] | None = None,
    meta_model: MetaModelLike | Mapping[str, MetaModelLike] | None = None,
    prune_space: float | Mapping[str, float] | None = None,
    warm_start: int | str | Mapping[str, int | str] = 0,
    folder: str | os.PathLike[str] | ComparisonFolder | None = None,
    workers: int | None = None,
    backend: str = "loky",
    address: str | None = None,
    gpus_per_worker: float | None = None,
    shard: str | None = None,
    progress: bool = False,
    stop_at_optimum: bool = False,
    evaluator: EvaluatorLike = "table",
    data: str | ImageDataset | None = None,
    recipe: str | Path | Recipe | None = None,
    clock: Clock | Mapping[str, Any] | None = None,
    epochs: Sequence[int | str] | None = None,
) -> pd.DataFrame:
    """Run searchers on tasks, each several times.

    Repeat r of a searcher is ``search(searcher, task, seed=seed + r)``, whatever else is compared, in whatever order
    and on however many workers. A meta-searcher is meta-trained once a task, on its family without the task's dataset.
    Two settings of one searcher share their random numbers, repeat by repeat: so their difference varies less than that
    of independent runs (common random numbers), and a test of it should pair the runs of equal seeds.

    Parameters
    ----------
    searchers : sequence of names or classes, or mapping
        A mapping has the labels of the result as keys, and as values a name, a class, or (name or class, settings).
    tasks : str, Task, TaskDistribution, SearchSpace, Evaluator, or iterable of names and tasks
        A family of tasks such as ``nb201``, a single task, or several; a space, also as ``package.module:Name``, where
        a function answers; an evaluator answers for its own task.
    repeats : int, optional
        10 where left out.
    evaluations : int, optional
        Budget of each run, in distinct cells; 200 where neither this nor `seconds` is given.
    seconds : float, or mapping of task to float, optional
        Budget of each run on the simulated clock.
    seed : int, optional
        Seed of the first repeat; 0 where left out.
    seeds : sequence of int, optional
        The seeds of all repeats, in place of the two above.
    settings : mapping of label to mapping, optional
        Keyword arguments for searchers.
    sources : as in `search`, or mapping of label to that, optional
        Single ones are for every searcher that learns from sources. Of a family each task's own dataset is left out.
    meta_model : path, str, SavedMetaModel, or mapping of label to one of these, optional
        As in `search`; a single one, such as ``"shipped"``, is for every meta-searcher that is compared.
    prune_space : float, or mapping of label to float, optional
        As in `search`, for all searchers or for those that are named.
    warm_start : int, str, or mapping of label to one of these, default 0
        As in `search`.
    folder : path or address, optional
        Where each run keeps its journal: a folder, or a place in an object store such as ``s3://bucket/results`` (extra
        ``store``, and the protocol's own package). The same call again goes on after any end, a kill included, and
        gives the identical result; larger numbers of repeats or evaluations continue the comparison. The result is
        written to ``results.parquet`` in it.
    workers : int, optional
        Number of processes; where left out 1, and on a cluster all of its CPUs. A Dask cluster that is there already is
        used whole.
    backend : {"loky", "ray", "dask"}, default "loky"
        Where the processes are: on this machine, or on a Ray or Dask cluster (extras ``ray`` and ``dask``). The results
        are the same to the bit. Each node opens its own tables; one whose data or versions differ is refused. A worker
        that dies loses what it has not yet written, its runs go on from their journals on another one; for that the
        folder must be one that all nodes see.
    address : str, optional
        Of a cluster that is there, such as ``tcp://host:8786``; by default what the process is connected to, or
        ``RAY_ADDRESS`` or ``DASK_SCHEDULER_ADDRESS``; without any a cluster is started on this machine.
    gpus_per_worker : float, optional
        GPUs that each worker has for itself; 0.5 lets two share one. On this machine a worker sees only its own
        (``CUDA_VISIBLE_DEVICES``); of Ray they are asked as ``num_gpus``, of Dask as the resource ``GPU``. Several
        workers here that train take the GPUs in turn where this is left out.
    shard : str, optional
        ``I/N``, I from 0: do the I-th of N parts of the runs only. Several processes, on one machine or many, do their
        parts in one folder at the same time. The same call without it then reads what they did, does what is missing,
        and writes the results; where it is given, the runs of this part are returned.
    progress : bool, default False
        Show a progress bar on stderr.
    stop_at_optimum : bool, default False
        End a run when the best value of its task has been evaluated.
    evaluator : str, path, Evaluator or callable, or a list of these, default "table"
        What answers, as in `search`. Values and regrets are those of what answers. Where no optimum is known
        beforehand, as of trainings and functions, regrets are NaN, and analysis compares the best values found.
        Trainings are in the folder's ``trainings``, each cell once, whoever proposes it; its seconds count for each.
    data : str or ImageDataset, optional
        For training: images, as `nasmeta.training.ImageDataset.load` takes them.
    recipe : str, Path or Recipe, optional
        For training; as in `nasmeta.train`.
    clock : Clock or mapping, optional
        How simulated time passes in each run; its workers are simulated ones, not processes.
    epochs : sequence of int or str, optional
        The lengths of training that multi-fidelity searchers may use; the others take the full one. Short ones are
        refused where no searcher would use them.

    Returns
    -------
    DataFrame
        The results frame of all runs, ordered by task, searcher and seed; for its columns see `History.frame`.

    Raises
    ------
    UnknownNameError, SettingError, JournalError
        As in `search`; SettingError also where `folder` holds another comparison.
    NasmetaError
        Where no cluster answers, a node lacks the data, or workers die again and again.

    Examples
    --------
    >>> import nasmeta as nm
    >>> frame = nm.compare(["random", "evolution"], "nb201/cifar10", repeats=2, evaluations=50)
    >>> frame.groupby(["searcher", "seed"], observed=True).size().tolist()
    [50, 50, 50, 50]
    """
    home = folder if isinstance(folder, ComparisonFolder | None) else ComparisonFolder(located("folder", folder))
    specs = specs_of(searchers, {} if settings is None else settings)
    kept, starts = per_label("prune_space", prune_space, None, specs), per_label("warm_start", warm_start, 0, specs)
    specs = {label: spec.guided(kept[label], starts[label]) for label, spec in specs.items()}
    if (space := space_in(tasks)) is not None:
        tasks, evaluator = answers_for(space, evaluator, data, recipe), "table"
    targets = tasks_of(tasks)
    if isinstance(tasks, Evaluator):
        if evaluator != "table":
            raise SettingError(f"{tasks!r} answers already: leave out evaluator.")
        evaluator = tasks
    check_bool("progress", progress)
    of_runs = seeds_of(repeats, seed, seeds)
    part = None if shard is None else Shard.of(shard)
    if part is not None and (home is None or not home.journals or in_store(home.path)):
        raise SettingError(
            "Shards meet in the journals of a folder on a file system that all of them see: give folder=DIR, on the "
            "command line --out DIR; an object store will not do."
        )
    where = Backend.of(backend, address, workers, gpus_per_worker)
    place = None if home is None else home.path
    evaluators = evaluators_of(targets, evaluator, data, recipe, place, where == Backend())
    where = _on_gpus_in_turn(where, evaluators)
    if home is not None and str(home.path).startswith("memory://") and where != Backend():
        raise SettingError("memory:// is seen by this process alone: leave out workers and backend, or use a folder.")
    budgets = budgets_of(targets, evaluations, seconds, stop_at_optimum)
    ticking = None if clock is None else Clock.of(clock)
    for spec in specs.values():
        spec.build(targets[0].space, np.random.default_rng(0))  # a setting that is not possible is noticed here
    models = per_learner("meta-model", meta_model, [label for label, spec in specs.items() if spec.is_meta], specs)
    taught = {
        label: own if isinstance(own, str | Task | SourceTask) or not is_listed(own) else list(own)
        for label, own in per_learner(
            "source", sources, [label for label, spec in specs.items() if spec.learns], specs
        ).items()
    }
    of_all: dict[str, Any] = {"clock": ticking, "epochs": epochs}
    configs: dict[Pair, RunConfig] = {}
    for i, (answers, budget) in enumerate(zip(evaluators, budgets, strict=True)):
        for label, spec in specs.items():
            learnt: dict[str, Any] = {"meta_model": models.get(label), "sources": taught.get(label)}
            configs[i, label] = RunConfig.of(spec, answers, budget, **learnt, **of_all, label=label)
    if epochs is not None:
        check_lengths_used(specs.values(), epochs)
    learners = [pair for pair, config in configs.items() if config.searcher.learns]
    wanted = dict.fromkeys(configs, of_runs) if part is None else share_of(part, [*configs], learners, of_runs)
    if home is None:
        return _completed(Results(configs, wanted), where, progress)
    extent: dict[str, Any] = {
        "repeats": len(of_runs),
        "evaluations": budgets[0].evaluations,
        "seconds": [budget.seconds for budget in budgets],
        "stop_at_optimum": stop_at_optimum,
        **names_of_learnt(models, taught),
    }
    with home.claimed(
        specs, evaluators, of_runs[0] if seeds is None else list(of_runs), shard=part, **of_all, **extent
    ) as lease:
        journals = home if home.journals else None
        results = Results(configs, wanted, journals if part is None else None)  # those of a part are in journals only
        frame = _completed(results, where, progress, journals, lease)
        if part is None:
            with home.writing():
                if journals is None:
                    home.write("results.parquet", frame.to_parquet(None, index=False))
                home.end(frame)
    return frame


def _on_gpus_in_turn(where: Backend, evaluators: Sequence[Evaluator]) -> Backend:
    """Let several workers of this machine that train share its GPUs, where nobody says how."""
    trains = any(isinstance(one, TrainingEvaluator) and one.trainer.device == "auto" for one in evaluators)
    if where.is_cluster or where.gpus is not None or where.workers in (None, 1) or not trains:
        return where
    there = len(visible_gpus())
    return replace(where, gpus=min(1.0, there / (where.workers or 1))) if there else where


def _completed(
    results: Results,
    backend: Backend,
    progress: bool,
    home: ComparisonFolder | None = None,
    lease: FolderLease | None = None,
) -> pd.DataFrame:
    """Take what the journals in the folder have, do what is missing, and return the results of all runs."""
    try:
        with progress_bar("runs", results.total, shown=progress) as bar, ExitStack() as held:
            for evaluator in {id(config.evaluator): config.evaluator for config in results.configs.values()}.values():
                held.enter_context(evaluator.kept_open())
            if home is not None:
                _read(home, results)
                bar.advance(results.done)
            with connected(backend) as connect:
                _run(results, backend, connect, home, lease, bar.advance)
    except KeyboardInterrupt:
        kept = f"The same command again goes on from there: {home.path} has it all." if home else "Nothing was kept."
        hint = "" if home else " Name a folder to be able to resume."
        print(f"\nInterrupted: {results.done:,} of {results.total:,} runs are done. {kept}{hint}", file=sys.stderr)
        raise
    return results.frame()


def _read(home: ComparisonFolder, results: Results) -> None:
    """Take the finished runs from their journals."""
    recorded = home.recorded()
    for pair, config in results.configs.items():
        for seed in results.seeds[pair]:
            path = home.journal(config.task.name, config.label, seed)
            if recorded is not None and str(path) not in recorded:
                continue
            history = replace(config, seed=seed).read(path)
            if history is not None:
                results.keep(pair, seed, history)


def _run(
    results: Results,
    backend: Backend,
    connect: Callable[[], Connection],
    home: ComparisonFolder | None,
    lease: FolderLease | None,
    advance: Callable[[int], object],
) -> None:
    """Do what is left: meta-trainings first, then what need not wait for them, then the runs on their models."""
    left = {pair: seeds for pair in results.configs if (seeds := results.missing(pair))}
    learners = [pair for pair in left if results.configs[pair].searcher.learns]
    workers = backend.workers or (connect().workers if left else 1)

    def runs(pair: Pair, learnt: Guide | None = None) -> Iterator[Job]:
        config, seeds = results.configs[pair], left[pair]
        size = max(1, min(_RUNS_A_JOB, math.ceil(len(seeds) / (2 * workers))))
        for first in range(0, len(seeds), size):
            some = seeds[first : first + size]
            paths = [None if home is None else home.journal(config.task.name, config.label, s) for s in some]
            yield Runs(pair, config, some, paths, learnt, lease)

    jobs: list[Job] = [MetaTrainJob(pair, results.configs[pair]) for pair in learners]
    jobs += (job for pair in left if pair not in learners for job in runs(pair))
    models: dict[Pair, Guide] = {}
    late = (job for pair in learners for job in runs(pair, models[pair]))  # made when the models are there
    data = DataFingerprint()
    for some in (jobs, late):
        for job, result in results_of([*some], backend, connect, data):
            if isinstance(job, MetaTrainJob):
                models[job.pair] = result
                continue
            results.keep(job.pair, *result)
            if lease is not None:
                lease.require()
            advance(1)
