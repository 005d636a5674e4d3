"""From converted chunks to columns and learning curves, one block at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import DamagedFileError
from nasmeta.tables import _store
from nasmeta.tables._columns import ColumnInfo, Kind, Seed, mean_over_seeds
from nasmeta.tables._nb201_measurements import legal_measurements
from nasmeta.tables.official._curve_file import Block
from nasmeta.tables.official._records import TIMES, Key, spread_over_epochs
from nasmeta.tables.sources import Columns, Source

_MEASUREMENTS = {(one.run, one.official_split): one for one in legal_measurements()}
_COSTS = (*TIMES, "recorded_latency_seconds")  # one column is enough where all seeds share them
_FACTS: dict[str, tuple[str, Any, str]] = {  # unit, direction, note
    "accuracy": ("percent", "max", "official: {official}"),
    "accuracy_top5": ("percent", "max", "official: {official}"),
    "loss": ("nats", "min", "official: {official}; cross-entropy"),
    "train_seconds": ("s", "min", "of the run {run}; sum over the epochs"),
    "train_seconds_per_epoch": ("s", "min", "of the run {run}; of one epoch"),
    "train_time": ("unknown", "min", "of the run {run}; the source does not say of what"),
    "evaluation_seconds": ("s", "min", "official: {official}; of one evaluation, that after the last epoch"),
    "recorded_parameters": ("1", "min", "of the run {run}, as recorded; a seed's record may be that of an isomorph"),
    "recorded_flops_millions": ("M", "min", "of the run {run}, as recorded; multiply-adds for one image"),
    "recorded_latency_seconds": ("s", "min", "of the run {run}, as recorded by the official code, of one batch"),
}


def _kind(metric: str) -> Kind:
    if "latency" in metric:
        return "latency"
    if metric in ("recorded_parameters", "recorded_flops_millions"):
        return "size"
    return "seconds" if "seconds" in metric or metric == "train_time" else "performance"


class Assembly:
    """The contents of chunk files: the `cells` that they are about, the `keys` that they hold, and their `sha256`."""

    def __init__(self, chunks: Sequence[Path], n_cells: int) -> None:
        self._n_cells = n_cells
        self._stack = ExitStack()
        self._parts: dict[Key, list[tuple[Any, int]]] = {}
        self.sha256: list[str] = []
        for path in chunks:
            archive = self._stack.enter_context(np.load(path, allow_pickle=False))
            head = json.loads(archive["head"].tobytes())
            self.sha256.append(head["sha256"])
            for i, key in enumerate(head["keys"]):
                self._parts.setdefault(Key(*key), []).append((archive, i))
        self.keys = set(self._parts)
        if not self.keys:
            self._stack.close()
            raise DamagedFileError("It has records of cells, but no measurement in any of them.")
        found = [archive[f"cells{i}"] for parts in self._parts.values() for archive, i in parts]
        self.cells = np.unique(np.concatenate(found))
        self._naslib_splits: dict[str, str] = {}

    def __enter__(self) -> Assembly:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def read(self, key: Key) -> NDArray[np.float32]:
        """Return the values of the cells, shape (epochs, n) or (1, n); NaN where nothing was measured."""
        parts = [(archive[f"cells{i}"], archive[f"values{i}"]) for archive, i in self._parts[key]]
        cells = np.concatenate([cells for cells, _ in parts])
        if len(np.unique(cells)) != len(cells):
            double = int(np.bincount(cells).argmax())
            raise DamagedFileError(f"Cell {double} appears twice ({key.epochs} epochs of {key.run}, seed {key.seed}).")
        width = max(values.shape[1] for _, values in parts)
        found = np.full((width, len(self.cells)), np.nan, dtype=np.float32)
        for cells, values in parts:
            rows = values.T
            at = np.searchsorted(self.cells, cells)
            found[:, at] = rows if len(rows) == width else spread_over_epochs(rows, key.metric, width)
        return found

    def blocks(self, source: Source, sha256: str, columns: Columns) -> Iterator[Block]:
        """Yield the learning curves, and append the values at the end of the trainings to `columns` on the way."""
        groups: dict[Key, list[Key]] = {}
        for key in sorted(self.keys, key=lambda key: (key.epochs, key.run, key.split, key.metric, key.seed or 0)):
            groups.setdefault(key._replace(seed=None), []).append(key)
        n_blocks = 0
        for group, keys in groups.items():
            values = {key.seed: self.read(key) for key in keys}
            infos = {seed: self._info(source, sha256, group, seed, values) for seed in values}
            width = max(map(len, values.values()))  # less where a seed's epochs all took the same time
            values = {
                seed: of if len(of) == width else spread_over_epochs(of, group.metric, width).astype(np.float32)
                for seed, of in values.items()
            }
            if None not in values:  # seeds are stated
                shared = group.metric in _COSTS and _all_equal(values.values())
                mean: dict[Seed | None, ColumnInfo] = {"mean": replace(next(iter(infos.values())), seed="mean")}
                if shared:
                    values = {"mean": mean_over_seeds(values.values())}  # type: ignore[dict-item]
                    infos = mean  # type: ignore[assignment]
            ends = [(infos[seed], of[-1]) for seed, of in values.items()]
            if None not in values and not shared:
                ends.insert(0, (mean["mean"], mean_over_seeds(of[-1] for of in values.values())))
            columns += [(info, self._over_all_cells(end)) for info, end in ends]
            if group.metric not in TIMES and not any(np.isfinite(of[:-1]).any() for of in values.values()):
                continue  # measured only at the end
            for seed, of in values.items():
                yield Block(infos[seed], of)
            members = tuple(range(n_blocks, n_blocks + len(values)))
            n_blocks += len(values)
            if None not in values and not shared:
                n_blocks += 1
                yield Block(mean["mean"], np.empty((0, len(self.cells)), dtype=np.float32), members)

    def _over_all_cells(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        found = np.full(self._n_cells, np.nan, dtype=np.float32)
        found[self.cells] = values
        return found

    def _info(self, source: Source, sha256: str, key: Key, seed: int | None, values: Any) -> ColumnInfo:
        split, metric = key.split, key.metric
        if split == "eval":
            split = self._naslib_split(key.run)
        elif metric == "train_time":
            metric = _naslib_time(key, self._over_all_cells(values[None][-1]))
        measured = _MEASUREMENTS[key.run, split]
        unit, direction, note = _FACTS[metric]
        return ColumnInfo(
            measured.dataset, metric, measured.split, key.epochs, seed, unit, direction,
            source.release, source.name, source.licence, sha256,
            note.format(official=measured.official, run=key.run), kind=_kind(metric),
        )  # fmt: skip

    def _naslib_split(self, run: str) -> str:
        """Return what NASLib calls eval.

        Where curves exist for one split alone, it is that. Of the others it is x-valid where most ends are validation
        accuracies of the embedded table, else the official test images, which is what official curves are of.
        """
        if run in ("cifar10-valid", "cifar10"):
            return "x-valid" if run == "cifar10-valid" else "ori-test"
        if run not in self._naslib_splits:
            (key,) = (key for key in self.keys if key[1:] == (run, "eval", "accuracy", None))
            ends = self.read(key)[-1]
            known = [
                column[self.cells]
                for column in _store.embedded_columns(_MEASUREMENTS[run, "train"].dataset, "accuracy").values()
            ]
            near: NDArray[np.bool_] = np.any([np.abs(ends - column) < 5e-3 for column in known], axis=0)
            measured = ~np.isnan(ends)
            self._naslib_splits[run] = "x-valid" if 2 * near[measured].sum() > measured.sum() else "ori-test"
        return self._naslib_splits[run]


def _naslib_time(key: Key, values: NDArray[np.float32]) -> str:
    """Return the metric that NASLib calls train_time: seen by comparison with the embedded table."""
    (known,) = _store.embedded_columns(_MEASUREMENTS[key.run, "train"].dataset, "train_seconds").values()
    ratios = (values / known)[~np.isnan(values)]
    ratio = float(np.median(ratios)) if len(ratios) else 0.0
    if 0.25 < ratio < 4:
        return "train_seconds"
    return "train_seconds_per_epoch" if 0.25 < ratio * key.epochs < 4 else "train_time"


def _all_equal(several: Iterable[NDArray[np.float32]]) -> bool:
    """Whether all arrays have the same number in a cell, wherever they have one."""
    stacked = np.stack(list(several))
    low, high = np.where(np.isnan(stacked), np.inf, stacked), np.where(np.isnan(stacked), -np.inf, stacked)
    return bool((low.min(axis=0) >= high.max(axis=0)).all())
