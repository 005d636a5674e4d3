"""TransNAS-Bench-101, micro and macro space: seven tasks, as NASGraph-Public extracted them from the official file.

For each metric and split the files hold the largest value over the epochs. This is the best epoch
for an accuracy, an SSIM or an IoU, but the worst for a loss. Losses are therefore left out, and the
loss of room_layout comes from its negative. Times add up, so the largest time belongs to the last
epoch.
"""

from __future__ import annotations

from collections.abc import Iterator

from nasmeta.spaces import SearchSpace
from nasmeta.tables.sources._base import Column, Files
from nasmeta.tables.sources._registry import READERS, FetchedSource

# The rows of each space among the 7,352 of a file. Micro cells are ordered by six base-4 digits,
# macro networks as in `nasmeta.spaces._catalog`.
_ROWS = {"tnb101-macro": slice(0, 3256), "tnb101": slice(3256, 7352)}


_NOTE = {
    "train": "the best over the epochs",
    "valid": "the best over the epochs",
    "test": "the best over the epochs, chosen on the test split itself: not the test of the best validation epoch",
}


@READERS.register("transnas")
def read_transnas(source: FetchedSource, space: SearchSpace, files: Files) -> Iterator[Column]:
    """Return each task's measures on training, validation and test split, and its training seconds."""
    import pandas as pd

    for task, file in files.items():
        frame = pd.read_csv(file).iloc[_ROWS[space.name]]
        for facts in map(dict, source.measures):
            if task not in facts.pop("datasets"):
                continue
            field, factor, epochs = facts.pop("field"), facts.pop("factor", 1), facts["epochs"]
            for split, meaning in _NOTE.items():
                values, note = factor * frame[f"{split}_{field}"], f"{field}: {meaning}"
                yield source.column(task, values, task, split=split, note=note, **facts)
        seconds = frame["time_elapsed"]
        yield source.column(task, seconds, task, "train_seconds", "train", epochs)
