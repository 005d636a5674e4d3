"""A network that learns on a device, epoch by epoch; it knows nothing of folders."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from nasmeta.errors import SettingError, TrainingFailed
from nasmeta.training._dataset import ImageDataset
from nasmeta.training._device_data import Augmentation, DeviceData
from nasmeta.training._machine import device_name
from nasmeta.training._network import CellNetwork
from nasmeta.training._recipe import Recipe
from nasmeta.training._result import EpochRecord

__all__ = ["Learner"]

_SMALLEST_MICRO_BATCH = 8
_STEPS_BETWEEN_CHECKS = 50  # a look at the loss makes the CPU wait for the GPU
_EVALUATION_BATCH = 1024


class Learner:
    """A network, its optimizer and its data.

    Parameters
    ----------
    network : CellNetwork
        Is moved to the device.
    dataset : ImageDataset
    recipe : Recipe
    seed : int
        With the number of an epoch it gives the order of the images and their augmentation.
    device : torch.device

    Attributes
    ----------
    micro_batch : int
        Images that go through the network at once; is halved where memory does not suffice.
    """

    def __init__(
        self, network: CellNetwork, dataset: ImageDataset, recipe: Recipe, seed: int, device: torch.device
    ) -> None:
        if len(dataset.splits["train"]) < 2:
            raise SettingError("A training needs two images or more.")
        self._dataset, self._recipe, self._seed, self._device = dataset, recipe, seed, device
        self.network = network.to(device)
        if recipe.channels_last:
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._average = deepcopy(self.network).requires_grad_(False) if recipe.ema else None
        self._optimizer = torch.optim.SGD(
            self.network.parameters(),
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
            nesterov=recipe.nesterov,
        )
        self._scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "float16")
        self._padding = round(recipe.crop * dataset.image_size[0])
        self._flip = recipe.flip and dataset.flips
        self._data: DeviceData | None = None
        self._forward: Callable[[Tensor], Tensor] = torch.compile(self.network) if recipe.compile else self.network
        self.micro_batch = min(recipe.batch_size, len(dataset.splits["train"]))

    @property
    def outcome(self) -> CellNetwork:
        """The network that is evaluated: with averaged weights, where the recipe averages."""
        return self.network if self._average is None else self._average

    def epoch(self, epoch: int, learning_only: bool = False) -> EpochRecord:
        """Train an epoch, counted from 0, and evaluate if it is time to.

        Raises
        ------
        TrainingFailed
        """
        try:
            return self._epoch(epoch, learning_only)
        except (torch.OutOfMemoryError, MemoryError) as reason:
            self._data = None
            self._forget()
            what = str(reason).splitlines()[0][:200] if str(reason) else "No more is known."
            raise TrainingFailed(
                f"The memory of {device_name(self._device)} does not suffice for {self.micro_batch} images at once of "
                f"cell {self.network.cell} with C={self._recipe.channels}, N={self._recipe.cells_per_stage}. {what}",
                "out of memory",
            ) from reason

    def _epoch(self, epoch: int, learning_only: bool) -> EpochRecord:
        if self._data is None:
            self._data = DeviceData(self._dataset, self._device, self._padding, self._recipe.channels_last)
        start = self._now()
        positions = self._data.positions["train"]
        draw = np.random.SeedSequence([self._seed, epoch]).generate_state(1, np.uint64)[0]
        # drawn on the CPU, so that every device sees the same images in the same order; once for the whole epoch
        generator = torch.Generator().manual_seed(int(draw >> np.uint64(1)))
        order = positions[torch.randperm(len(positions), generator=generator).to(self._device)]
        draws = Augmentation(len(positions), self._padding, self._flip, generator).to(self._device)
        total = torch.zeros(2, device=self._device)
        self.network.train()
        size = self._recipe.batch_size
        n_steps = math.ceil(len(positions) / size)
        first_rate = self._recipe.learning_rate_at(epoch, 0, n_steps)
        for step in range(n_steps):
            for group in self._optimizer.param_groups:
                group["lr"] = self._recipe.learning_rate_at(epoch, step, n_steps)
            part = slice(step * size, (step + 1) * size)
            total += self._step(order[part], draws[part])
            if step % _STEPS_BETWEEN_CHECKS == 0:
                self._check(float(total[0]), epoch)
        loss, accuracy = (total / len(positions)).tolist()
        self._check(loss, epoch)
        seconds = self._now() - start
        last = epoch + 1 == self._recipe.epochs
        wanted = not learning_only and (last or (epoch + 1) % self._recipe.evaluate_every == 0)
        valid_loss, valid_accuracy = self._evaluated("valid", epoch) if wanted else (None, None)
        test_loss, test_accuracy = self._evaluated("test", epoch) if wanted else (None, None)
        return EpochRecord(
            epoch + 1,
            first_rate,
            loss,
            100 * accuracy,
            valid_loss,
            valid_accuracy,
            test_loss,
            test_accuracy,
            seconds,
        )

    def _step(self, positions: Tensor, draws: Augmentation) -> Tensor:
        """Take a step; return the sums of losses and of right answers. Where memory runs out, halve and try again."""
        while True:
            try:
                return self._try_step(positions, draws)
            except (torch.OutOfMemoryError, MemoryError):
                if self.micro_batch // 2 < _SMALLEST_MICRO_BATCH:
                    raise
            self.micro_batch //= 2  # outside the handler, whose traceback keeps tensors alive
            self._forget()

    def _forget(self) -> None:
        self._optimizer.zero_grad(set_to_none=True)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _try_step(self, positions: Tensor, draws: Augmentation) -> Tensor:
        assert self._data is not None
        found = torch.zeros(2, device=self._device)
        self._optimizer.zero_grad(set_to_none=True)
        for begin in range(0, len(positions), self.micro_batch):
            part = slice(begin, begin + self.micro_batch)
            images, labels = self._data.augmented(positions[part], draws[part])
            with self._precision():
                logits = self._forward(images).float()
            losses = functional.cross_entropy(
                logits, labels, label_smoothing=self._recipe.label_smoothing, reduction="sum"
            )
            self._scaler.scale(losses / len(positions)).backward()  # type: ignore[no-untyped-call]
            found += torch.stack([losses.detach(), (logits.argmax(1) == labels).sum()])
        self._scaler.step(self._optimizer)
        self._scaler.update()
        if self._average is not None:
            self._move_average(self._average)
        return found

    def _move_average(self, average: CellNetwork) -> None:
        """Move the averaged weights and batch norms' statistics towards the present ones."""
        with torch.no_grad():
            for ours, theirs in zip(average.state_dict().values(), self.network.state_dict().values(), strict=True):
                if ours.is_floating_point():
                    ours.lerp_(theirs, 1 - self._recipe.ema)
                else:
                    ours.copy_(theirs)

    def _precision(self) -> torch.autocast:
        kind = torch.float16 if self._recipe.precision == "float16" else torch.bfloat16
        return torch.autocast(self._device.type, dtype=kind, enabled=self._recipe.precision != "float32")

    def _evaluated(self, split: str, epoch: int) -> tuple[float, float] | tuple[None, None]:
        """Return loss and accuracy in percent on a split, without augmentation."""
        assert self._data is not None
        positions = self._data.positions[split]
        if not len(positions):
            return None, None
        network = self.outcome.eval()
        total = torch.zeros(2, device=self._device)
        size = min(_EVALUATION_BATCH, 4 * self.micro_batch)
        with torch.inference_mode(), self._precision():
            for begin in range(0, len(positions), size):
                images, labels = self._data.plain(positions[begin : begin + size])
                logits = network(images).float()
                loss = functional.cross_entropy(logits, labels, reduction="sum")
                total += torch.stack([loss, (logits.argmax(1) == labels).sum()])
        mean_loss, accuracy = (total / len(positions)).tolist()
        self._check(mean_loss, epoch)
        return mean_loss, 100 * accuracy

    def _check(self, loss: float, epoch: int) -> None:
        if not math.isfinite(loss):
            raise TrainingFailed(
                f"The loss of cell {self.network.cell} is {loss} in epoch {epoch + 1} of {self._recipe.epochs} (recipe "
                f"{self._recipe.name}, learning rate {self._recipe.learning_rate}, seed {self._seed}). A smaller "
                "learning rate, or precision float32, may help.",
                "nan",
            )

    def _now(self) -> float:
        """Return the time when everything asked of the device is done."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return what has been learnt: tensors, and the rest of JSON's types."""
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        if self._average is not None:
            tensors |= {f"average.{name}": tensor for name, tensor in self._average.state_dict().items()}
        for at, parameter in enumerate(self.network.parameters()):
            momentum = self._optimizer.state.get(parameter, {}).get("momentum_buffer")
            if momentum is not None:
                tensors[f"momentum.{at}"] = momentum
        return tensors, {"micro_batch": self.micro_batch, "scaler": self._scaler.state_dict()}

    def set_state(self, tensors: dict[str, Tensor], rest: dict[str, Any]) -> None:
        """Take up a state that `state` returned."""
        for prefix, network in (("network.", self.network), ("average.", self._average)):
            if network is not None:
                network.load_state_dict(
                    {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
                )
        for at, parameter in enumerate(self.network.parameters()):
            if f"momentum.{at}" in tensors:  # a dead edge has none
                momentum = torch.empty_like(parameter, requires_grad=False).copy_(tensors[f"momentum.{at}"])
                self._optimizer.state[parameter]["momentum_buffer"] = momentum
        self.micro_batch = int(rest["micro_batch"])
        if rest["scaler"]:
            self._scaler.load_state_dict(rest["scaler"])
