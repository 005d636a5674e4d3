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
    redone,
    seeds_of,
    specs_of,
    tasks_of,
)
from nasmeta.experiments._backends import Backend, Connection, connected, visible_gpus
from nasmeta.experiments._folder import ComparisonFolder, Results
from nasmeta.experiments._jobs import Job, MetaTrainJob, Pair, Runs, results_of, share_of
from nasmeta.journals import Shard
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
    redo: str | Sequence[str] = (),
    progress: bool = False,
    stop_at_optimum: bool = False,
    evaluator: EvaluatorLike = "table",
    data: str | ImageDataset | None = None,
    recipe: str | Path | Recipe | None = None,
    clock: Clock | Mapping[str, Any] | None = None,
    epochs: Sequence[int | str] | None = None,
) -> pd.DataFrame:
    """Run searchers on tasks, each several times.

    Repeat r of a searcher is ``search(searcher, task, seed=seed + r)``. It does not depend on the other searchers, on
    their order or on the number of workers. A meta-searcher is meta-trained once per task, on the task's family without
    the task's dataset. Two settings of one searcher share their random numbers in each repeat (common random numbers),
    so a test of their difference should pair runs of equal seeds.

    Parameters
    ----------
    searchers : sequence of names or classes, or mapping
        The keys of a mapping are labels in the result; a value is a name, a class, or (name or class, settings).
    tasks : str, Task, TaskDistribution, SearchSpace, Evaluator, or iterable of names and tasks
        A family of tasks such as ``nb201``, or one or more tasks. With a function as evaluator, a space, also as
        ``package.module:Name``. An evaluator stands for its own task.
    repeats : int, default 10
    evaluations : int, optional
        Budget of each run, in distinct cells; 200 by default, unless `seconds` is given.
    seconds : float, or mapping of task to float, optional
        Budget of each run on the simulated clock.
    seed : int, default 0
        Seed of the first repeat.
    seeds : sequence of int, optional
        The seeds of all repeats, instead of `repeats` and `seed`.
    settings : mapping of label to mapping, optional
        Keyword arguments of the searchers.
    sources : as in `search`, or mapping of label to that, optional
        Without a mapping, every searcher that learns from sources uses these. Tasks that share a target's dataset are
        excluded from a family.
    meta_model : path, str, SavedMetaModel, or mapping of label to one of these, optional
        As in `search`. Without a mapping, every meta-searcher uses this model.
    prune_space : float, or mapping of label to float, optional
        As in `search`, for all searchers or by label.
    warm_start : int, str, or mapping of label to one of these, default 0
        As in `search`.
    folder : path, optional
        Folder for the journals of all runs. The same call resumes after any end, a kill included, and returns the
        identical result; larger numbers of repeats or evaluations continue the comparison. The result is written to
        ``results.parquet`` in it.
    workers : int, optional
        Number of processes; 1 by default, and on a cluster all of its CPUs. A running Dask cluster is used completely.
    backend : {"loky", "ray", "dask"}, default "loky"
        Run processes on this machine (loky), or on a Ray or Dask cluster. The results are equal bit for bit. Each node
        opens its own tables; an error is raised if its data or versions differ. On a cluster only this process writes
        to the folder, and it repeats the runs of a worker that died. Trainings are the exception: all nodes must see
        their folder.
    address : str, optional
        Address of a running cluster, such as ``tcp://host:8786``; by default the current connection of this process,
        ``RAY_ADDRESS`` or ``DASK_SCHEDULER_ADDRESS``, or else a new cluster on this machine.
    gpus_per_worker : float, optional
        GPUs per worker; two workers share one with 0.5. A local worker sees only its own GPU
        (``CUDA_VISIBLE_DEVICES``); Ray gets ``num_gpus``, and Dask the resource ``GPU``. By default, local workers that
        train use the GPUs in turn.
    shard : str, optional
        ``I/N``, I from 0: do and return only the I-th of N parts of the runs. Several processes, also on different
        machines, can do their shards in one folder at the same time. Afterwards the same call without `shard` reads
        their runs, does missing ones, and writes the results.
    redo : str or sequence of str, optional
        Labels of searchers whose runs in `folder` are deleted and repeated, for example after a change of their code or
        settings. The runs of all other searchers are kept. Leave it out to resume an interrupted call.
    progress : bool, default False
        Show a progress bar on stderr.
    stop_at_optimum : bool, default False
        End a run when the best value of its task has been evaluated.
    evaluator : str, path, Evaluator or callable, or a list of these, default "table"
        As in `search`. If the optimum is unknown, as for trainings and functions, regrets are NaN, and analysis
        compares the best values found. Trainings are kept in the folder's ``trainings``; each cell is trained once, and
        its seconds are charged to every run that proposes it.
    data : str or ImageDataset, optional
        For training: images, as `nasmeta.training.ImageDataset.load` takes them.
    recipe : str, Path or Recipe, optional
        For training; as in `nasmeta.train`.
    clock : Clock or mapping, optional
        How simulated time passes in each run; its workers are simulated, and not processes.
    epochs : sequence of int or str, optional
        The lengths of training for multi-fidelity searchers; all other searchers use full trainings.

    Returns
    -------
    DataFrame
        The results frame of all runs, ordered by task, searcher and seed; for its columns see `History.frame`.

    Raises
    ------
    UnknownNameError, SettingError, JournalError
        As in `search`; SettingError also if `folder` contains another comparison.
    NasmetaError
        If no cluster responds, a node lacks the data, or workers die repeatedly.

    Examples
    --------
    >>> import nasmeta as nm
    >>> frame = nm.compare(["random", "evolution"], "nb201/cifar10", repeats=2, evaluations=50)
    >>> frame.groupby(["searcher", "seed"], observed=True).size().tolist()
    [50, 50, 50, 50]
    """
    home = folder if isinstance(folder, ComparisonFolder | None) else ComparisonFolder(Path(folder))
    specs = specs_of(searchers, {} if settings is None else settings)
    kept, starts = per_label("prune_space", prune_space, None, specs), per_label("warm_start", warm_start, 0, specs)
    specs = {label: spec.guided(kept[label], starts[label]) for label, spec in specs.items()}
    if (space := space_in(tasks)) is not None:
        tasks, evaluator = answers_for(space, evaluator, data, recipe), "table"
    targets = tasks_of(tasks)
    if isinstance(tasks, Evaluator):
        if evaluator != "table":
            raise SettingError(f"{tasks!r} is an evaluator: leave out the argument evaluator.")
        evaluator = tasks
    check_bool("progress", progress)
    of_runs = seeds_of(repeats, seed, seeds)
    part = None if shard is None else Shard.of(shard)
    again = redone(redo, specs)
    if (again or part is not None) and (home is None or not home.journals):
        raise SettingError("Shards and redo need the journals of a folder: give folder=DIR (--folder DIR).")
    where = Backend.of(backend, address, workers, gpus_per_worker)
    place = None if home is None else home.path
    evaluators = evaluators_of(targets, evaluator, data, recipe, place, where == Backend())
    where = _on_gpus_in_turn(where, evaluators)
    budgets = budgets_of(targets, evaluations, seconds, stop_at_optimum)
    for spec in specs.values():
        spec.build(targets[0].space, np.random.default_rng(0))  # raises an error for impossible settings
    models = per_learner("meta-model", meta_model, [label for label, spec in specs.items() if spec.is_meta], specs)
    taught = {
        label: own if isinstance(own, str | Task | SourceTask) or not is_listed(own) else list(own)
        for label, own in per_learner(
            "source", sources, [label for label, spec in specs.items() if spec.learns], specs
        ).items()
    }
    of_all: dict[str, Any] = {"clock": None if clock is None else Clock.of(clock), "epochs": epochs}
    configs = {
        (i, label): RunConfig.of(
            spec, own, budgets[i], meta_model=models.get(label), sources=taught.get(label), **of_all, label=label
        )
        for i, own in enumerate(evaluators)
        for label, spec in specs.items()
    }
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
    first_seed = of_runs[0] if seeds is None else list(of_runs)
    with home.claimed(specs, evaluators, first_seed, shard=part, redo=again, **of_all, **extent):
        _remove_journals(home, configs, {pair: own for pair, own in wanted.items() if pair[1] in again})
        journals = home if home.journals else None
        results = Results(configs, wanted, journals if part is None else None)  # a shard writes journals only
        frame = _completed(results, where, progress, journals)
        if part is None:
            with home.writing():
                if journals is None:
                    home.write_results(frame)
                home.end(frame)
    return frame


