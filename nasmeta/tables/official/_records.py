"""Arrays over the epochs from the record of a cell in an official file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from nasmeta.arrays import Facts, Floats
from nasmeta.tables._nb201_measurements import EPOCHS


class Key(NamedTuple):
    """The address of an array, with the official names of run and split."""

    epochs: int
    run: str
    split: str
    metric: str
    seed: int


Measured = Iterator[tuple[Key, Floats]]


def trials_of(record: Mapping[Any, Any]) -> Measured:
    """Yield all measurements of a record, which maps (run, seed) to a trial.

    Accuracy and loss have one value per epoch, NaN for epochs without a measurement. All other
    metrics have one value. ``train_seconds`` is the sum over the epochs, ``evaluation_seconds`` the
    time of the last evaluation. An invalid record raises a ValueError.
    """
    for (run, seed), trial in record.items():
        yield from _trial(run, seed, trial)


def _trial(run: str, seed: int, trial: Facts) -> Measured:
    epochs = trial["epochs"]
    if epochs not in EPOCHS:
        raise ValueError(f"a training of {epochs!r} epochs, not of {EPOCHS}")

    def measured(metric: str, split: str, values: Floats) -> Measured:
        if not np.isnan(values).all():
            yield Key(epochs, run, split, metric, seed), _possible(metric, values)

    every = range(epochs)
    yield from measured("accuracy", "train", _series(trial["train_acc1es"], every))
    yield from measured("loss", "train", _series(trial["train_losses"], every))
    yield from measured("accuracy_top5", "train", _series(trial.get("train_acc5es"), every))
    steps = _possible("train_seconds", _series(trial.get("train_times"), every))
    yield from measured("train_seconds", "train", steps.sum(keepdims=True))
    for split in trial["eval_names"]:
        keys = _eval_keys(split, epochs)
        yield from measured("accuracy", split, _series(trial["eval_acc1es"], keys))
        yield from measured("loss", split, _series(trial["eval_losses"], keys))
        seconds = _possible("evaluation_seconds", _series(trial.get("eval_times"), keys))
        yield from measured("evaluation_seconds", split, seconds[-1:])
    parameters = (_one(trial["params"]) * 1e6).round()  # the record is in millions
    yield from measured("recorded_parameters", "train", parameters)
    yield from measured("recorded_flops_millions", "train", _one(trial["flop"]))
    latencies = [value for value in trial.get("latency") or () if value > 0]  # -1 if not measured
    if latencies:
        mean = _one(sum(latencies) / len(latencies))
        yield from measured("recorded_latency_seconds", "train", mean)


def _series(values: Any, keys: Iterable[Any]) -> Floats:
    """Return the values of a dict or list at these keys, NaN for missing ones."""
    if not isinstance(values, Mapping):
        values = dict(enumerate(values or ()))
    get = values.get  # looked up once, as there are millions of values
    return np.array([get(key, np.nan) for key in keys], dtype=np.float64)


def _one(value: Any) -> Floats:
    """Return a value as an array of shape (1,), NaN for None."""
    return np.array([value], dtype=np.float64)


def _possible(metric: str, values: Floats) -> Floats:
    """Return the values; raise an error if one is out of bounds or too large for float32."""
    low = 1.0 if metric == "recorded_parameters" else 0.0
    high = 100.0 if metric.startswith("accuracy") else float(np.finfo(np.float32).max)
    wrong = values[(values < low) | (values > high)]
    if wrong.size:
        raise ValueError(f"{metric} is {wrong[0]:g}; expected a number from {low:g} to {high:g}")
    return values


@cache
def _eval_keys(split: str, epochs: int) -> tuple[str, ...]:
    return tuple(f"{split}@{epoch}" for epoch in range(epochs))
