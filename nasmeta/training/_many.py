"""Training several cells, several at once where they fit."""

from __future__ import annotations

import inspect
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import torch

from nasmeta.checks import check_bool, check_instance, check_int, check_list, check_names
from nasmeta.errors import NasmetaError, SettingError, TrainingFailed, shown
from nasmeta.progress import progress_bar
from nasmeta.spaces import Architecture, CellSpace, SearchSpace, get_cell_space
from nasmeta.threads import end_with, kill_workers
from nasmeta.training._dataset import ImageDataset
from nasmeta.training._estimate import bytes_needed
from nasmeta.training._machine import chosen_device
from nasmeta.training._network import CellNetwork
from nasmeta.training._recipe import Recipe, recipe_for
from nasmeta.training._result import EpochCount, TrainingResult
from nasmeta.training._stack import epochs_left, estimate_stacks, train_stacks
from nasmeta.training._trainer import run_training

OnEnd: TypeAlias = Callable[[int, int, TrainingResult | TrainingFailed], object]  # of cell, seed and outcome


def train_many(
    cells: Iterable[Architecture],
    space: str | SearchSpace = "nb201",
    data: str | ImageDataset = "digits",
    recipe: str | Path | Recipe | None = None,
    seeds: Sequence[int] = (0,),
    *,
    folder: str | Path,
    device: str = "auto",
    workers: int | str = "auto",
    stack: int = 1,
    data_options: Mapping[str, Any] | None = None,
    deterministic: bool = False,
    progress: bool = False,
    on_end: OnEnd | None = None,
) -> list[TrainingResult | TrainingFailed]:
    """Train networks of several cells, each with each seed.

    Parameters
    ----------
    cells : iterable of int or str
    space, data, recipe, deterministic
        As in `train`.
    seeds : sequence of int, default (0,)
    folder : str or Path
        Each training has a folder of its own inside, ``CELL-SEED``. One that was begun is gone on with.
    device : str, default "auto"
    workers : int or "auto", default "auto"
        How many processes train side by side on the device. ``auto`` is one on a CPU, and on a GPU as many as its free
        memory holds by an estimate that is on the safe side, but not more than the CPU has cores. With one all is done
        in this process. ``ray`` makes each training a Ray task, with a GPU of its own where the device is one, on the
        cluster of ``ray.init()`` or else on this machine; all its machines have to see the folder. It needs
        ``pip install "nasmeta[ray]"``.
    stack : int, default 1
        Train so many cells of one seed side by side as one network in this process: a GPU that one small network does
        not fill computes them in about as many launches as one. Each learns what it learns alone, from the same weights
        and the same images, but not to the bit, so a folder is of the one or the other, and ``TrainingResult.stack``
        says which. A cell that fails does not stop its neighbours. Where memory does not suffice the stack is cut into
        halves, and in the end the batch (``TrainingResult.stack_halvings``); they go on from the last checkpoint. Not
        for float16.
    data_options : mapping, optional
        Further arguments of `ImageDataset.load`, where the data set is named.
    progress : bool, default False
        Show a progress bar over the epochs of all trainings; those in other processes count when they end. Of stacks,
        say before it the seconds and the memory that they will take, as a trial of the largest with few images says.
    on_end : callable, optional
        Is called with cell, seed and outcome when a training has ended; of one that is tried again, with both outcomes.

    Returns
    -------
    list of TrainingResult or TrainingFailed
        Cell by cell, and within it seed by seed. A failure does not end the others. A training whose process was
        killed, or that ended with an ``error`` beside others, is tried again once, alone, from the last checkpoint; a
        second time is a failure with the reason ``killed`` or ``error``.

    Examples
    --------
    >>> import tempfile
    >>> from nasmeta.training import ImageDataset, Recipe
    >>> few = ImageDataset.load("digits").subset(32)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = train_many([6111, 0], data=few, recipe=Recipe.load("tiny", epochs=1), folder=folder)
    >>> [result.cell for result in found]
    [6111, 0]
    """
    space, base = get_cell_space(space), Path(folder)
    chosen = chosen_device(device, here=workers != "ray" or device == "auto")
    recipe, progress = recipe_for(recipe, data), check_bool("progress", progress)
    data = recipe.images_of(data if isinstance(data, ImageDataset) else _loaded(data, data_options or {}))
    own_seeds = [check_int("a seed", seed, 0) for seed in check_list("seeds", seeds, "whole numbers")]
    indices = [space.index_of(cell) for cell in check_list("cells", cells, "cells, each an index or a string")]
    jobs = [(cell, seed) for cell in indices for seed in own_seeds]
    distinct, told = list(dict.fromkeys(jobs)), on_end or (lambda cell, seed, outcome: None)
    if not callable(told):
        raise SettingError(f"on_end must be a function, not {shown(on_end)}.")
    if check_int("stack", stack) > 1:
        if workers not in (1, "auto"):
            raise SettingError(
                f"A stack trains in this process, not in others: leave out workers={shown(workers)}, or stack={stack}."
            )
        how: dict[str, Any] = {"device": str(chosen), "deterministic": deterministic}
        done = _in_stacks(distinct, base, space, data, recipe, stack, progress, how)
        for job, outcome in done.items():
            told(*job, outcome)
        return [done[job] for job in jobs]
    settings: dict[str, Any] = {
        "space": space.name,
        "recipe": recipe,
        "device": str(chosen),
        "deterministic": deterministic,
    }
    if workers == "auto":
        n_workers = _fitting([cell for cell, _ in distinct], space, data, recipe, chosen)
    elif workers == "ray":
        n_workers = 1  # by another way
    elif isinstance(workers, str):
        raise SettingError(f"workers is a whole number, 'auto' or 'ray', not {shown(workers)}.")
    else:
        n_workers = check_int("workers", workers)
    with progress_bar("epochs", len(distinct) * recipe.epochs, shown=progress) as bar:
        count = EpochCount(distinct, lambda done, note: bar.update(done, note=note))

        def ended(job: _Job, outcome: TrainingResult | TrainingFailed) -> None:
            count.update({job: recipe.epochs})
            told(*job, outcome)

        if workers == "ray":
            done = _on_ray(distinct, (base.absolute(), data, settings), ended)
        elif n_workers > 1 and len(distinct) > 1:
            done = _in_processes(distinct, min(n_workers, len(distinct)), (base, data, settings), ended)
        else:
            done = {}
            for job in distinct:
                done[job] = _train(job, base, data, {**settings, "on_epoch": count.watcher(job)})
                ended(job, done[job])
    return [done[job] for job in jobs]


