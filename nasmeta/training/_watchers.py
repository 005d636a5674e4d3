"""Who watches a training: a progress bar, TensorBoard."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from nasmeta.errors import NasmetaError
from nasmeta.progress import progress_bar
from nasmeta.training._result import EpochRecord


class Watchers:
    """A context in which each epoch is shown, and logged where TensorBoard has a folder; `done` were trained before."""

    def __init__(self, tensorboard: Path | None, n_epochs: int, progress: bool, done: int, title: str) -> None:
        self._stack = ExitStack()
        self._writer: Any = None
        if tensorboard is not None:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as reason:
                raise NasmetaError('TensorBoard is not installed: pip install "nasmeta[train]".') from reason
            # what a killed training logged after its last checkpoint is hidden
            self._writer = SummaryWriter(str(tensorboard / "tensorboard"), purge_step=done + 1)
            self._stack.callback(self._writer.close)
        self._bar = self._stack.enter_context(progress_bar(title, n_epochs, done, shown=progress))

    def __enter__(self) -> Watchers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def see(self, record: EpochRecord) -> None:
        """Show and log an epoch."""
        if self._writer is not None:
            for name, value in asdict(record).items():
                if value is not None and name != "epoch":
                    self._writer.add_scalar(name, value, record.epoch)
        valid = "" if record.valid_accuracy is None else f", valid {record.valid_accuracy:.2f} %"
        self._bar.update(record.epoch, note=f"loss {record.train_loss:.3f}, train {record.train_accuracy:.2f} %{valid}")
