"""Checks of times, sizes, devices, isomorphic cells, and the tasks of TransNAS-Bench-101."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nasmeta.spaces import CellSpace, get_cell_space
from nasmeta.tables.audit._check import Finding, Holdings, check, compared
from nasmeta.tables.sources._transnas import TASKS

_NB201 = ("nb201",)
_DATASETS = ("cifar10", "cifar100", "imagenet16-120")
_TIMES = (  # (dataset, split, epochs), and its ratio to another (dataset, split, epochs)
    (("cifar10", "train+valid", 200), 2.0, ("cifar10", "train", 200)),
    (("cifar100", "train", 200), 2.0, ("cifar10", "train", 200)),
    (("imagenet16-120", "train", 200), 6.068, ("cifar10", "train", 200)),
    (("cifar10", "train", 12), 0.06, ("cifar10", "train", 200)),
    (("cifar10", "train+valid", 12), 0.06, ("cifar10", "train+valid", 200)),
    (("cifar100", "train", 12), 0.06, ("cifar100", "train", 200)),
    (("imagenet16-120", "train", 12), 0.06, ("imagenet16-120", "train", 200)),
)
_DEVICES = ("eyeriss", "fpga", "pixel3", "raspi4")
_CHANCE = (10.01, 1.01, 0.84)
# −0.04 (autoencoder, room_layout) has been published; it follows from the largest loss over the epochs.
_LOWEST, _HIGHEST = 0.10, 0.87


@check("times", "Train seconds have the known ratios: of datasets, and of 12 epochs to 200.", _NB201)
def _times(held: Holdings) -> Iterator[Finding]:
    for (dataset, split, epochs), ratio, (base, base_split, base_epochs) in _TIMES:
        for one in held.find(dataset=dataset, metric="train_seconds", split=split, epochs=epochs):
            other = held.first(
                dataset=base, metric="train_seconds", split=base_split, epochs=base_epochs,
                source=one.info.source, seed=one.info.seed,
            )  # fmt: skip
            if other is not None:
                against = f"{ratio:g} x {other.info.address}"
                yield from compared(one, ratio * other.values, against, relative=1e-5)


@check(
    "parameters",
    "Recorded numbers of parameters and of multiply-adds are those that follow from the cell.",
    ("nb201", "tnb101"),
)
def _parameters(held: Holdings) -> Iterator[Finding]:
    """Compare the record of each seed."""
    cells, space = np.arange(held.space.size), get_cell_space(held.space)
    for metric, cost, factor in (
        ("parameters", space.params, 1.0),
        ("recorded_parameters", space.params, 1.0),
        ("recorded_flops_millions", space.flops, 1e6),
        ("proxy_params", space.params, 1e6),
    ):
        for one in held.find(metric=metric):
            if one.info.seed != "mean":
                formula = np.asarray(cost(cells, one.info.dataset), dtype=np.float64) / factor
                yield from compared(one, formula, "formula", relative=2e-7 * (factor > 1))


@check("devices", "HELP has HW-NAS-Bench's latencies on four devices.", _NB201)
def _devices(held: Holdings) -> Iterator[Finding]:
    for device in _DEVICES:
        same = {"dataset": "cifar10", "metric": f"latency_{device}_milliseconds"}
        theirs, ours = held.first(**same, source="help-latency"), held.first(**same, source="hw-nas-bench")
        if theirs is not None and ours is not None:
            yield from compared(theirs, ours.values, "hw-nas-bench", relative=1e-6)


@check(
    "attacked-isomorphs",
    "Isomorphic cells have one accuracy under attack, because it was measured once per class.",
    _NB201,
)
def _attacked_isomorphs(held: Holdings) -> Iterator[Finding]:
    first = np.asarray(held.space.canonical(np.arange(held.space.size)))
    for one in held.find(source="nb201-robustness"):
        yield from compared(one, one.values[first], "the first cell of its class")


@check("same-digits", "Cells with equal results on all datasets compute the same function.", _NB201)
def _same_digits(held: Holdings) -> Iterator[Finding]:
    """Compare results within each seed.

    Many records of isomorphic cells are copies. The rules of the official code do not identify all of them: sums must
    be taken apart, and a pooling of a sum is a sum of poolings.
    """
    functions = _functions(get_cell_space(held.space))
    official = np.asarray(held.space.canonical(np.arange(held.space.size)))
    for source in held.sources:
        accuracies = {
            (one.info.dataset, one.info.seed): one
            for one in held.find(source=source.name, metric="accuracy", split="valid", epochs=200)
            if isinstance(one.info.seed, int)
        }
        for seed in sorted({int(seed) for _, seed in accuracies if seed is not None}):
            columns = [accuracies.get((dataset, seed)) for dataset in _DATASETS]
            if any(column is None for column in columns):
                continue
            found = np.stack([column.values for column in columns if column is not None], axis=1)
            trained = np.flatnonzero((found > _CHANCE).all(axis=1))  # a NaN is not greater
            _, group = np.unique(found[trained], axis=0, return_inverse=True)
            groups = [trained[of] for of in _same(group.ravel())]
            odd = [group for group in groups if len(set(functions[group].tolist())) > 1]
            info = next(column.info for column in columns if column is not None)
            yield Finding(
                info.address, info.release, info.source, len(trained),
                tuple(sorted(int(cell) for group in odd for cell in group)),
                measured=f"{sum(map(len, groups)):,} cells in {len(groups):,} groups of equal results; isomorphic by "
                f"the official rule: {sum(len(set(official[group].tolist())) == 1 for group in groups):,} groups",
                groups=tuple(tuple(group.tolist()) for group in groups),
            )  # fmt: skip


def _same(labels: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Return the positions of each label that occurs more than once."""
    order = np.argsort(labels, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    return [part for part in parts if len(part) > 1]


def _functions(space: CellSpace) -> NDArray[np.int64]:
    """Return a number for each cell, equal for cells that compute the same sum of terms, shape (n_cells,)."""
    edges = [(source, target) for target in range(1, 4) for source in range(target)]
    known: dict[tuple[str, ...], int] = {}
    numbers = []
    for digits in space.digits.tolist():
        terms: dict[int, list[str]] = {0: ["x"], 1: [], 2: [], 3: []}
        for (source, target), digit in zip(edges, digits, strict=True):
            operation, inputs = space.operations[digit], sorted(terms[source])
            if operation == "none" or not inputs:
                continue
            if operation == "skip_connect":
                terms[target] += inputs
            elif operation.startswith("avg_pool"):
                terms[target] += [f"pool({term})" for term in inputs]
            else:
                terms[target].append(f"{operation}({'+'.join(inputs)})")
        numbers.append(known.setdefault(tuple(sorted(terms[3])), len(known)))
    return np.array(numbers)


_OWN_METRIC = {task: measures[0].metric for task, (_, measures) in TASKS.items()}


@check(
    "tasks-differ",
    "The lowest and the highest rank correlation between the tasks have their known values.",
    ("tnb101",),
)
def _tasks_differ(held: Holdings) -> Iterator[Finding]:
    from scipy.stats import spearmanr

    columns = {}
    for task, metric in _OWN_METRIC.items():
        one = held.first(dataset=task, metric=metric, split="valid")
        if one is not None:
            columns[task] = one.values if one.info.direction == "max" else -one.values
    found = {
        (a, b): float(spearmanr(columns[a], columns[b], nan_policy="omit").statistic)
        for a, b in combinations(columns, 2)
    }
    if len(columns) < len(_OWN_METRIC):
        return
    for pair, known in ((min(found, key=found.__getitem__), _LOWEST), (max(found, key=found.__getitem__), _HIGHEST)):
        info = held.find(dataset=pair[0], metric=_OWN_METRIC[pair[0]], split="valid")[0].info
        figure = found[pair]
        measured = f"Spearman with {pair[1]} {figure:.4f}, known: {known:g}"
        yield Finding.on(info, held.space.size, holds=abs(figure - known) < 0.01, measured=measured)
