"""The data that the page's script draws for one table, of JSON types."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nasmeta.arrays import Architectures, Facts, Floats
from nasmeta.checks import decimals_of
from nasmeta.pages import rounded
from nasmeta.runs import History
from nasmeta.spaces import CellSpace, SearchSpace
from nasmeta.tables import ColumnInfo, Table, describe_column, describe_training
from nasmeta.tasks import Signal, Task

_BEST = 1000  # sampled architectures, shared between the tasks
_RANDOM = 2000  # sampled architectures
_SHOWN = 10  # architectures at the top of a task
_BINS = 60  # of a histogram
_WIDE = 50  # positive values over a wider range get a logarithmic axis


def table_data(table: Table, tasks: Sequence[Task], runs: Sequence[History]) -> Facts:
    """Return the page's data of a table: columns of sampled architectures, and facts from all architectures.

    The sample has the best 1,000 architectures, shared between the tasks, all members of a Pareto
    front, the architectures of the runs, and 2,000 random ones. A task of one column observes the
    column at its own position.
    """
    space = table.space
    columns = _columns(table, tasks)
    utilities = np.empty((len(columns), space.size))
    for i, (info, values) in enumerate(columns):
        utilities[i] = values if info.direction == "max" else -values
    architectures = _sample(utilities, len(tasks), [run.architectures for run in runs])
    described_tasks = []
    for i, task in enumerate(tasks):
        described_tasks.append(_task(table, task, utilities[i], runs[i], architectures))
    correlations = pd.DataFrame(utilities[: len(tasks)].T).corr("spearman").to_numpy()
    return {
        "size": space.size,
        "space": _described(space),
        "cells": architectures.tolist(),
        "codes": space.codes[architectures].tolist(),
        "names": list(map(space.to_string, architectures.tolist())),
        "columns": [_column(info, values, architectures) for info, values in columns],
        "correlations": [rounded(row, 3) for row in correlations],
        "tasks": described_tasks,
    }


def _columns(table: Table, tasks: Sequence[Task]) -> list[tuple[ColumnInfo, Floats]]:
    """Return the columns of the tasks, then all other columns of the table except for single seeds."""
    columns = [(task.column, task.values) for task in tasks]
    known = {(info.address, info.release) for info, _ in columns}
    for info in table.columns:
        is_known = (info.address, info.release) in known
        is_single_seed = isinstance(info.seed, int)
        if not is_known and not is_single_seed:
            values = table.column(*Signal.of(info).address)
            columns.append((info, values.astype(np.float64)))
    return columns


def _sample(utilities: Floats, n_tasks: int, of_runs: Sequence[Architectures]) -> Architectures:
    """Return the architectures that are shown, ascending, from utilities (n_columns, size), those of tasks first."""
    size = utilities.shape[1]
    if size <= _BEST + _RANDOM:
        return np.arange(size)
    orders = list[Architectures]()  # of each column, the measured architectures from best to worst
    for utility in utilities:
        n_measured = np.isfinite(utility).sum()
        orders.append(np.argsort(-utility, kind="stable")[:n_measured])
    n_best = max(_SHOWN, _BEST // n_tasks)
    parts = [order[:n_best] for order in orders[:n_tasks]]
    # Fronts of each task and each column; a missing value is the worst one.
    for utility in np.nan_to_num(utilities[:n_tasks], nan=-np.inf, neginf=-np.inf):
        parts += [_front(order, utility) for order in orders]
    measured = orders[0]
    n_random = min(_RANDOM, len(measured))
    random = np.random.default_rng(0).choice(measured, n_random, replace=False)
    return np.unique(np.concatenate([*parts, random, *of_runs]))


def _front(order: Architectures, utility: Floats) -> Architectures:
    """Return the Pareto front from architectures in the order of one column and the utility in another.

    Of architectures that are equal in the first column, dominated ones may be included.
    """
    sorted_utility = utility[order]
    best_before = np.append(-np.inf, np.maximum.accumulate(sorted_utility)[:-1])
    return order[sorted_utility > best_before]


def _described(space: SearchSpace) -> Facts:
    """Return the facts that a drawing of an architecture needs in addition to its codes."""
    if isinstance(space, CellSpace):
        return {
            "edges": list(map(list, space.edges)),
            "nodes": space.n_nodes,
            "operations": list(space.operations),
            "none": space.none,
        }
    positions = []
    for position in space.positions:
        positions.append([position.name, list(map(str, position.choices))])
    return {"positions": positions}


def _column(info: ColumnInfo, values: Floats, architectures: Architectures) -> Facts:
    """Return the description of a column, and its values of the shown architectures."""
    is_wide = _is_wide(values, info)
    has_unit = info.unit != "1"
    decimals: int | None
    if info.kind == "size" and not has_unit:
        decimals = 0
    elif is_wide:
        decimals = None  # four significant digits
    else:
        decimals = decimals_of(values, info.unit)
    parts = (info.metric_name, describe_training(info), info.release)
    return {
        "dataset": info.dataset,
        "name": ", ".join(filter(None, parts)),
        "metric": info.metric_name,
        "unit": info.unit if has_unit else "",
        "max": info.direction == "max",
        "log": is_wide,
        "decimals": decimals,
        "values": rounded(values[architectures]),
    }


def _is_wide(values: Floats, info: ColumnInfo) -> bool:
    """Return whether values get a logarithmic axis."""
    lowest = np.nanmin(values)
    highest = np.nanmax(values)
    return info.unit != "percent" and bool(0 < lowest < highest / _WIDE)


def _task(
    table: Table, task: Task, utility: Floats, run: History, architectures: Architectures
) -> Facts:
    """Return the facts about a task and its run; architectures are positions among the shown ones."""
    # Missing values (NaN) are the last ones.
    best_first = np.argsort(-utility, kind="stable")[: len(task.measured)]
    values = task.values[best_first]
    info = task.column
    return {
        "name": task.name,
        "about": f"{info.metric_name}, {describe_column(info)}",
        "source": f"{info.source}, licence {info.licence}",
        "measured": len(values),
        "best": rounded([task.optimum])[0],
        "median": float(np.median(values)),
        "histogram": _histogram(values, info),
        "top": np.searchsorted(architectures, best_first[:_SHOWN]).tolist(),
        "noise": _noise(table, info, best_first, architectures),
        "run": {
            "cells": np.searchsorted(architectures, run.architectures).tolist(),
            "values": rounded(run.values),
        },
    }


def _histogram(values: Floats, info: ColumnInfo) -> Facts:
    """Return counts of bins of equal width, on a logarithmic axis if the range is wide."""
    is_wide = _is_wide(values, info)
    if is_wide:
        counts, exponents = np.histogram(np.log10(values), bins=_BINS)
        edges = 10**exponents
    else:
        counts, edges = np.histogram(values, bins=_BINS)
    return {"counts": counts.tolist(), "edges": rounded(edges), "log": is_wide}


def _noise(
    table: Table, info: ColumnInfo, best_first: Architectures, architectures: Architectures
) -> Facts | None:
    """Return standard deviations over seeds; None if the table has fewer than two seeds of the column."""
    frame = pd.DataFrame(table.of_seeds(info)).astype(np.float64)  # (size, n_seeds)
    if isinstance(info.seed, int) or len(frame.columns) < 2:
        return None
    deviations = frame.std(axis=1).to_numpy()
    n_best = max(10, len(best_first) // 100)
    return {
        "seeds": sorted(frame.columns.tolist()),
        "repeated": int(np.isfinite(deviations).sum()),
        "median": float(np.nanmedian(deviations)),
        "best": float(np.nanmedian(deviations[best_first[:n_best]])),
        "deviations": rounded(deviations[architectures], 4),
    }