def _in_stacks(
    jobs: Sequence[_Job],
    base: Path,
    space: CellSpace,
    data: ImageDataset,
    recipe: Recipe,
    size: int,
    progress: bool,
    how: Mapping[str, Any],
) -> dict[_Job, TrainingResult | TrainingFailed]:
    """Train cells side by side, seed after seed."""
    by_seed: dict[int, dict[int, Path | None]] = {}
    for cell, seed in jobs:
        by_seed.setdefault(seed, {})[cell] = base / f"{cell}-{seed}"
    if progress:
        device = torch.device(how["device"])
        said = (estimate_stacks(folders, space, data, recipe, size, device) for folders in by_seed.values())
        if first := next(filter(None, said), ""):
            alike = len({tuple(epochs_left(folders, recipe).values()) for folders in by_seed.values()}) == 1
            more = ", each seed" if alike else ", for the first seed that is not done"
            print(first + more * (len(by_seed) > 1), file=sys.stderr)
    found: dict[_Job, TrainingResult | TrainingFailed] = {}
    with progress_bar("epochs", len(jobs) * recipe.epochs, shown=progress) as bar:
        count = EpochCount(by_seed, lambda done, note: bar.update(done, note=note))
        for seed, folders in by_seed.items():

            def tell(done: int, note: str, seed: int = seed) -> None:
                count.update({seed: done}, note)

            of_seed = train_stacks(folders, space, data, recipe, seed, size, tell=tell, **how)
            found |= {(cell, seed): outcome for cell, outcome in of_seed.items()}
    if progress:
        _tell_halvings(found.values())
    return found


def _tell_halvings(found: Iterable[TrainingResult | TrainingFailed]) -> None:
    """Say on stderr where memory was short."""
    cut = [result for result in found if isinstance(result, TrainingResult) and result.stack_halvings]
    if cut:
        print(
            f"Memory did not suffice for all: stacks of {len(cut)} trainings were cut into halves, of down to "
            f"{min(result.stack for result in cut)} cells; {min(result.micro_batch for result in cut)} images went "
            "through the network at once.",
            file=sys.stderr,
        )


def _loaded(source: str, options: Mapping[str, Any]) -> ImageDataset:
    given = check_instance("data_options", options, Mapping)  # type: ignore[type-abstract]
    check_names("ImageDataset.load", "option", given, [*inspect.signature(ImageDataset.load).parameters][1:])
    return ImageDataset.load(source, **options)


