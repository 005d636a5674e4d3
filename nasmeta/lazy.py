"""Import the names of a package on first use."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_names(package: str, modules: Mapping[str, str]) -> Callable[[str], object]:
    """Return the ``__getattr__`` of a package.

    Parameters
    ----------
    package : str
        The ``__name__`` of the package.
    modules : mapping of str to str
        Public names of each module, separated by spaces. The module is itself a public name.

    Examples
    --------
    >>> lazy_names("nasmeta", {"spaces": "SearchSpace get_space"})("get_space").__name__
    'get_space'
    """
    module_of = {name: module for module, names in modules.items() for name in names.split()}

    def __getattr__(name: str) -> object:
        if name not in module_of and name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(f"{package}.{module_of.get(name, name)}")
        value: object = getattr(module, name) if name in module_of else module
        setattr(sys.modules[package], name, value)
        return value

    return __getattr__
