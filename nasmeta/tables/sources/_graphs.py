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
        of_part = dataset == "proteins"
        # A key is the digits of macro and operations: a combination, and so the network that it is
        # merged into.
        networks = space.from_codes(
            np.array(list(records))[:, None] // 10 ** np.arange(4, -1, -1) % 10
        )
        rows = np.array(
            [
                [float(record[measure["field"]]) for measure in source.measures]
                for record in records.values()
            ]
        )
        n = len(np.unique(networks))
        if n != (_SUBSPACE if of_part else space.size) or not ((rows >= 0) & (rows < np.inf)).all():
            raise ValueError(
                f"{file} has {n:,} different networks, or a value that is negative or not finite."
            )
        part = f"; {n:,} networks of gcn, sage, arma, fc, skip" if of_part else ""
        for measure, values in zip(source.measures, spread(space, networks, rows).T, strict=True):
            facts = dict(measure)
            factor = facts.pop("factor", 1)
            note = (
                facts.pop("note")
                + ("; the metric is ROC-AUC" if of_part and factor == 100 else "")
                + part
            )
            values = np.round(factor * values) if factor == 1e6 else factor * values
            del facts["field"]
            yield source.column(dataset, values, dataset, note=note, **facts)


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
        codes = [
            [position.code(choice) for choice in rows[position.name]]
            for position in space.positions
        ]
        designs = space.from_codes(np.array(codes).T)
        name = graphgym_dataset(str(dataset), feature, label)
        kind_of_task = f"{task} classification, {'transductive' if trans else 'inductive'}"
        for measure in source.measures:
            facts = dict(measure)
            values = facts.pop("factor", 1) * rows[facts.pop("field")]
            note = f"{kind_of_task}; {facts.pop('note')}"
            yield source.column("grid", spread(space, designs, values), name, note=note, **facts)
