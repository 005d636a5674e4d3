"""TransNAS-Bench-101, micro and macro space: seven tasks, as NASGraph-Public extracted them from the official file.

For each metric and split the files hold the largest value over the epochs. This is the best epoch for an accuracy, an
SSIM or an IoU, but the worst for a loss. Losses are therefore left out, and the loss of room_layout comes from its
negative. Times add up, so the largest time belongs to the last epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from nasmeta.spaces import SearchSpace
from nasmeta.tables.sources._base import Column
from nasmeta.tables.sources._registry import READERS, FetchedSource

# The rows of each space among the 7,352 of a file. Micro cells are ordered by six base-4 digits, macro networks as in
# `nasmeta.spaces._catalog`.
_ROWS = {"tnb101-macro": slice(0, 3256), "tnb101": slice(3256, 7352)}


class _Measure(NamedTuple):
    theirs: str
    metric: str
    unit: str
    direction: Literal["max", "min"] = "max"
    factor: float = 1.0


_TOP = (_Measure("top1", "accuracy", "percent"), _Measure("top5", "top5_accuracy", "percent"))
_SSIM = (_Measure("ssim", "ssim", "1"),)
TASKS: dict[str, tuple[int, tuple[_Measure, ...]]] = {  # epochs and measures; the first is the measure of the task
    "class_scene": (25, _TOP),
    "class_object": (25, _TOP),
    "room_layout": (25, (_Measure("neg_loss", "loss", "1", "min", -1.0),)),
    "jigsaw": (10, _TOP),
    "segmentsemantic": (30, (_Measure("mIoU", "miou", "percent"), _Measure("acc", "accuracy", "percent"))),
    "normal": (30, _SSIM),
    "autoencoder": (30, _SSIM),
}
_NOTE = {
    "train": "the best over the epochs",
    "valid": "the best over the epochs",
    "test": "the best over the epochs, chosen on the test split itself: not the test of the best validation epoch",
}
_SECONDS = "time_elapsed of the whole training; over all networks and tasks it sums to the paper's 193,760 hours"


@READERS.register("transnas")
def read_transnas(source: FetchedSource, space: SearchSpace, files: Mapping[str, Path]) -> Iterator[Column]:
    """Return each task's measures on training, validation and test split, and its training seconds."""
    import pandas as pd

    for task, file in files.items():
        frame = pd.read_csv(file).iloc[_ROWS[space.name]]
        epochs, measures = TASKS[task]
        for measure in measures:
            for split, note in _NOTE.items():
                yield source.column(
                    task, measure.factor * frame[f"{split}_{measure.theirs}"], task, measure.metric, split, epochs,
                    unit=measure.unit, direction=measure.direction, note=f"{measure.theirs}: {note}",
                )  # fmt: skip
        yield source.column(
            task, frame["time_elapsed"], task, "train_seconds", "train", epochs,
            unit="s", direction="min", kind="seconds", note=_SECONDS,
        )  # fmt: skip
