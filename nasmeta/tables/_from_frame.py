"""Columns from a user's data frame."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from shlex import quote
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nasmeta.arrays import Architectures, Facts, Floats, Integers
from nasmeta.checks import check_choice, check_int
from nasmeta.errors import NasmetaWarning, SettingError, calls_inside
from nasmeta.spaces import SearchSpace, canonical_dataset
from nasmeta.tables._columns import (
    KINDS,
    ColumnInfo,
    Seed,
    SparseValues,
    Values,
    known_metric,
    mean_over_seeds,
    split_of,
    stored,
)
from nasmeta.tables._nb201_measurements import our_name
from nasmeta.tables._value_checks import STATED, odd_accuracies
from nasmeta.tables.sources import table_names

if TYPE_CHECKING:
    import pandas as pd

Stated = str | Mapping[str, str] | None  # one value for all metrics, or one per metric
_NAMES = ("architecture", "arch", "arch_str", "cell", "index")  # of the column of architectures
_COSTS = ("size", "seconds", "latency", "energy")  # kinds for which lower is better
_SHOWN = 5  # metrics in a message
_Measured = dict[str, tuple[Integers, Floats]]  # rows with a value, and these values, by metric
_Columns = dict[ColumnInfo, SparseValues]  # facts without a checksum


class _Keys(NamedTuple):
    """The address of rows, without the metric."""

    dataset: str
    split: str | None
    epochs: int | None
    seed: Seed | None
    release: str
    epoch: int | None


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
    measured_on: str | None = None,
    **keys: Any,
) -> list[tuple[ColumnInfo, SparseValues]]:
    """Return the columns of a data frame; see `nasmeta.Table.from_frame`."""
    import pandas as pd

    if space.is_large:
        expected = "an enumerated space, such as SearchSpace.from_frame(frame, columns)"
        hint = "Sources may be nasmeta.tasks.SourceTask."
        raise SettingError(f"space of the table {name}", space.name, expected, hint)
    if "/" in name or name in table_names():
        raise SettingError("name", name, "a name without '/' that differs from the built-in tables")
    frame = frame.set_axis(list(map(str, frame.columns)), axis=1)
    # `DataFrame.to_csv` writes row numbers as a column without a name.
    has_name = [not re.fullmatch(r"(Unnamed: \d+)?", column) for column in frame.columns]
    frame = frame.loc[:, has_name]
    architectures, used = _architectures(frame, space, architecture)
    address_numbers, addresses = _addresses(frame, used, keys, name)
    if metrics is None:
        described = {*used, *_Keys._fields}
        metrics = [column for column in frame.columns if column not in described]
    elif isinstance(metrics, str):
        metrics = [metrics]
    measured = _measured(frame, metrics)
    columns: _Columns = {}
    for metric, facts in _facts(measured, direction, unit, kind).items():
        rows, values = measured[metric]
        if facts["kind"] == "seconds" and (values < 0).any():
            where = f"Column {metric}, row {rows[values.argmin()]}"
            raise SettingError(where, values.min(), "seconds of at least 0")
        _check_unit(metric, facts, float(values.max()))
        if facts["kind"] in ("latency", "energy"):
            facts["device"] = measured_on

        by_address: Any = pd.Series(values).groupby(address_numbers[rows])
        # An accuracy of a dataset has one unit in all its columns.
        largest = by_address.max().groupby(lambda number: addresses[number].dataset).max()
        for number, places in by_address.indices.items():
            address = addresses[number]
            in_frame = rows[places]
            what = f"{address.dataset}/{metric}"
            column = _column(architectures[in_frame], values[places], in_frame, space, what)
            info = ColumnInfo(
                **address._asdict(), metric=metric, **facts, source=name, licence="not stated"
            )
            if info.unit == "percent" and info.note != STATED and largest[address.dataset] <= 1:
                info = replace(info, unit="1")
            columns[info] = SparseValues.of(column)
    for message in odd_accuracies(columns.items(), space):
        warnings.warn(f"{name}: {message}", NasmetaWarning, stacklevel=calls_inside() + 1)
    _add_ends(columns)
    if all(info.epoch is not None for info in columns):
        expected = "at least one number in a column of a metric, at the end of a training"
        hint = f"Its columns: {', '.join(frame.columns)}."
        raise SettingError(f"A value of {name}", None, expected, hint)
    _add_means(columns)
    with_checksums = []
    for info, sparse in columns.items():
        checksum = sha256(np.asarray(sparse).data).hexdigest()
        with_checksums.append((replace(info, source_sha256=checksum), sparse))
    return with_checksums


# -- rows
def _architectures(
    frame: pd.DataFrame, space: SearchSpace, architecture: str | None
) -> tuple[Architectures, set[str | None]]:
    """Return the architecture of each row, and the names of the columns that describe it."""
    positions = [position.name for position in space.positions]
    used = {*positions, *_NAMES, architecture}
    if architecture is None and set(positions) <= set(frame.columns):
        return _by_positions(frame, space), used
    candidates = [architecture] if architecture else _NAMES
    named = next((name for name in candidates if name in frame.columns), None)
    if named is None and frame.index.name not in _NAMES:
        raise SettingError(
            f"The column {architecture or 'of architectures'}", None,
            f"a name in architecture=… (--architecture), or one column per position of {space.name}",
            f"Its columns: {', '.join(frame.columns)}.",
        )  # fmt: skip
    column = frame.index if named is None else frame[named]
    # The number of the value of each row, -1 for a missing one, and the distinct values.
    numbers, values = column.factorize()
    if (numbers < 0).any():
        raise SettingError(f"The column {named} has no architecture in row {numbers.argmin()}.")
    listed: Any = np.asarray(values)
    if values.dtype.kind == "f":  # a merge of frames turns integers into floats
        listed = []
        for value in np.asarray(values, np.float64).tolist():
            listed.append(int(value) if value.is_integer() else value)
    return space.index_of(listed)[numbers], used


def _by_positions(frame: pd.DataFrame, space: SearchSpace) -> Architectures:
    """Return the architecture of each row, from one column of choices per position."""
    codes = np.empty((len(frame), space.n_positions), dtype=np.int64)  # -1 for a missing choice
    for i, position in enumerate(space.positions):
        numbers, choices = frame[position.name].factorize()
        codes_of_choices = [position.code(choice) for choice in choices.tolist()]
        codes_of_choices.append(-1)  # the number of a missing choice is -1, too
        codes[:, i] = np.array(codes_of_choices)[numbers]
    missing = np.argwhere((codes < 0) & space.conditions.active(codes))
    if len(missing):
        row, i = missing[0]
        raise SettingError(f"Row {row} has no choice for {space.positions[i].name}.")
    architectures: Architectures = space.from_codes(np.maximum(codes, 0))  # type: ignore[assignment]
    return architectures


def _measured(frame: pd.DataFrame, metrics: Sequence[str]) -> _Measured:
    """Return the values of each metric, without missing ones."""
    measured: _Measured = {}
    for metric in metrics:
        values = _numbers(frame, metric)
        rows = np.flatnonzero(~np.isnan(values))
        if len(rows):
            measured[metric] = (rows, values[rows])
    return measured


def _numbers(frame: pd.DataFrame, name: str) -> Floats:
    """Return a column as float64, shape (rows,), NaN for missing values."""
    import pandas as pd

    if name not in frame.columns:
        raise SettingError("metrics", name, f"columns of the frame: {', '.join(frame.columns)}")
    column = frame[name]
    if column.dtype.kind in "mM":  # dates and durations are numbers for `to_numeric`
        column = column.astype(str)
    try:
        numbers: pd.Series[Any] = pd.to_numeric(column, errors="coerce")
    except OverflowError as reason:
        raise SettingError(f"Column {name} has an integer beyond float64.") from reason
    values: Floats = numbers.to_numpy(np.float64, na_value=np.nan)
    is_text = numbers.isna() & column.notna()
    is_too_large = np.abs(values) > np.finfo(np.float32).max
    wrong = np.flatnonzero(is_text | is_too_large)
    if len(wrong):
        raise SettingError(
            f"Column {name}, row {wrong[0]}", column.iloc[wrong[0]], "a finite number within float32",
            "Correct it, or list the columns of numbers: metrics=[…] (--metrics a,b).",
        )  # fmt: skip
    return values


# -- keys
def _addresses(
    frame: pd.DataFrame, used: set[str | None], stated: Facts, name: str
) -> tuple[Integers, list[_Keys]]:
    """Return the number of the address of each row, and the addresses: from columns, else as stated for all rows."""
    keys = [key for key in _Keys._fields if key in frame.columns and key not in used]
    if not keys:
        return np.zeros(len(frame), np.intp), [_address(stated, name)]
    groups: Any = frame[keys].drop_duplicates().to_dict("records")
    spellings: dict[str, str] = {}  # the first one of each dataset
    numbers: dict[_Keys, int] = {}  # two spellings of a dataset or split are one address
    number_of_group = []
    for group in groups:
        address = _address({**stated, **group}, name)
        dataset = spellings.setdefault(canonical_dataset(address.dataset), address.dataset)
        address = address._replace(dataset=dataset)
        number_of_group.append(numbers.setdefault(address, len(numbers)))
    group_of_row = frame.groupby(keys, dropna=False, sort=False).ngroup().to_numpy()
    return np.array(number_of_group)[group_of_row], list(numbers)


def _address(keys: Facts, name: str) -> _Keys:
    """Return the checked keys of rows in one spelling, with the defaults."""
    import pandas as pd

    given = {key: _checked(key, value) for key, value in keys.items() if not pd.isna(value)}
    dataset = canonical_dataset(given.get("dataset", name), keep_case=True)
    dataset, split = our_name(dataset, given.get("split"))
    return _Keys(
        dataset=dataset,
        split=split_of(split),
        epochs=given.get("epochs"),
        seed=given.get("seed"),
        release=given.get("release", "own"),
        epoch=given.get("epoch"),
    )


def _checked(key: str, value: Any) -> Any:
    """Return a value of a key, checked; numbers of a CSV file may be texts or floats."""
    if key in ("epochs", "epoch", "seed") and not (key == "seed" and value == "mean"):
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        return check_int(key, int(number) if number.is_integer() else value, least=0)
    if key == "dataset" and "/" in str(value):
        raise SettingError(key, value, "a string without '/'")
    return str(value)


# -- metrics and columns
_UNKNOWN = {"direction": None, "kind": "performance", "unit": "1"}  # defaults of other metrics


def _facts(
    metrics: Iterable[str], direction: Stated, unit: Stated, kind: Stated
) -> dict[str, dict[str, Any]]:
    """Return the facts about each metric, as stated or, for well-known metrics, as known."""
    facts, lacking = dict[str, dict[str, Any]](), list[str]()
    for metric in metrics:
        known = known_metric(metric)
        defaults = known._asdict() if known else _UNKNOWN
        kind_of_metric = _stated(kind, metric) or defaults["kind"]
        check_choice(f"kind of {metric}", kind_of_metric, KINDS)
        better = _stated(direction, metric) or defaults["direction"]
        if better is None and kind_of_metric in _COSTS:
            better = "min"
        if better is None:
            lacking.append(metric)
            continue
        check_choice(f"direction of {metric}", better, ("max", "min"))
        stated_unit = _stated(unit, metric)
        if kind_of_metric == "seconds":
            check_choice(f"unit of {metric}", stated_unit or "s", ("s", "seconds"))
            stated_unit = "s"
        facts[metric] = {
            "direction": better,
            "kind": kind_of_metric,
            "unit": stated_unit or defaults["unit"],
            "note": STATED if stated_unit == "percent" else "",
        }
    if lacking:
        raise SettingError(
            f"direction of {', '.join(lacking[:_SHOWN])}", None,
            f"direction={{{lacking[0]!r}: 'max'}} or 'min' (--direction {quote(f'{lacking[0]}=max')})",
            "If a column is not a metric, list the metrics: metrics=['accuracy'] (--metrics accuracy).",
        )  # fmt: skip
    for what, given in (("direction", direction), ("unit", unit), ("kind", kind)):
        named = given if isinstance(given, Mapping) else ()
        for metric in named:
            if metric not in facts:
                allowed = f"metrics with values: {', '.join(facts)}"
                raise SettingError(f"{what} of a metric", metric, allowed)
    return facts


def _stated(given: Stated, metric: str) -> str | None:
    """Return the value for a metric."""
    if isinstance(given, Mapping):
        return given.get(metric)
    return given


def _check_unit(metric: str, facts: Facts, highest: float) -> None:
    """Raise an error if the stated unit of an accuracy contradicts its highest value."""
    known = known_metric(metric)
    in_percent = highest > 1
    contradicts = facts["unit"] == "1" if in_percent else facts["note"] == STATED
    if known and known.unit == "percent" and contradicts:
        unit = "percent" if in_percent else "1"
        raise SettingError(
            f"unit of {metric}", facts["unit"], unit, f"Its highest value is {highest:g}."
        )


def _column(
    architectures: Architectures, values: Floats, rows: Integers, space: SearchSpace, what: str
) -> Values:
    """Return the values of all architectures; raise an error if two rows contradict each other."""
    narrow = stored(values)
    column = np.full(space.size, np.nan, dtype=narrow.dtype)
    column[architectures] = narrow
    differ = np.flatnonzero(column[architectures] != narrow)
    if len(differ):
        architecture = architectures[differ[0]]
        first, second = rows[architectures == architecture][:2].tolist()
        raise SettingError(
            f"Rows {first} and {second} contain different values of {what} for {space.to_string(int(architecture))}. "
            "If they are two trainings, add a column seed; otherwise keep one of them."
        )
    return column


def _add_ends(columns: _Columns) -> None:
    """Add the last points of learning curves to the values at the ends of trainings."""
    for info, values in list(columns.items()):
        if info.epoch is not None and info.epoch == info.epochs:
            _fill(columns, replace(info, epoch=None), values)


def _add_means(columns: _Columns) -> None:
    """Add the means over single seeds."""
    of_seeds: dict[ColumnInfo, list[SparseValues]] = {}
    for info, values in columns.items():
        if isinstance(info.seed, int):
            of_seeds.setdefault(replace(info, seed="mean"), []).append(values)
    for info, seeds in of_seeds.items():
        _fill(columns, info, SparseValues.of(mean_over_seeds(seeds)))


def _fill(columns: _Columns, info: ColumnInfo, values: SparseValues) -> None:
    """Set the values of a column for the architectures without one."""
    known = np.asarray(columns.get(info, values))
    columns[info] = SparseValues.of(np.where(np.isnan(known), values, known))
