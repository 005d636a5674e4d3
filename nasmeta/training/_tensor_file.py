"""Files of tensors: safetensors with JSON in the header, so that reading one runs no code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from nasmeta.arrays import Facts
from nasmeta.errors import needing
from nasmeta.files import SEAL, intact, sealed, write_atomically

_KEY = "nasmeta"


def write_tensors(path: Path, tensors: Mapping[str, Tensor], head: Facts) -> None:
    """Write tensors, and a header of JSON types."""
    from safetensors.torch import save

    plain = {}
    for name, tensor in tensors.items():
        # safetensors refuses tensors that share memory or are not contiguous.
        plain[name] = tensor.detach().to("cpu").contiguous().clone()
    metadata = {"file": SEAL.decode(), _KEY: json.dumps(head)}
    write_atomically(path, sealed(save(plain, metadata=metadata)))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the tensors and the header of a file by `write_tensors`, onto the CPU."""
    with needing("A checkpoint", "torch"):
        from safetensors.torch import load
    with intact(path) as content:
        # A safetensors file starts with the length of its header, in 8 bytes.
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length])["__metadata__"]
        return load(content), dict(json.loads(metadata[_KEY]))
