"""What a verification keeps beside its trainings: whose they are, and the latencies that were measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import nasmeta
from nasmeta.journals import JournalFile, JournalKind

BATCHES = (1, 256)  # images

Latencies: TypeAlias = dict[str, dict[str, Any]]  # by batch: what `latency` returned
_Known: TypeAlias = dict[tuple[str, int], Latencies]


def _is_record(record: Any) -> bool:
    return (
        isinstance(record, list)
        and list(map(type, record)) == [str, int, dict, int]
        and all(_is_measured(record[2].get(str(n)), record[0]) for n in BATCHES)
    )


def _is_measured(found: object, device: str) -> bool:
    return isinstance(found, dict) and found.get("device") == device and isinstance(found.get("median_ms"), float)


_KIND = JournalKind(
    "nasmeta_verification",
    "verification",
    _is_record,
    not_compared=("data", "data_facts", "written_by"),  # the checksums say what they are
    key=lambda record: (record[0], record[1]),
    key_name="the latency of",
    place="folder",
)


class VerificationJournal(JournalFile[_Known]):
    """The journal in a verification's folder: a line is ``[device, cell, {batch: latency, ...}, number]``.

    The identity is what all trainings share; cells and seeds may differ from call to call.
    """

    def __init__(self, home: Path, identity: Mapping[str, Any]) -> None:
        header = {_KIND.mark: _KIND.format, **identity, "written_by": f"nasmeta {nasmeta.__version__}"}
        path = home / "verification.jsonl"
        super().__init__(path, header, _KIND, lambda records: {(r[0], r[1]): r[2] for r in records})

    def record(self, device: str, cell: int, measured: Latencies) -> None:
        """Keep the latencies of a cell."""
        self.found[device, cell] = measured
        self.add(f"{json.dumps(device)},{cell},{json.dumps(measured)}")
        self.flush()
