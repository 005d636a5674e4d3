"""Columns from a user's data frame, checked row by row."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_text, is_listed
from nasmeta.errors import ArchitectureError, NasmetaWarning, SettingError, calls_inside, shown
from nasmeta.spaces import SearchSpace, canonical_dataset
from nasmeta.tables._columns import ColumnInfo, Values, in_one_spelling, stored
from nasmeta.tables._metric_facts import MetricFacts, Stated, metric_facts
from nasmeta.tables._nb201_measurements import our_name
from nasmeta.tables._oddities import STATED, odd_accuracies
from nasmeta.tables._seed_means import with_means
from nasmeta.tables.sources import table_names

if TYPE_CHECKING:
    import pandas as pd

_KEYS = ("dataset", "split", "epochs", "seed", "release", "epoch")  # of an address, columns of a frame
_NAMES = ("architecture", "arch", "arch_str", "cell", "index")  # under which a frame may have its architectures
_BESIDE = {  # a row without a key is odd if other rows with the same values of these have it
    "dataset": (), "split": ("dataset",), "epochs": ("dataset", "split"), "seed": ("dataset", "split", "epochs"),
    "release": ("dataset",),
}  # fmt: skip
_Rows = NDArray[np.intp]
_Measured = dict[str, tuple[_Rows, NDArray[np.float64]]]  # rows with a value, and these values, by metric


class _Parts(NamedTuple):
    """The address of a group of rows, apart from the metric."""

    dataset: str
    split: str | None
    epochs: int | None
    seed: int | str | None
    release: str
    epoch: int | None


class _Groups(NamedTuple):
    """Rows by their address."""

    of_row: _Rows
    parts: list[_Parts]
    blank: dict[str, NDArray[np.bool_]]  # rows without a value, by column of keys


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
    chosen = [] if metrics is None else _listed(metrics)
    frame = _checked_frame(frame, [*(position.name for position in space.positions), architecture, *chosen])
    for what, text in (
        ("name of the table", name),
        ("licence", licence),
        ("device", "-" if device is None else device),
    ):
        check_text(f"The {what}", text)
    if "/" in name or name in table_names():
        why = "has a '/', which parts the names of tasks" if "/" in name else "is a table that the package knows"
        raise SettingError(f"{shown(name)} {why}: choose another name.")
    cells, used = _architectures(frame, space, architecture)
    own_keys = [key for key in _KEYS if key in frame.columns and key not in used]
    both = [key for key in own_keys if keys.get(key) is not None]
    if both:
        option = "" if both[0] == "seed" else f" (on the command line --{both[0]})"
        raise SettingError(
            f"The frame has a column {both[0]}: leave out {both[0]}={keys[both[0]]!r}{option}, or rename the column."
        )
    measured = _measured(frame, [c for c in frame.columns if c not in used and c not in own_keys], metrics)
    groups = _groups(frame, name, own_keys, keys)
    columns: list[tuple[ColumnInfo, Values]] = []
    for metric, facts in metric_facts(measured, direction, unit, kind).items():
        on = device if facts.kind in ("latency", "energy") else None
        for info, values in _columns_of_metric(metric, facts, *measured[metric], cells, groups, space):
            columns.append((replace(info, source=name, licence=licence, device=on), values))
    for told in (*odd_accuracies(columns, space), *_blanks(name, measured, groups)):
        warnings.warn(f"{name}: {told}", NasmetaWarning, stacklevel=calls_inside() + 1)
    return with_means([*columns, *_ends(columns)], space)


def _measured(frame: pd.DataFrame, rest: list[str], metrics: Sequence[str] | None) -> _Measured:
    """Return the values of each metric of a wide or long frame, without missing ones."""
    if {"metric", "value"} <= set(rest) and (metrics is None or set(_listed(metrics)) <= set(frame["metric"])):
        unnamed = np.flatnonzero(frame["metric"].isna() | (frame["metric"] == ""))
        if len(unnamed):
            raise SettingError(f"The column metric is empty in row {unnamed[0]} ({len(unnamed)} of {len(frame)}).")
        codes, names = frame["metric"].astype(str).factorize()
        values = _numbers(frame, "value")
        found = {str(names[code]): (rows, values[rows]) for code, rows in _rows_by(codes).items()}
        found = {metric: found[metric] for metric in found if metrics is None or metric in _listed(metrics)}
    else:
        rows = np.arange(len(frame))
        found = {metric: (rows, _numbers(frame, metric)) for metric in _metrics(frame, rest, metrics)}
    measured = {}
    for metric, (rows, values) in found.items():
        there = ~np.isnan(values)
        if there.any():
            measured[metric] = rows[there], values[there]
    if not measured:
        raise SettingError("The frame has no value: every number in it is missing.")
    return measured


def _rows_by(codes: _Rows) -> dict[int, _Rows]:
    """Return the positions of each code, in the order of first positions.

    >>> {code: at.tolist() for code, at in _rows_by(np.array([3, 0, 3])).items()}
    {3: [0, 2], 0: [1]}
    """
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order]))
    parts = sorted(np.split(order, starts + 1), key=lambda positions: int(positions[0]))
    return {int(codes[positions[0]]): positions for positions in parts}


def _groups(frame: pd.DataFrame, name: str, own_keys: Sequence[str], stated: Mapping[str, Any]) -> _Groups:
    """Return the rows by their address: from columns of keys, else as stated for all rows."""
    import pandas as pd

    of_row, listed = np.zeros(len(frame), np.intp), [tuple[Any, ...]()]
    blank: dict[str, NDArray[np.bool_]] = {}
    for key in _KEYS:
        if key not in own_keys:
            value = stated.get(key)
            part = None if value is None else _checked_part(key, value, 0)
            listed = [(*parts, part) for parts in listed]
            continue
        codes, values = frame[key].factorize()
        first = np.unique(codes, return_index=True)[1][-len(values) :].tolist()
        found = [*(_checked_part(key, value, row) for value, row in zip(values.tolist(), first, strict=False)), None]
        of_row, pairs = pd.factorize(of_row * len(found) + codes % len(found))
        listed = [(*listed[pair // len(found)], found[pair % len(found)]) for pair in pairs.tolist()]
        blank[key] = codes < 0
    # Two spellings of a dataset or split have one address, so that contradictions between them are found.
    ours = [our_name(canonical_dataset(name if parts[0] is None else parts[0]), parts[1]) for parts in listed]
    splits = in_one_spelling(ours)
    numbers: dict[_Parts, int] = {}
    number = []
    for one, (_, _, epochs, seed, release, epoch) in zip(ours, listed, strict=True):
        address = _Parts(one[0], splits[one], epochs, seed, release or "own", epoch)
        number.append(numbers.setdefault(address, len(numbers)))
    return _Groups(np.array(number)[of_row], list(numbers), blank)


def _columns_of_metric(
    metric: str,
    facts: MetricFacts,
    rows: _Rows,
    values: NDArray[np.float64],
    cells: NDArray[np.int32],
    groups: _Groups,
    space: SearchSpace,
) -> Iterator[tuple[ColumnInfo, Values]]:
    """Yield the column of each address of a metric."""
    if facts.kind == "seconds" and values.min() < 0:
        raise SettingError(f"{metric} are seconds of at least 0, not {values.min():g}.")
    by_group = _rows_by(groups.of_row[rows])
    most: dict[str, float] = {}  # an accuracy of a dataset is in percent or a fraction in all its columns
    for group, at in by_group.items():
        dataset = groups.parts[group].dataset
        most[dataset] = max(most.get(dataset, -np.inf), float(values[at].max()))
    for group, at in by_group.items():
        parts = groups.parts[group]
        _check_point(parts, int(rows[at[0]]))
        what = "/".join(part for part in (parts.dataset, metric, parts.split) if part is not None)
        column = _column(cells[rows[at]], values[at], rows[at], space, what)
        is_fraction = facts.unit == "percent" and not facts.unit_is_stated and most[parts.dataset] <= 1
        info = ColumnInfo(
            parts.dataset, metric, parts.split, parts.epochs, parts.seed,
            unit="1" if is_fraction else facts.unit,
            direction=facts.direction,  # type: ignore[arg-type]
            release=parts.release,
            source="",
            licence="",
            source_sha256=sha256(column.tobytes()).hexdigest(),
            note=STATED if facts.unit == "percent" and facts.unit_is_stated else "",
            epoch=parts.epoch,
            kind=facts.kind,  # type: ignore[arg-type]
        )  # fmt: skip
        yield info, column


def _blanks(name: str, measured: _Measured, groups: _Groups) -> Iterator[str]:
    """Yield a message for each key that rows with a value lack, although other rows of the same measurement have it."""
    means = {"dataset": f"belong to the dataset {name}", "seed": "are not part of the mean over seeds"}
    for key in _BESIDE:
        blank = groups.blank.get(key)
        if blank is None or not blank.any():
            continue
        numbers: dict[tuple[Any, ...], int] = {}
        for parts in groups.parts:
            numbers.setdefault(tuple(getattr(parts, one) for one in _BESIDE[key]), len(numbers))
        number = np.array([numbers[tuple(getattr(parts, one) for one in _BESIDE[key])] for parts in groups.parts])
        odd = np.zeros(len(blank), np.bool_)
        for rows, _ in measured.values():
            beside, lacks = number[groups.of_row[rows]], blank[rows]
            have = np.zeros(len(numbers), np.bool_)
            have[beside[~lacks]] = True
            odd[rows] |= lacks & have[beside]
        if odd.any():
            n = int(odd.sum())
            more = f" and {n - 1} more" if n > 1 else ""
            yield (
                f"{key} is blank in row {int(odd.argmax())}{more}, unlike in other rows of its metric. Such values "
                f"{means.get(key, f'are treated as measured with another {key}')}: fill it in, or leave them out."
            )


def _checked_frame(frame: Any, named: Collection[str | None]) -> pd.DataFrame:
    """Return the frame with texts as names of columns, without what pandas calls a column that had no name.

    Seed means seed, and Cell cell, where the column is not `named` as something else.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise SettingError(f"A table is made of a data frame, not of {type(frame).__name__}.")
    if isinstance(frame.columns, pd.MultiIndex):
        raise SettingError("The frame has columns of several levels: flatten them to one name each.")
    if not len(frame):
        raise SettingError("The frame has no row.")
    names = [str(column) for column in frame.columns]
    lower = {c: c.lower() for c in names if c.lower() in (*_KEYS, *_NAMES) and c not in named}
    frame = frame.copy(deep=False)
    frame.columns = [lower[c] if c in lower and (lower[c] == c or lower[c] not in names) else c for c in names]
    twice = frame.columns[frame.columns.duplicated()].tolist()
    if twice:
        raise SettingError(f"The frame has the column {twice[0]!r} twice.")
    # `DataFrame.to_csv` writes row numbers as a column without a name.
    kept: pd.DataFrame = frame[[column for column in frame.columns if not re.fullmatch(r"(Unnamed: \d+)?", column)]]
    return kept


