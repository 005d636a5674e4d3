"""Reading a user's file of measurements."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nasmeta.errors import SettingError
from nasmeta.places import checked_path

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


def read_frame(file: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a .csv, .tsv or .parquet with one row a measurement, for `Table.from_frame`."""
    import pandas as pd

    path = checked_path("file", file)
    readers: Mapping[str, Callable[[Path], Any]] = {
        ".csv": pd.read_csv,
        ".tsv": lambda path: pd.read_csv(path, sep="\t"),
        ".parquet": pd.read_parquet,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise SettingError(f"{path} is none of {', '.join(readers)}: convert it to one of these.")
    try:
        found: pd.DataFrame = reader(path)
    except OSError as reason:
        raise SettingError(f"{path} cannot be read: {reason.strerror or reason}.") from reason
    except Exception as reason:  # a file of another kind may fail with nearly any exception
        raise SettingError(f"{path} cannot be read as {path.suffix[1:]}: {str(reason).strip():.200}") from reason
    return found
