"""Trainings in a process of their own, so that what ends a training does not end who asked for it."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import platform
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasmeta.errors import NasmetaError, TrainingFailed
from nasmeta.spaces import get_cell_space
from nasmeta.threads import end_with
from nasmeta.training import ImageDataset, Recipe, load_dataset, load_recipe

if TYPE_CHECKING:
    from nasmeta.spaces import SearchSpace
    from nasmeta.training import TrainingResult
    from nasmeta.training._own_network import BuildNetwork

_ATTEMPTS = 2


def require_torch() -> None:
    """Say how to get PyTorch where it is missing, before anything else is done."""
    if find_spec("torch") is None:
        raise NasmetaError('Real training needs PyTorch, which is not installed: pip install "nasmeta[torch]".')


def recipe_sha256(recipe: Mapping[str, Any]) -> str:
    """Return what identifies the settings of a recipe, whatever its name."""
    settings = {key: value for key, value in recipe.items() if key != "name"}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


class Trainer:
    """Train cells, one after another, on one data set by one recipe.

    The worker process ends with this one, even where this one is killed: a training that nobody waits for does not go
    on, and its folder is free for whoever resumes it. Where trainings are not `isolated`, there is no such process, and
    one that is killed takes this one along. `options` are the keyword arguments of `nasmeta.training.load_dataset`.
    """

    def __init__(
        self,
        data: str | ImageDataset,
        recipe: str | Path | Recipe = "fast",
        space: str | SearchSpace = "nb201",
        *,
        device: str = "auto",
        options: dict[str, Any] | None = None,
        isolated: bool = True,
        build_network: BuildNetwork | None = None,
    ) -> None:
        require_torch()
        self.recipe = load_recipe(recipe)
        whole = data if isinstance(data, ImageDataset) else load_dataset(data, **(options or {}))
        self.dataset = self.recipe.images_of(whole)
        self.space, self.build_network = space, build_network
        self.device = device
        self.isolated = isolated
        # the worker reads a data set again, but for a few images of it, which it is handed
        self.announce: Callable[[str], None] | None = None
        self.users = 0  # that keep the worker process
        self._source = (data, options or {})
        self._origin = self._source if self.dataset is whole else (self.dataset, {})
        self._executor: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs; images that have a name are read there, once."""
        state = {**self.__dict__, "_executor": None, "announce": None, "users": 0}
        if isinstance(self._source[0], str):
            state |= {"dataset": self.dataset.sha256(), "_origin": None}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take that up.

        Raises
        ------
        NasmetaError
            Where the images are not here, or others than there.
        """
        self.__dict__.update(state)
        due, (data, options) = self.dataset, self._source
        if isinstance(due, str):
            whole, self.dataset = _images(data, tuple(options.items()), self.recipe)
            self._origin = self._source if self.dataset is whole else (self.dataset, {})
            if self.dataset.sha256() != due:
                raise NasmetaError(f"The images {data} on {platform.node()} are not those of the process that asks.")

    @property
    def identity(self) -> dict[str, Any]:
        """What its trainings share, of JSON's types: the same data, split and recipe."""
        dataset = self.dataset
        return {
            "data": dataset.name,
            "data_sha256": dataset.sha256(),
            "split_sha256": dataset.split_sha256(),
            "data_facts": dict(dataset.facts),
            "recipe": self.recipe.name,
            "recipe_sha256": recipe_sha256(self.recipe.to_dict()),
        }

    def train(
        self,
        cell: int,
        seed: int = 0,
        folder: Path | None = None,
        *,
        recipe: Recipe | None = None,
        until: int | None = None,
    ) -> TrainingResult:
        """Train one cell; where the folder holds a checkpoint go on from it, where it holds a result return that.

        Another `recipe` than its own is for the same images; after the epoch `until` the training pauses.
        A worker process that was killed is started again once, since who ended it may have meant another. The
        result has no network: that lies in the folder.
        """
        asked = (recipe or self.recipe, self.space, self.device, cell, seed, folder, until, self.build_network)
        result: TrainingResult = self._done(_train, asked, f"training of cell {cell}")
        return result

    def train_stack(
        self, folders: Mapping[int, Path | None], seed: int, size: int, recipe: Recipe | None = None
    ) -> dict[int, TrainingResult | TrainingFailed]:
        """Train cells, each with its folder, so many side by side; where the process is killed, in two halves.

        What ended with an error is tried once more, alone and in a new process.
        """
        asked = (recipe or self.recipe, self.space, self.device, dict(folders), seed, size)
        try:
            found: dict[int, TrainingResult | TrainingFailed] = self._done(
                _train_stack, asked, f"training of {len(folders)} cells side by side"
            )
            if broken := [cell for cell, one in found.items() if getattr(one, "reason", "") == "error"]:
                self.close()  # as in `_done`
            for cell in broken if self.isolated and len(folders) > 1 else ():
                found |= self.train_stack({cell: folders[cell]}, seed, size, recipe)
            return found
        except TrainingFailed as failure:
            if len(folders) == 1:
                return dict.fromkeys(folders, failure)
        cells = list(folders.items())
        halves = cells[: len(cells) // 2], cells[len(cells) // 2 :]
        return {cell: one for half in halves for cell, one in self.train_stack(dict(half), seed, size, recipe).items()}

    def _done(self, function: Callable[..., Any], asked: tuple[Any, ...], about: str) -> Any:
        """Return what a function of images does, in the worker process where there is one."""
        if not self.isolated or multiprocessing.current_process().daemon:  # such a one may have no child
            return function(self.dataset, *asked)
        from concurrent.futures.process import BrokenProcessPool

        for _ in range(_ATTEMPTS):
            try:
                return self._worker().submit(_done_in_worker, function, *asked).result()
            except BrokenProcessPool:
                self._executor = None
            except RuntimeError as reason:
                failure = reason if isinstance(reason, TrainingFailed) else None
                if failure is None or failure.reason == "error":
                    self.close()  # what failed once on a device, as CUDA does, may fail ever after in that process
                if failure is not None:
                    raise
                raise TrainingFailed(f"The {about} ended with an error: {reason!s:.200}", "error") from reason
            except KeyboardInterrupt:
                self.close()
                raise
        raise TrainingFailed(
            f"The {about} was killed, and again when it went on: its process ended without a word, as "
            "when the system runs out of memory.",
            "killed",
        )

    def _worker(self) -> Any:
        if self._executor is None:
            from joblib.externals.loky import ProcessPoolExecutor  # unlike the standard one, it needs no main guard

            self._executor = ProcessPoolExecutor(1, initializer=_start, initargs=(os.getpid(), *self._origin))
        return self._executor

    def close(self) -> None:
        """End the worker process, and with it the training that is under way; its last checkpoint stands."""
        executor, self._executor = self._executor, None
        if executor is None:
            return
        for pid in list(executor._processes or ()):
            with suppress(OSError):
                os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        executor.shutdown(wait=True)

    def __enter__(self) -> Trainer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@lru_cache(maxsize=2)
def _images(data: str, options: tuple[tuple[str, Any], ...], recipe: Recipe) -> tuple[ImageDataset, ImageDataset]:
    """Return images, and those of a recipe."""
    whole = load_dataset(data, **dict(options))
    return whole, recipe.images_of(whole)


def _train(
    dataset: ImageDataset,
    recipe: Recipe,
    space: str | SearchSpace,
    device: str,
    cell: int,
    seed: int,
    folder: Path | None,
    until: int | None,
    build_network: BuildNetwork | None,
) -> TrainingResult:
    from nasmeta.training import train

    where: dict[str, Any] = {"space": space, "folder": folder, "device": device}
    result = train(cell, dataset, recipe, seed, until=until, build_network=build_network, **where)
    return replace(result, network=None)


def _train_stack(
    dataset: ImageDataset,
    recipe: Recipe,
    space: str | SearchSpace,
    device: str,
    folders: Mapping[int, Path | None],
    seed: int,
    size: int,
) -> dict[int, TrainingResult | TrainingFailed]:
    from nasmeta.training._stack import train_stacks

    return train_stacks(folders, get_cell_space(space), dataset, recipe, seed, size, device=device)


# -- in the worker ---------------------------------------------------------------------------------------------------
_origin: tuple[str | ImageDataset, dict[str, Any]]


def _start(parent: int, data: str | ImageDataset, options: dict[str, Any]) -> None:
    """Leave interrupts to the parent, end with it, and know the data set."""
    global _origin
    _origin = (data, options)
    end_with(parent)


@cache
def _dataset() -> ImageDataset:
    data, options = _origin
    return data if isinstance(data, ImageDataset) else load_dataset(data, **options)


def _done_in_worker(function: Callable[..., Any], *asked: Any) -> Any:
    return function(_dataset(), *asked)
