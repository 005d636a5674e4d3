"""A network that learns on a device, epoch by epoch; it knows nothing of folders."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from nasmeta.errors import SettingError, TrainingFailed
from nasmeta.training._dataset import ImageDataset
from nasmeta.training._machine import Augmentation, DeviceData, Ranks, device_name, is_out_of_memory
from nasmeta.training._recipe import Recipe
from nasmeta.training._result import EpochRecord

_SMALLEST_MICRO_BATCH = 8
_STEPS_BETWEEN_CHECKS = 50  # a look at the loss makes the CPU wait for the GPU
_EVALUATION_BATCH = 1024


def _parts(n: int, size: int) -> list[slice]:
    """Cut n images into parts; one that would be left over alone goes with those before it.

    Batch norm cannot normalise a single image where its maps have one pixel.
    """
    ends = list(range(size, n, size))
    if ends and n - ends[-1] == 1 < size:
        ends.pop()
    return [slice(begin, end) for begin, end in zip([0, *ends], [*ends, n], strict=True)]


class Learner:
    """A network that learns, its optimizer and its data.

    With the number of an epoch, `seed` gives the order of the images and their augmentation. `micro_batch` images go
    through the network at once; it is halved where memory does not suffice. Of several processes each takes its part
    of every batch, and gradients are those of the whole; batch norm normalises within the part.
    """

    def __init__(
        self,
        network: nn.Module,
        dataset: ImageDataset,
        recipe: Recipe,
        seed: int,
        device: torch.device,
        cell: int,
        ranks: Ranks = Ranks(),  # noqa: B008 - it cannot be changed
    ) -> None:
        if len(dataset.splits["train"]) < 2:
            raise SettingError("A training needs two images or more.")
        if recipe.cuda_graphs and device.type != "cuda":
            raise SettingError(
                f"The recipe {recipe.name} asks for CUDA graphs, which a training on {device.type} does not have: "
                "train on device='cuda', or with cuda_graphs = false."
            )
        self._dataset, self._recipe, self._seed, self._device = dataset, recipe, seed, device
        self.micro_batch = min(recipe.batch_size, len(dataset.splits["train"]))
        self._evaluation_batch = _EVALUATION_BATCH
        self._data: DeviceData | None = None
        self.network, self._cell, self._ranks = network, cell, ranks
        with self._reporting_failures():
            self.network.to(device)
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
        self._forward: Callable[[Tensor], Tensor] = self.network
        if recipe.compile or recipe.cuda_graphs:
            torch.compiler.reset()  # else the networks before count towards the limit beyond which nothing is compiled
            self._forward = torch.compile(self.network, mode="reduce-overhead" if recipe.cuda_graphs else None)

    n_networks = 1  # that learn side by side

    @property
    def outcome(self) -> nn.Module:
        """The network that is evaluated: with averaged weights, where the recipe averages."""
        return self.network if self._average is None else self._average

    def epoch(self, epoch: int, learning_only: bool = False) -> EpochRecord:
        """Train an epoch, counted from 0, and evaluate if it is time to."""
        with self._reporting_failures():
            return self._epoch(epoch, learning_only)[0]

    @contextmanager
    def _reporting_failures(self, errors: bool = True) -> Iterator[None]:
        """Turn what PyTorch raises into a failure with its reason: memory that does not suffice, or any error."""
        try:
            yield
        except TrainingFailed:
            raise
        except (RuntimeError, MemoryError) as reason:
            what = str(reason).splitlines()[0][:200] if str(reason) else "No more is known."
            if is_out_of_memory(reason):
                self._data = None
                self._free_memory()
                raise TrainingFailed(
                    f"The memory of {self._device_name()} does not suffice for {self.micro_batch} images at once of "
                    f"cell {self._cell} with C={self._recipe.channels}, N={self._recipe.cells_per_stage}. "
                    f"{what}",
                    "out of memory",
                ) from reason.with_traceback(None)  # whose frames would keep its tensors
            if not errors:
                raise
            raise TrainingFailed(
                f"The training of cell {self._cell} on {self._device} ended with an error: {what}", "error"
            ) from reason

    def _device_name(self) -> str:
        try:
            return device_name(self._device)
        except RuntimeError:  # not even the device's context found memory
            return str(self._device)

    def _epoch(self, epoch: int, learning_only: bool) -> list[EpochRecord]:
        """Return a record for each network that learns: one, but for a stack."""
        if self._data is None:
            self._data = DeviceData(self._dataset, self._device, self._padding, self._recipe.channels_last)
        start = self._now()
        positions = self._data.positions["train"]
        draw = np.random.SeedSequence([self._seed, epoch]).generate_state(1, np.uint64)[0]
        # drawn on the CPU, so that every device sees the same images in the same order; once for the whole epoch
        generator = torch.Generator().manual_seed(int(draw >> np.uint64(1)))
        order = positions[torch.randperm(len(positions), generator=generator).to(self._device)]
        draws = Augmentation(len(positions), self._padding, self._flip, generator).to(self._device)
        loss_sum, n_right = self._zeros()
        self.network.train()
        parts = _parts(len(positions), self._recipe.batch_size)
        n_steps = len(parts)
        first_rate = self._recipe.learning_rate_at(epoch, 0, n_steps)
        for step, part in enumerate(parts):
            for group in self._optimizer.param_groups:
                group["lr"] = self._recipe.learning_rate_at(epoch, step, n_steps)
            losses, right = self._step(order[part], draws[part])
            loss_sum += losses
            n_right += right
            if step % _STEPS_BETWEEN_CHECKS == 0:
                self._check(loss_sum.tolist(), epoch)
        trained = self._means(loss_sum, n_right, len(positions), epoch)
        seconds = self._now() - start
        for network in {self.network, self.outcome}:
            self._ranks.average(network.buffers())  # batch norm's, of which each process has seen its part
        last = epoch + 1 == self._recipe.epochs
        wanted = not learning_only and (last or (epoch + 1) % self._recipe.evaluate_every == 0)
        none: list[tuple[float | None, float | None]] = [(None, None)] * len(trained)
        valid_ones, test_ones = (self._evaluated(name, epoch) if wanted else none for name in ("valid", "test"))
        return [
            EpochRecord(epoch + 1, first_rate, *train, *valid, *test, seconds / len(trained))
            for train, valid, test in zip(trained, valid_ones, test_ones, strict=True)
        ]

    def _step(self, positions: Tensor, draws: Augmentation) -> tuple[Tensor, Tensor]:
        """Take a step; return the sums of losses and of right answers. Where memory runs out, halve and try again."""
        while True:
            try:
                return self._try_step(positions, draws)
            except (RuntimeError, MemoryError) as reason:
                if not is_out_of_memory(reason) or self.micro_batch // 2 < _SMALLEST_MICRO_BATCH:
                    raise
            self.micro_batch //= 2  # outside the handler, whose traceback keeps tensors alive
            self._free_memory()

    def _free_memory(self) -> None:
        self.network.zero_grad(set_to_none=True)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _try_step(self, positions: Tensor, draws: Augmentation) -> tuple[Tensor, Tensor]:
        assert self._data is not None
        loss_sum, n_right = self._zeros()
        self._optimizer.zero_grad(set_to_none=True)
        if self._recipe.cuda_graphs:
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        n = len(positions)
        own, weight = self._ranks.shares(n)
        positions, draws = positions[own], draws[own]
        for part in _parts(len(positions), self.micro_batch):
            images, labels = self._data.augmented(positions[part], draws[part])
            with self._precision():
                logits = self._forward(images).float()
            losses, right = self._sums(logits, labels, self._recipe.label_smoothing)
            self._scaler.scale((losses * weight / n).sum()).backward()  # type: ignore[no-untyped-call]
            loss_sum += losses.detach() * weight
            n_right += right * (weight == 1 or self._ranks.is_first)
        gradients = [parameter.grad for parameter in self.network.parameters() if parameter.grad is not None]
        self._ranks.add([*gradients, loss_sum, n_right])
        self._scaler.step(self._optimizer)
        self._scaler.update()
        if self._average is not None:
            self._move_average(self._average)
        return loss_sum, n_right

    def _move_average(self, average: nn.Module) -> None:
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

    def _sums(self, logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        """Return the sums of losses and of right answers, of the shape of `_zeros`."""
        losses = functional.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="sum")
        return losses[None], (logits.argmax(1) == labels).sum()[None]

    def _evaluated(self, split: str, epoch: int) -> list[tuple[float | None, float | None]]:
        """Return loss and accuracy in percent on a split, without augmentation."""
        assert self._data is not None
        positions = self._data.positions[split]
        if not len(positions):
            return [(None, None)] * len(self._zeros()[0])
        while True:
            size = min(self._evaluation_batch, 4 * self.micro_batch)
            try:
                sums = self._try_evaluation(positions, size)
                break
            except (RuntimeError, MemoryError) as reason:
                if not is_out_of_memory(reason) or size // 2 < _SMALLEST_MICRO_BATCH:
                    raise
            self._evaluation_batch = size // 2
            self._free_memory()
        return [*self._means(*sums, len(positions), epoch)]

    def _try_evaluation(self, positions: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """Return the sums of losses and the numbers of right answers."""
        assert self._data is not None
        network = self.outcome.eval()
        loss_sum, n_right = self._zeros()
        positions = positions[self._ranks.rank :: self._ranks.count]
        with torch.inference_mode(), self._precision():
            for begin in range(0, len(positions), size):
                images, labels = self._data.plain(positions[begin : begin + size])
                losses, right = self._sums(network(images).float(), labels)
                loss_sum += losses
                n_right += right
        self._ranks.add([loss_sum, n_right])
        return loss_sum, n_right

    def _means(self, loss_sum: Tensor, n_right: Tensor, n: int, epoch: int) -> list[tuple[float, float]]:
        """Return mean losses and accuracies in percent."""
        losses = [loss / n for loss in loss_sum.tolist()]
        self._check(losses, epoch)
        return [(loss, 100 * right / n) for loss, right in zip(losses, n_right.tolist(), strict=True)]

    def _zeros(self) -> tuple[Tensor, Tensor]:
        """Return a sum of losses and a count of right answers, which a float32 would round, of each network."""
        return torch.zeros(1, device=self._device), torch.zeros(1, dtype=torch.int64, device=self._device)

    def _check(self, losses: Sequence[float], epoch: int) -> None:
        for loss in losses:
            if not math.isfinite(loss):
                raise self._no_number(loss, epoch)

    def _no_number(self, loss: float, epoch: int) -> TrainingFailed:
        return TrainingFailed(
            f"The loss of cell {self._cell} is {loss} in epoch {epoch + 1} of {self._recipe.epochs} (recipe "
            f"{self._recipe.name}, learning rate {self._recipe.learning_rate}, seed {self._seed}). A smaller "
            "learning rate, or precision float32, may help.",
            "diverged",
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
        with self._reporting_failures(errors=False):
            self._set_state(tensors, rest)

    def _set_state(self, tensors: dict[str, Tensor], rest: dict[str, Any]) -> None:
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
