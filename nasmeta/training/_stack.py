"""Training several cells side by side as one network."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from nasmeta.errors import SettingError, TrainingFailed
from nasmeta.spaces import CellSpace
from nasmeta.training._dataset import ImageDataset
from nasmeta.training._estimate import estimate
from nasmeta.training._export import read_tensors
from nasmeta.training._learner import Learner
from nasmeta.training._machine import Augmentation, EnergyMeter, Ranks, chosen_device, computing
from nasmeta.training._network import CellNetwork, live_edges
from nasmeta.training._recipe import Recipe
from nasmeta.training._result import (
    CHECKPOINT_FILE,
    RESULT_FILE,
    EpochCount,
    EpochRecord,
    Tell,
    TrainingResult,
    note_of,
)
from nasmeta.training._stacked_network import StackedNetwork
from nasmeta.training._trainer import Training, identity_of, keep_failure, own_folder, run_training

Outcome = TrainingResult | TrainingFailed


class StackedLearner(Learner):
    """Learners of one seed that learn side by side, with the same images in the same order.

    Losses are added, so gradients stay apart, and the optimizer works number by number: each network learns what it
    learns alone. Not to the bit: grouped convolutions and a batched product add up in another order, and over epochs
    the last bit decides about a ReLU, then about an image. Between epochs the members hold what was learnt, weights and
    momentum, as if they had learnt it themselves.
    """

    def __init__(
        self, members: Sequence[Learner], dataset: ImageDataset, recipe: Recipe, seed: int, device: torch.device
    ) -> None:
        network = StackedNetwork([member.network for member in members])  # type: ignore[misc]
        super().__init__(network, dataset, recipe.but(ema=0.0), seed, device, cell=-1)
        self._recipe, self._members, self.n_networks = recipe, members, len(members)
        states = {own: member._optimizer.state[own] for member in members for own in member.network.parameters()}
        self._momenta: list[tuple[Tensor, list[dict[str, Tensor]]]] = [
            (tensor, [states[part] for part in own])  # type: ignore[index]
            for tensor, own in network.shared()
            if tensor.requires_grad
        ]
        with self._reporting_failures():
            if recipe.ema:
                self._average = StackedNetwork([member.outcome for member in members])  # type: ignore[misc]
                self._average.to(device).requires_grad_(False)
            for stacked in {network, self.outcome}:
                stacked.take()  # type: ignore[operator]
                stacked.lend()  # type: ignore[operator]
            for tensor, own in self._momenta:
                if known := [state["momentum_buffer"] for state in own if "momentum_buffer" in state]:
                    self._optimizer.state[tensor]["momentum_buffer"] = torch.cat(known)

    def epoch_of_each(self, epoch: int) -> list[EpochRecord | TrainingFailed]:
        """Train an epoch, counted from 0; return what each network did, or that its loss is no number any more."""
        with self._reporting_failures():
            records = self._epoch(epoch, learning_only=False)
        for tensor, own in self._momenta:
            momentum = self._optimizer.state[tensor].get("momentum_buffer")
            if momentum is not None:
                for state, part in zip(own, momentum.chunk(len(own)), strict=True):
                    state["momentum_buffer"] = part
        found: list[EpochRecord | TrainingFailed] = []
        for member, record in zip(self._members, records, strict=True):
            losses = (record.train_loss, record.valid_loss, record.test_loss)
            wrong = [loss for loss in losses if loss is not None and not math.isfinite(loss)]
            found.append(member._no_number(wrong[0], epoch) if wrong else record)
        return found

    def _step(self, positions: Tensor, draws: Augmentation) -> tuple[Tensor, Tensor]:
        """Take a step; where memory runs out, the stack is halved, not the batch."""
        return self._try_step(positions, draws)

    def _sums(self, logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        expected = labels[:, None].expand(logits.shape[:2])
        losses = functional.cross_entropy(
            logits.flatten(0, 1), expected.flatten(), label_smoothing=smoothing, reduction="none"
        )
        return losses.view(expected.shape).sum(0), (logits.argmax(2) == expected).sum(0)

    def _zeros(self) -> tuple[Tensor, Tensor]:
        n = len(self._members)
        return torch.zeros(n, device=self._device), torch.zeros(n, dtype=torch.int64, device=self._device)

    def _check(self, losses: Sequence[float], epoch: int) -> None:
        """Let the others go on; `epoch_of_each` tells."""


def check_stackable(recipe: Recipe) -> None:
    """Refuse a recipe that several networks cannot share."""
    if recipe.precision == "float16":
        raise SettingError(
            "A stack does not train in float16, since one factor would scale the gradients of all its networks: take "
            "precision bfloat16 or float32, or leave out the stack."
        )


def train_stacks(
    folders: Mapping[int, Path | None],
    space: CellSpace,
    data: ImageDataset,
    recipe: Recipe,
    seed: int,
    size: int,
    *,
    device: str = "auto",
    deterministic: bool = False,
    tell: Tell | None = None,
) -> dict[int, Outcome]:
    """Train cells, each with its folder, so many side by side; see `nasmeta.training.train_many`.

    One that would be alone in a stack, that began by itself or whose output does not depend on the image is trained by
    itself, so its result is that of `run_training` to the bit. After each epoch `tell` is told how many are done, of
    all cells, and how they went.
    """
    check_stackable(recipe)
    apart, parts = _parts(folders, space, size)
    done: dict[int, Outcome] = {}
    count = EpochCount(folders, tell)
    common = {"device": device, "deterministic": deterministic}
    for cell, folder in apart.items():
        watched: dict[str, Any] = {"folder": folder, "on_epoch": count.watcher(cell), **common}
        try:
            result = run_training(cell, space, data, recipe, seed, **watched)
            done[cell] = replace(result, network=None)
        except TrainingFailed as failure:
            done[cell] = failure.with_traceback(None)
        count.update({cell: recipe.epochs})
    for part in parts:
        done |= _Stack(space, data, recipe, seed, chosen_device(device), deterministic, count).train(part)
    return {cell: done[cell] for cell in folders}


def estimate_stacks(
    folders: Mapping[int, Path | None],
    space: CellSpace,
    data: ImageDataset,
    recipe: Recipe,
    size: int,
    device: torch.device,
) -> str:
    """Say in words what the stacks will take, by a trial of the largest; nothing where none is to be trained.

    See `nasmeta.training._estimate.estimate_training`.
    """
    check_stackable(recipe)
    epochs = epochs_left(folders, recipe)
    parts = [own for part in _parts(folders, space, size)[1] if (own := [cell for cell in part if epochs[cell]])]
    if not parts:
        return ""
    work = {cell: float(space.flops(cell, dataset="cifar10")) for part in parts for cell in part}
    largest = max(parts, key=lambda part: sum(work[cell] for cell in part))

    def begun(few: ImageDataset, shorter: Recipe) -> Learner:
        networks = {cell: CellNetwork(cell, space, n_classes=few.n_classes, **recipe.skeleton) for cell in largest}
        members = [Learner(network, few, shorter, 0, device, cell) for cell, network in networks.items()]
        return StackedLearner(members, few, shorter, 0, device)

    try:
        found = estimate(begun, data, recipe, device)
    except TrainingFailed as failure:  # any other says so itself when it begins
        short = f"estimated: memory does not suffice for {len(largest)} cells side by side, the stack will be halved"
        return short if failure.reason == "out of memory" else ""
    whole = sum(work[cell] for cell in largest) * recipe.epochs
    seconds = found.seconds * sum(work[cell] * epochs[cell] for cell in work) / whole
    due = sum(epochs[cell] for cell in work)
    what = f"{recipe.epochs} epochs of {len(work)} cells"
    if due < len(work) * recipe.epochs:
        what = f"the {due} epochs that {len(work)} cells have left"
    side = replace(found, seconds=seconds).told(what, device, "the stack will be halved")
    return f"{side}, {len(largest)} cells side by side"


def _parts(
    folders: Mapping[int, Path | None], space: CellSpace, size: int
) -> tuple[dict[int, Path | None], list[dict[int, Path | None]]]:
    """Return the cells that train by themselves, and the stacks of the others."""
    apart, together = dict[int, Path | None](), dict[int, Path | None]()
    for cell, folder in folders.items():
        alone = not any(live_edges(space.ops_of(cell).tolist())) or _began_in_a_stack(folder) is False
        (apart if alone else together)[cell] = folder
    pairs = list(together.items())
    parts = [dict(pairs[begin : begin + size]) for begin in range(0, len(pairs), size)]
    if parts and len(parts[-1]) == 1 and not any(map(_began_in_a_stack, parts[-1].values())):
        apart |= parts.pop()
    return apart, parts


def epochs_left(folders: Mapping[int, Path | None], recipe: Recipe) -> dict[int, int]:
    """Return how many epochs each training has left, as its folder says; none where it has finished, also early."""
    finished = {cell for cell, folder in folders.items() if folder is not None and (folder / RESULT_FILE).is_file()}
    begun = {cell: len(_checkpoint(folder).get("epochs", ())) for cell, folder in folders.items()}
    return {cell: 0 if cell in finished else recipe.epochs - done for cell, done in begun.items()}


def _began_in_a_stack(folder: Path | None) -> bool | None:
    """Say how the training of a folder began; None where it did not."""
    head = _checkpoint(folder)
    return "stacked" in head.get("identity", ()) if head else None


def _checkpoint(folder: Path | None) -> dict[str, Any]:
    """Return what a checkpoint says beside its tensors; nothing where there is none."""
    if folder is None or not (folder / CHECKPOINT_FILE).is_file():
        return {}
    return dict(read_tensors(folder / CHECKPOINT_FILE)[1])


class _Stack:
    """Trainings that go on side by side; each keeps its own folder, as a training by itself does."""

    def __init__(
        self,
        space: CellSpace,
        data: ImageDataset,
        recipe: Recipe,
        seed: int,
        device: torch.device,
        fixed: bool,
        count: EpochCount,
    ) -> None:
        self._space, self._data, self._recipe, self._seed = space, data, recipe, seed
        self._device, self._deterministic, self._count = device, fixed, count
        self._done: dict[int, Outcome] = {}

    def train(self, folders: Mapping[int, Path | None]) -> dict[int, Outcome]:
        """Train, or go on from the folders' checkpoints."""
        with ExitStack() as stack:
            stack.enter_context(computing(self._deterministic))
            places = {cell: folder and own_folder(folder, stack) for cell, folder in folders.items()}
            self._run([training for cell, place in places.items() if (training := self._begun(cell, place))])
        return self._done

    def _begun(self, cell: int, folder: Path | None) -> Training | None:
        """Return a training in the state of its folder, or a new one; keep its result where it is finished."""
        identity = {**identity_of(cell, self._space, self._data, self._recipe, self._seed), "stacked": True}
        own = (self._space, self._data, self._recipe, self._device, folder, self._deterministic, None, Ranks())
        training = Training(identity, *own)
        result = training.resume()
        self._count.update({cell: len(training.epochs) if result is None else self._recipe.epochs})
        if result is None:
            return training
        self._done[cell] = replace(result, network=None)
        return None

    def _run(self, waiting: list[Training]) -> None:
        """Train to the end. Those that are behind, as after a kill between two checkpoints, catch up first."""
        meter, joules = EnergyMeter(self._device), 0.0
        members: list[Training] = []
        stack: StackedLearner | None = None
        while waiting := [training for training in waiting if not self._is_finished(training)]:
            behind = min(len(training.epochs) for training in waiting)
            side, start = [training for training in waiting if len(training.epochs) == behind], time.perf_counter()
            failed = None
            try:
                if stack is None or side != members:
                    own, members = [training.learner for training in side], side
                    stack = StackedLearner(own, self._data, self._recipe, self._seed, self._device)
                records = stack.epoch_of_each(behind)
            except TrainingFailed as failure:
                failed = failure.reason
            if failed is not None:  # outside the handler, whose traceback keeps tensors alive
                waiting, stack = [training for training in waiting if training not in side], None
                self._go_on_with_fewer(side, failed)
                continue
            seconds, before, joules = time.perf_counter() - start, joules, meter.joules() or 0.0
            went: dict[int, EpochRecord] = {}
            for training, record in zip(side, records, strict=True):
                if isinstance(record, TrainingFailed):
                    self._fail(training, record)
                    continue
                training.epochs.append(record)
                training.evaluate_seconds += seconds / len(side) - record.seconds
                if joules:
                    training.energy = (training.energy or 0.0) + (joules - before) / len(side)
                training.stack = max(training.stack, len(side))
                training.save()
                went[training.identity["cell"]] = record
            if went:
                self._count.update(dict.fromkeys(went, behind + 1), note_of([*went.values()]))
            waiting = [training for training in waiting if training.identity["cell"] not in self._done]

    def _is_finished(self, training: Training) -> bool:
        ended = len(training.epochs) == self._recipe.epochs or training.is_hopeless()
        if ended:
            self._done[training.identity["cell"]] = replace(training.finish(), network=None)
            self._count.update({training.identity["cell"]: self._recipe.epochs})
        return ended

    def _fail(self, training: Training, failure: TrainingFailed) -> None:
        keep_failure(failure, training.folder, training.identity)
        self._done[training.identity["cell"]] = failure.with_traceback(None)
        self._count.update({training.identity["cell"]: self._recipe.epochs})

    def _go_on_with_fewer(self, side: list[Training], reason: str) -> None:
        """Go on in two halves from the last checkpoints, or the start where there are none; one goes on by itself."""
        half = -(-len(side) // 2)
        for part in (side[:half], side[half:]):
            again = []
            for training in part:
                other = self._begun(training.identity["cell"], training.folder)
                assert other is not None
                other.halvings = training.halvings + (reason == "out of memory")
                again.append(other)
            if len(side) > 1:
                self._run(again)
                continue
            for training in again:
                cell = training.identity["cell"]
                try:
                    result = training.run([self._count.watcher(cell)], self._recipe.epochs)
                    self._done[cell] = replace(result, network=None)
                    self._count.update({cell: self._recipe.epochs})
                except TrainingFailed as failure:
                    self._fail(training, failure)
