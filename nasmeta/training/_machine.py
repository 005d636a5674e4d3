"""The device of a training: which one, how it computes, what energy it takes, and the images on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nasmeta.errors import SettingError, shown
from nasmeta.training._dataset import SPLITS, ImageDataset

_OUT_OF_MEMORY = (  # what is raised as a plain RuntimeError where memory does not suffice
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_NOT_INITIALIZED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_NOT_INITIALIZED",
    "CUDNN_STATUS_INTERNAL_ERROR",
    "unable to find an engine to execute",  # cuDNN, where no workspace is left
)


def chosen_device(device: str | torch.device, here: bool = True) -> torch.device:
    """Return the device asked for; ``auto`` is the first CUDA device where there is one, else the CPU.

    One that is not `here` need not be on this machine.
    """
    if isinstance(device, str) and device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError, ValueError, OverflowError) as reason:
        raise SettingError(f"device is auto, cpu, cuda or cuda:N, not {shown(device)}.") from reason
    if not here:
        return found
    if found.type == "cuda":
        if not torch.cuda.is_available():
            why = "has no CUDA" if torch.version.cuda is None else "finds no usable GPU"
            raise SettingError(f"There is no CUDA device: PyTorch {torch.__version__} {why}. device='cpu' trains here.")
        if found.index is not None and found.index >= torch.cuda.device_count():
            raise SettingError(f"There is no {found}: the machine has {torch.cuda.device_count()} CUDA devices.")
    elif found.type not in ("cpu", "mps"):
        raise SettingError(f"device is auto, cpu, cuda or cuda:N, not {shown(device)}.")
    elif found.type == "mps" and not torch.backends.mps.is_available():
        raise SettingError("There is no MPS device on this machine. device='cpu' trains here.")
    return found


def device_name(device: torch.device) -> str:
    """Return the name of the card, or the type of another device."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def is_out_of_memory(reason: BaseException) -> bool:
    """Say whether an error means that memory does not suffice; not all such have a type of their own."""
    return isinstance(reason, torch.OutOfMemoryError | MemoryError) or (
        isinstance(reason, RuntimeError) and any(sign in str(reason) for sign in _OUT_OF_MEMORY)
    )


@contextmanager
def computing(deterministic: bool) -> Iterator[None]:
    """Set PyTorch to the fastest or to deterministic algorithms, and back at the end."""
    cudnn = torch.backends.cudnn
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn_before = cudnn.benchmark, cudnn.deterministic
    workspace = os.environ.get("CUBLAS_WORKSPACE_CONFIG")
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS refuses
        torch.use_deterministic_algorithms(True)
    cudnn.benchmark, cudnn.deterministic = not deterministic, deterministic
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        cudnn.benchmark, cudnn.deterministic = cudnn_before
        if deterministic and workspace is None:
            os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)


class EnergyMeter:
    """The energy that a card has taken since this was made, where NVML (the package nvidia-ml-py) tells."""

    def __init__(self, device: torch.device) -> None:
        self._nvml: Any = None
        if device.type != "cuda":
            return
        with suppress(Exception):  # no package, no driver, no permission, an old card: then it is not known
            import pynvml

            pynvml.nvmlInit()
            uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}"  # positions differ under CUDA_VISIBLE_DEVICES
            self._handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
            self._start = pynvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)
            self._nvml = pynvml

    def joules(self) -> float | None:
        """Return the energy of the whole card since the start, or None where it is not known."""
        if self._nvml is None:
            return None
        return float(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle) - self._start) / 1000


class DeviceData:
    """Images and labels on a device, and batches of them as a network takes them.

    The images lie there once, as bytes and with the crops' black padding around them, so that a random crop is one
    gather and an image without augmentation is a view.
    """

    def __init__(
        self, dataset: ImageDataset, device: torch.device, padding: int = 0, channels_last: bool = False
    ) -> None:
        self.device, self.padding = device, padding
        self.height, self.width = dataset.image_size
        # padded there, so that no second copy of all images is made here
        images = torch.from_numpy(np.ascontiguousarray(dataset.images)).to(device)
        self.images = torch.nn.functional.pad(images, (padding,) * 4) if padding else images
        self.labels = torch.from_numpy(np.ascontiguousarray(dataset.labels)).to(device)
        self.positions = {name: torch.from_numpy(np.array(dataset.splits[name])).to(device) for name in SPLITS}
        self._mean = torch.tensor(dataset.mean, device=device).view(1, -1, 1, 1) * 255
        self._scale = 1 / (torch.tensor(dataset.std, device=device).view(1, -1, 1, 1) * 255)
        self._format = torch.channels_last if channels_last else torch.contiguous_format

    def standardised(self, images: Tensor) -> Tensor:
        """Turn bytes into what a network takes, float32."""
        return ((images.float() - self._mean) * self._scale).contiguous(memory_format=self._format)

    def plain(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return images without augmentation, float32, shape (n, 3, height, width), and labels."""
        p = self.padding
        inner = self.images[:, :, p : p + self.height, p : p + self.width]
        return self.standardised(inner[positions]), self.labels[positions]

    def augmented(self, positions: Tensor, draws: Augmentation) -> tuple[Tensor, Tensor]:
        """Return images, cropped and flipped as drawn for each, and labels."""
        rows = draws.top[:, None] + torch.arange(self.height, device=self.device)
        columns = torch.arange(self.width, device=self.device).expand(len(positions), -1)
        columns = draws.left[:, None] + torch.where(draws.flip[:, None], self.width - 1 - columns, columns)
        channels = torch.arange(self.images.shape[1], device=self.device)
        cropped = self.images[
            positions[:, None, None, None], channels[:, None, None], rows[:, None, :, None], columns[:, None, None, :]
        ]
        return self.standardised(cropped), self.labels[positions]


class Augmentation:
    """What was drawn for each image of an epoch: where its crop begins, and whether it is mirrored.

    Parameters
    ----------
    n : int
    padding : int
        A crop begins at 0 to twice the padding.
    flip : bool
    generator : torch.Generator
    """

    def __init__(self, n: int, padding: int, flip: bool, generator: torch.Generator) -> None:
        device = generator.device
        self.top, self.left = torch.randint(2 * padding + 1, (2, n), generator=generator, device=device)
        if flip:
            self.flip = torch.rand(n, generator=generator, device=device) < 0.5
        else:
            self.flip = torch.zeros(n, dtype=torch.bool, device=device)

    def __getitem__(self, part: slice) -> Augmentation:
        """Return what was drawn for some of the images."""
        found = object.__new__(Augmentation)
        found.top, found.left, found.flip = self.top[part], self.left[part], self.flip[part]
        return found

    def to(self, device: torch.device) -> Augmentation:
        """Return the same on a device."""
        found = object.__new__(Augmentation)
        found.top, found.left, found.flip = (drawn.to(device) for drawn in (self.top, self.left, self.flip))
        return found