def _fitting(cells: Sequence[int], space: CellSpace, data: ImageDataset, recipe: Recipe, device: torch.device) -> int:
    """Return how many trainings fit on the device at once."""
    if device.type != "cuda" or len(cells) < 2:
        return 1
    largest = max(cells, key=lambda cell: float(space.flops(cell, dataset="cifar10")))
    network = CellNetwork(largest, space, n_classes=data.n_classes, **recipe.skeleton)
    free, _ = torch.cuda.mem_get_info(device)
    fit = int(0.9 * free / bytes_needed(network, data, recipe.batch_size))
    return max(1, min(fit, len(cells), os.cpu_count() or 1))


_Job = tuple[int, int]
_Outcome: TypeAlias = TrainingResult | TrainingFailed
_Ended = Callable[[_Job, _Outcome], object]
_Work = tuple[Path, ImageDataset, Mapping[str, Any]]  # folder, images, settings of each training
_data: ImageDataset | None = None  # of a worker process, handed over once


def _receive(parent: int, data: ImageDataset, threads: int) -> None:
    global _data
    end_with(parent)
    _data = data
    torch.set_num_threads(threads)


def _train_received(job: _Job, folder: Path, settings: Mapping[str, Any]) -> _Outcome:
    assert _data is not None
    return _train(job, folder, _data, settings)


def _train(job: _Job, folder: Path, data: ImageDataset, settings: Mapping[str, Any]) -> _Outcome:
    cell, seed = job
    try:
        result = run_training(cell, data=data, seed=seed, folder=folder / f"{cell}-{seed}", **settings)
    except TrainingFailed as failure:
        return failure.with_traceback(None)  # whose frames would keep its tensors
    return replace(result, network=None)  # so that a card holds one at a time; each lies in its folder


def _in_processes(jobs: Sequence[_Job], n_workers: int, work: _Work, ended: _Ended) -> dict[_Job, _Outcome]:
    done = _round(jobs, n_workers, work, ended)
    for job in jobs:
        # one that was killed takes the others of its pool along, and an error of CUDA those after it in its process
        if job not in done or (len(jobs) > 1 and getattr(done[job], "reason", "") == "error"):
            done |= _round([job], 1, work, ended)
        if job not in done:
            done[job] = TrainingFailed(
                f"The process that trained cell {job[0]} with seed {job[1]} was killed twice; often memory is short.",
                "killed",
            )
            ended(job, done[job])
    return done


def _on_ray(jobs: Sequence[_Job], work: _Work, ended: _Ended) -> dict[_Job, _Outcome]:
    """Train as Ray tasks; a task whose worker is lost goes on elsewhere from its checkpoint."""
    folder, data, settings = work
    try:
        import ray
    except ImportError as reason:
        raise NasmetaError('Ray is not installed: pip install "nasmeta[ray]".') from reason
    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    gpus = 1 if str(settings["device"]).startswith("cuda") else 0
    task = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=3)(_train)
    shared = ray.put(data)
    waiting = {job: task.remote(job, folder, shared, settings) for job in jobs}
    done: dict[_Job, _Outcome] = {}
    for job, reference in waiting.items():
        try:
            done[job] = ray.get(reference)
        except (
            ray.exceptions.WorkerCrashedError,
            ray.exceptions.OutOfMemoryError,
            ray.exceptions.NodeDiedError,
        ) as lost:
            done[job] = TrainingFailed(f"The training of cell {job[0]} with seed {job[1]} was lost: {lost}", "killed")
        ended(job, done[job])
    return done


def _round(jobs: Sequence[_Job], n_workers: int, work: _Work, ended: _Ended) -> dict[_Job, _Outcome]:
    """Train side by side; return what was done before a process was killed, if one was."""
    folder, data, settings = work
    done: dict[_Job, _Outcome] = {}
    threads = max(1, torch.get_num_threads() // n_workers)
    context = multiprocessing.get_context("spawn")  # CUDA cannot be used in a forked process
    with ProcessPoolExecutor(n_workers, context, _receive, (os.getpid(), data, threads)) as pool:
        try:
            waiting: dict[_Job, Future[_Outcome]] = {
                job: pool.submit(_train_received, job, folder, settings) for job in jobs
            }
            for job, future in waiting.items():
                future.add_done_callback(lambda one, job=job: one.exception() or ended(job, one.result()))  # type: ignore[misc]
            for future in wait(waiting.values(), return_when=FIRST_EXCEPTION).done:
                reason = future.exception()
                if reason is not None and not isinstance(reason, BrokenProcessPool):
                    raise reason
        except BaseException:  # of which the others are not to be waited for; their last checkpoints stand
            kill_workers(pool)
            raise
    for job, future in waiting.items():
        if future.exception() is None:
            done[job] = future.result()
    return done
