"""The optimisation of one network on one device, epoch by epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from nasmeta.errors import SettingError, TrainingFailed
from nasmeta.training._dataset import ImageDataset
from nasmeta.training._device import Augmentation, DeviceData, is_out_of_memory
from nasmeta.training._recipe import Recipe
from nasmeta.training._result import EpochRecord

_STEPS_BETWEEN_CHECKS = 50  # reading the loss makes the CPU wait for the GPU
_EVALUATION_BATCH = 1024


def _parts(n: int, size: int) -> list[slice]:
    """Cut n images into parts of a size. A single image at the end joins the part before it.

    Batch norm cannot normalise a single image with maps of one pixel.
    """
    ends = list(range(size, n, size))
    if ends and n - ends[-1] == 1 < size:
        ends.pop()
    parts, begin = [], 0
    for end in [*ends, n]:
        parts.append(slice(begin, end))
        begin = end
    return parts


class Learner:
    """A network with its optimizer and its images.

    The seed and the number of an epoch determine the order of the images and their augmentation.

    Parameters
    ----------
    network : torch.nn.Module
        Maps images of shape (n, 3, height, width) to logits of shape (n, n_classes).
    dataset : ImageDataset
    recipe : Recipe
    seed : int
    device : torch.device
    cell : int
        Named in error messages.
    """

    def __init__(
        self,
        network: nn.Module,
        dataset: ImageDataset,
        recipe: Recipe,
        seed: int,
        device: torch.device,
        cell: int,
    ) -> None:
        if len(dataset.splits["train"]) < 2:
            raise SettingError("A training needs two images or more.")
        self._dataset, self._recipe, self._seed, self._device = dataset, recipe, seed, device
        largest_batch = min(recipe.batch_size, len(dataset.splits["train"]))
        self._evaluation_batch = min(_EVALUATION_BATCH, 4 * largest_batch)
        self._data: DeviceData | None = None
        self.network, self._cell = network, cell
        with self._reporting_failures():
            self.network.to(device)
            if recipe.channels_last:
                self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._optimizer = torch.optim.SGD(
            self.network.parameters(),
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
            nesterov=recipe.nesterov,
        )
        self._padding = round(recipe.crop * dataset.image_size[0])
        self._flip = recipe.flip and dataset.flips
        self._forward: Callable[[Tensor], Tensor] = self.network
        if recipe.compile:
            torch.compiler.reset()  # else earlier networks count towards PyTorch's limit of compiled graphs
            self._forward = torch.compile(self.network)

    @contextmanager
    def _reporting_failures(self, errors: bool = True) -> Iterator[None]:
        """Raise PyTorch's errors as `TrainingFailed`; without `errors` only those about memory."""
        try:
            yield
        except (RuntimeError, MemoryError) as reason:
            if isinstance(reason, TrainingFailed):
                raise
            what = "PyTorch gives no reason."
            if str(reason):
                what = str(reason).splitlines()[0][:200]
            if is_out_of_memory(reason):
                self._data = None
                raise TrainingFailed(
                    f"The memory of {self._device} does not suffice for batches of {self._recipe.batch_size} images of "
                    f"cell {self._cell}. {what}",
                    "out of memory",
                ) from reason.with_traceback(None)  # the frames hold tensors
            if not errors:
                raise
            raise TrainingFailed(
                f"The training of cell {self._cell} on {self._device} ended with an error: {what}",
                "error",
            ) from reason

    def epoch(self, epoch: int) -> EpochRecord:
        """Train for an epoch, counted from 0, and evaluate if the recipe evaluates after it."""
        with self._reporting_failures():
            return self._epoch(epoch)

    def _epoch(self, epoch: int) -> EpochRecord:
        if self._data is None:
            self._data = DeviceData(
                self._dataset, self._device, self._padding, self._recipe.channels_last
            )
        start = self._now()
        positions = self._data.positions["train"]
        n_images = len(positions)
        state = np.random.SeedSequence([self._seed, epoch]).generate_state(1, np.uint64)[0]
        # Drawn on the CPU for the whole epoch, so that every device sees the same images in the
        # same order.
        generator = torch.Generator().manual_seed(int(state >> np.uint64(1)))
        permutation = torch.randperm(n_images, generator=generator)
        order = positions[permutation.to(self._device)]
        draws = Augmentation.draw(n_images, self._padding, self._flip, generator)
        draws = draws.to(self._device)
        loss_sum, n_right = self._zeros()
        self.network.train()
        parts = _parts(n_images, self._recipe.batch_size)
        for step, part in enumerate(parts):
            rate = self._recipe.learning_rate_at(epoch, step, len(parts))
            for group in self._optimizer.param_groups:
                group["lr"] = rate
            loss, right = self._step(order[part], draws.part(part))
            loss_sum += loss
            n_right += right
            if step % _STEPS_BETWEEN_CHECKS == 0:
                self._check(float(loss_sum), epoch)
        trained = self._means(loss_sum, n_right, n_images, epoch)
        seconds = self._now() - start
        first_rate = self._recipe.learning_rate_at(epoch, 0, len(parts))
        valid: tuple[float | None, float | None] = (None, None)
        test = valid
        is_last = epoch + 1 == self._recipe.epochs
        if is_last or (epoch + 1) % self._recipe.evaluate_every == 0:
            valid = self._evaluated("valid", epoch)
            test = self._evaluated("test", epoch)
        return EpochRecord(epoch + 1, first_rate, *trained, *valid, *test, seconds)

    def _step(self, positions: Tensor, draws: Augmentation) -> tuple[Tensor, Tensor]:
        """Take a step on a batch; return the sum of its losses and the number of correct predictions."""
        assert self._data is not None
        self._optimizer.zero_grad(set_to_none=True)
        images, labels = self._data.augmented(positions, draws)
        with self._precision():
            logits = self._forward(images).float()
        loss, n_right = _sums(logits, labels, self._recipe.label_smoothing)
        (loss / len(positions)).backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        return loss.detach(), n_right

    def _precision(self) -> torch.autocast:
        return torch.autocast(
            self._device.type, torch.bfloat16, enabled=self._recipe.precision != "float32"
        )

    def _evaluated(self, split: str, epoch: int) -> tuple[float | None, float | None]:
        """Return loss and accuracy in percent on a split, without augmentation."""
        assert self._data is not None
        positions = self._data.positions[split]
        if not len(positions):
            return None, None
        self.network.eval()
        loss_sum, n_right = self._zeros()
        with torch.inference_mode(), self._precision():
            for part in torch.split(positions, self._evaluation_batch):
                images, labels = self._data.plain(part)
                loss, right = _sums(self.network(images).float(), labels)
                loss_sum += loss
                n_right += right
        return self._means(loss_sum, n_right, len(positions), epoch)

    def _zeros(self) -> tuple[Tensor, Tensor]:
        """Return a sum of losses and a count of correct predictions, both zero."""
        loss_sum = torch.zeros((), device=self._device)
        return loss_sum, torch.zeros((), dtype=torch.int64, device=self._device)

    def _means(self, loss_sum: Tensor, n_right: Tensor, n: int, epoch: int) -> tuple[float, float]:
        """Return the mean loss and the accuracy in percent."""
        loss = float(loss_sum) / n
        self._check(loss, epoch)
        return loss, 100 * int(n_right) / n

    def _check(self, loss: float, epoch: int) -> None:
        if not math.isfinite(loss):
            raise TrainingFailed(
                f"The loss of cell {self._cell} is {loss} in epoch {epoch + 1} of the recipe {self._recipe.name}. A "
                "smaller learning rate, or precision float32, may help.",
                "diverged",
            )

    def _now(self) -> float:
        """Return the time after the device has finished all its work."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def state(self) -> dict[str, Tensor]:
        """Return the tensors to resume from."""
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        for index, parameter in enumerate(self.network.parameters()):
            momentum = self._optimizer.state.get(parameter, {}).get("momentum_buffer")
            if momentum is not None:
                tensors[f"momentum.{index}"] = momentum
        return tensors

    def set_state(self, tensors: dict[str, Tensor]) -> None:
        """Resume from the tensors of `state`."""
        weights = {}
        for name, tensor in tensors.items():
            part, _, name_in_part = name.partition(".")
            if part == "network":
                weights[name_in_part] = tensor
        with self._reporting_failures(errors=False):
            self.network.load_state_dict(weights)
            for index, parameter in enumerate(self.network.parameters()):
                if f"momentum.{index}" in tensors:  # parameters of dead edges lack momentum
                    momentum = torch.empty_like(parameter, requires_grad=False)
                    momentum.copy_(tensors[f"momentum.{index}"])
                    self._optimizer.state[parameter]["momentum_buffer"] = momentum


def _sums(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
    """Return the sum of the losses and the number of correct predictions."""
    loss = functional.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="sum")
    return loss, (logits.argmax(1) == labels).sum()
