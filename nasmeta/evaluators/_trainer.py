"""Trainings in a process of their own, so that what ends a training does not end who asked for it."""

from __future__ import annotations

import hashlib
import inspect
import json
import multiprocessing
import os
import platform
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import replace
from functools import cache, lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasmeta.errors import MissingPackageError, NasmetaError, SettingError, TrainingFailed
from nasmeta.spaces import get_cell_space
from nasmeta.threads import end_with, kill_workers
from nasmeta.training import ImageDataset, Recipe, TrainingResult, recipe_for, train

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from nasmeta.spaces import SearchSpace
    from nasmeta.training._own_network import BuildNetwork
    from nasmeta.training._result import Tell

_ATTEMPTS = 2
_SECONDS_BETWEEN_WORDS = 0.5


def require_torch() -> None:
    """Say how to get PyTorch where it is missing, before anything else is done."""
    if find_spec("torch") is None:
        raise MissingPackageError.of("Real training", "torch", "PyTorch")


def recipe_sha256(recipe: Mapping[str, Any]) -> str:
    """Return what identifies the settings of a recipe, whatever its name."""
    settings = {key: value for key, value in recipe.items() if key != "name"}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


class Trainer:
    """Train cells, one after another, on one data set by one recipe.

    The worker process ends with this one, even where this one is killed: a training that nobody waits for does not go
    on, and its folder is free for whoever resumes it. Where trainings are not `isolated`, there is no such process, and
    one that is killed takes this one along. `options` are the keyword arguments of `ImageDataset.load`.
    """

    def __init__(
        self,
        data: str | ImageDataset,
        recipe: str | Path | Recipe | None = None,
        space: str | SearchSpace = "nb201",
        *,
        device: str = "auto",
        options: dict[str, Any] | None = None,
        isolated: bool = True,
        build_network: BuildNetwork | None = None,
    ) -> None:
        require_torch()
        possible = [*inspect.signature(ImageDataset.load).parameters][1:]
        for name in options or {}:
            if name not in possible:
                raise SettingError(f"There is no option {name!r}. Those of reading images: {', '.join(possible)}.")
        self.recipe = recipe_for(recipe, data)
        whole = data if isinstance(data, ImageDataset) else ImageDataset.load(data, **(options or {}))
        self.dataset = self.recipe.images_of(whole)
        self.space, self.build_network = space, build_network
        self.device = device
        self.isolated = isolated
        # the worker reads a data set again, but for a few images of it, which it is handed
        self.announce: Callable[[str], object] | None = None
        self.users = 0  # that keep the worker process
        self._source = (data, options or {})
        self._origin = self._source if self.dataset is whole else (self.dataset, {})
        self._executor: Any = None
        self._pipe: Any = None  # through which the worker process says how a training goes: both ends, so it stays open

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs; images that have a name are read there, once."""
        state = {**self.__dict__, "_executor": None, "_pipe": None, "announce": None, "users": 0}
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
        tell: Tell | None = None,
    ) -> TrainingResult:
        """Train one cell; where the folder holds a checkpoint go on from it, where it holds a result return that.

        Another `recipe` than its own is for the same images; after the epoch `until` the training pauses. After each
        epoch `tell` is told how many are done, and in words how they went.
        A worker process that was killed is started again once, since who ended it may have meant another. The
        result has no network: that lies in the folder.
        """
        asked = (recipe or self.recipe, self.space, self.device, cell, seed, folder, until, self.build_network)
        result: TrainingResult = self._done(_train, asked, f"training of cell {cell}", tell)
        return result

    def train_stack(
        self,
        folders: Mapping[int, Path | None],
        seed: int,
        size: int,
        recipe: Recipe | None = None,
        tell: Tell | None = None,
    ) -> dict[int, TrainingResult | TrainingFailed]:
        """Train cells, each with its folder, so many side by side; where the process is killed, in two halves.

        What ended with an error is tried once more, alone and in a new process; that is not told.
        """
        asked = (recipe or self.recipe, self.space, self.device, dict(folders), seed, size)
        try:
            found: dict[int, TrainingResult | TrainingFailed] = self._done(
                _train_stack, asked, f"training of {len(folders)} cells side by side", tell
            )
            if broken := [cell for cell, one in found.items() if getattr(one, "reason", "") == "error"]:
                self.close()  # as in `_done`
            for cell in broken if self.isolated and len(folders) > 1 else ():
                found |= self.train_stack({cell: folders[cell]}, seed, size, recipe)
            return found
        except TrainingFailed as failure:
            if len(folders) == 1:
                return dict.fromkeys(folders, failure)
        cells, half = list(folders.items()), len(folders) // 2
        done: dict[int, TrainingResult | TrainingFailed] = {}
        for begin, part in ((0, cells[:half]), (half, cells[half:])):
            before = begin * (recipe or self.recipe).epochs
            said = None if tell is None else partial(_after, before, tell)
            done |= self.train_stack(dict(part), seed, size, recipe, said)
        return done

    def announced(self, what: str, total: int, at_first: str = "") -> Tell | None:
        """Say what is trained; return what says how many of its epochs are done; nothing where nobody listens."""
        say = self.announce
        if say is None:
            return None
        say(what + at_first)
        first: tuple[float, int] | None = None

        def tell(done: int, note: str) -> None:
            nonlocal first
            since, begun = first = first or (time.monotonic(), done)
            left = ""
            if begun < done < total:
                left = f"{(time.monotonic() - since) / (done - begun) * (total - done):,.0f} s left"
            say(", ".join(filter(None, (f"{what}: {done} of {total} epochs", left, note))))

        return tell

    def estimate_stack(self, folders: Mapping[int, Path | None], size: int) -> str:
        """Say in words what stacks will take; nothing where none is to be trained, or where that is not known."""
        try:
            asked = (self.recipe, self.space, self.device, dict(folders), size)
            said: str = self._done(_estimate_stack, asked, "estimate")
            return said
        except TrainingFailed:  # the training itself is what has to succeed
            return ""

    def _done(self, function: Callable[..., Any], asked: tuple[Any, ...], about: str, tell: Tell | None = None) -> Any:
        """Return what a function of images does, in the worker process where there is one."""
        if not self.isolated or multiprocessing.current_process().daemon:  # such a one may have no child
            return function(self.dataset, *asked, tell)
        from concurrent.futures.process import BrokenProcessPool

        for _ in range(_ATTEMPTS):
            try:
                return self._heard_until_done(self._worker().submit(_done_in_worker, function, *asked), tell)
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

            self._pipe = multiprocessing.Pipe(duplex=False)
            known = (os.getpid(), *self._origin, self._pipe[1])
            self._executor = ProcessPoolExecutor(1, initializer=_start, initargs=known)
        return self._executor

    def _heard_until_done(self, future: Future[Any], tell: Tell | None) -> Any:
        """Return the result of the worker process, and pass on what it says before."""
        while True:
            ended = wait([future], _SECONDS_BETWEEN_WORDS).done
            while self._pipe[0].poll():
                said = self._pipe[0].recv()
                if tell is not None:
                    tell(*said)
            if ended:
                return future.result()

    def close(self) -> None:
        """End the worker process, and with it the training that is under way; its last checkpoint stands."""
        executor, self._executor = self._executor, None
        if executor is None:
            return
        kill_workers(executor)
        executor.shutdown(wait=True)

    def __enter__(self) -> Trainer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _after(before: int, tell: Tell, done: int, note: str) -> None:
    """Tell of a part of the trainings, when so many epochs are done already."""
    tell(before + done, note)


@lru_cache(maxsize=2)
def _images(data: str, options: tuple[tuple[str, Any], ...], recipe: Recipe) -> tuple[ImageDataset, ImageDataset]:
    """Return images, and those of a recipe."""
    whole = ImageDataset.load(data, **dict(options))
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
    tell: Tell | None,
) -> TrainingResult:
    from nasmeta.training._result import EpochCount

    watched = EpochCount([cell], tell).watcher(cell)
    where: dict[str, Any] = {"space": space, "folder": folder, "device": device, "on_epoch": watched}
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
    tell: Tell | None,
) -> dict[int, TrainingResult | TrainingFailed]:
    from nasmeta.training._stack import train_stacks

    return train_stacks(folders, get_cell_space(space), dataset, recipe, seed, size, device=device, tell=tell)


def _estimate_stack(
    dataset: ImageDataset,
    recipe: Recipe,
    space: str | SearchSpace,
    device: str,
    folders: Mapping[int, Path | None],
    size: int,
    tell: Tell | None,
) -> str:
    from nasmeta.training._machine import chosen_device
    from nasmeta.training._stack import estimate_stacks

    return estimate_stacks(folders, get_cell_space(space), dataset, recipe, size, chosen_device(device))


# -- in the worker ---------------------------------------------------------------------------------------------------
_origin: tuple[str | ImageDataset, dict[str, Any]]
_says: Connection


def _start(parent: int, data: str | ImageDataset, options: dict[str, Any], says: Connection) -> None:
    """Leave interrupts to the parent, end with it, and know the data set and where to say how trainings go."""
    global _origin, _says
    _origin, _says = (data, options), says
    end_with(parent)


@cache
def _dataset() -> ImageDataset:
    data, options = _origin
    return data if isinstance(data, ImageDataset) else ImageDataset.load(data, **options)


def _done_in_worker(function: Callable[..., Any], *asked: Any) -> Any:
    return function(_dataset(), *asked, lambda done, note: _says.send((done, note)))