def _remove_journals(
    home: ComparisonFolder, configs: Mapping[Pair, RunConfig], seeds: Mapping[Pair, Sequence[int]]
) -> None:
    for pair, own in seeds.items():
        for seed in own:
            home.journal(configs[pair].task.name, configs[pair].label, seed).unlink(missing_ok=True)


def _on_gpus_in_turn(where: Backend, evaluators: Sequence[Evaluator]) -> Backend:
    """Share the GPUs of this machine between workers that train, unless the user chose otherwise."""
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
) -> pd.DataFrame:
    """Read finished runs from the journals, do the others, and return the results of all runs."""
    try:
        with progress_bar("runs", results.total, shown=progress) as bar, ExitStack() as held:
            for evaluator in {id(config.evaluator): config.evaluator for config in results.configs.values()}.values():
                held.enter_context(evaluator.kept_open())
            if home is not None:
                _read(home, results)
                bar.advance(results.done)
            with connected(backend) as connect:
                _run(results, backend, connect, home, bar.advance)
    except KeyboardInterrupt:
        kept = f"The same command resumes from {home.path}." if home else "Nothing was kept."
        hint = "" if home else " Name a folder to be able to resume."
        print(f"\nInterrupted: {results.done:,} of {results.total:,} runs are done. {kept}{hint}", file=sys.stderr)
        raise
    return results.frame()


