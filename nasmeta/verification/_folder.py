"""The journal in the folder of a verification: the measured latencies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import nasmeta
from nasmeta.journals import JournalFile

BATCHES = (1, 256)  # images

Latencies: TypeAlias = dict[str, dict[str, Any]]  # by batch, as `latency` returned them


class VerificationJournal(JournalFile):
    """The journal of a verification: a line is ``[device, cell, {batch: latency, ...}, checksum]``.

    Its identity is that of all trainings; cells and seeds may differ from call to call.
    """

    mark, of = "nasmeta_verification", "verification"
    not_compared = ("data", "data_facts", "written_by")  # checksums identify the data

    def __init__(self, home: Path, identity: Mapping[str, Any]) -> None:
        header = {**identity, "written_by": f"nasmeta {nasmeta.__version__}"}
        super().__init__(home / "verification.jsonl", header)
        self.found: dict[tuple[str, int], Latencies] = {(row[0], row[1]): row[2] for row in self.records}

    def record(self, device: str, cell: int, measured: Latencies) -> None:
        """Keep the latencies of a cell."""
        self.found[device, cell] = measured
        self.add(f"{json.dumps(device)},{cell},{json.dumps(measured)}")
        self.flush()
