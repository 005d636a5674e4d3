"""The journal of a measurement, and the file that it becomes."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from nasmeta.errors import DamagedFileError, SettingError
from nasmeta.files import write_atomically
from nasmeta.journals import JournalFile, JournalKind, loaded
from nasmeta.training._proxy_file import FORMAT, read_proxies


def is_finished(output: Path, facts: Mapping[str, Any], cells: Sequence[int]) -> bool:
    """Return whether a file holds these cells, measured in this way; remove what a kill has left beside it."""
    try:
        file = read_proxies(output)
    except DamagedFileError:
        return False
    if file.facts != {"nasmeta_proxies": FORMAT, **facts} or file.cells.tolist() != list(cells):
        return False
    journal = _journal_of(output)
    header = loaded(journal.read_bytes().partition(b"\n")[0]) if journal.is_file() else None
    if isinstance(header, dict) and {**header, "nasmeta_proxies": FORMAT} == file.facts:
        _remove(journal)
    return True


class ProxyJournal(JournalFile[dict[int, list[float]]]):
    """The journal beside a file to become: a line is ``[cell, [value, ...], number]``; `values` are by cell."""

    def __init__(self, output: Path, facts: Mapping[str, Any]) -> None:
        if output.suffix != ".npz":
            raise SettingError(f"The output is a file that ends in .npz, not {output.name!r}.")
        if output.exists():
            raise SettingError(f"{output} exists and is not overwritten. Choose another name, or remove it.")
        self.output, self.facts = output, dict(facts)
        kind = _kind_of(len(self.facts["proxies"]))
        super().__init__(_journal_of(output), {kind.mark: kind.format, **facts}, kind, _by_cell)
        self.values = self.found

    def record(self, cells: Sequence[int], rows: Sequence[Sequence[float]]) -> None:
        """Append the values of cells; from then on a killed process loses none of them."""
        for cell, row in zip(cells, rows, strict=True):
            self.values[cell] = list(row)
            self.add(f"{cell},{json.dumps(list(row))}")
        self.flush()

    def finish(self, cells: Sequence[int]) -> Path:
        """Write the file of these cells in one step, and remove the journal."""
        rows = np.array([self.values[cell] for cell in cells], dtype=np.float64)
        content = io.BytesIO()
        np.savez_compressed(
            content,
            facts=np.array(json.dumps({"nasmeta_proxies": FORMAT, **self.facts})),
            cells=np.array(cells, dtype=np.int32),
            **dict(zip(self.facts["proxies"], rows.T, strict=True)),
        )
        write_atomically(self.output, content.getvalue())
        self.close()
        _remove(self.path)
        return self.output


def _kind_of(n_proxies: int) -> JournalKind:
    def is_record(record: Any) -> bool:
        return (
            isinstance(record, list)
            and len(record) in (2, 3)
            and type(record[0]) is int
            and isinstance(record[1], list)
            and list(map(type, record[1])) == [float] * n_proxies
        )

    return JournalKind(
        "nasmeta_proxies",
        "measurement of proxies",
        is_record,
        not_compared=(),
        key=lambda record: record[0],
        key_name="cell",
    )


def _by_cell(records: list[Any]) -> dict[int, list[float]]:
    return {record[0]: record[1] for record in records}


def _journal_of(output: Path) -> Path:
    return output.with_name(f"{output.name}.journal")


def _remove(journal: Path) -> None:
    """Remove a journal, and the file beside it that locked those of before."""
    journal.unlink(missing_ok=True)
    with suppress(OSError):
        journal.with_name(f"{journal.name}.lock").unlink(missing_ok=True)
