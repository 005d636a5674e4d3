"""Columnar files in the Arrow IPC format, with checksums."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import DamagedFileError
from nasmeta.files import move, temporary_of
from nasmeta.spaces import SearchSpace, from_content, to_content
from nasmeta.tables._columns import ColumnInfo, Values

FORMAT_VERSION = 2
_KINDS = {"float": "<f4", "double": "<f8"}
_Columns = Sequence[tuple[ColumnInfo, Values]]
_HEADER, _CHECKSUM = b"nasmeta", b"crc32"


def _write(
    sink: Any, space: SearchSpace, columns: _Columns, origin: Mapping[str, Any], cells: NDArray[np.int32] | None = None
) -> None:
    import pyarrow as pa

    if cells is not None and len(cells) == space.size:
        cells = None
    kind = np.result_type(np.float32, *{values.dtype for _, values in columns})
    arrays = [np.ascontiguousarray(values, dtype=kind) for _, values in columns]
    infos = [info for info, _ in columns]
    header = {
        "format_version": FORMAT_VERSION,
        "space": to_content(space),
        "n_cells": space.size,
        "cells": None if cells is None else cells.tolist(),
        "origin": origin,
        "columns": [{**vars(i), "crc32": zlib.crc32(v.data)} for i, v in zip(infos, arrays, strict=True)],
    }
    text = json.dumps(header).encode()
    schema = pa.schema(
        [pa.field(info.address, pa.from_numpy_dtype(kind), nullable=False) for info in infos],
        metadata={_HEADER: text, _CHECKSUM: str(zlib.crc32(text)).encode()},
    )
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_batch(pa.record_batch([pa.array(values) for values in arrays], schema=schema))


def encode(space: SearchSpace, columns: _Columns, origin: Mapping[str, Any]) -> bytes:
    """Return the bytes of a columnar file.

    Columns have shape (n_cells,), with NaN for missing values. All are written as float64 if one of them is float64,
    else as float32. `origin` identifies the raw files. The file contains the name of a registered space, or the content
    of any other space.
    """
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    _write(sink, space, columns, origin)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def write_files(
    files: Mapping[Path, _Columns],
    space: SearchSpace,
    origin: Mapping[str, Any],
    cells: NDArray[np.int32] | None = None,
) -> None:
    """Write columnar files with the values of all or some cells, without a copy in memory.

    The files receive their names after all of them are complete and on the disk.
    """
    temporaries = {path: temporary_of(path) for path in files}
    try:
        for path, temporary in temporaries.items():
            with temporary.open("wb") as file:
                _write(file, space, files[path], origin, cells)
                file.flush()
                os.fsync(file.fileno())
        for path, temporary in temporaries.items():
            move(temporary, path)
    finally:
        for temporary in temporaries.values():
            temporary.unlink(missing_ok=True)


class ColumnFile:
    """An opened columnar file. Columns are views of the memory-mapped file.

    The header has a checksum, which is verified at opening. Each column has a checksum, which is verified at its first
    use.

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
        self._verified: dict[int, Values] = {}
        try:
            with pa.ipc.open_file(buffer) as reader:
                self._batch = reader.get_batch(0)
            self._batch.validate()
            metadata = self._batch.schema.metadata
            text = metadata[_HEADER]
            if zlib.crc32(text) != int(metadata[_CHECKSUM]):
                raise ValueError("the checksum of its header differs")
            header = json.loads(text)
            if header["format_version"] != FORMAT_VERSION:
                raise ValueError(f"it has format version {header['format_version']}, not {FORMAT_VERSION}")
            self.space: str | dict[str, Any] = header["space"]
            self.n_cells: int = header["n_cells"]
            self.origin: dict[str, Any] = header["origin"]
            self._checksums = [column.pop("crc32") for column in header["columns"]]
            self.infos = tuple(map(ColumnInfo.of, header["columns"]))
            listed = header["cells"]
            self.cells = np.arange(self.n_cells) if listed is None else np.array(listed)
            self._is_whole = listed is None
        except Exception as reason:  # altered bytes may fail with nearly any exception
            raise DamagedFileError(f"{path} is damaged: {str(reason).rstrip('.')}.") from reason

    @property
    def search_space(self) -> SearchSpace:
        """The space over which the columns run."""
        return from_content(self.space)

    def column(self, position: int) -> Values:
        """Return a column, read-only, shape (n_cells,)."""
        if position not in self._verified:
            try:
                array = self._batch.column(position)  # its method to_numpy imports pandas
                values = np.frombuffer(array.buffers()[1], dtype=_KINDS[str(array.type)], count=len(array))
                intact = zlib.crc32(values.data) == self._checksums[position]
            except Exception:  # altered bytes may fail with nearly any exception
                intact = False
            if not intact:
                address = self.infos[position].address
                raise DamagedFileError(f"{self.path} is damaged: the checksum of {address} differs.")
            if not self._is_whole:
                rows, values = values, np.full(self.n_cells, np.nan, dtype=values.dtype)
                values[self.cells] = rows
                values.flags.writeable = False
            self._verified[position] = values
        return self._verified[position]

    def verify(self) -> None:
        """Check the checksums of all columns."""
        for position in range(len(self.infos)):
            self.column(position)
