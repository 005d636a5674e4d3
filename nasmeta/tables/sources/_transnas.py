"""TransNAS-Bench-101, micro and macro space: seven tasks, as NASGraph-Public extracted them from the official file.

For each metric the files hold the largest value over the epochs, each split on its own. That is the best epoch for an
accuracy, an SSIM or an IoU, but the worst for a loss. So losses are left out, and the loss of room_layout comes from
its negative, whose largest value is the lowest loss. The largest time is that of the last epoch, for times add up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from nasmeta.spaces import SearchSpace
from nasmeta.tables.sources._base import Column
from nasmeta.tables.sources._registry import READERS, FetchedSource

# The rows of each space among the 7,352 of a file: micro ones count in six base-4 digits, macro ones as
# `nasmeta.spaces._catalog` has them, and so do the spaces.
_ROWS = {"tnb101-macro": slice(0, 3256), "tnb101": slice(3256, 7352)}
_N_NETWORKS = 7352


class _Measure(NamedTuple):
    theirs: str
    metric: str
    unit: str
    direction: Literal["max", "min"] = "max"
    factor: float = 1.0


_TOP = (_Measure("top1", "accuracy", "percent"), _Measure("top5", "top5_accuracy", "percent"))
_SSIM = (_Measure("ssim", "ssim", "1"),)
TASKS: dict[str, tuple[int, tuple[_Measure, ...]]] = {  # epochs and measures; the first is the task's own
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


@READERS.register("transnas")
def read_transnas(source: FetchedSource, space: SearchSpace, files: Mapping[str, Path]) -> Iterator[Column]:
    """Return each task's measures on training, validation and test split, and its training seconds."""
    import pandas as pd

    for task, file in files.items():
        frame = pd.read_csv(file)
        if not np.array_equal(frame["file_id"], np.arange(_N_NETWORKS)):
            raise ValueError(f"{file} does not number its networks from 0 to {_N_NETWORKS - 1}.")
        frame = frame.iloc[_ROWS[space.name]]
        epochs, measures = TASKS[task]
        for measure in measures:
            for split, note in _NOTE.items():
                values = measure.factor * frame[f"{split}_{measure.theirs}"].to_numpy(np.float64)
                if not np.isfinite(values).all() or (values < 0).any():
                    raise ValueError(f"{file} has a {split}_{measure.theirs} that is not finite or of the wrong sign.")
                info = source.info(
                    task, task, measure.metric, split, epochs, None,
                    unit=measure.unit, direction=measure.direction, note=f"{measure.theirs}: {note}",
                )  # fmt: skip
                yield info, values.astype(np.float32)
        info = source.info(
            task, task, "train_seconds", "train", epochs, None, unit="s", direction="min", kind="seconds",
            note="time_elapsed of the whole training; over all networks and tasks it sums to the paper's 193,760 hours",
        )  # fmt: skip
        yield info, frame["time_elapsed"].to_numpy(np.float32)
