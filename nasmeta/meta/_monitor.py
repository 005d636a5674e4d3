"""Progress, log and checkpoint of a meta-training."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from nasmeta.archives import ArchiveKind
from nasmeta.errors import SettingError
from nasmeta.files import write_atomically

_KIND = ArchiveKind(
    "nasmeta-checkpoint", 1, "checkpoint", "To start again, delete it.", largest=2**31, compressed=False
)


@dataclass
class Monitor:
    """Progress, log and checkpoint of one meta-training; set it as ``learner.monitor`` before ``meta_fit``.

    A meta-training with the same settings and sources resumes from the checkpoint. The caller deletes the checkpoint
    after writing the model.
    """

    checkpoint: Path | None = None
    log: Path | None = None  # CSV: step, loss, validation loss
    progress: Callable[[int, int, float], None] | None = None  # called with (steps done, total steps, loss)
    every: int = 50  # steps between two checkpoints
    rows: list[tuple[int, float, float | None]] = field(default_factory=list)

    def tell(self, done: int, steps: int, loss: float) -> None:
        """Report progress."""
        if self.progress is not None:
            self.progress(done, steps, loss)

    @contextmanager
    def resuming(self, identity: Mapping[str, Any]) -> Iterator[tuple[dict[str, NDArray[Any]], dict[str, Any]] | None]:
        """Yield arrays and facts of the checkpoint, or None if there is none.

        A checkpoint of another training is a SettingError. A damaged one, or one whose content the block cannot use, is
        a DamagedFileError.
        """
        path = self.checkpoint
        if path is None or not path.exists():
            yield None
            return
        head, arrays = _KIND.decode(path.read_bytes(), path)
        if head.get("identity") != json.loads(json.dumps(identity)):
            hint = "Delete it, or name another file."
            raise SettingError(f"checkpoint {path}", "one of another meta-training", "one of this training", hint)
        with _KIND.blaming(path):
            yield {name: array.copy() for name, array in arrays.items()}, head["facts"]

    def write_checkpoint(
        self, identity: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]
    ) -> None:
        """Write arrays and facts (types of JSON); the old file stays until the new one is complete."""
        if self.checkpoint is not None:
            write_atomically(self.checkpoint, _KIND.encode({"identity": identity, "facts": facts}, arrays))

    def write_log(self) -> None:
        """Write all rows, so that a resumed training repeats none."""
        if self.log is None or not self.rows:
            return
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("step", "loss", "validation_loss"))
        for row in self.rows:
            writer.writerow([f"{value:.6g}" if isinstance(value, float) else value for value in row])
        write_atomically(self.log, text.getvalue())
