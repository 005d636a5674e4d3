"""Identity of users' code: digests of sources and estimators, and versions of packages."""

from __future__ import annotations

import inspect
import platform
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pickle import PicklingError
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

import nasmeta
from nasmeta.errors import SettingError

# Code whose identity is the version of nasmeta, or that nasmeta requires anyway.
_OURS = frozenset({"nasmeta", "numpy", "scipy", "sklearn", "xgboost", *sys.stdlib_module_names}) - {
    "__main__"
}


def code_of(thing: type | Callable[..., Any]) -> str | None:
    """Return the identity of the code of a class or function, or None for nasmeta, its libraries and Python.

    It is the attribute ``version`` of the class or function itself. Without one it is a digest of
    its source and of the sources of its base classes outside these packages; the ``version`` of a
    base replaces the source of that base. Other code that it calls has no part in it: change
    ``version`` if that code changes. A callable object is identified by its class, a partial
    function by its function.
    """
    thing = _unbound(thing)
    parts = [part for part in getattr(thing, "__mro__", (thing,)) if _package_of(part) not in _OURS]
    if thing not in parts:
        return None
    return _version_of(thing) or _digest(
        "\n".join(_version_of(part) or _source_of(part) for part in parts)
    )


def source_digest(kind: type) -> str:
    """Return a digest of the sources of a class and of its bases in nasmeta, for the comparison of versions."""
    return _digest(
        "\n".join(_source_of(part) for part in kind.__mro__ if _package_of(part) == "nasmeta")
    )


def _unbound(thing: Any) -> Any:
    """Return the function or class behind a partial function, a method, a wrapper or a callable object."""
    thing = thing.func if isinstance(thing, partial) else thing
    thing = inspect.unwrap(getattr(thing, "__func__", thing))
    return thing if isinstance(thing, type | FunctionType) else type(thing)


def _package_of(thing: Any) -> str:
    return (getattr(thing, "__module__", None) or "").partition(".")[0]


def _version_of(thing: Any) -> str | None:
    found = vars(thing).get("version")
    # a method or property belongs to the instances
    return str(found) if isinstance(found, str | int) else None


def _source_of(thing: Any) -> str:
    with suppress(OSError, TypeError):
        return inspect.getsource(thing)
    if isinstance(thing, FunctionType):  # typed into an interpreter
        return (
            f"{thing.__code__.co_code.hex()} {thing.__code__.co_names} {thing.__code__.co_consts}"
        )
    members = sorted(vars(thing).items())  # of a class in a notebook, whose methods have a source
    return "\n".join(
        _source_of(member) for _, member in members if isinstance(member, FunctionType)
    )


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


def code_within(estimator: Any) -> str | None:
    """Return the identity of the code of all classes and functions in an estimator and its parameters, as `code_of`."""
    values = [
        estimator,
        *(estimator.get_params() if hasattr(estimator, "get_params") else {}).values(),
    ]
    parts = [
        value
        for value in values
        if isinstance(value, type | FunctionType) or hasattr(value, "get_params")
    ]
    codes = sorted({code for code in map(code_of, parts) if code is not None})
    return _digest("\n".join(codes)) if len(codes) > 1 else "".join(codes) or None


def estimator_digest(estimator: Any) -> str:
    """Return a digest of an unfitted copy of an estimator: of its class and the content of all its parameters.

    Raises
    ------
    SettingError
        If a parameter cannot be pickled, such as a lambda.
    """
    import joblib
    from sklearn.base import clone

    try:
        return str(joblib.hash(clone(estimator, safe=False)))
    except (AttributeError, PicklingError, TypeError) as reason:
        raise SettingError(
            f"The results of {type(estimator).__name__} cannot be kept in folder=, because a parameter cannot be "
            f"pickled: {reason}. Leave out folder=, or use named functions."
        ) from reason


def identity_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the place of a function, the identity of its code, and a digest of its settings if there are any.

    Settings are plain values: defaults, arguments bound by `functools.partial`, variables of an
    enclosing function, and public attributes of a callable object.
    """
    where = f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', '')}"
    settings = _settings_of(function)
    identity = {"function": where, "code": code_of(function)}
    return {**identity, "settings": _digest(repr(settings))} if settings else identity


def _settings_of(function: Any) -> dict[str, Any]:
    given: dict[str, Any] = {}
    with suppress(ValueError):  # a built-in function without a signature
        given = {
            name: parameter.default
            for name, parameter in inspect.signature(function).parameters.items()
        }
    if isinstance(function, partial):
        given |= {f"argument {i}": value for i, value in enumerate(function.args)}
        function = function.func
    owner = getattr(function, "__self__", function)
    if not isinstance(owner, FunctionType | type | ModuleType):
        given |= {
            name: value for name, value in getattr(owner, "__dict__", {}).items() if name[0] != "_"
        }
    if isinstance(_unbound(function), FunctionType):
        given |= inspect.getclosurevars(_unbound(function)).nonlocals
    given = {
        name: code_of(value) if isinstance(value, FunctionType) else value
        for name, value in given.items()
    }
    return {
        name: value
        for name, value in given.items()
        if isinstance(value, str | int | float | tuple | np.generic)
    }


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of nasmeta, of Python and of those packages that are installed."""
    versions = {"nasmeta": nasmeta.__version__, "python": platform.python_version()}
    for package in packages:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return versions
