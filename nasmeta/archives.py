"""The file format of models, surrogates and checkpoints: a JSON card and named arrays in NumPy's .npz.

Equal content gives equal bytes. Reading executes no code.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from nasmeta.arrays import Array, Facts
from nasmeta.errors import DamagedFileError
from nasmeta.files import SEAL, blaming, check_seal, sealed

_CARD = "card"


@dataclass(frozen=True)
class ArchiveKind:
    """A kind of file: its format, version and size limit, and its noun and hint for error messages.

    >>> kind = ArchiveKind("my-ranks", 1, "file of ranks", "Rank them anew.", largest=10_000)
    >>> raw = kind.encode({"of": "cells"}, {"ranks": np.arange(3)})
    >>> raw == kind.encode({"of": "cells"}, {"ranks": np.arange(3)})
    True
    >>> kind.decode(raw, Path("ranks.npz"))
    ({'of': 'cells'}, {'ranks': array([0, 1, 2])})
    """

    format: str
    version: int
    noun: str
    hint: str
    largest: int  # bytes after decompression
    version_key: str = "version"
    compressed: bool = True

    def encode(self, card: Facts, arrays: Mapping[str, Array]) -> bytes:
        """Return the bytes of a file."""
        text = json.dumps(
            {"format": self.format, self.version_key: self.version, **card}, indent=1
        ).encode()
        how = zipfile.ZIP_DEFLATED if self.compressed else zipfile.ZIP_STORED
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", how) as archive:
            for name, array in {_CARD: np.frombuffer(text, dtype=np.uint8), **arrays}.items():
                entry = io.BytesIO()
                np.lib.format.write_array(entry, np.asarray(array, order="C"), allow_pickle=False)
                info = zipfile.ZipInfo(f"{name}.npy")  # with a fixed date
                info.compress_type = how
                archive.writestr(info, entry.getvalue())
            archive.comment = SEAL
        return sealed(buffer.getvalue())

    def decode(self, raw: bytes, path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return card and arrays of the bytes of a file."""
        with self.blaming(path):
            check_seal(raw)
            arrays = unpack(raw, self.largest)
            card: dict[str, Any] = json.loads(arrays.pop(_CARD).tobytes())
            if card.pop("format") != self.format:
                raise ValueError("its card names another format")
            version = card.pop(self.version_key)
        if version != self.version:
            raise DamagedFileError(
                f"format version of {path}", version, f"{self.version}", self.hint
            )
        return card, arrays

    def blaming(self, path: Path) -> AbstractContextManager[None]:
        """Turn every exception about the content of a file into a DamagedFileError that names the file."""
        return blaming(path, self.noun, self.hint)


def unpack(raw: bytes, largest: int) -> dict[str, Array]:
    """Return the arrays of an .npz with a limit in bytes after decompression."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        if sum(info.file_size for info in archive.infolist()) > largest:
            raise ValueError(f"it would unpack to more than {largest:,} bytes")
        # whole entries, because zipfile compares checksums at their ends
        entries = {
            name.removesuffix(".npy"): io.BytesIO(archive.read(name)) for name in archive.namelist()
        }
    return {
        name: np.lib.format.read_array(entry, allow_pickle=False) for name, entry in entries.items()
    }


def digest_of(card: Facts, arrays: Mapping[str, Array]) -> str:
    """Return the SHA-256 of a card and of arrays; the order of the arrays does not matter."""
    digest = sha256(json.dumps(card, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        digest.update(f"{name}{array.dtype.str}{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()
