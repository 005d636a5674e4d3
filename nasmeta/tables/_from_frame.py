"""Columns from a user's data frame."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from shlex import quote
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_choice, check_int
from nasmeta.errors import ArchitectureError, NasmetaWarning, SettingError, calls_inside
from nasmeta.spaces import SearchSpace, canonical_dataset
from nasmeta.tables._columns import KINDS, ColumnInfo, Seed, SparseValues, Values, known_metric, split_of, stored
from nasmeta.tables._nb201_measurements import our_name
from nasmeta.tables._value_checks import STATED, odd_accuracies, with_means
from nasmeta.tables.sources import table_names

if TYPE_CHECKING:
    import pandas as pd

Stated = str | Mapping[str, str] | None  # one value for all metrics, or one per metric
_NAMES = ("architecture", "arch", "arch_str", "cell", "index")  # possible names of the column of architectures
_COSTS = ("size", "seconds", "latency", "energy")  # kinds for which lower is better
_SHOWN = 5  # metrics in a message
_OWN_RELEASE = "own"  # of columns without a release
_Rows = NDArray[np.intp]
_Measured = dict[str, tuple[_Rows, NDArray[np.float64]]]  # rows with a value, and these values, by metric


class _Keys(NamedTuple):
    """The keys of some rows, or their address without the metric."""

    dataset: str | None
    split: str | None
    epochs: int | None
    seed: Seed | None
    release: str | None
    epoch: int | None


_KEYS = _Keys._fields


class _Facts(NamedTuple):
    """Direction, kind and unit of a metric."""

    direction: Any
    kind: Any
    unit: str
    unit_is_stated: bool


def columns_of_frame(
    frame: pd.DataFrame,
    space: SearchSpace,
    name: str,
    *,
    architecture: str | None = None,
    metrics: Sequence[str] | None = None,
    direction: Stated = None,
    unit: Stated = None,
    kind: Stated = None,
    device: str | None = None,
    licence: str = "not stated",
    **keys: Any,
) -> list[tuple[ColumnInfo, SparseValues]]:
    """Return the columns of a data frame; see `nasmeta.tables.Table.from_frame`."""
    if "/" in name or name in table_names():
        raise SettingError("name", name, "a name without '/' that differs from the built-in tables")
    metrics = [metrics] if isinstance(metrics, str) else metrics
    frame = _with_text_names(frame)
    architectures, used = _architectures(frame, space, architecture)
    own_keys = [key for key in _KEYS if key in frame.columns and key not in used]
    measured = _measured(frame, [c for c in frame.columns if c not in used and c not in own_keys], metrics)
    of_row, groups = _rows_by_keys(frame, own_keys, keys)
    numbers: dict[_Keys, int] = {}  # rows of two spellings of a dataset or split have one address
    address = np.array([numbers.setdefault(_address(group, name), len(numbers)) for group in groups])[of_row]
    addresses = list(numbers)
    columns: list[tuple[ColumnInfo, SparseValues]] = []
    for metric, facts in _facts(measured, direction, unit, kind).items():
        rows, values = measured[metric]
        if facts.kind == "seconds" and values.min() < 0:
            raise SettingError(metric, float(values.min()), "seconds of at least 0")
        of_address = _positions_by(address[rows])
        largest: dict[str | None, float] = {}  # an accuracy of a dataset has one unit in all its columns
        for number, at in of_address.items():
            dataset = addresses[number].dataset
            largest[dataset] = max(largest.get(dataset, -np.inf), float(values[at].max()))
        for number, at in of_address.items():
            keys_ = addresses[number]
            column = _column(architectures[rows[at]], values[at], rows[at], space, f"{keys_.dataset}/{metric}")
            is_fraction = facts.unit == "percent" and not facts.unit_is_stated and largest[keys_.dataset] <= 1
            info = ColumnInfo(
                str(keys_.dataset), metric, keys_.split, keys_.epochs, keys_.seed, "1" if is_fraction else facts.unit,
                facts.direction, str(keys_.release), name, licence, sha256(column.data).hexdigest(),
                STATED if facts.unit == "percent" and facts.unit_is_stated else "", keys_.epoch, facts.kind,
                device if facts.kind in ("latency", "energy") else None,
            )  # fmt: skip
            columns.append((info, SparseValues.of(column)))
    for message in odd_accuracies(columns, space):
        warnings.warn(f"{name}: {message}", NasmetaWarning, stacklevel=calls_inside() + 1)
    return with_means(_with_ends(columns))


# -- rows -----------------------------------------------------------------------------------------------------------
def _with_text_names(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with names of columns as strings, without row numbers of a CSV file."""
    frame = frame.set_axis([str(column) for column in frame.columns], axis=1)
    # `DataFrame.to_csv` writes row numbers as a column without a name.
    return frame.loc[:, [not re.fullmatch(r"(Unnamed: \d+)?", column) for column in frame.columns]]


