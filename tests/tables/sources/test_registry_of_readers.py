"""What a registry entry says that it brings is what its reader returns: messages and task names rest on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nasmeta.tables.sources import registered_sources


@pytest.mark.parametrize("name", registered_sources())
def test_declared_columns_are_those_that_are_read(read_source: Callable, name: str) -> None:
    entry = registered_sources()[name]
    infos = [info for info, _ in read_source(name).values()]
    for info in infos:
        parts = {"dataset": info.dataset, "metric": info.metric, "release": info.release}
        epochs = info.epochs if info.epoch is None else f"{info.epoch}of{info.epochs}"
        split, seed = (part if part is not None else "-" for part in (info.split, info.seed))
        assert entry.declares(**parts, split=split, epochs=epochs or "-", seed=seed), info.address
    for patterns in entry.declared:
        datasets, metrics = (part.split(",") for part in patterns.split("/")[:2])
        for dataset in datasets:
            for metric in metrics:
                assert "*" in dataset + metric or any(
                    (i.dataset, i.metric) == (dataset, metric) for i in infos
                ), patterns
