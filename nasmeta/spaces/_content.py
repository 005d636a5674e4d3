"""Spaces as plain content, for pickles, stored tables and comparisons between processes."""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import DamagedFileError

if TYPE_CHECKING:
    from nasmeta.spaces._search_space import SearchSpace

# Builders of spaces, by an entry that is specific to the content of a kind of space.
BUILDERS: dict[str, Callable[[Mapping[str, Any]], SearchSpace]] = {}
_LARGEST = 2**28  # bytes of an array
_known: WeakValueDictionary[str, SearchSpace] = WeakValueDictionary()  # one object per content in each process


def to_content(space: SearchSpace) -> str | dict[str, Any]:
    """Return the name of a registered space, or the whole content of any other space, as JSON types."""
    return space.registered_name or space.described()


def from_content(content: str | Mapping[str, Any]) -> SearchSpace:
    """Return the space that `to_content` described: in one process always the same object.

    Content may come from a data file, so names resolve as in `names_from_file`.
    """
    if isinstance(content, str):
        return BUILDERS["registered"]({"name": content})
    key = digest(content)
    found = _known.get(key)
    if found is None:
        try:
            build = BUILDERS[next((entry for entry in BUILDERS if entry in content), "positions")]
            found = _known[key] = build(content)
        except (KeyError, TypeError, ValueError, zlib.error) as reason:
            raise DamagedFileError("description of a space", dict(content), "another", f"{reason!r}.") from reason
    return found


def digest(content: Mapping[str, Any]) -> str:
    """Return the checksum of a description."""
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def packed(array: NDArray[Any]) -> list[Any]:
    raw = zlib.compress(np.ascontiguousarray(array).tobytes(), 6)
    return [array.dtype.str, list(array.shape), base64.b64encode(raw).decode("ascii")]


def unpacked(packed: list[Any]) -> NDArray[Any]:
    kind, shape, text = packed
    if np.dtype(kind).kind not in "iub":
        raise ValueError(f"an array of {kind}")
    size = math.prod(shape) * np.dtype(kind).itemsize
    if size > _LARGEST:
        raise ValueError(f"an array of {size:,} bytes")
    raw = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), size + 1)
    if len(raw) != size:
        raise ValueError(f"an array of {len(raw)} bytes, not {size}")
    return np.frombuffer(raw, dtype=kind).reshape(shape)
