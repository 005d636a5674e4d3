"""Which column of a table a task is about, where not all of its address is said."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nasmeta.errors import ColumnError, shown
from nasmeta.spaces import canonical_dataset
from nasmeta.tables._address import Address, ColumnIndex
from nasmeta.tables._columns import ColumnInfo, Seed


def main_metric(columns: Sequence[ColumnInfo], dataset: str) -> str | None:
    """Return the metric that is meant where nobody says: an accuracy, else another performance, else any."""
    of_dataset = [info for info in columns if info.dataset == dataset]
    metrics = dict.fromkeys(info.metric for info in of_dataset if info.kind == "performance")
    every = dict.fromkeys(info.metric for info in of_dataset)
    named = [m for m in metrics if re.fullmatch(r"accuracy|val(id|idation)?_acc(uracy)?", m)]
    likely = [m for m in metrics if "acc" in m], [m for m in metrics if not re.search("time|memory|size|cost", m)]
    return next(iter([*named, *likely[0], *likely[1], *metrics, *every]), None)


def signal_column(
    table: str,
    index: ColumnIndex,
    metric: str | None,
    dataset: str | None,
    split: str | None = None,
    epochs: int | None = None,
    seed: Seed | None = None,
    release: str | None = None,
) -> ColumnInfo:
    """Return the column that a searcher is to see; see `nasmeta.tables.Table.task` for what may be left out."""
    datasets = tuple(dict.fromkeys(info.dataset for info in index.columns))
    if dataset is None:
        if len(datasets) > 1:
            raise ColumnError(f"{table} has several datasets: name one of {', '.join(datasets)}.")
        dataset = datasets[0]
    main = metric or main_metric(index.columns, canonical_dataset(dataset))
    if main is None:
        raise ColumnError(f"{table} has no dataset {shown(dataset)}. Its datasets: {', '.join(datasets)}.")
    asked = Address(dataset, main, split, epochs, seed, release).normal()
    found = index.matching(asked)
    if split is None and any(info.split == "valid" for info in found):
        found = [info for info in found if info.split == "valid"]
    if epochs is None and all(info.epochs is not None for info in found):
        found = [info for info in found if info.epochs == max(info.epochs or 0 for info in found)]
    if seed is None:
        of_all = [info for info in found if info.seed == "mean"], [info for info in found if info.seed is None]
        found = of_all[0] or of_all[1] or found
    several = [p for p in ("split", "epochs", "seed", "release") if len({getattr(info, p) for info in found}) > 1]
    if several:
        choices = "; ".join(f"{p}: {', '.join(sorted({str(getattr(i, p)) for i in found}))}" for p in several)
        raise ColumnError(f"{asked.described()} means several columns of {table}. Say {choices}.")
    return found[0]