def _read(home: ComparisonFolder, results: Results) -> None:
    """Read the finished runs from their journals."""
    for pair, config in results.configs.items():
        for seed in results.seeds[pair]:
            path = home.journal(config.task.name, config.label, seed)
            history = replace(config, seed=seed).read(path)
            if history is not None:
                results.keep(pair, seed, history)


def _run(
    results: Results,
    backend: Backend,
    connect: Callable[[], Connection],
    home: ComparisonFolder | None,
    advance: Callable[[int], object],
) -> None:
    """Do the remaining jobs: meta-trainings and independent runs first, then the runs that use the models."""
    left = {pair: seeds for pair in results.configs if (seeds := results.missing(pair))}
    learners = [pair for pair in left if results.configs[pair].searcher.learns]
    workers = backend.workers or (connect().workers if left else 1)

    def runs(pair: Pair, learnt: Guide | None = None) -> Iterator[Job]:
        config, seeds = results.configs[pair], left[pair]
        size = max(1, min(_RUNS_A_JOB, math.ceil(len(seeds) / (2 * workers))))
        for first in range(0, len(seeds), size):
            some = seeds[first : first + size]
            paths = [None if home is None else home.journal(config.task.name, config.label, s) for s in some]
            yield Runs(pair, config, some, paths, learnt)

    jobs: list[Job] = [MetaTrainJob(pair, results.configs[pair]) for pair in learners]
    jobs += (job for pair in left if pair not in learners for job in runs(pair))
    models: dict[Pair, Guide] = {}
    late = (job for pair in learners for job in runs(pair, models[pair]))  # evaluated after the meta-trainings
    for some in (jobs, late):
        for job, result in results_of([*some], backend, connect):
            if isinstance(job, MetaTrainJob):
                models[job.pair] = result
                continue
            results.keep(job.pair, *result)
            advance(1)
