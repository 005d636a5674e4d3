"""Benchmarks of graph networks: NAS-Bench-Graph, from a package of that name, and the second grid of GraphGym."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nasmeta.spaces import SearchSpace
from nasmeta.tables._columns import Kind
from nasmeta.tables._pickles import NUMPY_NUMBERS, restricted_load
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
    ("time_iter", "iteration_seconds", "s", 1, "seconds", "of one iteration, mean of the seeds"),
)


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


def graphgym_dataset(dataset: str, feature: object, label: object) -> str:
    """Return the short name of a task: its graphs, and for made-up ones what is predicted from which feature.

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
    """Return accuracy, its standard deviation, loss, parameters and seconds an iteration of each task."""
    import pandas as pd

    frame: pd.DataFrame = pd.read_csv(files["grid"])
    if set(frame["epoch"]) != {_EPOCHS - 1}:
        raise ValueError(f"it does not say what holds after {_EPOCHS} epochs.")
    for (_, dataset, task, trans, feature, label), rows in frame.groupby(_TASK, dropna=False, sort=False):
        codes = [[position.code(choice) for choice in rows[position.name]] for position in space.positions]
        designs = np.atleast_1d(space.from_codes(np.array(codes).T))
        if len(designs) != space.size or len(np.unique(designs)) != space.size:
            raise ValueError(f"{dataset} ({task}) has {len(designs)} designs, not {space.size}.")
        name = graphgym_dataset(str(dataset), feature, label)
        kind_of_task = f"{task} classification, {'transductive' if trans else 'inductive'}"
        for theirs, metric, unit, factor, kind, note in _MEASURES:
            values = factor * rows[theirs].to_numpy(np.float64)
            if not np.isfinite(values).all() or (values < 0).any():
                raise ValueError(f"{dataset} ({task}) has a {theirs} that is negative or not finite.")
            of_validation = kind == "performance"
            info = source.info(
                "grid", name, metric, "valid" if of_validation else None, _EPOCHS if of_validation else None,
                "mean" if metric in ("accuracy", "loss") else None, unit=unit,
                direction="max" if metric == "accuracy" else "min", kind=kind, note=f"{kind_of_task}; {note}",
            )  # fmt: skip
            yield info, spread(space, designs, values)
