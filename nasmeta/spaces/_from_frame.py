"""A space of the rows of a data frame."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nasmeta.checks import check_list
from nasmeta.errors import SettingError, shown
from nasmeta.spaces._positions import Position

if TYPE_CHECKING:
    import pandas as pd

    from nasmeta.spaces._search_space import SearchSpace

_S = TypeVar("_S", bound="SearchSpace")


def space_from_frame(
    kind: type[_S], frame: pd.DataFrame, columns: Sequence[str] | None, name: str, settings: Mapping[str, Any]
) -> _S:
    """Return the look-up-only space of the distinct rows of these columns; see `SearchSpace.from_frame`."""
    import pandas as pd

    if not isinstance(frame, pd.DataFrame) or not len(frame):
        raise SettingError(f"A space is made of a data frame with rows, not of {type(frame).__name__}.")
    listed = [columns] if isinstance(columns, str) else frame.columns if columns is None else columns
    chosen = check_list("columns", listed, "names")
    if len(set(map(shown, chosen))) < len(chosen):
        raise SettingError(f"A column appears twice: {', '.join(map(str, chosen))}.")
    absent = [column for column in chosen if not isinstance(column, Hashable) or column not in frame.columns]
    if absent or not chosen:
        there = ", ".join(map(str, frame.columns))
        raise SettingError(f"The frame has no column {absent[0]!r}: it has {there}." if absent else "Name the columns.")
    for column in chosen:
        missing = frame[column].isna()
        if missing.any():
            raise SettingError(
                f"The column {column} has no value in row {int(np.flatnonzero(missing)[0])} ({int(missing.sum())} of "
                f"{len(frame)}), but it is a position: each architecture has a choice for it."
            )
    distinct = frame[chosen].drop_duplicates()
    positions, codes = [], []
    for column in chosen:
        values = distinct[column]
        if isinstance(values.dtype, pd.CategoricalDtype):
            choices, ordered = values.cat.categories.tolist(), bool(values.cat.ordered)
            codes.append(values.cat.codes.to_numpy())
        else:
            ordered = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
            found, unique = pd.factorize(values, sort=bool(ordered))
            choices = unique.tolist()
            codes.append(found)
        positions.append(Position(str(column), tuple(choices), bool(ordered)))
    return kind(name, positions, architectures=np.stack(codes, axis=1), **settings)
