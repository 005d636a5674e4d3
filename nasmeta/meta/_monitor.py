"""Progress, log and checkpoint of a meta-training; PyTorch is not needed."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nasmeta.files import write_atomically


def write_log(path: Path, columns: Iterable[str], rows: Iterable[Iterable[float | None]]) -> None:
    """Write all rows of a log as a CSV file, so a resumed training repeats no row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(
        ["" if value is None else f"{value:.6g}" if isinstance(value, float) else value for value in row]
        for row in rows
    )
    write_atomically(path, text.getvalue())


@dataclass
class Monitor:
    """Progress, log and checkpoint of one meta-training; set it as ``learner.monitor`` before ``meta_fit``.

    A meta-training with the same settings and sources resumes from the checkpoint. The caller deletes the checkpoint
    after writing the model. TensorBoard's events are written to a folder next to the log, if TensorBoard is installed.
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

    def write_log(self) -> None:
        """Write all rows."""
        if self.log is not None and self.rows:
            write_log(self.log, ("step", "loss", "validation_loss"), self.rows)

    def close(self) -> None:
        """Write the log and, if TensorBoard is installed, its events."""
        self.write_log()
        if self.log is None or not self.rows:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        writer: Any = SummaryWriter(str(self.log.with_suffix(".tensorboard")))
        for step, loss, validation in self.rows:
            writer.add_scalar("loss", loss, step)
            if validation is not None:
                writer.add_scalar("validation_loss", validation, step)
        writer.close()