def _check_point(parts: _Parts, row: int) -> None:
    """Raise an error if a point of a learning curve does not belong to a training."""
    if parts.epoch is None:
        return
    if parts.epochs is None:
        raise SettingError(
            f"Row {row} is a point of a learning curve, after epoch {parts.epoch}: state epochs, the length of the "
            "training, as a column or an argument."
        )
    if parts.epoch > parts.epochs:
        raise SettingError(f"Row {row} is after epoch {parts.epoch} of a training of {parts.epochs}.")


def _architectures(
    frame: pd.DataFrame, space: SearchSpace, architecture: str | None
) -> tuple[NDArray[np.int32], set[str]]:
    """Return the architecture of each row, and the columns that are no metrics as they say it."""
    positions = [position.name for position in space.positions]
    # A column called index may be the row numbers of `reset_index`: it is asked last, and never beside positions.
    say = {*positions, *_NAMES, *([architecture] if isinstance(architecture, str) else [])} & set(frame.columns)
    named = architecture
    if named is None:
        named = next((name for name in _NAMES if name in frame.columns and name not in positions), None)
    if set(positions) <= set(frame.columns) and (architecture is None or architecture in frame.columns):
        found = _by_positions(frame, space)
        if named is not None and (architecture is not None or named != "index"):
            also = _by_name(frame[named].reset_index(drop=True), space, named)
            if (also != found).any():
                row = int(np.flatnonzero(also != found)[0])
                raise ArchitectureError(
                    f"Row {row}: the columns of positions say {space.to_string(int(found[row]))}, but {named} says "
                    f"{space.to_string(int(also[row]))}."
                )
        return found, say
    if named is None and frame.index.name in _NAMES:
        return _by_name(frame.index.to_series().reset_index(drop=True), space, str(frame.index.name)), say
    if not isinstance(named, str) or named not in frame.columns:
        what = f"no column {shown(named)}" if named is not None else "no column that says the architecture of a row"
        listed = ", ".join(positions[:8]) + (" …" if len(positions) > 8 else "")
        raise SettingError(
            f"The frame has {what}: name it with architecture=… (on the command line --architecture), or have a "
            f"column for each position of {space.name} ({listed}). Its columns: {', '.join(frame.columns)}."
        )
    return _by_name(frame[named].reset_index(drop=True), space, named), say


