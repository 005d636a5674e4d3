"""Trainings of several cells, in parallel if there are several workers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, closing
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeAlias

from nasmeta.checks import check_int
from nasmeta.errors import TrainingFailed, needing
from nasmeta.progress import progress_bar
from nasmeta.spaces import Architecture, SearchSpace, get_cell_space
from nasmeta.training._dataset import ImageDataset
from nasmeta.training._recipe import Recipe
from nasmeta.training._result import TrainingResult
from nasmeta.training._worker import Trainer

Job: TypeAlias = tuple[int, int]  # cell and seed
Outcome: TypeAlias = TrainingResult | TrainingFailed
OnEnd: TypeAlias = Callable[[int, int, Outcome], object]


def train_many(
    cells: Iterable[Architecture],
    space: str | SearchSpace = "nb201",
    data: str | ImageDataset = "digits",
    recipe: str | Path | Recipe | None = None,
    seeds: Sequence[int] = (0,),
    *,
    folder: str | Path,
    device: str = "auto",
    workers: int | str = 1,
    data_options: Mapping[str, Any] | None = None,
    deterministic: bool = False,
    progress: bool = False,
    on_end: OnEnd | None = None,
) -> list[Outcome]:
    """Train the networks of several cells, each with each seed.

    Parameters
    ----------
    cells : iterable of int or str
    space, data, recipe, deterministic
        As in `train`.
    seeds : sequence of int, default (0,)
    folder : str or Path
        Each training has its own folder inside, ``CELL-SEED``, and resumes from its checkpoint there.
    device : str, default "auto"
    workers : int or "ray", default 1
        Number of processes that train in parallel and share the device. With 1, all trainings run in this process.
        With ``ray``, each training is a Ray task, with its own GPU if the device is one, on the cluster of
        ``ray.init()`` or else on this machine. All machines must see the folder. It needs
        ``pip install ray``.
    data_options : mapping, optional
        Further arguments of `ImageDataset.load`, if `data` is a source.
    progress : bool, default False
        Show a progress bar over the epochs of all trainings.
    on_end : callable, optional
        Called with cell, seed and outcome after each training.

    Returns
    -------
    list of TrainingResult or TrainingFailed
        Ordered by cell, then seed. A failure does not end the other trainings. A training is resumed once if its
        process was killed; then it is a failure with the reason ``killed``. The same call tries failures again.

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
    space = get_cell_space(space)
    settings: dict[str, Any] = {"device": device, "deterministic": deterministic, "options": dict(data_options or {})}
    trainer = Trainer(data, recipe, space.name, isolated=False, **settings)
    n_epochs = trainer.recipe.epochs
    jobs = [(space.index_of(cell), check_int("seed", seed, 0)) for cell in cells for seed in seeds]
    epochs = dict.fromkeys(jobs, 0)
    outcomes: dict[Job, Outcome] = {}
    with progress_bar("epochs", len(epochs) * n_epochs, shown=progress) as bar:

        def tell(job: Job, done: int, note: str = "") -> None:
            epochs[job] = done
            bar.update(sum(epochs.values()), note=note)

        with closing(train_jobs([*epochs], trainer, Path(folder), workers, tell)) as ended:
            for job, outcome in ended:
                outcomes[job] = outcome
                tell(job, n_epochs)
                if on_end is not None:
                    on_end(*job, outcome)
    return [outcomes[job] for job in jobs]


def train_jobs(
    jobs: Sequence[Job],
    trainer: Trainer,
    folder: Path,
    workers: int | str,
    tell: Callable[[Job, int, str], object] | None = None,
) -> Generator[tuple[Job, Outcome], None, None]:
    """Yield each job with its outcome, in the order in which the trainings end.

    Parameters
    ----------
    jobs : sequence of (int, int)
        Cells and seeds.
    trainer : Trainer
        Trains all jobs if there is one worker; otherwise each worker has a copy of it.
    folder : Path
        Contains a folder ``CELL-SEED`` per job.
    workers : int or "ray"
        As in `train_many`.
    tell : callable, optional
        Called after each epoch with a job, the number of its finished epochs and a note; on Ray it is not called.
    """
    if workers == "ray":
        yield from _on_ray(jobs, trainer, folder)
        return
    n = min(check_int("workers", workers), max(1, len(jobs)))
    free: SimpleQueue[Trainer] = SimpleQueue()

    def run(job: Job) -> Outcome:
        own = free.get()
        cell, seed = job
        watch = None if tell is None else lambda done, note: tell(job, done, note)
        try:
            return own.train(cell, seed, folder / f"{cell}-{seed}", tell=watch)
        except TrainingFailed as failure:
            return failure.with_traceback(None)  # the frames hold tensors
        finally:
            free.put(own)

    if n == 1:
        free.put(trainer)
        yield from ((job, run(job)) for job in jobs)
        return
    import torch

    threads = max(1, torch.get_num_threads() // n)
    with ExitStack() as stack:
        for _ in range(n):
            free.put(stack.enter_context(trainer.copy(isolated=True, threads=threads)))
        pool = ThreadPoolExecutor(n)
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)  # before the trainers are closed
        of_futures = {pool.submit(run, job): job for job in jobs}
        for future in as_completed(of_futures):
            yield of_futures[future], future.result()


def _on_ray(jobs: Sequence[Job], trainer: Trainer, folder: Path) -> Iterator[tuple[Job, Outcome]]:
    """Train as Ray tasks; if a worker is lost, another one resumes its training from the checkpoint."""
    with needing("workers='ray'", "ray"):
        import ray
    from nasmeta.training._device import chosen_device

    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    own = trainer.copy(isolated=False)
    if own.device == "auto":
        own.device = str(chosen_device("auto"))
    remote = ray.remote(num_cpus=1, num_gpus=int(own.device.startswith("cuda")), max_retries=3)(_train_on_ray)
    shared = ray.put(own)
    waiting = {job: remote.remote(shared, job, folder.absolute()) for job in jobs}
    for job, reference in waiting.items():
        try:
            yield job, ray.get(reference)
        except (
            ray.exceptions.WorkerCrashedError,
            ray.exceptions.OutOfMemoryError,
            ray.exceptions.NodeDiedError,
        ) as lost:
            yield job, TrainingFailed(f"The training of cell {job[0]} with seed {job[1]} was lost: {lost}", "killed")


def _train_on_ray(trainer: Trainer, job: Job, folder: Path) -> Outcome:
    try:
        return trainer.train(*job, folder / f"{job[0]}-{job[1]}")
    except TrainingFailed as failure:
        return failure.with_traceback(None)
