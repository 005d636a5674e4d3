"""Columns from a user's data frame, checked row by row."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_text, is_listed
from nasmeta.errors import ArchitectureError, SettingError, shown
from nasmeta.spaces import SearchSpace, canonical_dataset
from nasmeta.tables._columns import ColumnInfo, in_one_spelling
from nasmeta.tables._dropped import warn_of_dropped
from nasmeta.tables._legality import our_name
from nasmeta.tables._metric_facts import info_of
from nasmeta.tables._oddities import warn_of_names, warn_of_odd_rows
from nasmeta.tables._seed_means import with_means
from nasmeta.tables.sources import table_names

if TYPE_CHECKING:
    import pandas as pd

_KEYS = ("dataset", "split", "epochs", "seed", "release", "epoch")  # of an address, columns of a frame
_NAMES = ("architecture", "arch", "arch_str", "cell", "index")  # under which a frame may have its architectures


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
    found, used = _architectures(frame, space, architecture)
    own_keys = [key for key in _KEYS if key in frame.columns and key not in used]
    both = [key for key in own_keys if keys.get(key) is not None]
    if both:
        option = "" if both[0] == "seed" else f" (on the command line --{both[0]})"
        raise SettingError(
            f"The frame has a column {both[0]}: leave out {both[0]}={keys[both[0]]!r}{option}, or rename the column."
        )
    rest = [c for c in frame.columns if c not in used and c not in own_keys]
    if {"metric", "value"} <= set(rest) and (metrics is None or set(_listed(metrics)) <= set(frame["metric"])):
        unnamed = np.flatnonzero(frame["metric"].isna() | (frame["metric"] == ""))
        if len(unnamed):
            raise SettingError(f"The column metric names none in row {unnamed[0]} ({len(unnamed)} of {len(frame)}).")
        of = frame["metric"].astype(str).to_numpy(object)
        rows = np.arange(len(frame)) if metrics is None else np.flatnonzero(np.isin(of, _listed(metrics)))
        long = pd.DataFrame({"metric": of[rows], "value": _numbers(frame, "value")[rows]})
    else:
        chosen = _metrics(frame, rest, metrics)
        values = np.concatenate([_numbers(frame, metric) for metric in chosen])
        rows = np.tile(np.arange(len(frame)), len(chosen))
        long = pd.DataFrame({"metric": np.repeat(np.array(chosen, dtype=object), len(frame)), "value": values})
    long["architecture"], long["row"] = found[rows], rows
    for key in _KEYS:
        given = frame[key].to_numpy()[rows] if key in own_keys else keys.get(key)
        long[key] = _checked_key(key, given, own=key in own_keys)
    blank = {key: long[key].isna().to_numpy() for key in own_keys if key != "epoch"}  # without it, it is the end
    # One name for a dataset before rows are compared: two spellings are two answers to one question.
    stated_names = long["dataset"].fillna(name)
    long["dataset"] = stated_names.map({one: canonical_dataset(one) for one in stated_names.unique()})
    stated = list(zip(long["dataset"], long["split"], strict=True))
    ours = {one: our_name(one[0], one[1] if isinstance(one[1], str) else None) for one in set(stated)}
    splits = in_one_spelling(ours.values())
    long["dataset"], long["split"] = [ours[one][0] for one in stated], [splits[ours[one]] for one in stated]
    long["release"] = long["release"].fillna("own")
    long = long[long["value"].notna()]
    _check_points(long)
    most: dict[Any, float] = long.groupby("metric")["value"].max().to_dict()
    for what, given in (("direction", direction), ("unit", unit), ("kind", kind)):
        unknown = [metric for metric in given if metric not in most] if isinstance(given, Mapping) else []
        if unknown:
            raise SettingError(
                f"{what} speaks of {unknown[0]!r}, which is no metric with values: {', '.join(map(str, most))}."
            )
    columns = []
    for said, group in long.groupby(["metric", *_KEYS], dropna=False, sort=False):
        metric, *parts = ((None if part != part else part) for part in tuple(said))
        # Where a row has none, pandas makes floats of the others.
        parts = [int(part) if isinstance(part, float) else part for part in parts]
        values = _column(group, space, "/".join(str(part) for part in (parts[0], metric, parts[1]) if part is not None))
        info = info_of(name, str(metric), parts, values, direction, unit, kind, device, licence, most[metric])
        columns.append((info, values))
    if not columns:
        raise SettingError("The frame has no value: every number in it is missing.")
    warn_of_odd_rows(name, long, columns)
    columns += _ends(columns)
    columns = with_means(columns, space)
    warn_of_dropped(name, long, blank, columns)
    warn_of_names(name, [info for info, _ in columns])
    return columns


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
    frame = frame.rename(columns=str)
    lower = {c: c.lower() for c in frame.columns if c.lower() in (*_KEYS, *_NAMES) and c not in named}
    frame = frame.rename(columns={c: key for c, key in lower.items() if key == c or key not in frame.columns})
    twice = frame.columns[frame.columns.duplicated()].tolist()
    if twice:
        raise SettingError(f"The frame has the column {twice[0]!r} twice.")
    # The row numbers that `to_csv` writes unless it is told not to are no metric.
    kept: pd.DataFrame = frame.loc[:, [not re.fullmatch(r"(Unnamed: \d+)?", column) for column in frame.columns]]
    return kept


def _check_points(long: pd.DataFrame) -> None:
    """Refuse points of learning curves that are on no training."""
    points = long[long["epoch"].notna()]
    lost = points[points["epochs"].isna()]
    if len(lost):
        raise SettingError(
            f"Row {lost['row'].iloc[0]} is after epoch {lost['epoch'].iloc[0]}, a point of a learning curve: say "
            "epochs, the length of the training, as a column or an argument."
        )
    beyond = points[points["epoch"].astype(float) > points["epochs"].astype(float)]
    if len(beyond):
        raise SettingError(
            f"Row {beyond['row'].iloc[0]} is after epoch {beyond['epoch'].iloc[0]} of a training of "
            f"{beyond['epochs'].iloc[0]}."
        )


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
        missing = np.flatnonzero(column.isna())
        if len(missing):
            raise SettingError(f"Row {missing[0]} has no choice for {position.name}.")
        values = column.tolist()
        place: dict[Any, int] = {}
        for row, value in enumerate(values):
            try:
                if value not in place:
                    place[value] = position.code(value)
            except (ValueError, TypeError) as reason:  # a list cannot even be looked up
                why = reason if isinstance(reason, ValueError) else f"{shown(value)} is no choice of {position.name}."
                raise ArchitectureError(f"Row {row}: {why}") from None
        codes[:, i] = [place[value] for value in values]
    found = space.find(codes @ space.place_values)
    if (found < 0).any():
        row = int(np.flatnonzero(found < 0)[0])
        raise ArchitectureError(
            f"Row {row}: {space.notation.write(codes[row].tolist())} is no architecture of {space.name}."
        )
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
    lost = np.flatnonzero((values != 0) & (values.astype(np.float32) == 0))
    if len(lost):
        raise SettingError(
            f"The column {name} holds {values[lost[0]]} in row {lost[0]}, which is 0 in float32: scale the column."
        )
    return values


def _checked_key(key: str, given: Any, *, own: bool) -> Any:
    """Return the values of a part of the address: whole numbers where it is one, texts else; None where not said."""
    import pandas as pd

    if given is None:
        return None
    checked: dict[Any, Any] = {}
    values = np.empty(len(given) if own else 1, dtype=object)
    for row, value in enumerate(given if own else [given]):
        if not isinstance(value, Hashable) or getattr(value, "ndim", False):
            raise SettingError(
                f"{key} is one value, not {shown(value)}: for one of each row it is a column of the frame."
            )
        if value not in checked:
            checked[value] = (
                None if value is None or value is pd.NA or value != value else _checked_part(key, value, row)
            )
        values[row] = checked[value]
    return values if own else values[0]


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


def _ends(columns: list[tuple[ColumnInfo, NDArray[np.float32]]]) -> list[tuple[ColumnInfo, NDArray[np.float32]]]:
    """Return the ends of trainings of which only the points are there: the last point is the end."""
    there = {(info.address, info.release) for info, _ in columns if info.epoch is None}
    ends = [(replace(info, epoch=None), values) for info, values in columns if info.epoch == info.epochs is not None]
    return [(info, values) for info, values in ends if (info.address, info.release) not in there]
