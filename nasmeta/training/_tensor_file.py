"""Files of tensors: safetensors with JSON in the header, so that reading one runs no code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nasmeta.errors import DamagedFileError, needing
from nasmeta.files import write_atomically

_KEY = "nasmeta"


def write_tensors(path: Path, tensors: Mapping[str, Tensor], head: Mapping[str, Any]) -> None:
    """Write tensors, and a header of JSON types."""
    from safetensors.torch import save

    # safetensors refuses tensors that share memory or are not contiguous
    plain = {name: tensor.detach().to("cpu").contiguous().clone() for name, tensor in tensors.items()}
    write_atomically(path, save(plain, metadata={_KEY: json.dumps(head)}))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the tensors and the header of a file by `write_tensors`, onto the CPU."""
    with needing("A checkpoint", "torch"):
        from safetensors import safe_open
    try:
        with safe_open(path, framework="pt") as file:
            head = dict(json.loads((file.metadata() or {})[_KEY]))
            tensors: dict[str, torch.Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except Exception as reason:  # safetensors raises its own SafetensorError, and errors of the file system
        raise DamagedFileError(f"{path} is damaged, or was not written by nasmeta: {reason!s:.200}.") from reason
    return tensors, head
