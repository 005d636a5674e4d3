"""Training and validation accuracy after each of 200 epochs on CIFAR-10, of the first 200 cells."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from nasmeta.spaces import CellSpace
from nasmeta.tables.sources._base import Column, spread
from nasmeta.tables.sources._fetched import READERS, FetchedSource

_EPOCHS = 200
_NOTE = "official: cifar10-valid / {split}; cells 0 to 199; after this epoch of a training that is planned for 200"


@READERS.register("nb201-curves")
def read_curves(source: FetchedSource, space: CellSpace, files: Mapping[str, Path]) -> Iterator[Column]:
    """Return a column for each split and epoch; the cells are joined by their strings."""
    import pandas as pd

    for key, file in files.items():
        frame = pd.read_csv(file, usecols=["arch_str", "train_accs", "val_accs"])
        cells = space.index_of(frame["arch_str"].tolist())
        if len(set(cells.tolist())) != len(cells):
            raise ValueError(f"{file} has a cell twice.")
        for name, split, official in (("train_accs", "train", "train"), ("val_accs", "valid", "x-valid")):
            curves = np.array([json.loads(text) for text in frame[name]], dtype=np.float64)
            if curves.shape != (len(cells), _EPOCHS) or not ((curves >= 0) & (curves <= 100)).all():
                raise ValueError(f"{file}: {name} are no curves of {_EPOCHS} accuracies.")
            for epoch, values in enumerate(curves.T, start=1):
                info = source.info(
                    key, "cifar10", "accuracy", split, _EPOCHS, "mean",
                    unit="percent", direction="max", note=_NOTE.format(split=official), epoch=epoch,
                )  # fmt: skip
                yield info, spread(space, cells, values)
