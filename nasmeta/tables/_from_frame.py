"""Columns from a user's data frame, checked row by row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import ArchitectureError, SettingError
from nasmeta.spaces import SearchSpace
from nasmeta.tables._columns import KINDS, ColumnInfo, kind_of_old

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["columns_of_frame"]

_KEYS = (
    "dataset",
    "split",
    "epochs",
    "seed",
    "release",
    "epoch",
)  # parts of an address that a frame may have as columns
_NAMES = ("architecture", "arch", "arch_str", "cell", "index")  # under which a frame may have its architectures
_LESS_IS_BETTER = re.compile(
    r"loss|error|rmse|mse|mae|perplexity|seconds|time|latency|energy|params|parameters|flops|memory|size|cost|regret"
)


def columns_of_frame(
    frame: pd.DataFrame,
    space: SearchSpace,
    name: str,
    *,
    architecture: str | None = None,
    metrics: Sequence[str] | None = None,
    direction: str | Mapping[str, str] | None = None,
    unit: str | Mapping[str, str] | None = None,
    kind: str | Mapping[str, str] | None = None,
    device: str | None = None,
    licence: str = "not stated",
    **keys: Any,
) -> list[tuple[ColumnInfo, NDArray[np.float32]]]:
    """Return the columns that a data frame holds; see `nasmeta.tables.Table.from_frame`."""
    import pandas as pd

    if not isinstance(frame, pd.DataFrame) or not len(frame):
        raise SettingError(f"A table is made of a data frame with rows, not of {type(frame).__name__}.")
    frame = frame.rename(columns=str)
    twice = frame.columns[frame.columns.duplicated()].tolist()
    if twice:
        raise SettingError(f"The frame has the column {twice[0]!r} twice.")
    found, used = _architectures(frame, space, architecture)
    positions = {position.name for position in space.positions} & used
    own_keys = [key for key in _KEYS if key in frame.columns and key not in positions]
    both = [key for key in own_keys if keys.get(key) is not None]
    if both:
        raise SettingError(
            f"The frame has a column {both[0]}: leave out {both[0]}={keys[both[0]]!r}, or rename the column."
        )
    rest = [c for c in frame.columns if c not in used and c not in own_keys]
    if {"metric", "value"} <= set(rest) and metrics is None:
        long = pd.DataFrame({"metric": frame["metric"], "value": _numbers(frame, "value")})
        rows = np.arange(len(frame))
    else:
        chosen = _metrics(frame, rest, metrics)
        values = np.concatenate([_numbers(frame, metric) for metric in chosen])
        rows = np.tile(np.arange(len(frame)), len(chosen))
        long = pd.DataFrame({"metric": np.repeat(np.array(chosen, dtype=object), len(frame)), "value": values})
    long["architecture"], long["row"] = found[rows], rows
    for key in _KEYS:
        given = frame[key].to_numpy()[rows] if key in own_keys else keys.get(key)
        long[key] = _checked_key(key, given, own=key in own_keys)
    long["dataset"] = long["dataset"].fillna(name)
    long["release"] = long["release"].fillna("own")
    long = long[long["value"].notna()]
    columns = []
    for said, group in long.groupby(["metric", *_KEYS], dropna=False, sort=False):
        metric, *parts = (None if part != part else part for part in tuple(said))
        values = _column(group, space, f"{parts[0]}/{metric}")
        columns.append((_info(name, str(metric), parts, values, direction, unit, kind, device, licence), values))
    if not columns:
        raise SettingError("The frame has no value: every number in it is missing.")
    return columns + _means(columns)


def _architectures(
    frame: pd.DataFrame, space: SearchSpace, architecture: str | None
) -> tuple[NDArray[np.int32], set[str]]:
    """Return the architecture of each row, and the columns that say it."""
    positions = [position.name for position in space.positions]
    if architecture is None:
        architecture = next((name for name in _NAMES if name in frame.columns), None)
        if set(positions) <= set(frame.columns):
            return _by_positions(frame, space), {*positions, *(set(_NAMES) & set(frame.columns) - {"index"})}
    if architecture is None and frame.index.name in _NAMES:
        return _by_name(frame.index.to_series().reset_index(drop=True), space, str(frame.index.name)), set()
    if architecture is None or architecture not in frame.columns:
        what = f"no column {architecture!r}" if architecture else "no column that says the architecture of a row"
        shown = ", ".join(positions[:8]) + (" …" if len(positions) > 8 else "")
        raise SettingError(
            f"The frame has {what}: name it with architecture=…, or have a column for each position of {space.name} "
            f"({shown}). Its columns: {', '.join(frame.columns)}."
        )
    return _by_name(frame[architecture].reset_index(drop=True), space, architecture), {architecture}


def _by_name(column: pd.Series[Any], space: SearchSpace, name: str) -> NDArray[np.int32]:
    missing = np.flatnonzero(column.isna())
    if len(missing):
        raise SettingError(
            f"The column {name} has no architecture in row {missing[0]} ({len(missing)} of {len(column)})."
        )
    try:
        return np.asarray(space.index_of(column.to_numpy()), dtype=np.int32)
    except ArchitectureError:
        for row, one in enumerate(column.tolist()):
            try:
                space.index_of(one)
            except ArchitectureError as reason:
                raise ArchitectureError(f"Row {row}, column {name}: {reason}") from None
        raise


def _by_positions(frame: pd.DataFrame, space: SearchSpace) -> NDArray[np.int32]:
    codes = np.empty((len(frame), space.n_positions), dtype=np.int64)
    for i, position in enumerate(space.positions):
        column = frame[position.name]
        place: dict[Any, int] = {}
        for value in column.unique().tolist():
            row = int(np.flatnonzero(column.isna() if value != value else column == value)[0])
            if value is None or value != value:
                raise SettingError(f"Row {row} has no choice for {position.name}.")
            try:
                place[value] = position.code(value)
            except ValueError as reason:
                raise ArchitectureError(f"Row {row}: {reason}") from None
        codes[:, i] = column.map(place)
    found = space.find(codes @ space.place_values)
    if (found < 0).any():
        row = int(np.flatnonzero(found < 0)[0])
        raise ArchitectureError(
            f"Row {row}: {space.notation.write(codes[row].tolist())} is no architecture of {space.name}."
        )
    return found


def _metrics(frame: pd.DataFrame, rest: list[str], metrics: Sequence[str] | None) -> list[str]:
    if metrics is not None:
        chosen = [metrics] if isinstance(metrics, str) else list(metrics)
        absent = [metric for metric in chosen if metric not in frame.columns]
        if absent or not chosen:
            raise SettingError(f"The frame has no column {absent[0]!r}: it has {', '.join(frame.columns)}." if absent
                               else "Name at least one metric.")  # fmt: skip
        return chosen
    if not rest:
        raise SettingError(f"The frame has no column of values beside {', '.join(frame.columns)}.")
    return rest


def _numbers(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    import pandas as pd

    column = frame[name]
    numbers = pd.to_numeric(column, errors="coerce") if not pd.api.types.is_bool_dtype(column) else column * np.nan
    wrong = np.flatnonzero(numbers.isna() & column.notna())
    if len(wrong):
        raise SettingError(
            f"The column {name} holds {column.iloc[wrong[0]]!r:.60} in row {wrong[0]} ({len(wrong)} of {len(column)} "
            "are no numbers): mend it, or name the columns of numbers with metrics=[…]."
        )
    values: NDArray[np.float64] = numbers.to_numpy(np.float64)
    if (np.abs(values) > np.finfo(np.float32).max).any():
        row = int(np.flatnonzero(np.abs(values) > np.finfo(np.float32).max)[0])
        raise SettingError(f"The column {name} holds {values[row]} in row {row}: values are finite, within float32.")
    return values


def _checked_key(key: str, given: Any, *, own: bool) -> Any:
    """Return the values of a part of the address: whole numbers where it is one, texts else; None where not said."""
    import pandas as pd

    if given is None:
        return None
    values = pd.Series(given if own else [given]).astype(object)
    whole = key in ("epochs", "epoch") or key == "seed"
    for row, value in enumerate(values):
        if value is None or value != value or (key == "seed" and value == "mean"):
            continue
        if whole and (isinstance(value, bool | str) or int(value) != value):
            raise SettingError(
                f"{key} is a whole number{' or mean' if key == 'seed' else ''}, not {value!r} (row {row})."
            )
        if not whole and not isinstance(value, str):
            raise SettingError(f"{key} is a text, not {value!r} (row {row}).")
    if whole:
        values = values.map(lambda value: value if value is None or value != value or value == "mean" else int(value))
    return values.to_numpy(object) if own else values.iloc[0]


def _column(group: pd.DataFrame, space: SearchSpace, what: str) -> NDArray[np.float32]:
    cells, values = group["architecture"].to_numpy(), group["value"].to_numpy(np.float64)
    column = np.full(space.size, np.nan, dtype=np.float32)
    column[cells] = values
    differ = np.flatnonzero(column[cells] != values.astype(np.float32))
    if len(differ):
        rows = group["row"].to_numpy()
        cell = cells[differ[0]]
        one, other = rows[cells == cell][:2].tolist()
        a, b = values[cells == cell][:2].tolist()
        raise SettingError(
            f"Rows {one} and {other} both say {what} of {space.to_string(int(cell))}, but {a:g} and {b:g}. Where they "
            "are two trainings, a column seed tells them apart; else keep one of them."
        )
    return column


def _info(
    name: str, metric: str, parts: list[Any], values: NDArray[np.float32], direction: Any, unit: Any, kind: Any,
    device: str | None, licence: str,
) -> ColumnInfo:  # fmt: skip
    dataset, split, epochs, seed, release, epoch = parts
    guessed_kind, guessed_device = kind_of_old(metric)
    said = {
        what: given.get(metric) if isinstance(given, Mapping) else given
        for what, given in (("direction", direction), ("unit", unit), ("kind", kind))
    }
    if said["direction"] not in (None, "max", "min"):
        raise SettingError(f"The direction of {metric} is 'max' or 'min', not {said['direction']!r}.")
    if said["kind"] not in (None, *KINDS):
        raise SettingError(f"The kind of {metric} is one of {', '.join(KINDS)}, not {said['kind']!r}.")
    better = said["direction"] or ("min" if _LESS_IS_BETTER.search(metric.lower()) else "max")
    is_percent = "acc" in metric.lower() and float(np.nanmax(values)) > 1.0
    return ColumnInfo(
        dataset, metric, split, epochs, seed,
        unit=said["unit"] or ("percent" if is_percent else "1"),
        direction=better,  # type: ignore[arg-type]
        release=release,
        source=name,
        licence=licence,
        source_sha256=sha256(values.tobytes()).hexdigest(),
        note="" if said["direction"] else f"direction {better} by the metric's name",
        epoch=epoch,
        kind=said["kind"] or guessed_kind,
        device=device or guessed_device if (said["kind"] or guessed_kind) in ("latency", "energy") else None,
    )  # fmt: skip


def _means(
    columns: list[tuple[ColumnInfo, NDArray[np.float32]]],
) -> list[tuple[ColumnInfo, NDArray[np.float32]]]:
    """Return the means over the measured seeds, where the frame has single seeds and no mean."""
    from dataclasses import replace

    groups: dict[ColumnInfo, list[NDArray[np.float32]]] = {}
    there = {replace(info, source_sha256="") for info, _ in columns}
    for info, values in columns:
        if isinstance(info.seed, int):
            groups.setdefault(replace(info, seed="mean", source_sha256=""), []).append(values)
    found = []
    for info, of_seeds in groups.items():
        if info in there:
            continue
        stacked = np.stack(of_seeds).astype(np.float64)
        counts = (~np.isnan(stacked)).sum(axis=0)
        total = np.where(np.isnan(stacked), 0.0, stacked).sum(axis=0)
        mean = np.where(counts > 0, total / np.maximum(counts, 1), np.nan).astype(np.float32)
        found.append((replace(info, source_sha256=sha256(mean.tobytes()).hexdigest()), mean))
    return found
