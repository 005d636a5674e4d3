"""The state of a training in one file, which is replaced atomically: safetensors with JSON in its head, no pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nasmeta.errors import DamagedFileError, NasmetaError
from nasmeta.files import write_atomically

_KEY = "nasmeta"


def write_tensors(path: Path, tensors: Mapping[str, Tensor], head: Mapping[str, Any]) -> None:
    """Write tensors and a head of JSON's types."""
    from safetensors.torch import save

    # tensors of one memory, and those whose channels come last, are not taken as they are
    plain = {name: tensor.detach().to("cpu").contiguous().clone() for name, tensor in tensors.items()}
    write_atomically(path, save(plain, metadata={_KEY: json.dumps(head)}))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_tensors` wrote, on the CPU."""
    try:
        from safetensors import safe_open
    except ImportError as reason:
        raise NasmetaError('Checkpoints need safetensors: pip install "nasmeta[torch]".') from reason
    try:
        with safe_open(path, framework="pt") as file:
            head = json.loads((file.metadata() or {})[_KEY])
            tensors: dict[str, torch.Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if not isinstance(head, dict):
            raise TypeError("its head is no object")
    except Exception as reason:  # safetensors has an exception of its own for altered files, and passes on others
        raise DamagedFileError(f"{path} is damaged, or was not written by nasmeta: {reason!s:.200}.") from reason
    return tensors, head
