"""Named arrays in one file: NumPy's .npz, the same bytes for the same content, read without trust."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["pack", "unpack"]


def pack(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the bytes of an archive; the same arrays in the same order give the same bytes.

    Examples
    --------
    >>> raw = pack({"ranks": np.arange(3)})
    >>> raw == pack({"ranks": np.arange(3)}), unpack(raw, largest=10_000)
    (True, {'ranks': array([0, 1, 2])})
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.asarray(array, order="C"), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy")  # with a fixed date
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, entry.getvalue())
    return buffer.getvalue()


def unpack(raw: bytes, largest: int) -> dict[str, NDArray[Any]]:
    """Return the arrays of an archive that unpacks to at most so many bytes.

    Raises
    ------
    Exception
        Of whatever kind, where the bytes are no such archive.
    """
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        if sum(info.file_size for info in archive.infolist()) > largest:
            raise ValueError(f"it would unpack to more than {largest:,} bytes")
        return {info.filename.removesuffix(".npy"): _array(archive.read(info)) for info in archive.infolist()}


def _array(data: bytes) -> NDArray[Any]:
    """Read an array whose header does not promise more than there is: nothing is allocated by its word."""
    stream = io.BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("an array is of another version of NumPy's format")
    shape, _, kind = np.lib.format.read_array_header_1_0(stream)
    if kind.hasobject or math.prod(shape) * kind.itemsize != len(data) - stream.tell():
        raise ValueError(f"an array of {kind} cannot have the shape {shape}")
    return np.frombuffer(data, kind, offset=stream.tell()).reshape(shape)
