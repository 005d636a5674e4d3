"""Columns from a user's data frame."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from shlex import quote
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_choice
from nasmeta.errors import ArchitectureError, NasmetaWarning, SettingError, calls_inside, shown
from nasmeta.spaces import SearchSpace, canonical_dataset
from nasmeta.tables._columns import KINDS, ColumnInfo, Seed, Values, known_metric, split_of, stored
from nasmeta.tables._nb201_measurements import our_name
from nasmeta.tables._value_checks import STATED, odd_accuracies, with_means
from nasmeta.tables.sources import table_names

if TYPE_CHECKING:
    import pandas as pd

Stated = str | Mapping[str, str] | None  # one value for all metrics, or one per metric
_KEYS = ("dataset", "split", "epochs", "seed", "release", "epoch")  # of an address, columns of a frame
_NAMES = ("architecture", "arch", "arch_str", "cell", "index")  # possible names of the column of architectures
_BESIDE = {  # a row without a key is odd if other rows with the same values of these have it
    "dataset": (), "split": ("dataset",), "epochs": ("dataset", "split"), "seed": ("dataset", "split", "epochs"),
    "release": ("dataset",),
}  # fmt: skip
_COSTS = ("size", "seconds", "latency", "energy")  # kinds for which lower is better
_SHOWN = 5  # metrics in a message
_Rows = NDArray[np.intp]
_Measured = dict[str, tuple[_Rows, NDArray[np.float64]]]  # rows with a value, and these values, by metric


class _Keys(NamedTuple):
    """The keys of some rows, or their address apart from the metric."""

    dataset: str | None
    split: str | None
    epochs: int | None
    seed: Seed | None
    release: str | None
    epoch: int | None


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
) -> list[tuple[ColumnInfo, Values]]:
    """Return the columns that a data frame holds; see `nasmeta.tables.Table.from_frame`."""
    if "/" in name or name in table_names():
        raise SettingError(f"{shown(name)} is a built-in table or has a '/': choose another name.")
    metrics = [metrics] if isinstance(metrics, str) else metrics
    frame = _named(frame, [*(position.name for position in space.positions), architecture, *(metrics or ())])
    cells, used = _architectures(frame, space, architecture)
    own_keys = [key for key in _KEYS if key in frame.columns and key not in used]
    measured = _measured(frame, [c for c in frame.columns if c not in used and c not in own_keys], metrics)
    of_row, groups = _rows_by_keys(frame, own_keys, keys)
    numbers: dict[_Keys, int] = {}  # rows of two spellings of a dataset or split have one address
    address = np.array([numbers.setdefault(_address(group, name), len(numbers)) for group in groups])[of_row]
    columns: list[tuple[ColumnInfo, Values]] = []
    for metric, facts in _facts(measured, direction, unit, kind).items():
        rows, values = measured[metric]
        if facts.kind == "seconds" and values.min() < 0:
            raise SettingError(f"{metric} are seconds of at least 0, not {values.min():g}.")
        of_address = _positions_by(address[rows])
        addresses = list(numbers)
        most: dict[str | None, float] = {}  # an accuracy of a dataset is in percent or a fraction in all its columns
        for number, at in of_address.items():
            dataset = addresses[number].dataset
            most[dataset] = max(most.get(dataset, -np.inf), float(values[at].max()))
        for number, at in of_address.items():
            of = addresses[number]
            what = "/".join(part for part in (of.dataset, metric, of.split) if part is not None)
            column = _column(cells[rows[at]], values[at], rows[at], space, what)
            is_fraction = facts.unit == "percent" and not facts.unit_is_stated and most[of.dataset] <= 1
            info = ColumnInfo(
                str(of.dataset), metric, of.split, of.epochs, of.seed, "1" if is_fraction else facts.unit,
                facts.direction, str(of.release), name, licence, sha256(column.tobytes()).hexdigest(),
                STATED if facts.unit == "percent" and facts.unit_is_stated else "", of.epoch, facts.kind,
                device if facts.kind in ("latency", "energy") else None,
            )  # fmt: skip
            columns.append((info, column))
    for message in (*odd_accuracies(columns, space), *_blanks(name, own_keys, of_row, groups, measured)):
        warnings.warn(f"{name}: {message}", NasmetaWarning, stacklevel=calls_inside() + 1)
    return with_means([*columns, *_ends(columns)], space)


# -- rows -----------------------------------------------------------------------------------------------------------
def _named(frame: pd.DataFrame, named: Iterable[str | None]) -> pd.DataFrame:
    """Return the frame with strings as names of columns; Seed becomes seed unless it is `named` as something else."""
    names = [str(column) for column in frame.columns]
    keep = {*named, *names}
    frame = frame.copy(deep=False)
    frame.columns = [c.lower() if c.lower() in (*_KEYS, *_NAMES) and c.lower() not in keep and c not in named else c
                     for c in names]  # fmt: skip
    twice = frame.columns[frame.columns.duplicated()].tolist()
    if twice:
        raise SettingError(f"The frame has the column {twice[0]!r} twice.")
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
        listed = ", ".join(positions[:8]) + (" …" if len(positions) > 8 else "")
        raise SettingError(
            f"The frame has no column {architecture or 'of architectures'}: name it with architecture=… (on the "
            f"command line --architecture), or have a column for each position of {space.name} ({listed}). Its "
            f"columns: {', '.join(frame.columns)}."
        )
    codes, values = column.factorize()
    if (codes < 0).any():
        raise SettingError(f"The column {named} has no architecture in row {int((codes < 0).argmax())}.")
    try:
        found: NDArray[np.int32] = space.index_of(np.asarray(values))[codes]
        return found, used
    except ArchitectureError as reason:
        raise ArchitectureError(f"Column {named}: {reason}") from None


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
        row = int((found < 0).argmax())
        listed = ", ".join(f"{position.name}={frame[position.name].iloc[row]}" for position in space.positions)
        raise ArchitectureError(f"Row {row}: {listed} is not an architecture of {space.name}.")
    return found


def _measured(frame: pd.DataFrame, rest: list[str], metrics: Sequence[str] | None) -> _Measured:
    """Return the values of each metric of a wide or long frame, without missing ones."""
    if {"metric", "value"} <= set(rest) and (metrics is None or set(metrics) <= set(frame["metric"])):
        codes, names = frame["metric"].astype(str).factorize()
        values = _numbers(frame, "value")
        found = {str(names[code]): (rows, values[rows]) for code, rows in _positions_by(codes).items()}
        found = {metric: found[metric] for metric in (found if metrics is None else metrics)}
    else:
        for metric in rest if metrics is None else metrics:
            if metric not in frame.columns:
                raise SettingError(f"The frame has no column {metric!r}: it has {', '.join(frame.columns)}.")
        found = {m: (np.arange(len(frame)), _numbers(frame, m)) for m in (rest if metrics is None else metrics)}
    measured = {}
    for metric, (rows, values) in found.items():
        there = ~np.isnan(values)
        if there.any():
            measured[metric] = rows[there], values[there]
    if not measured:
        raise SettingError(f"The frame has no value. Its columns: {', '.join(frame.columns)}.")
    return measured


def _numbers(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    import pandas as pd

    column = frame[name]
    numbers: pd.Series[Any] = pd.to_numeric(column, errors="coerce")
    wrong = np.flatnonzero(numbers.isna() & column.notna())
    if len(wrong):
        raise SettingError(
            f"The column {name} holds {shown(column.iloc[wrong[0]])} in row {wrong[0]} ({len(wrong)} of {len(column)} "
            "are not numbers): fix it, or name the columns of numbers with metrics=[…], on the command line "
            "--metrics a,b."
        )
    values: NDArray[np.float64] = numbers.to_numpy(np.float64, na_value=np.nan)
    beyond = np.abs(values) > np.finfo(np.float32).max
    if beyond.any():
        row = int(beyond.argmax())
        raise SettingError(f"The column {name} holds {values[row]} in row {row}: values are finite, within float32.")
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
            raise SettingError(
                f"epoch {group.epoch} is a point of a learning curve of {group.epochs} epochs: state epochs, the "
                "length of the training, as a column or an argument."
            )
    return of_row, groups


def _checked(key: str, value: Any) -> int | str:
    """Return a value of a key, checked; numbers of a CSV file may be texts or floats."""
    if key not in ("epochs", "epoch", "seed"):
        if key == "split" and not isinstance(value, str):
            raise SettingError(f"split is a text, such as valid or test, not {shown(value)}.")
        if not str(value).strip() or (key == "dataset" and "/" in str(value)):
            raise SettingError(f"The {key} {shown(value)} is empty or has a '/', which separates the names of tasks.")
        return str(value)
    if key == "seed" and value == "mean":
        return "mean"
    try:
        number = float(value)
        if number != int(number) or not 0 <= number < 2**31:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        what = f"{key} is a whole number of at least 0{' or mean' if key == 'seed' else ''}"
        raise SettingError(f"{what}, not {shown(value)}.") from None
    return int(number)


def _address(group: _Keys, name: str) -> _Keys:
    """Return the keys as a column has them: one spelling of dataset and split, and the defaults."""
    dataset, split = our_name(canonical_dataset(name if group.dataset is None else group.dataset), group.split)
    return group._replace(dataset=dataset, split=split_of(split), release=group.release or "own")


def _blanks(
    name: str, own_keys: Sequence[str], of_row: _Rows, groups: Sequence[_Keys], measured: _Measured
) -> Iterator[str]:
    """Yield a message for each key that rows with a value lack, although other rows of the same measurement have it."""
    means = {"dataset": f"belong to the dataset {name}", "seed": "are not part of the mean over seeds"}
    for key in (key for key in own_keys if key in _BESIDE):
        beside = [tuple(getattr(group, one) for one in _BESIDE[key]) for group in groups]
        blank = [getattr(group, key) is None for group in groups]
        odd = np.zeros(len(of_row), np.bool_)
        for rows, _ in measured.values():
            here = np.unique(of_row[rows]).tolist()
            have = {beside[group] for group in here if not blank[group]}
            odd[rows] |= np.isin(of_row[rows], [group for group in here if blank[group] and beside[group] in have])
        if odd.any():
            n = int(odd.sum())
            more = f" and {n - 1} more" if n > 1 else ""
            yield (
                f"{key} is blank in row {int(odd.argmax())}{more}, unlike in other rows of its metric. Such values "
                f"{means.get(key, f'are treated as measured with another {key}')}: fill it in, or leave them out."
            )


# -- metrics and columns --------------------------------------------------------------------------------------------
def _facts(metrics: Iterable[str], direction: Stated, unit: Stated, kind: Stated) -> dict[str, _Facts]:
    """Return the facts about each metric, as stated or, for well-known metrics, as known."""
    facts, lacking = dict[str, _Facts](), list[str]()
    for metric in metrics:
        better, of_unit, of_kind = (
            given.get(metric) if isinstance(given, Mapping) else given for given in (direction, unit, kind)
        )
        known = known_metric(metric)
        of_kind = check_choice(f"The kind of {metric}", of_kind or (known.kind if known else "performance"), KINDS)
        better = better or (known.direction if known else "min" if of_kind in _COSTS else None)
        if better is None:
            lacking.append(metric)
            continue
        check_choice(f"The direction of {metric}", better, ("max", "min"))
        if of_kind == "seconds" and of_unit not in (None, "s", "seconds"):
            raise SettingError(f"{metric} is of kind seconds, but its unit is {of_unit!r}: convert it to seconds.")
        said = "s" if of_kind == "seconds" else of_unit
        facts[metric] = _Facts(better, of_kind, said or (known.unit if known else "1"), bool(of_unit))
    if lacking:
        call = ", ".join(f"{metric!r}: 'max'" for metric in lacking[:_SHOWN])
        options = " ".join(f"--direction {quote(f'{metric}=max')}" for metric in lacking[:_SHOWN])
        raise SettingError(
            f"State whether higher or lower values of {', '.join(lacking[:_SHOWN])} are better: direction={{{call}}}, "
            f"or 'min' (on the command line {options}). If a column is not a metric, list the metrics: "
            "metrics=['accuracy'] (--metrics accuracy)."
        )
    for what, given in (("direction", direction), ("unit", unit), ("kind", kind)):
        unknown = [metric for metric in given if metric not in facts] if isinstance(given, Mapping) else []
        if unknown:
            raise SettingError(f"{what} names {unknown[0]!r}. The metrics with values: {', '.join(facts)}.")
    return facts


def _column(
    cells: NDArray[np.int32], values: NDArray[np.float64], rows: _Rows, space: SearchSpace, what: str
) -> Values:
    """Return the values of all architectures; raise an error if two rows contradict each other."""
    narrow = stored(values)
    column = np.full(space.size, np.nan, dtype=narrow.dtype)
    column[cells] = narrow
    differ = np.flatnonzero(column[cells] != narrow)
    if len(differ):
        cell = cells[differ[0]]
        one, other = rows[cells == cell][:2].tolist()
        a, b = values[cells == cell][:2].tolist()
        raise SettingError(
            f"Rows {one} and {other} both contain {what} of {space.to_string(int(cell))}, but {a!r} and {b!r}. If they "
            "are two trainings, add a column seed; else keep one of them."
        )
    return column


def _ends(columns: list[tuple[ColumnInfo, Values]]) -> list[tuple[ColumnInfo, Values]]:
    """Return the last points of learning curves as ends of trainings that have no column yet."""
    there = {(info.address, info.release) for info, _ in columns if info.epoch is None}
    ends = [(replace(info, epoch=None), values) for info, values in columns if info.epoch == info.epochs is not None]
    return [(info, values) for info, values in ends if (info.address, info.release) not in there]
