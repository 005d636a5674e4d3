"""The companion of a columnar file: learning curves, some 20,000 columns that share few descriptions.

Any Arrow reader opens it. A record batch holds one block, the curves of all cells for one (dataset, metric, split,
epochs, seed), epoch after epoch, so that the values after one epoch lie together. A block says what it is in the
batch's metadata, with a checksum that is verified when the block is first used. Curves that follow from something
smaller are not stored: times of equally long epochs, and means over seeds.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasmeta.tables._arrow_file import ColumnFile
from nasmeta.tables._columns import ColumnInfo, mean_over_seeds
from nasmeta.tables.official._records import after_epoch, spread_over_epochs

_FORMAT_VERSION = 1
_KEY = b"nasmeta"


class Block(NamedTuple):
    """The curves of those cells that the file is about."""

    info: ColumnInfo  # without an epoch
    values: NDArray[np.float32]  # (epochs, n); (1, n): see `spread_over_epochs`; (0, n): the mean over the members
    members: tuple[int, ...] = ()  # positions of blocks


def write_curves(
    path: Path,
    space: str,
    n_cells: int,
    cells: NDArray[np.int32],
    blocks: Iterable[Block],
    origin: Mapping[str, Any],
) -> int:
    """Write blocks one after another, so that memory holds one of them; return how many they were."""
    import pyarrow as pa

    facts = {"format_version": _FORMAT_VERSION, "space": space, "n_cells": n_cells, "origin": origin}
    header = json.dumps({**facts, "cells": None if len(cells) == n_cells else cells.tolist()}).encode()
    schema = pa.schema(
        [pa.field("value", pa.float32(), nullable=False)],
        metadata={_KEY: header, b"crc32": str(zlib.crc32(header)).encode()},
    )
    n_blocks = 0
    with path.open("wb") as file:
        with pa.ipc.new_file(file, schema) as writer:
            for block in blocks:
                flat = np.ascontiguousarray(block.values, dtype=np.float32).reshape(-1)
                about = json.dumps({"info": asdict(block.info), "members": block.members}).encode()
                crc = zlib.crc32(flat.data, zlib.crc32(about))
                writer.write_batch(
                    pa.record_batch([pa.array(flat)], schema=schema),
                    custom_metadata={_KEY: about, b"crc32": str(crc).encode()},
                )
                n_blocks += 1
        file.flush()
        os.fsync(file.fileno())
    return n_blocks


class CurveFile(ColumnFile):
    """An opened file of learning curves: a `ColumnFile` with a column for every epoch of every block."""

    format_version = _FORMAT_VERSION

    def _read_header(self) -> dict[str, Any]:
        import pyarrow as pa

        with pa.ipc.open_file(self._buffer) as reader:
            metadata = reader.schema.metadata
            if zlib.crc32(metadata[_KEY]) != int(metadata[b"crc32"]):
                raise ValueError("the checksum of its header differs")
            self._batches = [reader.get_batch_with_custom_metadata(i) for i in range(reader.num_record_batches)]
        header: dict[str, Any] = json.loads(metadata[_KEY])
        return header

    def _read_columns(self, header: dict[str, Any]) -> tuple[tuple[ColumnInfo, ...], list[str]]:
        self._cells = None if header["cells"] is None else np.array(header["cells"], dtype=np.int32)
        n = self.n_cells if self._cells is None else len(self._cells)
        self._blocks: list[tuple[ColumnInfo, NDArray[np.float32], tuple[int, ...], bytes, int]] = []
        self._places: list[tuple[int, int]] = []
        infos: list[ColumnInfo] = []
        for at, (batch, about) in enumerate(self._batches):
            batch.validate()
            described = json.loads(about[_KEY])
            facts = described["info"]
            info = ColumnInfo.of(facts)
            values = batch.column(0).to_numpy().reshape(-1, n)
            if not info.epochs or len(values) not in (0, 1, info.epochs):
                raise ValueError(f"{info.address} has {len(values)} epochs")
            self._blocks.append((info, values, tuple(described["members"]), about[_KEY], int(about[b"crc32"])))
            infos += [ColumnInfo.of({**facts, "epoch": epoch}) for epoch in range(1, info.epochs + 1)]
            self._places += [(at, epoch) for epoch in range(info.epochs)]
        return tuple(infos), [info.address for info in infos]

    def column(self, position: int) -> NDArray[np.float32]:
        """Return the values after one epoch, read-only, shape (n_cells,)."""
        at, epoch = self._places[position]
        after = self._after(at, epoch)
        if self._cells is None:
            return after
        found = np.full(self.n_cells, np.nan, dtype=np.float32)
        found[self._cells] = after
        found.flags.writeable = False
        return found

    def _after(self, at: int, epoch: int) -> NDArray[np.float32]:
        info, values = self._blocks[at][0], self._block(at)
        if len(values) == 1:
            return np.asarray(after_epoch(values[0], info.metric, epoch + 1, info.epochs or 1), dtype=np.float32)
        after: NDArray[np.float32] = values[epoch]
        return after

    def _block(self, at: int) -> NDArray[np.float32]:
        """Return a block, verified; a mean is kept once it is computed."""
        if at not in self._used:
            info, values, members, about, recorded = self._blocks[at]
            crc = zlib.crc32(np.ascontiguousarray(values).data, zlib.crc32(about))
            self._require_same(crc, recorded, info.address)
            if members:
                rows = [self._block(member) for member in members]
                width = max(map(len, rows))
                rows = [of if len(of) == width else spread_over_epochs(of, info.metric, width) for of in rows]
                values = np.stack([mean_over_seeds(of[epoch] for of in rows) for epoch in range(width)])
            self._used[at] = values
        return self._used[at]

    def verify(self) -> None:
        """Check every block's checksum now."""
        for at in range(len(self._blocks)):
            self._block(at)
