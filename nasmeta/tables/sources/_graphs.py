"""Benchmarks of graph networks: NAS-Bench-Graph, from a package of that name, and the second grid of GraphGym."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nasmeta.pickles import NUMPY_NUMBERS, restricted_load
from nasmeta.spaces import SearchSpace
from nasmeta.tables._columns import Kind
from nasmeta.tables.sources._base import Column, spread
from nasmeta.tables.sources._registry import READERS, FetchedSource

if TYPE_CHECKING:
    import pandas as pd

_FIELDS = ("valid_perf", "perf", "latency", "para")
_SUBSPACE = 2021  # networks of gcn, sage, arma, fc and skip: only these were trained on proteins
_MEAN = "mean of three seeds after the last epoch"
_EPOCHS = 400  # the file calls the last one 399
_TASK = ["format", "dataset", "task", "trans", "feature", "label"]
_PARTS = {
    "node_clustering_coefficient": "clustering",
    "node_const": "const",
    "node_onehot": "onehot",
    "node_pagerank": "pagerank",
    "graph_path_len": "path-length",
}
_MEASURES: tuple[tuple[str, str, str, float, Kind, str], ...] = (
    ("accuracy", "accuracy", "percent", 100, "performance", "mean of the seeds; a fraction in the file"),
    ("accuracy_std", "accuracy_std", "percent", 100, "performance", "standard deviation over the seeds"),
    ("loss", "loss", "1", 1, "performance", "mean of the seeds"),
    ("params", "parameters", "1", 1, "size", "as recorded"),
    ("time_iter", "iteration_seconds", "s", 1, "latency", "of one iteration, mean of the seeds"),
)


@READERS.register("nas-bench-graph")
def read_nas_bench_graph(source: FetchedSource, space: SearchSpace, files: Mapping[str, Path]) -> Iterator[Column]:
    """Return validation and test accuracy, latency and parameters; rows are joined by the key.

    The files hold fractions and millions of parameters: the columns are in percent and plain numbers. pip does not
    record a checksum of these files, so their values are checked here.
    """
    for dataset, file in files.items():
        with file.open("rb") as stream:
            records: dict[int, dict[str, float]] = restricted_load(stream, NUMPY_NUMBERS)
        of_part = dataset == "proteins"
        # A key is the digits of macro and operations: a combination, and so the network that it is merged into.
        networks = space.from_codes(np.array(list(records))[:, None] // 10 ** np.arange(4, -1, -1) % 10)
        rows = np.array([[float(record[field]) for field in _FIELDS] for record in records.values()])
        n = len(np.unique(networks))
        if n != (_SUBSPACE if of_part else space.size) or not ((rows >= 0) & (rows < np.inf)).all():
            raise ValueError(f"{file} has {n:,} different networks, or a value that is negative or not finite.")
        values = spread(space, networks, rows)
        part = f"; {n:,} networks of gcn, sage, arma, fc, skip" if of_part else ""
        note = f"{_MEAN}; a fraction in the file" + ("; the metric is ROC-AUC" if of_part else "") + part
        for split, column in (("valid", 0), ("test", 1)):
            yield source.column(
                dataset, 100 * values[:, column], dataset, "accuracy", split, None, "mean",
                unit="percent", direction="max", note=note,
            )  # fmt: skip
        yield source.column(
            dataset, values[:, 2], dataset, "latency_seconds", None, None, "mean", unit="s", direction="min",
            kind="latency", device="gpu", note=f"{_MEAN}; the package does not name the device{part}",
        )  # fmt: skip
        yield source.column(
            dataset, np.round(values[:, 3] * 1e6), dataset, "parameters", unit="1", direction="min", kind="size",
            note=f"millions in the file{part}",
        )  # fmt: skip


def graphgym_dataset(dataset: str, feature: object, label: object) -> str:
    """Return the short name of a task: its graphs, and for synthetic ones the label and the feature.

    >>> graphgym_dataset("TU_BZR", float("nan"), float("nan"))
    'tu_bzr'
    >>> graphgym_dataset("scalefree", "node_onehot", "node_pagerank")
    'scalefree-pagerank-from-onehot'
    """
    if not isinstance(feature, str) or not isinstance(label, str):
        return dataset.lower()
    return f"{dataset}-{_PARTS[label]}-from-{_PARTS[feature]}"


@READERS.register("graphgym")
def read_graphgym(source: FetchedSource, space: SearchSpace, files: Mapping[str, Path]) -> Iterator[Column]:
    """Return accuracy, its standard deviation, loss, parameters and seconds per iteration of each task."""
    import pandas as pd

    frame: pd.DataFrame = pd.read_csv(files["grid"])
    for (_, dataset, task, trans, feature, label), rows in frame.groupby(_TASK, dropna=False, sort=False):
        codes = [[position.code(choice) for choice in rows[position.name]] for position in space.positions]
        designs = space.from_codes(np.array(codes).T)
        name = graphgym_dataset(str(dataset), feature, label)
        kind_of_task = f"{task} classification, {'transductive' if trans else 'inductive'}"
        for theirs, metric, unit, factor, kind, note in _MEASURES:
            split, epochs = ("valid", _EPOCHS) if kind == "performance" else (None, None)
            yield source.column(
                "grid", spread(space, designs, factor * rows[theirs]), name, metric, split, epochs,
                "mean" if metric in ("accuracy", "loss") else None, unit=unit, kind=kind,
                direction="max" if metric == "accuracy" else "min", note=f"{kind_of_task}; {note}",
            )  # fmt: skip
