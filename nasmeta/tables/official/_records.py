"""What is measured in the record of a cell: arrays over the epochs, by what they are about."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasmeta.files import write_whole
from nasmeta.spaces import CellSpace
from nasmeta.tables._nb201_measurements import EPOCHS, legal_measurements


class Key(NamedTuple):
    """What an array is about: official names of run and split, None where a split means nothing."""

    epochs: int
    run: str
    split: str
    metric: str
    seed: int | None


TIMES = ("train_seconds", "evaluation_seconds")
_SPLITS: dict[str, list[str]] = {}
for _measured in legal_measurements():
    _SPLITS.setdefault(_measured.run, []).append(_measured.official_split)
_NASLIB_FIELDS = {"train_acc1es", "train_losses", "eval_acc1es", "eval_losses", "cost_info"}

Measured = Iterator[tuple[Key, NDArray[np.float64]]]


def trials_of(record: Mapping[Any, Any]) -> Measured:
    """Yield all that a record holds, over the epochs or once; NaN after an epoch at which nothing was measured.

    An official record leads from (run, seed) to the trial, one of NASLib from the run to what is known about it.
    ``train_seconds`` add up from the first epoch on; ``evaluation_seconds`` are those of the one evaluation after that
    epoch. A record that is not what it should be is a ValueError.
    """
    for name, trial in record.items():
        if isinstance(name, tuple) and len(name) == 2:
            run, seed = name
            yield from _official(run, seed, trial)
        elif isinstance(trial, Mapping) and trial.keys() >= _NASLIB_FIELDS:
            yield from _naslib(name, trial)
        else:
            raise ValueError(f"{name!r} is neither a trial (run, seed) nor a run of NASLib")


def _official(run: str, seed: int, trial: Mapping[str, Any]) -> Measured:
    if run not in _SPLITS:
        raise ValueError(f"there is no run {run!r}; possible: {', '.join(_SPLITS)}")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**31:
        raise ValueError(f"{seed!r} is no seed")
    epochs = trial["epochs"]
    if epochs not in EPOCHS:
        raise ValueError(f"a training of {epochs!r} epochs, not of {' or '.join(map(str, EPOCHS))}")

    def found(metric: str, split: str, values: NDArray[np.float64]) -> Measured:
        if not np.isnan(values).all():
            yield Key(epochs, run, split, metric, seed), _possible(metric, values)

    yield from found("accuracy", "train", _series(trial["train_acc1es"], range(epochs)))
    yield from found("loss", "train", _series(trial["train_losses"], range(epochs)))
    yield from found("accuracy_top5", "train", _series(trial.get("train_acc5es"), range(epochs)))
    steps = _possible("train_seconds", _series(trial.get("train_times"), range(epochs)))
    yield from found("train_seconds", "train", np.cumsum(steps))
    for split in trial["eval_names"]:
        if split not in _SPLITS[run]:
            raise ValueError(f"{run} has no split {split!r}; possible: {', '.join(_SPLITS[run])}")
        keys = _eval_keys(split, epochs)
        yield from found("accuracy", split, _series(trial["eval_acc1es"], keys))
        yield from found("loss", split, _series(trial["eval_losses"], keys))
        yield from found("evaluation_seconds", split, _series(trial.get("eval_times"), keys))
    latency = [value for value in trial.get("latency") or () if value > 0]  # -1 where it was not measured
    yield from found("recorded_parameters", "train", (_one(trial["params"]) * 1e6).round())  # their unit is M
    yield from found("recorded_flops_millions", "train", _one(trial["flop"]))
    yield from found("recorded_latency_seconds", "train", _one(sum(latency) / len(latency) if latency else None))


def _naslib(run: str, record: Mapping[str, Any]) -> Measured:
    """NASLib extracted runs of 200 epochs; it does not say which seed, and calls what was measured `eval`."""
    if run not in _SPLITS:
        raise ValueError(f"there is no run {run!r}; possible: {', '.join(_SPLITS)}")
    epochs = EPOCHS[-1]
    for split, field in (("train", "train"), ("eval", "eval")):
        accuracies, losses = record[f"{field}_acc1es"], record[f"{field}_losses"]
        if len(accuracies) != epochs or len(losses) != epochs:
            raise ValueError(f"curves of {len(accuracies)} and {len(losses)} epochs, not of {epochs}")
        for metric, values in (("accuracy", accuracies), ("loss", losses)):
            yield Key(epochs, run, split, metric, None), _possible(metric, _series(values, range(epochs)))
    costs = record["cost_info"]
    for metric, field, factor in (
        ("recorded_parameters", "params", 1e6),
        ("recorded_flops_millions", "flops", 1.0),
        ("recorded_latency_seconds", "latency", 1.0),
        ("train_time", "train_time", 1.0),  # what it means is seen from all cells together
    ):
        value = _one(costs.get(field)) * factor
        if field == "latency" and (value <= 0).all():
            continue  # -1 where it was not measured
        if not np.isnan(value).all():
            yield Key(epochs, run, "train", metric, None), _possible(metric, value.round() if factor > 1 else value)


def _series(values: Any, keys: Iterable[Any]) -> NDArray[np.float64]:
    """Return the values of a dict or list at these keys, NaN where there is none."""
    if values is None:
        values = {}
    if not isinstance(values, Mapping | list | tuple):
        raise ValueError(f"a {type(values).__name__} where values after epochs should be")
    get = values.get if isinstance(values, Mapping) else dict(enumerate(values)).get
    return np.array([get(key, np.nan) for key in keys], dtype=np.float64)


def _one(value: Any) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value], dtype=np.float64)


def _possible(metric: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values, checked: none may be below what is possible, nor above it, nor too large for float32."""
    low, high = 0.0, float(np.finfo(np.float32).max)
    if metric.startswith("accuracy"):
        high = 100.0
    elif metric == "recorded_parameters":
        low = 1.0
    wrong = values[(values < low) | (values > high)]
    if wrong.size:
        most = f"to {high:g} percent" if high == 100.0 else "on, and finite"
        raise ValueError(f"{metric} is {wrong[0]:g}, outside of {low:g} {most}")
    return values


