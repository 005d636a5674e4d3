"""Measured values that no task holds unless it is asked for them by name."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import ColumnError, NasmetaWarning, calls_inside
from nasmeta.tables._address import ColumnIndex, signal_column, task_name
from nasmeta.tables._columns import ColumnInfo

if TYPE_CHECKING:
    import pandas as pd

_Columns = Sequence[tuple[ColumnInfo, NDArray[np.float32]]]
_BESIDE: dict[str, tuple[str, ...]] = {  # a row that lacks a key is odd where others with the same of these have it
    "dataset": (), "split": ("dataset",), "epochs": ("dataset", "split"), "seed": ("dataset", "split", "epochs"),
    "release": ("dataset",),
}  # fmt: skip
_FEW = 0.5  # of the architectures with values


def warn_of_dropped(name: str, long: pd.DataFrame, blank: Mapping[str, NDArray[np.bool_]], columns: _Columns) -> None:
    """Warn of rows without a key that others have, of means over fewer seeds, and of tasks with few architectures."""
    for told in (*_blanks(name, long, blank), *_uneven_means(columns), *narrow_tasks(name, columns)):
        warnings.warn(f"{name}: {told}", NasmetaWarning, stacklevel=calls_inside() + 1)


def _blanks(name: str, long: pd.DataFrame, blank: Mapping[str, NDArray[np.bool_]]) -> Iterator[str]:
    """Yield in words which keys rows with a value lack, though others of the same measurement have them."""
    import pandas as pd

    means = {"dataset": f"count as the dataset {name}", "seed": "are in no mean over the seeds"}
    for key, lacks in blank.items():
        if not lacks.any():
            continue
        beside = [np.array([str(part) for part in long[one]], object) for one in ("metric", *_BESIDE[key])]
        here = pd.Series(lacks[long.index], index=long.index)
        rows = long["row"][here & ~here.groupby(beside).transform("all")].unique()
        if len(rows):
            more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
            yield (
                f"{key} is blank in row {rows[0]}{more}, unlike in other rows of its metric: such values "
                f"{means.get(key, f'count as measured with another {key}')}. Fill it in, or leave them out."
            )


def _uneven_means(columns: _Columns) -> Iterator[str]:
    """Yield in words, for the first of them, which means are over different numbers of seeds."""
    n_seeds: dict[ColumnInfo, NDArray[np.int64]] = {}
    for info, values in columns:
        if isinstance(info.seed, int) and info.epoch is None:
            of_mean = replace(info, seed="mean", source_sha256="")
            n_seeds[of_mean] = n_seeds.get(of_mean, 0) + ~np.isnan(values)
    uneven = {info: counts for info, n in n_seeds.items() if len(counts := Counter(n[n > 0].tolist())) > 1}
    if uneven:
        info, counts = next(iter(uneven.items()))
        listed = ", ".join(f"{cells} with {n} seed{'s' if n > 1 else ''}" for n, cells in sorted(counts.items()))
        more = f" (and {len(uneven) - 1} more)" if len(uneven) > 1 else ""
        yield (
            f"{info.address}{more} is a mean over different numbers of seeds, of architectures: {listed}. The fewer, "
            "the noisier: the best of all is then often one of few seeds. Leave out the seeds that not all have."
        )


def narrow_tasks(name: str, columns: _Columns) -> Iterator[str]:
    """Yield in words which tasks hold less than half of the architectures that have values of their metric."""
    index = ColumnIndex(name, [info for info, _ in columns if info.epoch is None])
    groups: dict[tuple[str, str], list[tuple[ColumnInfo, NDArray[np.bool_]]]] = {}
    for info, values in columns:
        if info.epoch is None and info.kind == "performance":
            groups.setdefault((info.dataset, info.metric), []).append((info, ~np.isnan(values)))
    for (dataset, metric), found in groups.items():
        try:
            meant = signal_column(name, index, metric, dataset)
        except ColumnError:  # it has to be said
            continue
        n_meant = next(int(there.sum()) for info, there in found if info == meant)
        n_all = int(np.any([there for _, there in found], axis=0).sum())
        if n_meant < _FEW * n_all:
            most = max(found, key=lambda one: int(one[1].sum()))[0]
            yield (
                f"{task_name(name, index, meant)} holds {n_meant} of the {n_all} architectures with values of "
                f"{metric}, those of {meant.address}. The task {task_name(name, index, most)} holds the most."
            )
