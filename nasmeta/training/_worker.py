"""Trainings in a separate process: a killed training does not end its caller."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasmeta.arrays import Facts
from nasmeta.errors import MissingPackageError, TrainingFailed
from nasmeta.threads import end_with
from nasmeta.training._dataset import ImageDataset
from nasmeta.training._recipe import RecipeLike, recipe_for
from nasmeta.training._result import Tell, TrainingResult
from nasmeta.training._train import train

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from nasmeta.spaces import SearchSpace
    from nasmeta.training._own_network import BuildNetwork

_ATTEMPTS = 2
_POLL_SECONDS = 0.5


def require_torch() -> None:
    """Report how to install PyTorch if it is missing, before any other work.

    Examples
    --------
    >>> from nasmeta.training import require_torch
    >>> require_torch()
    """
    if find_spec("torch") is None:
        raise MissingPackageError.of("Training", "torch", "torch")


class Trainer:
    """Train architectures, one after another, on one dataset with one recipe.

    An isolated trainer uses a worker process, which ends with this process even if this one is
    killed: its folder is then free for a resumed training. Without isolation, a killed training
    ends this process, too.

    Parameters
    ----------
    data, recipe, space, device, build_network
        As in `nasmeta.training.train`.
    isolated : bool, default True
    threads : int, optional
        Of PyTorch in the worker process; PyTorch's default if left out.

    Examples
    --------
    >>> from nasmeta.training import ImageDataset, Recipe, Trainer
    >>> few = ImageDataset.load("digits").subset(32)
    >>> with Trainer(few, Recipe.load("tiny", epochs=1), device="cpu", isolated=False) as trainer:
    ...     trainer.train(6111).stopped
    'finished'
    """

    def __init__(
        self,
        data: str | ImageDataset,
        recipe: RecipeLike | None = None,
        space: str | SearchSpace = "nb201",
        *,
        device: str = "auto",
        isolated: bool = True,
        build_network: BuildNetwork | None = None,
        threads: int | None = None,
    ) -> None:
        require_torch()
        self.recipe = recipe_for(recipe, data)
        self.images = ImageDataset.of(data)
        self.dataset = self.recipe.images_of(self.images)
        self.space, self.build_network = space, build_network
        self.device, self.isolated, self.threads = device, isolated, threads
        self.announce: Callable[[str], object] | None = None
        self.users = 0  # that keep the worker process
        self._executor: Any = None
        self._pipe: Any = None  # for progress reports of the worker; this process holds both ends, so it stays open

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for another process, which derives the images of the recipe again."""
        state = {**self.__dict__, "_executor": None, "_pipe": None, "announce": None, "users": 0}
        del state["dataset"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the state."""
        self.__dict__.update(state, dataset=state["recipe"].images_of(state["images"]))

    @property
    def identity(self) -> Facts:
        """What all its trainings share, of JSON types: data, split and recipe."""
        dataset = self.dataset
        return {
            "data": dataset.name,
            "data_sha256": dataset.sha256(),
            "split_sha256": dataset.split_sha256(),
            "data_facts": dict(dataset.facts),
            "recipe": self.recipe.name,
            "recipe_sha256": self.recipe.sha256(),
        }

    def train(
        self,
        cell: int,
        seed: int = 0,
        folder: Path | None = None,
        *,
        until: int | None = None,
        tell: Tell | None = None,
    ) -> TrainingResult:
        """Train one architecture, or resume from the checkpoint in its folder.

        A worker process that was killed is started again once. The result has no network, which is
        in the folder.

        Parameters
        ----------
        cell, seed, folder, until
            As in `nasmeta.training.train`.
        tell : callable, optional
            As in `nasmeta.training.train`.
        """
        settings: dict[str, Any] = {
            "cell": cell,
            "recipe": self.recipe,
            "seed": seed,
            "space": self.space,
            "folder": folder,
            "device": self.device,
            "until": until,
            "build_network": self.build_network,
        }
        # a daemon must not have children
        if not self.isolated or multiprocessing.current_process().daemon:
            return _train(self.dataset, settings, tell)
        from concurrent.futures.process import BrokenProcessPool

        for _ in range(_ATTEMPTS):
            executor = self._worker()
            try:
                return self._result_of(executor.submit(_train_in_worker, settings), tell)
            except BrokenProcessPool:
                if self._executor is not executor:  # closed by another thread
                    raise
                self._executor = None
            except RuntimeError as reason:
                failure = reason if isinstance(reason, TrainingFailed) else None
                if failure is None or failure.reason == "error":
                    self.close()  # after an error of CUDA, a process cannot use the device any more
                if failure is not None:
                    raise
                message = f"The training of cell {cell} ended with an error: {reason!s:.200}"
                raise TrainingFailed(message, "error") from reason
            except KeyboardInterrupt:
                self.close()
                raise
        raise TrainingFailed(
            f"The process that trained cell {cell} with seed {seed} was killed twice; often memory is short.",
            "killed",
        )

    def copy(self, isolated: bool, threads: int | None = None) -> Trainer:
        """Return a trainer with the same settings and its own worker process, if it is isolated."""
        settings: dict[str, Any] = {
            "device": self.device,
            "build_network": self.build_network,
            "threads": threads,
        }
        return Trainer(self.images, self.recipe, self.space, isolated=isolated, **settings)

    def announced(self, what: str, total: int) -> Tell | None:
        """Announce a training; return a function that announces its progress, or None without a listener."""
        say = self.announce
        if say is None:
            return None
        say(what)
        return lambda done, note: say(f"{what}: {done:.3g} of {total} epochs, {note}")

    def _worker(self) -> Any:
        if self._executor is None:
            from loky import ProcessPoolExecutor  # unlike the standard one, it needs no main guard

            self._pipe = multiprocessing.Pipe(duplex=False)
            state = (os.getpid(), self.dataset, self._pipe[1], self.threads)
            self._executor = ProcessPoolExecutor(1, initializer=_start, initargs=state)
        return self._executor

    def _result_of(self, future: Future[TrainingResult], tell: Tell | None) -> TrainingResult:
        """Return the result of the worker process; until then pass on its progress reports."""
        while True:
            ended = wait([future], _POLL_SECONDS).done
            while self._pipe[0].poll():
                report = self._pipe[0].recv()
                if tell is not None:
                    tell(*report)
            if ended:
                return future.result()

    def close(self) -> None:
        """End the worker process and its training, which can resume from its last checkpoint."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(kill_workers=True)

    def __enter__(self) -> Trainer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _train(dataset: ImageDataset, settings: dict[str, Any], tell: Tell | None) -> TrainingResult:
    return replace(train(data=dataset, tell=tell, **settings), network=None)


# -- in the worker
_dataset: ImageDataset
_reports: Connection


def _start(parent: int, dataset: ImageDataset, reports: Connection, threads: int | None) -> None:
    """Ignore interrupts, end with the parent, and keep the dataset and the connection for reports."""
    global _dataset, _reports
    _dataset, _reports = dataset, reports
    end_with(parent)
    if threads is not None:
        import torch

        torch.set_num_threads(threads)


def _train_in_worker(settings: dict[str, Any]) -> TrainingResult:
    return _train(_dataset, settings, lambda done, note: _reports.send((done, note)))
