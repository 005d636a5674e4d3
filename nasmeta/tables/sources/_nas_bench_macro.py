"""NAS-Bench-Macro: CIFAR-10 test accuracy of three seeds after 50 epochs, parameters and multiply-adds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from nasmeta.spaces import SearchSpace
from nasmeta.tables.sources._base import Column, Files, by_seed, spread
from nasmeta.tables.sources._registry import READERS, FetchedSource


@READERS.register("nas-bench-macro")
def read_nas_bench_macro(
    source: FetchedSource, space: SearchSpace, files: Files
) -> Iterator[Column]:
    """Return the mean accuracy, the accuracy of each seed (its place in the file), parameters and FLOPs."""
    records: dict[str, dict[str, Any]] = json.loads(files["cifar10"].read_text(encoding="utf-8"))
    networks = space.index_of(list(records))
    accuracies = spread(space, networks, [record["test_acc"] for record in records.values()])
    for seed, values in by_seed(accuracies, range(3)):
        yield source.column("cifar10", values, "cifar10", "accuracy", "test", 50, seed)
    for field, metric in (("params", "parameters"), ("flops", "flops")):
        values = spread(space, networks, [record[field] for record in records.values()])
        yield source.column("cifar10", values, "cifar10", metric)
