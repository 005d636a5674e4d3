"""NAS-Bench-Macro: CIFAR-10 test accuracy of three seeds after 50 epochs, parameters and multiply-adds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.spaces import SearchSpace
from nasmeta.tables._columns import Seed
from nasmeta.tables.sources._base import Column
from nasmeta.tables.sources._registry import READERS, FetchedSource

_EPOCHS = 50
_NOTE = "there is no validation split: a search on it sees the test set; copies of isomorphic networks are copies"


@READERS.register("nas-bench-macro")
def read_nas_bench_macro(source: FetchedSource, space: SearchSpace, files: Mapping[str, Path]) -> Iterator[Column]:
    """Return the accuracy of each seed (their place in the file: 0 to 2) and their mean, parameters and FLOPs."""
    records: dict[str, dict[str, Any]] = json.loads(files["cifar10"].read_text(encoding="utf-8"))
    networks = space.index_of(list(records))
    if len(np.unique(networks)) != space.size:
        raise ValueError(f"it has {len(records):,} networks, not {space.size:,}.")

    def spread(field: str) -> NDArray[np.float64]:
        rows = np.array([record[field] for record in records.values()], dtype=np.float64)
        values = np.empty_like(rows)
        values[networks] = rows
        return values

    accuracy = spread("test_acc")
    if accuracy.shape != (space.size, 3) or not ((accuracy >= 0) & (accuracy <= 100)).all():
        raise ValueError("it does not have three accuracies in percent a network.")
    policies: list[tuple[Seed, NDArray[np.float64]]] = [("mean", accuracy.mean(axis=1)), *enumerate(accuracy.T)]
    for seed, values in policies:
        info = source.info(
            "cifar10", "cifar10", "accuracy", "test", _EPOCHS, seed, unit="percent", direction="max", note=_NOTE
        )
        yield info, values.astype(np.float32)
    for field, metric, note in (("params", "parameters", "as recorded"), ("flops", "flops", "multiply-adds")):
        info = source.info(
            "cifar10", "cifar10", metric, None, None, None, unit="1", direction="min", kind="size", note=note
        )
        yield info, spread(field).astype(np.float32)