def _architectures(
    frame: pd.DataFrame, space: SearchSpace, architecture: str | None
) -> tuple[NDArray[np.int32], set[str | None]]:
    """Return the architecture of each row, and the names of the columns that describe it."""
    positions = [position.name for position in space.positions]
    used = {*positions, *_NAMES, architecture}
    if architecture is None and set(positions) <= set(frame.columns):
        return _by_positions(frame, space), used
    named = next((one for one in ([architecture] if architecture else _NAMES) if one in frame.columns), None)
    if named is not None:
        column = frame[named].reset_index(drop=True)
    elif frame.index.name in _NAMES:
        column = frame.index.to_series().reset_index(drop=True)
    else:
        raise SettingError(
            f"The column {architecture or 'of architectures'}", None,
            f"a name in architecture=… (--architecture), or one column per position of {space.name}",
            f"Its columns: {', '.join(frame.columns)}.",
        )  # fmt: skip
    codes, values = column.factorize()
    if (codes < 0).any():
        raise SettingError(f"The column {named} has no architecture in row {int((codes < 0).argmax())}.")
    listed: Any = np.asarray(values)
    if values.dtype.kind == "f":  # a merge of frames turns integers into floats
        listed = [int(one) if one.is_integer() else one for one in np.asarray(values, np.float64).tolist()]
    try:
        found: NDArray[np.int32] = space.index_of(listed)[codes]
    except ArchitectureError as reason:
        raise ArchitectureError(f"Column {named}: {reason}") from None
    return found, used


def _by_positions(frame: pd.DataFrame, space: SearchSpace) -> NDArray[np.int32]:
    ranks = np.zeros(len(frame), dtype=np.int64)
    for position, place in zip(space.positions, space.place_values.tolist(), strict=True):
        codes, values = frame[position.name].factorize()
        if (codes < 0).any():
            raise SettingError(f"Row {int((codes < 0).argmax())} has no choice for {position.name}.")
        choices = np.zeros(len(values), dtype=np.int64)
        for code, value in enumerate(values.tolist()):
            try:
                choices[code] = position.code(value)
            except ValueError as reason:
                raise ArchitectureError(f"Row {int((codes == code).argmax())}: {reason}") from None
        ranks += place * choices[codes]
    found = space.find(ranks)
    if (found < 0).any():
        raise ArchitectureError(f"{space.name} does not contain the architecture in row {int((found < 0).argmax())}.")
    return found