def _by_name(column: pd.Series[Any], space: SearchSpace, name: str) -> NDArray[np.int32]:
    codes, values = column.factorize()
    listed: NDArray[Any] = np.asarray(values)
    missing = np.flatnonzero(codes < 0)
    if len(missing):
        raise SettingError(
            f"The column {name} has no architecture in row {missing[0]} ({len(missing)} of {len(column)})."
        )
    try:
        found: NDArray[np.int32] = space.index_of(listed)[codes]
        return found
    except ArchitectureError:
        for code, one in enumerate(listed.tolist()):
            try:
                space.index_of(one)
            except ArchitectureError as reason:
                raise ArchitectureError(f"Row {int((codes == code).argmax())}, column {name}: {reason}") from None
        raise


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


def _is_text(value: object) -> bool:
    """Whether a value is a text."""
    return isinstance(value, str)


def _listed(metrics: Sequence[str]) -> list[str]:
    if not isinstance(metrics, Sequence | np.ndarray) or not is_listed(metrics) or not all(map(_is_text, metrics)):
        raise SettingError(f"metrics is a list of names of columns, not {shown(metrics)}.")
    return [metrics] if isinstance(metrics, str) else list(dict.fromkeys(metrics))


def _metrics(frame: pd.DataFrame, rest: list[str], metrics: Sequence[str] | None) -> list[str]:
    if metrics is not None:
        chosen = _listed(metrics)
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
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column) or column.dtype.kind == "c":
        # Dates, booleans and complex numbers become numbers, too, but not such as anybody means.
        column = column.astype(object)
        no_number = [
            isinstance(value, bool | np.bool_ | complex | np.datetime64 | date | timedelta) for value in column
        ]
        numbers: pd.Series[Any] = pd.to_numeric(column.where(~np.array(no_number)), errors="coerce")
    else:
        numbers = column
    wrong = np.flatnonzero(numbers.isna() & column.notna())
    if len(wrong):
        raise SettingError(
            f"The column {name} holds {shown(column.astype(object).iloc[wrong[0]])} in row {wrong[0]} ({len(wrong)} of "
            f"{len(column)} are no numbers): fix it, or name the columns of numbers with metrics=[…], on the command "
            "line --metrics a,b."
        )
    values: NDArray[np.float64] = numbers.to_numpy(np.float64, na_value=np.nan)
    if (np.abs(values) > np.finfo(np.float32).max).any():
        row = int(np.flatnonzero(np.abs(values) > np.finfo(np.float32).max)[0])
        raise SettingError(f"The column {name} holds {values[row]} in row {row}: values are finite, within float32.")
    return values


