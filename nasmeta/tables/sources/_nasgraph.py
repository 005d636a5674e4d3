"""NAS-Bench-201 after 200 epochs, seed means of training, validation and test, as NASGraph-Public recorded them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from nasmeta.spaces import CellSpace
from nasmeta.tables._legality import official_name
from nasmeta.tables.sources._base import Column, spread
from nasmeta.tables.sources._fetched import READERS, FetchedSource

_DATASETS = ("cifar10", "cifar100", "imagenet16-120")
_SPLITS = {"train": "train", "validation": "valid", "test": "test"}  # their name: ours


@READERS.register("nasgraph-nb201")
def read_nasgraph_nb201(source: FetchedSource, space: CellSpace, files: Mapping[str, Path]) -> Iterator[Column]:
    """Return nine columns; rows are joined by the cell's string."""
    import pandas as pd

    for file in _DATASETS:
        frame = pd.read_csv(files[file])
        cells = space.index_of(frame["arch str"].tolist())
        if len(set(cells.tolist())) != space.size:
            raise ValueError(f"{files[file]} has {len(set(cells.tolist())):,} different cells, not {space.size:,}.")
        for their_name, split in _SPLITS.items():
            # Their CIFAR-10 is the run cifar10-valid: its test set is not that of the networks trained on everything.
            dataset = "cifar10-valid" if (file, split) == ("cifar10", "test") else file
            info = source.info(
                file, dataset, "accuracy", split, 200, "mean", unit="percent", direction="max",
                note=f"official: {official_name(dataset, split)}; mean of the seeds of the release",
            )  # fmt: skip
            yield info, spread(space, cells, frame[f"{their_name} accuracy"])