def _measured(frame: pd.DataFrame, rest: list[str], metrics: Sequence[str] | None) -> _Measured:
    """Return the values of each metric of a wide or long frame, without missing ones."""
    if {"metric", "value"} <= set(rest) and (metrics is None or set(metrics) <= set(frame["metric"])):
        codes, names = frame["metric"].astype(str).factorize()
        values = _numbers(frame, "value")
        found = {str(names[code]): (rows, values[rows]) for code, rows in _positions_by(codes).items()}
        found = {metric: found[metric] for metric in (found if metrics is None else metrics)}
    else:
        for metric in metrics or ():
            if metric not in frame.columns:
                raise SettingError("metrics", metric, f"columns of the frame: {', '.join(frame.columns)}")
        found = {m: (np.arange(len(frame)), _numbers(frame, m)) for m in (rest if metrics is None else metrics)}
    measured = {}
    for metric, (rows, values) in found.items():
        known = ~np.isnan(values)
        if known.any():
            measured[metric] = rows[known], values[known]
    if not measured:
        raise SettingError(f"The frame has no value. Its columns: {', '.join(frame.columns)}.")
    return measured


def _numbers(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    import pandas as pd

    column = frame[name]
    numbers: pd.Series[Any] = pd.to_numeric(column, errors="coerce")
    values: NDArray[np.float64] = numbers.to_numpy(np.float64, na_value=np.nan)
    wrong = np.flatnonzero((numbers.isna() & column.notna()) | (np.abs(values) > np.finfo(np.float32).max))
    if len(wrong):
        raise SettingError(
            f"Column {name}, row {wrong[0]}", column.iloc[wrong[0]], "a finite number within float32",
            "Correct it, or list the columns of numbers: metrics=[…] (--metrics a,b).",
        )  # fmt: skip
    return values


def _positions_by(codes: _Rows) -> dict[int, _Rows]:
    """Return the positions of each code, in the order of first positions.

    >>> {code: at.tolist() for code, at in _positions_by(np.array([3, 0, 3])).items()}
    {3: [0, 2], 0: [1]}
    """
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order]))
    parts = sorted(np.split(order, starts + 1), key=lambda positions: int(positions[0]))
    return {int(codes[positions[0]]): positions for positions in parts}


