"""Public names that moved to another room: they go on to work for one release, with a warning."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["moved_names"]


def moved_names(room: str, now_in: Mapping[str, str]) -> Callable[[str], object]:
    """Return the module's ``__getattr__`` that finds names where they are now.

    Parameters
    ----------
    room : str
        The module in which they were.
    now_in : mapping of str to str
        The old name, and the module that has it, or ``module:name`` where the name changed as well.

    Examples
    --------
    >>> import warnings
    >>> find = moved_names("nasmeta.experiments", {"search": "nasmeta.runs"})
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     found = find("search")
    >>> found.__module__, str(told[0].message)
    ('nasmeta.runs._search', 'nasmeta.experiments.search is nasmeta.runs.search now.')
    """

    def find(name: str) -> object:
        if name not in now_in:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        module, _, renamed = now_in[name].partition(":")
        renamed = renamed or name
        warnings.warn(f"{room}.{name} is {module}.{renamed} now.", DeprecationWarning, stacklevel=2)
        return getattr(import_module(module), renamed)

    return find
