"""Progress and checkpoint of a meta-training."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from nasmeta.archives import ArchiveKind
from nasmeta.errors import SettingError
from nasmeta.files import write_atomically
from nasmeta.meta._arrays import Arrays

_KIND = ArchiveKind(
    "nasmeta-checkpoint", 1, "checkpoint", "To start again, delete it.", largest=2**31, compressed=False
)


@dataclass
class Monitor:
    """Progress and checkpoint of one meta-training; set it as ``learner.monitor`` before ``meta_fit``.

    A meta-training with the same digest resumes from the checkpoint. The caller deletes the checkpoint after writing
    the model.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.meta import META_PREDICTORS, Monitor
    >>> predictor = META_PREDICTORS["maml"](steps=2)
    >>> predictor.monitor = Monitor(progress=lambda done, steps, loss: print(f"{done} of {steps}"))
    >>> _ = predictor.meta_fit([nm.get_task("nb201/cifar10")])
    1 of 2
    2 of 2
    """

    checkpoint: Path | None = None
    progress: Callable[[int, int, float], None] | None = None  # called with (steps done, total steps, loss)
    every: int = 50  # steps between two checkpoints
    training: str = ""  # the `nasmeta.meta.training_digest`: a checkpoint of another training is an error

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
            raise SettingError(f"checkpoint {path}", "one of another meta-training", "one of this training")
        with _KIND.blaming(path):
            yield arrays, head["facts"]

    def write_checkpoint(self, identity: Mapping[str, Any], arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """Write arrays and facts (types of JSON); the old file stays until the new one is complete."""
        if self.checkpoint is not None:
            write_atomically(self.checkpoint, _KIND.encode({"identity": identity, "facts": facts}, arrays))