# -- keys -----------------------------------------------------------------------------------------------------------
def _rows_by_keys(frame: pd.DataFrame, own_keys: Sequence[str], stated: Mapping[str, Any]) -> tuple[_Rows, list[_Keys]]:
    """Return the group of each row, and the keys of each group: from columns, else as stated for all rows."""
    import pandas as pd

    of_row, listed = np.zeros(len(frame), np.intp), [tuple[Any, ...]()]
    for key in _KEYS:
        value = stated.get(key)
        if key not in own_keys:
            listed = [(*parts, None if value is None else _checked(key, value)) for parts in listed]
            continue
        if value is not None:
            raise SettingError(f"The frame has a column {key}: leave out {key}={value!r}, or rename the column.")
        codes, values = frame[key].factorize()
        found = [*(_checked(key, one) for one in values.tolist()), None]
        of_row, pairs = pd.factorize(of_row * len(found) + codes % len(found))
        listed = [(*listed[pair // len(found)], found[pair % len(found)]) for pair in pairs.tolist()]
    groups = [_Keys(*parts) for parts in listed]
    for group in groups:
        if group.epoch is not None and (group.epochs is None or group.epoch > group.epochs):
            raise SettingError("epoch", group.epoch, f"a point of a training of epochs={group.epochs}")
    return of_row, groups


def _checked(key: str, value: Any) -> int | str:
    """Return a value of a key, checked; numbers of a CSV file may be texts or floats."""
    if key in ("epochs", "epoch", "seed"):
        if key == "seed" and value == "mean":
            return "mean"
        try:
            number = float(value)
            return check_int(key, int(number) if number == int(number) else value, least=0, most=2**31 - 1)
        except (TypeError, ValueError, OverflowError):
            more = " or mean" if key == "seed" else ""
            raise SettingError(key, value, f"an integer of at least 0{more}") from None
    text = str(value)
    if not text.strip() or (key == "dataset" and "/" in text) or (key == "split" and not isinstance(value, str)):
        raise SettingError(key, value, "a string that is not empty, without '/'")
    return text


def _address(group: _Keys, name: str) -> _Keys:
    """Return the keys of a column: one spelling of dataset and split, and the defaults."""
    dataset, split = our_name(canonical_dataset(name if group.dataset is None else group.dataset), group.split)
    return group._replace(dataset=dataset, split=split_of(split), release=group.release or _OWN_RELEASE)


# -- metrics and columns --------------------------------------------------------------------------------------------
def _facts(metrics: Iterable[str], direction: Stated, unit: Stated, kind: Stated) -> dict[str, _Facts]:
    """Return the facts about each metric, as stated or, for well-known metrics, as known."""
    facts, lacking = dict[str, _Facts](), list[str]()
    for metric in metrics:
        better, of_unit, of_kind = (
            given.get(metric) if isinstance(given, Mapping) else given for given in (direction, unit, kind)
        )
        known = known_metric(metric)
        of_kind = check_choice(f"kind of {metric}", of_kind or (known.kind if known else "performance"), KINDS)
        better = better or (known.direction if known else "min" if of_kind in _COSTS else None)
        if better is None:
            lacking.append(metric)
            continue
        check_choice(f"direction of {metric}", better, ("max", "min"))
        if of_kind == "seconds":
            of_unit = of_unit and check_choice(f"unit of {metric}", of_unit, ("s", "seconds")) and "s"
        default = "s" if of_kind == "seconds" else known.unit if known else "1"
        facts[metric] = _Facts(better, of_kind, of_unit or default, bool(of_unit))
    if lacking:
        call = ", ".join(f"{metric!r}: 'max'" for metric in lacking[:_SHOWN])
        options = " ".join(f"--direction {quote(f'{metric}=max')}" for metric in lacking[:_SHOWN])
        raise SettingError(
            f"direction of {', '.join(lacking[:_SHOWN])}", None, f"direction={{{call}}} or 'min' ({options})",
            "If a column is not a metric, list the metrics: metrics=['accuracy'] (--metrics accuracy).",
        )  # fmt: skip
    for what, given in (("direction", direction), ("unit", unit), ("kind", kind)):
        unknown = [metric for metric in given if metric not in facts] if isinstance(given, Mapping) else []
        if unknown:
            raise SettingError(f"{what} of a metric", unknown[0], f"metrics with values: {', '.join(facts)}")
    return facts


def _column(
    architectures: NDArray[np.int32], values: NDArray[np.float64], rows: _Rows, space: SearchSpace, what: str
) -> Values:
    """Return the values of all architectures; raise an error if two rows contradict each other."""
    narrow = stored(values)
    column = np.full(space.size, np.nan, dtype=narrow.dtype)
    column[architectures] = narrow
    differ = np.flatnonzero(column[architectures] != narrow)
    if len(differ):
        architecture = architectures[differ[0]]
        first, second = rows[architectures == architecture][:2].tolist()
        a, b = values[architectures == architecture][:2].tolist()
        raise SettingError(
            f"Rows {first} and {second} contain different values of {what} for {space.to_string(int(architecture))}: "
            f"{a!r} and {b!r}. If they are two trainings, add a column seed; otherwise keep one of them."
        )
    return column


def _with_ends(columns: list[tuple[ColumnInfo, SparseValues]]) -> list[tuple[ColumnInfo, SparseValues]]:
    """Add the last points of learning curves to the values at the ends of trainings, for architectures without one."""
    found = {replace(info, source_sha256="", note=""): (info, values) for info, values in columns}
    for info, values in columns:
        if info.epoch == info.epochs is not None:
            key = replace(info, epoch=None, source_sha256="", note="")
            end, known = found.get(key, (replace(info, epoch=None), values))
            filled = np.where(np.isnan(np.asarray(known)), values, known)
            found[key] = replace(end, source_sha256=sha256(filled.data).hexdigest()), SparseValues.of(filled)
    return list(found.values())
