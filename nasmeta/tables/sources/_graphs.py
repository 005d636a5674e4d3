"""Benchmarks of graph networks: NAS-Bench-Graph, from a package of that name, and the second grid of GraphGym."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from nasmeta.pickles import NUMPY_NUMBERS, restricted_load
from nasmeta.spaces import SearchSpace
from nasmeta.tables.sources._base import Column, Files, spread
from nasmeta.tables.sources._registry import READERS, FetchedSource

if TYPE_CHECKING:
    import pandas as pd

_SUBSPACE = 2021  # networks of gcn, sage, arma, fc and skip: only these were trained on proteins
_TASK = ["format", "dataset", "task", "trans", "feature", "label"]
_PARTS = {
    "node_clustering_coefficient": "clustering",
    "node_const": "const",
    "node_onehot": "onehot",
    "node_pagerank": "pagerank",
    "graph_path_len": "path-length",
}


@READERS.register("nas-bench-graph")
def read_nas_bench_graph(
    source: FetchedSource, space: SearchSpace, files: Files
) -> Iterator[Column]:
    """Return validation and test accuracy, latency and parameters; rows are joined by the key.

    The files hold fractions and millions of parameters: the columns are in percent and plain
    numbers. pip does not record a checksum of these files, so their values are checked here.
    """
    for dataset, file in files.items():
        with file.open("rb") as stream:
            records: dict[int, dict[str, float]] = restricted_load(stream, NUMPY_NUMBERS)
        # A key is the digits of macro and operations: a combination, and so the network that it is
        # merged into.
        keys = np.array(list(records))
        networks = space.from_codes(keys[:, None] // 10 ** np.arange(4, -1, -1) % 10)
        is_part = dataset == "proteins"
        n, expected = len(np.unique(networks)), _SUBSPACE if is_part else space.size
        for facts in map(dict, source.measures):
            field, factor, note = facts.pop("field"), facts.pop("factor", 1), facts.pop("note")
            values = np.array([record[field] for record in records.values()], dtype=np.float64)
            if n != expected or not ((values >= 0) & (values < np.inf)).all():
                raise ValueError(
                    f"{file} has {n:,} different networks, or a value that is negative or not finite."
                )
            values = factor * values
            if factor == 1e6:
                values = np.round(values)
            if is_part and factor == 100:
                note += "; the metric is ROC-AUC"
            if is_part:
                note += f"; {n:,} networks of gcn, sage, arma, fc, skip"
            column = spread(space, networks, values)
            yield source.column(dataset, column, dataset, note=note, **facts)


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
def read_graphgym(source: FetchedSource, space: SearchSpace, files: Files) -> Iterator[Column]:
    """Return accuracy, its standard deviation, loss, parameters and seconds per iteration of each task."""
    import pandas as pd

    frame: pd.DataFrame = pd.read_csv(files["grid"])
    for (_, dataset, task, trans, feature, label), rows in frame.groupby(
        _TASK, dropna=False, sort=False
    ):
        codes = [rows[position.name].map(position.code) for position in space.positions]
        designs = space.from_codes(np.stack(codes, axis=1))
        name = graphgym_dataset(str(dataset), feature, label)
        inference = "transductive" if trans else "inductive"
        for facts in map(dict, source.measures):
            values = facts.pop("factor", 1) * rows[facts.pop("field")]
            note = f"{task} classification, {inference}; {facts.pop('note')}"
            yield source.column("grid", spread(space, designs, values), name, note=note, **facts)
