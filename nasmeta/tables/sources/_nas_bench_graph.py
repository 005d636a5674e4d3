"""NAS-Bench-Graph, from the PyPI package nas-bench-graph: nine datasets of graphs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from nasmeta.spaces import SearchSpace
from nasmeta.tables._pickles import NUMPY_NUMBERS, restricted_load
from nasmeta.tables.sources._base import Column
from nasmeta.tables.sources._fetched import READERS, FetchedSource

_FIELDS = ("valid_perf", "perf", "latency", "para")
_SUBSPACE = 2021  # networks of gcn, sage, arma, fc and skip: only these were trained on proteins
_MEAN = "mean of three seeds after the last epoch"


@READERS.register("nas-bench-graph")
def read_nas_bench_graph(source: FetchedSource, space: SearchSpace, files: Mapping[str, Path]) -> Iterator[Column]:
    """Return validation and test accuracy, latency and parameters; rows are joined by the key.

    The files hold fractions and millions of parameters: the columns are in percent and plain numbers.
    """
    for dataset, file in files.items():
        with file.open("rb") as stream:
            records: dict[int, dict[str, float]] = restricted_load(stream, NUMPY_NUMBERS)
        size = _SUBSPACE if dataset == "proteins" else space.size
        # A key is the digits of macro and operations: a combination, and so the network that it is merged into.
        digits = np.array(list(records))[:, None] // 10 ** np.arange(4, -1, -1) % 10
        networks = np.atleast_1d(space.from_codes(digits))
        if len(records) != size or len(np.unique(networks)) != size:
            raise ValueError(f"{file} has {len(np.unique(networks)):,} different networks, not {size:,}.")
        rows = np.array([[float(record[field]) for field in _FIELDS] for record in records.values()])
        if not np.isfinite(rows).all() or (rows < 0).any() or rows[:, :2].max() > 1:
            raise ValueError(f"{file} has a value that is not finite, negative, or no fraction.")
        values = np.full((space.size, len(_FIELDS)), np.nan)
        values[networks] = rows
        percent = f"{_MEAN}; a fraction in the file" + ("; the metric is ROC-AUC" if dataset == "proteins" else "")
        of_part = f"; {size:,} networks of gcn, sage, arma, fc, skip" if dataset == "proteins" else ""
        for split, column in (("valid", 0), ("test", 1)):
            info = source.info(
                dataset, dataset, "accuracy", split, None, "mean",
                unit="percent", direction="max", note=percent + of_part,
            )  # fmt: skip
            yield info, (100 * values[:, column]).astype(np.float32)
        info = source.info(
            dataset, dataset, "latency_seconds", None, None, "mean", unit="s", direction="min",
            kind="latency", device="gpu", note=f"{_MEAN}; the package does not name the device{of_part}",
        )  # fmt: skip
        yield info, values[:, 2].astype(np.float32)
        info = source.info(
            dataset, dataset, "parameters", None, None, None, unit="1", direction="min", kind="size",
            note=f"millions in the file{of_part}",
        )  # fmt: skip
        yield info, np.round(values[:, 3] * 1e6).astype(np.float32)
