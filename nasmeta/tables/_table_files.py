"""Tables in users' files: read and added to the store."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nasmeta.errors import SettingError
from nasmeta.spaces import Choice, SearchSpace, get_space
from nasmeta.tables._from_frame import columns_of_frame
from nasmeta.tables._table import Table, load_table
from nasmeta.tables._user_tables import add_columns
from nasmeta.tables._value_checks import odd_accuracies, only_test_values

if TYPE_CHECKING:
    import pandas as pd


def add_frame(
    frame: pd.DataFrame,
    *,
    name: str,
    space: str | SearchSpace | None = None,
    columns: Sequence[str] | None = None,
    scales: Mapping[str, str | None] | None = None,
    conditions: Mapping[str, Mapping[str, Sequence[Choice]]] | None = None,
    replace: bool = False,
    **options: Any,
) -> Table:
    """Add the table in a data frame to the store.

    Parameters
    ----------
    frame : DataFrame
    name : str
        Name of the table.
    space : str or SearchSpace, optional
    columns : sequence of str, optional
        Instead of `space`: the columns that describe an architecture.
    scales : mapping of str to {"linear", "log", "none"}, optional
        Scales of `columns`, as in `SearchSpace.from_frame`.
    conditions : mapping of str to mapping, optional
        For a column that applies only to some choices of other columns: these choices, as in
        `SearchSpace`.
    replace : bool, default False
        Whether to replace other content under this name.
    **options
        The options of `Table.from_frame`.

    Examples
    --------
    >>> import pandas as pd
    >>> from nasmeta.tables import remove_added
    >>> frame = pd.DataFrame({"width": [16, 32], "accuracy": [90.0, 92.0]})
    >>> add_frame(frame, name="example-of-a-file", columns=["width"]).space.size
    2
    >>> remove_added("example-of-a-file")
    """
    if (space is None) == (columns is None):
        raise SettingError(
            "Give either a registered space, such as --space nb201, or the columns of the file that describe an "
            "architecture, such as --columns a,b,c."
        )
    if columns is None:
        space = get_space(space or "")
    else:
        space = SearchSpace.from_frame(frame, list(columns), name, scales, conditions=conditions)
    measured = columns_of_frame(frame, space, name, **options)
    add_columns(name, space, measured, replace=replace)
    return load_table(name)


def read_frame(file: str | os.PathLike[str]) -> pd.DataFrame:
    r"""Read a .csv, .tsv or .parquet file with one row per measurement, for `Table.from_frame`.

    White space around names and texts is removed. Dates, lists and other values become texts.

    Raises
    ------
    SettingError
        If the file cannot be read, has a row that is longer than its header, or has two columns
        with the same name.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "mine.csv")
    ...     _ = file.write_text("width,accuracy\n16, 90\n")
    ...     read_frame(file)["accuracy"].to_list()
    [90]
    """
    import pandas as pd

    path = Path(file)
    suffix = path.suffix.lower()
    separators = {".csv": ",", ".tsv": "\t"}
    if suffix not in (*separators, ".parquet"):
        raise SettingError(
            f"{path} is not a .csv, .tsv or .parquet file: convert it to one of these."
        )
    try:
        if suffix == ".parquet":
            frame: pd.DataFrame = pd.read_parquet(path)
        else:
            # pandas only warns of rows that are longer than the header.
            with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
                frame = pd.read_csv(
                    path, sep=separators[suffix], skipinitialspace=True, index_col=False
                )
    except OSError:
        raise
    except Exception as reason:  # a file of another kind may fail with nearly any exception
        text = str(reason).strip()
        raise SettingError(f"{path} cannot be read as {suffix[1:]}: {text:.200}") from reason
    frame.columns = [str(name).strip() for name in frame.columns]
    for name, column in frame.items():
        is_numeric = pd.api.types.is_numeric_dtype(column)
        if not (is_numeric or isinstance(column.dtype, pd.CategoricalDtype)):
            frame[name] = column.map(_plain, na_action="ignore").astype(object)
    return frame


def _plain(value: Any) -> Any:
    """Return a number as it is, and any other value, such as a date or a list, as a text; None if it is empty."""
    if isinstance(value, Real):
        return value
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return str(value).strip() or None


def odd_values(table: Table) -> list[str]:
    """Return messages about a table: accuracies in two units, and test values without validation values.

    >>> import nasmeta as nm
    >>> odd_values(nm.load_table("nb201"))
    []
    """
    columns = ((column, values) for values, column in table._ends)
    messages = list(odd_accuracies(columns, table.space))
    for dataset, metrics in table._ends.default_metrics.items():
        for column in table._ends.by_dataset[dataset]:
            if column.metric == metrics[0]:
                messages.append(only_test_values(table.columns, column))
                break
    return list(filter(None, messages))
