"""Descriptions of spaces as JSON types, and arrays in them."""

from __future__ import annotations

import base64
import json
import math
import zlib
from hashlib import sha256
from typing import Any

import numpy as np

from nasmeta.arrays import Array, Facts

_MOST_BYTES = 2**28  # of an array


def digest(content: Facts) -> str:
    """Return the checksum of a description."""
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def packed(array: Array) -> list[Any]:
    raw = zlib.compress(np.ascontiguousarray(array).tobytes(), 6)
    return [array.dtype.str, list(array.shape), base64.b64encode(raw).decode("ascii")]


def unpacked(packed: list[Any]) -> Array:
    kind, shape, text = packed
    if np.dtype(kind).kind not in "iub":
        raise ValueError(f"an array of {kind}")
    size = math.prod(shape) * np.dtype(kind).itemsize
    if size > _MOST_BYTES:
        raise ValueError(f"an array of {size:,} bytes")
    raw = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), size + 1)
    if len(raw) != size:
        raise ValueError(f"an array of {len(raw)} bytes, not {size}")
    return np.frombuffer(raw, dtype=kind).reshape(shape)