def _checked_part(key: str, value: Any, row: int) -> int | str:
    value = value.item() if isinstance(value, np.generic) else value
    if key in ("epochs", "epoch", "seed"):
        if key == "seed" and value == "mean":
            return "mean"
        if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,10}\s*", value):
            value = int(value)  # beside a mean, a CSV file has texts
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= value < 2**31 or int(value) != value:
            what = f"{key} is a whole number of at least 0{' or mean' if key == 'seed' else ''}"
            raise SettingError(f"{what}, not {shown(value)} (row {row}).")
        return int(value)
    if key == "dataset" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # such as the number of a dataset of OpenML, which a CSV file cannot mark as a text
    if not isinstance(value, str) or not value.strip():
        raise SettingError(f"{key} is a text, not {shown(value)} (row {row}).")
    if key == "dataset" and "/" in value:
        raise SettingError(f"The dataset {shown(value)} has a '/' (row {row}), which parts the names of tasks.")
    return str(value)


def _column(
    cells: NDArray[np.int32], values: NDArray[np.float64], rows: _Rows, space: SearchSpace, what: str
) -> Values:
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
    """Return the ends of trainings of which only the points are there: the last point is the end."""
    there = {(info.address, info.release) for info, _ in columns if info.epoch is None}
    ends = [(replace(info, epoch=None), values) for info, values in columns if info.epoch == info.epochs is not None]
    return [(info, values) for info, values in ends if (info.address, info.release) not in there]
