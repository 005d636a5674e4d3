"""Progress, log and checkpoint of a meta-training; only reading and writing a state needs PyTorch."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from nasmeta.archives import ArchiveKind
from nasmeta.errors import SettingError
from nasmeta.files import write_atomically

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

_KIND = ArchiveKind(
    "nasmeta-checkpoint", 1, "checkpoint", "To start again, delete it.", largest=2**31, compressed=False
)


def write_log(path: Path, columns: Iterable[str], rows: Iterable[Iterable[float | None]]) -> None:
    """Write all rows of a log as a CSV file, so a resumed training repeats no row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([f"{value:.6g}" if isinstance(value, float) else value for value in row])
    write_atomically(path, text.getvalue())


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
        head, arrays = _KIND.decode(_KIND.read(path), path)
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
        """Write all rows."""
        if self.log is not None and self.rows:
            write_log(self.log, ("step", "loss", "validation_loss"), self.rows)


def pack_state(module: nn.Module, optimiser: Optimizer) -> dict[str, NDArray[Any]]:
    """Return the trained weights, and the moments of those that had a gradient, as arrays by name."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, weights in _trained(module):
        state = {"weights": weights.detach(), **optimiser.state[weights]}
        arrays |= {f"{name}/{slot}": value.cpu().numpy() for slot, value in state.items()}
    return arrays


def unpack_state(arrays: Mapping[str, NDArray[Any]], module: nn.Module, optimiser: Optimizer) -> None:
    """Restore what `pack_state` returned."""
    import torch

    state = optimiser.state_dict()
    for i, (name, weights) in enumerate(_trained(module)):
        saved = torch.as_tensor(arrays[f"{name}/weights"])
        if saved.shape != weights.shape:
            raise ValueError(f"{name} has shape {tuple(saved.shape)}, not {tuple(weights.shape)}")
        with torch.no_grad():
            weights.copy_(saved)
        if f"{name}/step" in arrays:
            slots = ("step", "exp_avg", "exp_avg_sq")
            state["state"][i] = {slot: torch.as_tensor(arrays[f"{name}/{slot}"]) for slot in slots}
    optimiser.load_state_dict(state)


def _trained(module: nn.Module) -> list[tuple[str, Tensor]]:
    return [(name, weights) for name, weights in module.named_parameters() if weights.requires_grad]
