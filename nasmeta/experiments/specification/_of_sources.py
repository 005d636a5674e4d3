"""What a specification says of sources for one searcher."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nasmeta.errors import SettingError, shown
from nasmeta.runs._spec import SearcherSpec
from nasmeta.tasks import as_tasks

__all__ = ["OF_SOURCES", "read_of_sources"]

OF_SOURCES = ("space", "warm_start", "sources", "meta_model")


def read_of_sources(spec: SearcherSpec, key: str, value: Any, folder: Path) -> Any:
    """Return what is said of sources under a key, as `compare` takes it.

    Raises
    ------
    SettingError, UnknownNameError
    """
    if key in ("space", "warm_start"):
        spec.guided(**{"space": None, "warm_start": 0, key: value})
    elif key == "sources":
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise SettingError(f"sources are a name or a list of names, of tasks or of families, not {shown(value)}.")
        as_tasks(names, sources=True)
        return names
    elif not isinstance(value, str):
        raise SettingError(f'meta_model is a file, the name of a shipped one or "shipped", not {shown(value)}.')
    elif value.endswith(".npz"):
        return str(folder / value)
    return value
