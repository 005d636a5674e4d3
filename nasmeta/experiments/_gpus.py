"""Which GPU a worker process sees."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from nasmeta.errors import NasmetaError

__all__ = ["GpuSlots", "visible_gpus"]

_VARIABLE = "CUDA_VISIBLE_DEVICES"
_WAIT_SECONDS = 60.0  # for the place of a worker that is ending
_held: dict[str, Any] = {}  # the lock of this process by folder


def visible_gpus() -> list[str]:
    """Return the GPUs that this process sees, as ``CUDA_VISIBLE_DEVICES`` names them."""
    named = os.environ.get(_VARIABLE)
    if named is not None:
        return [*takewhile(lambda one: one and not one.startswith("-"), map(str.strip, named.split(",")))]
    try:
        import torch
    except ImportError:
        return []
    return [str(i) for i in range(torch.cuda.device_count())]


@dataclass(frozen=True)
class GpuSlots:
    """A place a worker, each with its GPU; the system frees the place of a process that is gone."""

    folder: str  # of the locks, on this machine
    devices: tuple[str, ...]  # of each place

    def take(self) -> None:
        """Let this process see the GPU of a free place, from now on; it must not have used one before."""
        from filelock import FileLock, Timeout

        if self.folder in _held:
            return
        until = time.monotonic() + _WAIT_SECONDS
        while True:
            for i, device in enumerate(self.devices):
                lock = FileLock(Path(self.folder) / f"{i}.lock", timeout=0)
                try:
                    lock.acquire()
                except Timeout:
                    continue
                _held[self.folder] = lock
                os.environ[_VARIABLE] = device
                return
            if time.monotonic() > until:
                raise NasmetaError(f"All {len(self.devices)} places on the GPUs of this machine are taken.")
            time.sleep(0.1)
