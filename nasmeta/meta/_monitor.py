"""Where a meta-training is watched and kept: progress, logs, checkpoint; no PyTorch needed."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nasmeta.files import write_atomically


def write_log(path: Path, columns: Iterable[str], rows: Iterable[Iterable[float | None]]) -> None:
    """Write the log of a meta-training as a CSV file, all rows anew: so a resumed training has none twice."""
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

    Attributes
    ----------
    checkpoint : Path or None
        File of the state, from which a meta-training with the same settings and sources goes on. It is kept at the end:
        who wants the model writes it first, and then deletes this file.
    log : Path or None
        CSV file: step, loss, validation loss. Beside it a folder of TensorBoard's events where it is installed.
    progress : callable or None
        Called with (steps done, steps in all, loss).
    every : int
        Steps between two checkpoints.
    """

    checkpoint: Path | None = None
    log: Path | None = None
    progress: Callable[[int, int, float], None] | None = None
    every: int = 50
    rows: list[tuple[int, float, float | None]] = field(default_factory=list)

    def tell(self, done: int, steps: int, loss: float) -> None:
        """Report progress to whoever asked for it."""
        if self.progress is not None:
            self.progress(done, steps, loss)

    def write_log(self) -> None:
        """Write all rows."""
        if self.log is not None and self.rows:
            write_log(self.log, ("step", "loss", "validation_loss"), self.rows)

    def close(self) -> None:
        """Write the log, and TensorBoard's events where it is installed."""
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
