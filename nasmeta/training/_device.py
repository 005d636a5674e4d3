"""The device of a training, and the images on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from nasmeta.errors import SettingError
from nasmeta.training._dataset import SPLITS, ImageDataset

_OUT_OF_MEMORY = (  # messages of RuntimeErrors about memory
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_NOT_INITIALIZED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_NOT_INITIALIZED",
    "CUDNN_STATUS_INTERNAL_ERROR",
    "unable to find an engine to execute",  # cuDNN, without memory for its workspace
)


def chosen_device(device: str | torch.device) -> torch.device:
    """Return a device; ``auto`` is the first CUDA device, or the CPU if there is none.

    Raises
    ------
    SettingError
        If there is no such device on this machine.
    """
    if device == "auto":
        kind = "cuda" if torch.cuda.is_available() else "cpu"
        return torch.device(kind)
    try:
        return torch.empty(0, device=device).device
    # PyTorch without CUDA raises an AssertionError.
    except (RuntimeError, AssertionError) as reason:
        expected = "auto, or one that PyTorch finds, such as cpu or cuda:0"
        raise SettingError("device", device, expected) from reason


def device_name(device: torch.device) -> str:
    """Return the name of the card, or the type of another device."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return device.type


def is_out_of_memory(reason: BaseException) -> bool:
    """Whether an error means that memory does not suffice; some such errors are plain RuntimeErrors."""
    if isinstance(reason, torch.OutOfMemoryError | MemoryError):
        return True
    is_named = any(sign in str(reason) for sign in _OUT_OF_MEMORY)
    return is_named and isinstance(reason, RuntimeError)


@contextmanager
def fastest_algorithms() -> Iterator[None]:
    """Let cuDNN choose the fastest algorithms; restore the setting at the end."""
    before, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


class DeviceData:
    """Images and labels on a device, and batches of them as input of a network.

    Images are stored once, as bytes with black padding for the crops: a random crop is one gather,
    and an image without augmentation is a view.
    """

    def __init__(
        self,
        dataset: ImageDataset,
        device: torch.device,
        padding: int = 0,
        channels_last: bool = False,
    ) -> None:
        self.device, self.padding = device, padding
        self.height, self.width = dataset.image_size
        self.images = torch.from_numpy(np.ascontiguousarray(dataset.images)).to(device)
        if padding:  # on the device, which needs no second copy of all images in main memory
            self.images = torch.nn.functional.pad(self.images, (padding,) * 4)
        self.labels = torch.from_numpy(np.ascontiguousarray(dataset.labels)).to(device)
        self.positions = {}
        for name in SPLITS:
            positions = np.array(dataset.splits[name])
            self.positions[name] = torch.from_numpy(positions).to(device)
        # Mean and deviation of bytes, shape (1, 3, 1, 1)
        self._mean = torch.tensor(dataset.mean, device=device).view(1, -1, 1, 1) * 255
        deviation = torch.tensor(dataset.std, device=device).view(1, -1, 1, 1) * 255
        self._scale = 1 / deviation
        self._format = torch.channels_last if channels_last else torch.contiguous_format

    def standardised(self, images: Tensor) -> Tensor:
        """Return images as float32, standardised per channel."""
        scaled = (images.float() - self._mean) * self._scale
        return scaled.contiguous(memory_format=self._format)

    def plain(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return images without augmentation, float32, shape (n, 3, height, width), and labels."""
        rows = slice(self.padding, self.padding + self.height)
        columns = slice(self.padding, self.padding + self.width)
        inner = self.images[:, :, rows, columns]  # a view
        return self.standardised(inner[positions]), self.labels[positions]

    def augmented(self, positions: Tensor, draws: Augmentation) -> tuple[Tensor, Tensor]:
        """Return cropped and flipped images, float32, shape (n, 3, height, width), and labels."""
        rows = torch.arange(self.height, device=self.device)
        rows = draws.top[:, None] + rows  # shape (n, height)
        columns = torch.arange(self.width, device=self.device)
        mirrored = self.width - 1 - columns
        columns = torch.where(draws.flip[:, None], mirrored, columns)
        columns = draws.left[:, None] + columns  # shape (n, width)
        channels = torch.arange(self.images.shape[1], device=self.device)
        # Indices that broadcast to (n, 3, height, width)
        cropped = self.images[
            positions[:, None, None, None],
            channels[:, None, None],
            rows[:, None, :, None],
            columns[:, None, None, :],
        ]
        return self.standardised(cropped), self.labels[positions]


class Augmentation(NamedTuple):
    """The random crop and flip of each image, tensors of shape (n,)."""

    top: Tensor
    left: Tensor
    flip: Tensor

    @classmethod
    def draw(cls, n: int, padding: int, flip: bool, generator: torch.Generator) -> Augmentation:
        """Draw crops that begin at 0 to twice the padding, and flips, on the device of the generator."""
        device = generator.device
        top, left = torch.randint(2 * padding + 1, (2, n), generator=generator, device=device)
        flips = torch.zeros(n, dtype=torch.bool, device=device)
        if flip:
            flips = torch.rand(n, generator=generator, device=device) < 0.5
        return cls(top=top, left=left, flip=flips)

    def part(self, images: slice) -> Augmentation:
        """Return the draws of some images."""
        return Augmentation(*(drawn[images] for drawn in self))

    def to(self, device: torch.device) -> Augmentation:
        """Return the draws on a device."""
        return Augmentation(*(drawn.to(device) for drawn in self))
