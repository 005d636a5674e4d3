"""The device of a training, the processes that share it, what energy it takes, and the images on it."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed

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
_VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


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


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this is; one alone has nobody to ask."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process keeps the folder."""
        return self.rank == 0

    def shares(self, n: int) -> tuple[slice, float]:
        """Return this process's part of n images, and what they weigh.

        Of so few that a process had less than two, which batch norm needs, each takes all for its share of the weight.
        """
        return (slice(None), 1 / self.count) if n < 2 * self.count else (slice(self.rank, None, self.count), 1.0)

    def add(self, tensors: Iterable[Tensor]) -> None:
        """Put the sum over all processes in the place of each tensor, in one message a kind of number."""
        if self.count == 1:
            return
        kinds: dict[torch.dtype, list[Tensor]] = {}
        for tensor in tensors:
            kinds.setdefault(tensor.dtype, []).append(tensor)
        for own in kinds.values():
            whole = torch.cat([tensor.reshape(-1) for tensor in own])
            distributed.all_reduce(whole)
            for tensor, part in zip(own, torch.split(whole, [tensor.numel() for tensor in own]), strict=True):
                tensor.copy_(part.view_as(tensor))

    def wait(self, done: int = 0) -> bool:
        """Wait for all processes; say whether all have done as much as this one."""
        most = torch.tensor([done, -done])
        if self.count > 1:
            on_cards = str(distributed.get_backend()) == "nccl"
            most = most.to(torch.device("cuda", torch.cuda.current_device()) if on_cards else "cpu")
            distributed.all_reduce(most, distributed.ReduceOp.MAX)
        return most.tolist() == [done, -done]

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Put the mean over all processes in the place of each tensor of numbers with fractions."""
        some = [tensor for tensor in tensors if tensor.is_floating_point()]
        self.add(some)
        for tensor in some if self.count > 1 else ():
            tensor /= self.count


def ranks_of(device: torch.device, together: bool) -> tuple[Ranks, torch.device]:
    """Join the processes that torchrun has started; return this one's number and device.

    Raises
    ------
    SettingError
        Where torchrun has started none.
    """
    if not together:
        return Ranks(), device
    if missing := [name for name in _VARIABLES if name not in os.environ]:
        raise SettingError(
            f"A training in several processes is started by torchrun, which sets {', '.join(missing)}: `torchrun "
            "--nproc-per-node 4 -m nasmeta train CELL --distributed`."
        )
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    if not distributed.is_initialized():  # a second group would find the first one's addresses
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(distributed.destroy_process_group)
    return Ranks(distributed.get_rank(), distributed.get_world_size()), device
