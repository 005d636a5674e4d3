"""One columnar file: an Arrow IPC file that knows when it is damaged.

Any Arrow reader opens it. The schema carries one JSON text with what is known about the columns and two kinds of
checksums: one a column, checked when the column is first used, and one over every other byte of the file, checked at
opening. So opening costs milliseconds whatever the size, and no changed byte goes unnoticed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from nasmeta.errors import DamagedFileError
from nasmeta.spaces import SearchSpace, from_content, to_content
from nasmeta.tables._columns import ColumnInfo, Values

FORMAT_VERSION = 1
_METADATA_KEY = b"nasmeta"
_BLANK = "00000000"


def _crc_text(crc: str) -> bytes:
    return f'"structure_crc32": "{crc}"'.encode()


def _structure_crc(raw: memoryview, regions: Sequence[tuple[int, int]], crc: str) -> str:
    """Checksum of all bytes outside the columns' regions, with the checksum's own text blanked."""
    rest, position = bytearray(), 0
    for start, stop in sorted(regions):
        rest += raw[position:start]
        position = stop
    rest += raw[position:]
    return f"{zlib.crc32(rest.replace(_crc_text(crc), _crc_text(_BLANK))):08x}"


def _read_structure(buffer: Any) -> tuple[dict[str, Any], list[str], list[tuple[int, int]]]:
    """Return the JSON header, the columns' names and the bytes (start, stop) at which each column lies."""
    import pyarrow as pa

    with pa.ipc.open_file(buffer) as reader:
        if reader.num_record_batches != 1:
            raise ValueError(f"it has {reader.num_record_batches} record batches, not 1")
        batch = reader.get_batch(0)
    batch.validate()
    header: dict[str, Any] = json.loads(batch.schema.metadata[_METADATA_KEY])
    width = 8 if pa.float64() in batch.schema.types[:1] else 4
    ends = []  # of the first and the last column: between them they lie at equal distances, and 400 cost milliseconds
    for column in [batch.column(i) for i in sorted({0, batch.num_columns - 1})] if batch.num_columns else ():
        if column.type != batch.schema.types[0] or column.null_count or column.offset:
            raise ValueError(f"a column is {column.type} with {column.null_count} nulls, unlike the first")
        ends.append(column.buffers()[1].address - buffer.address)
        if not 0 <= ends[0] <= ends[-1] <= buffer.size - width * batch.num_rows:
            raise ValueError("a column lies outside the file")
    n = batch.num_columns
    starts = [ends[0] + (ends[-1] - ends[0]) * i // max(n - 1, 1) for i in range(n)]
    regions = [(start, start + width * batch.num_rows) for start in starts]
    return header, batch.schema.names, regions


def encode(space: SearchSpace, columns: Sequence[tuple[ColumnInfo, Values]], origin: Mapping[str, Any]) -> bytes:
    """Return the bytes of a columnar file.

    Columns have the shape (n_cells,), with NaN for missing values. If one of them is float64, all are written as
    float64, else as float32. `origin` identifies the raw files. The file contains the name of a registered space, and
    the content of any other space.
    """
    import pyarrow as pa

    arrays, n_cells = [], space.size
    for info, values in columns:
        if values.shape != (n_cells,) or values.dtype not in (np.float32, np.float64):
            raise ValueError(f"{info.address} is {values.dtype} of shape {values.shape}, not floats of ({n_cells},).")
        arrays.append(np.ascontiguousarray(values))
    kind = np.result_type(np.float32, *{values.dtype for values in arrays})
    arrays = [values.astype(kind, copy=False) for values in arrays]
    header = {
        "structure_crc32": _BLANK,
        "format_version": FORMAT_VERSION,
        "space": to_content(space),
        "n_cells": n_cells,
        "origin": origin,
        "columns": [
            {**asdict(info), "crc32": zlib.crc32(values.data)}
            for (info, _), values in zip(columns, arrays, strict=True)
        ],
    }
    schema = pa.schema(
        [pa.field(info.address, pa.from_numpy_dtype(kind), nullable=False) for info, _ in columns],
        metadata={_METADATA_KEY: json.dumps(header).encode()},
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_batch(pa.record_batch([pa.array(values) for values in arrays], schema=schema))
    buffer = sink.getvalue()
    crc = _structure_crc(memoryview(buffer), _read_structure(buffer)[2], _BLANK)
    blanked: bytes = buffer.to_pybytes()
    return blanked.replace(_crc_text(_BLANK), _crc_text(crc))


class ColumnFile:
    """An opened columnar file; columns are views of the memory-mapped file.

    `data` is the file itself, where it is not on the disk. Opening raises FileNotFoundError, or DamagedFileError where
    the file is truncated, altered, or of another format or version.
    """

    format_version = FORMAT_VERSION

    def __init__(self, path: Path, data: bytes | None = None) -> None:
        import pyarrow as pa

        self.path = path
        if data is None and not path.stat().st_size:
            raise DamagedFileError(f"{path} is empty.")
        self._buffer = (
            pa.py_buffer(data) if data is not None else pa.memory_map(str(path), "r").read_buffer()
        )  # views keep the mapping alive, so nothing closes it
        self._used: dict[int, Values] = {}  # what was verified
        try:
            header = self._read_header()
            if header["format_version"] != self.format_version:
                raise ValueError(f"it has format version {header['format_version']}, not {self.format_version}")
            self.space: str | dict[str, Any] = header["space"]
            self.n_cells: int = header["n_cells"]
            self.origin: dict[str, Any] = header["origin"]
            self.infos, self.addresses = self._read_columns(header)
        except Exception as reason:  # altered bytes may fail with nearly any exception
            raise DamagedFileError(f"{path} is damaged: {str(reason).rstrip('.')}.") from reason

    @property
    def search_space(self) -> SearchSpace:
        """The space over which the columns run."""
        return from_content(self.space)

    def _read_header(self) -> dict[str, Any]:
        """Return the header, verified; any exception means damage."""
        header, self._names, self._regions = _read_structure(self._buffer)
        crc = str(header["structure_crc32"])
        if _structure_crc(memoryview(self._buffer), self._regions, crc) != crc:
            raise ValueError("the checksum of its structure differs")
        return header

    def _read_columns(self, header: dict[str, Any]) -> tuple[tuple[ColumnInfo, ...], list[str]]:
        """Return what is known about the columns, and their addresses; any exception means damage."""
        self._crcs = [int(column.pop("crc32")) for column in header["columns"]]
        infos = tuple(map(ColumnInfo.of, header["columns"]))
        if [info.address for info in infos] != self._names:
            raise ValueError("its columns are not those that its header names")
        if any(stop - start not in (4 * self.n_cells, 8 * self.n_cells) for start, stop in self._regions):
            raise ValueError(f"its columns do not have {self.n_cells} cells")
        return infos, self._names

    def _require_same(self, crc: int, recorded: int, address: str) -> None:
        if crc != recorded:
            raise DamagedFileError(f"{self.path} is damaged: the checksum of {address} differs.")

    def column(self, position: int) -> Values:
        """Return a column, read-only, shape (n_cells,); its checksum is verified the first time."""
        found = self._used.get(position)
        if found is None:
            start, stop = self._regions[position]
            kind = f"<f{(stop - start) // self.n_cells}"
            found = np.frombuffer(self._buffer, dtype=kind, count=self.n_cells, offset=start)
            self._require_same(zlib.crc32(found.data), self._crcs[position], self.addresses[position])
            self._used[position] = found
        return found

    def verify(self) -> None:
        """Check every column's checksum now."""
        for position in range(len(self.infos)):
            self.column(position)
