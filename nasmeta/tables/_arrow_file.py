"""Columnar files in the Arrow IPC format, with checksums."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nasmeta.arrays import Facts
from nasmeta.errors import DamagedFileError
from nasmeta.files import move, temporary_of
from nasmeta.spaces import SearchSpace, from_content, to_content
from nasmeta.tables._columns import ColumnInfo, SparseValues, Values

FORMAT_VERSION = 3
_KINDS = {"float": "<f4", "double": "<f8"}
_MOST_KEPT = 64  # whole columns of a sparse file in memory
_Columns: TypeAlias = "Sequence[tuple[ColumnInfo, Values | SparseValues]]"
_HEADER, _CHECKSUM = b"nasmeta", b"crc32"


def _write(sink: Any, space: SearchSpace, columns: _Columns, origin: Facts) -> None:
    """Write one batch per column, so that each is read alone; compress them if most values are missing."""
    import pyarrow as pa

    kind = np.result_type(np.float32, *{values.dtype for _, values in columns})
    facts, missing = [], 0
    for info, values in columns:
        whole = np.ascontiguousarray(values, dtype=kind)
        facts.append({**vars(info), "crc32": zlib.crc32(whole.data)})
        missing += int(np.isnan(whole).sum())
    is_sparse = 2 * missing > space.size * len(columns)
    header = {
        "format_version": FORMAT_VERSION,
        "space": to_content(space),
        "n_cells": space.size,
        "is_sparse": is_sparse,
        "origin": origin,
        "columns": facts,
    }
    text = json.dumps(header).encode()
    schema = pa.schema(
        [pa.field("values", pa.from_numpy_dtype(kind), nullable=False)],
        metadata={_HEADER: text, _CHECKSUM: str(zlib.crc32(text)).encode()},
    )
    options = pa.ipc.IpcWriteOptions(compression="zstd" if is_sparse else None)
    with pa.ipc.new_file(sink, schema, options=options) as writer:
        for _, values in columns:
            whole = np.ascontiguousarray(values, dtype=kind)
            writer.write_batch(pa.record_batch([pa.array(whole)], schema=schema))


def write_files(files: Mapping[Path, _Columns], space: SearchSpace, origin: Facts) -> None:
    """Write columnar files, with one whole column in memory at a time.

    Columns have shape (n_architectures,), with NaN for missing values. All columns of a file are
    written as float64 if one of them is float64, else as float32. `origin` identifies the raw
    files. A file contains the name of a registered space, or the content of any other space. The
    files receive their names after all of them are complete and on the disk.
    """
    temporaries = {path: temporary_of(path) for path in files}
    try:
        for path, temporary in temporaries.items():
            with temporary.open("wb") as file:
                _write(file, space, files[path], origin)
                file.flush()
                os.fsync(file.fileno())
        for path, temporary in temporaries.items():
            move(temporary, path)
    finally:
        for temporary in temporaries.values():
            temporary.unlink(missing_ok=True)


class ColumnFile:
    """An opened columnar file. Columns are views of the memory-mapped file, unless most values are missing.

    The checksum of the header is verified when the file is opened, each column's checksum when the
    column is read.

    Parameters
    ----------
    path : Path

    Raises
    ------
    FileNotFoundError
    DamagedFileError
        If the file is truncated or altered, or has another format or version.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        self.path = path
        if not path.stat().st_size:
            raise DamagedFileError(f"{path} is empty.")
        buffer = pa.memory_map(str(path), "r").read_buffer()
        self._kept: dict[int, Values] = {}
        try:
            self._reader = pa.ipc.open_file(buffer)
            metadata = self._reader.schema.metadata
            text = metadata[_HEADER]
            if zlib.crc32(text) != int(metadata[_CHECKSUM]):
                raise ValueError("the checksum of its header differs")
            header = json.loads(text)
            version = header["format_version"]
            if version != FORMAT_VERSION:
                raise ValueError(f"it has format version {version}, not {FORMAT_VERSION}")
            self.space: str | dict[str, Any] = header["space"]
            self.n_architectures: int = header["n_cells"]
            self.origin: dict[str, Any] = header["origin"]
            self._checksums = [column.pop("crc32") for column in header["columns"]]
            self.infos = tuple(map(ColumnInfo.of, header["columns"]))
            if not self.infos:
                raise ValueError("it has no columns")
            self._most_kept = _MOST_KEPT if header["is_sparse"] else len(self.infos)
        except Exception as reason:  # altered bytes may fail with nearly any exception
            raise DamagedFileError(f"{path} is damaged: {str(reason).rstrip('.')}.") from reason

    @property
    def search_space(self) -> SearchSpace:
        """The space over which the columns run."""
        return from_content(self.space)

    def column(self, position: int) -> Values:
        """Return a column, read-only, shape (n_architectures,)."""
        if position not in self._kept:
            try:
                # its method to_numpy imports pandas
                array = self._reader.get_batch(position).column(0)
                values = np.frombuffer(
                    array.buffers()[1], dtype=_KINDS[str(array.type)], count=len(array)
                )
                intact = zlib.crc32(values.data) == self._checksums[position]
            except Exception:  # altered bytes may fail with nearly any exception
                intact = False
            if not intact:
                address = self.infos[position].address
                raise DamagedFileError(
                    f"{self.path} is damaged: the checksum of {address} differs."
                )
            values.flags.writeable = False
            if len(self._kept) == self._most_kept:
                del self._kept[next(iter(self._kept))]
            self._kept[position] = values
        return self._kept[position]

    def verify(self) -> None:
        """Check the checksums of all columns."""
        for position in range(len(self.infos)):
            self.column(position)
