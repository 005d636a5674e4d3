"""Trainings of several cells, in parallel if there are several workers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, closing
from pathlib import Path
from queue import SimpleQueue
from typing import TypeAlias

from nasmeta.checks import check_int
from nasmeta.errors import TrainingFailed
from nasmeta.progress import progress_bar
from nasmeta.spaces import Architecture, SearchSpace, get_cell_space
from nasmeta.training._dataset import ImageDataset
from nasmeta.training._recipe import RecipeLike
from nasmeta.training._result import TrainingResult
from nasmeta.training._worker import Trainer

Job: TypeAlias = tuple[int, int]  # cell and seed
Outcome: TypeAlias = TrainingResult | TrainingFailed


def train_many(
    cells: Iterable[Architecture],
    space: str | SearchSpace = "nb201",
    data: str | ImageDataset = "digits",
    recipe: RecipeLike | None = None,
    seeds: Sequence[int] = (0,),
    *,
    folder: str | Path,
    device: str = "auto",
    workers: int = 1,
    progress: bool = False,
) -> list[Outcome]:
    """Train the networks of several cells, each with each seed.

    Parameters
    ----------
    cells : iterable of int or str
    space, data, recipe
        As in `train`.
    seeds : sequence of int, default (0,)
    folder : str or Path
        Each training has its own folder inside, ``CELL-SEED``, and resumes from its checkpoint
        there.
    device : str, default "auto"
    workers : int, default 1
        Number of processes that train in parallel and share the device. With 1, all trainings run
        in this process.
    progress : bool, default False
        Show a progress bar over the epochs of all trainings.

    Returns
    -------
    list of TrainingResult or TrainingFailed
        Ordered by cell, then seed. A failure does not end the other trainings. A training is
        resumed once if its process was killed; then it is a failure with the reason ``killed``. The
        same call tries failures again.

    Examples
    --------
    >>> import tempfile
    >>> from nasmeta.training import ImageDataset, Recipe
    >>> few = ImageDataset.load("digits").subset(32)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     results = train_many([6111, 0], data=few, recipe=Recipe.load("tiny", epochs=1), folder=folder)
    >>> [result.cell for result in results]
    [6111, 0]
    """
    space = get_cell_space(space)
    trainer = Trainer(data, recipe, space.name, device=device, isolated=False)
    jobs = [(space.index_of(cell), check_int("seed", seed, 0)) for cell in cells for seed in seeds]
    different = [*dict.fromkeys(jobs)]
    with closing(train_jobs(different, trainer, Path(folder), workers, progress)) as ended:
        outcomes = dict(ended)
    return [outcomes[job] for job in jobs]


def train_jobs(
    jobs: Sequence[Job],
    trainer: Trainer,
    folder: Path,
    workers: int,
    progress: bool = False,
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
    workers : int
        As in `train_many`.
    progress : bool, default False
        Show a progress bar over the epochs of all trainings.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from nasmeta.training import ImageDataset, Recipe, Trainer, train_jobs
    >>> few = ImageDataset.load("digits").subset(32)
    >>> trainer = Trainer(few, Recipe.load("tiny", epochs=1), device="cpu", isolated=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [job for job, result in train_jobs([(6111, 0), (6111, 1)], trainer, Path(folder), workers=1)]
    [(6111, 0), (6111, 1)]
    """
    epochs, n_ended = dict.fromkeys(jobs, 0.0), 0
    with progress_bar("epochs", len(jobs) * trainer.recipe.epochs, shown=progress) as bar:

        def tell(job: Job, done: float, note: str = "") -> None:
            epochs[job] = done
            state = f"{n_ended:,} of {len(jobs):,} trainings"
            if note:
                state += f", cell {job[0]}: {note}"
            bar.update(sum(epochs.values()), note=state)

        listener = tell if progress else None
        with closing(_outcomes(jobs, trainer, folder, workers, listener)) as ended:
            for job, outcome in ended:
                n_ended += 1
                tell(job, trainer.recipe.epochs)
                yield job, outcome


def _outcomes(
    jobs: Sequence[Job],
    trainer: Trainer,
    folder: Path,
    workers: int,
    tell: Callable[[Job, float, str], object] | None,
) -> Generator[tuple[Job, Outcome], None, None]:
    n = min(check_int("workers", workers), max(1, len(jobs)))
    free: SimpleQueue[Trainer] = SimpleQueue()

    def run(job: Job) -> Outcome:
        free_trainer = free.get()
        cell, seed = job
        watch = None if tell is None else lambda done, note: tell(job, done, note)
        try:
            return free_trainer.train(cell, seed, folder / f"{cell}-{seed}", tell=watch)
        except TrainingFailed as failure:
            return failure.with_traceback(None)  # the frames hold tensors
        finally:
            free.put(free_trainer)

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
        # before the trainers are closed
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        of_futures = {pool.submit(run, job): job for job in jobs}
        for future in as_completed(of_futures):
            yield of_futures[future], future.result()