@cache
def _eval_keys(split: str, epochs: int) -> tuple[str, ...]:
    return tuple(f"{split}@{epoch}" for epoch in range(epochs))


def after_epoch(values: NDArray[Any], metric: str, epoch: Any, epochs: int) -> NDArray[Any]:
    """Return times after an epoch (or several), counted from 1, where only one number a cell is kept.

    It is the total of equally long epochs for ``train_seconds``, else the same for every epoch.
    """
    after: NDArray[Any] = values * (epoch / epochs if metric == "train_seconds" else epoch / epoch)
    return after


def spread_over_epochs(values: NDArray[Any], metric: str, epochs: int) -> NDArray[Any]:
    """Return times after each epoch, shape (epochs, n), where only one number a cell is kept, shape (1, n)."""
    return after_epoch(values, metric, np.arange(1, epochs + 1)[:, None], epochs)


def _flattened(metric: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one number a cell, shape (n, 1), where times are the same for all epochs; else the values, (n, epochs)."""
    total = values[:, -1:]
    flat = spread_over_epochs(total.T, metric, values.shape[1]).T
    return total if np.allclose(values, flat, rtol=1e-9, atol=0, equal_nan=True) else values


class Chunk:
    """The measurements of some cells, on their way to a file; a row is a cell."""

    def __init__(self, space: CellSpace) -> None:
        self.space = space
        self._found: dict[Key, tuple[list[int], list[NDArray[Any]]]] = {}
        self.n_records = 0

    def add(self, cell: str, record: Mapping[Any, Any]) -> None:
        """Add a record; the cell is known by its string."""
        index = self.space.index_of(cell)
        for key, values in trials_of(record):
            cells, arrays = self._found.setdefault(key, ([], []))
            cells.append(index)
            arrays.append(values if key.metric in TIMES else values.astype(np.float32))
        self.n_records += 1

    def write(self, path: Path, sha256: str = "") -> None:
        """Write a NumPy archive under its name in one step."""
        arrays: dict[str, NDArray[Any]] = {}
        for i, (key, (cells, rows)) in enumerate(self._found.items()):
            values: NDArray[Any] = np.stack(rows)
            arrays[f"cells{i}"] = np.array(cells, dtype=np.int32)
            values = _flattened(key.metric, values) if key.metric in TIMES else values
            arrays[f"values{i}"] = values.astype(np.float32)
        head = json.dumps({"keys": list(self._found), "sha256": sha256}).encode()
        content = io.BytesIO()
        np.savez(content, head=np.frombuffer(head, dtype=np.uint8), **arrays)  # type: ignore[arg-type]
        write_whole(path, content.getvalue())
