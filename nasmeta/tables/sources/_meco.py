"""NAS-Bench-201 after 200 epochs, CIFAR-10 test accuracy per seed of networks trained on all training images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from nasmeta.spaces import CellSpace
from nasmeta.tables._legality import official_name
from nasmeta.tables._pickles import restricted_load
from nasmeta.tables.sources._base import Column
from nasmeta.tables.sources._fetched import READERS, FetchedSource

_SEEDS = (777, 888, 999)


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
