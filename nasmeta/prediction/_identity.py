"""What tells one estimator from another across processes, of which ``repr`` shows a part only."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from types import FunctionType
from typing import Any

import numpy as np

from nasmeta.errors import SettingError

__all__ = ["estimator_digest"]


def estimator_digest(estimator: Any) -> str:
    """Return a digest of an estimator's class and of all its parameters, arrays by type, shape and content.

    Parameters
    ----------
    estimator : object
        With scikit-learn's ``get_params``.

    Returns
    -------
    str

    Raises
    ------
    SettingError
        Where a parameter is of a kind whose content cannot be told, such as a lambda or a generator.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> estimator_digest(Ridge(2.0)) == estimator_digest(Ridge(2.0)) != estimator_digest(Ridge(3.0))
    True
    """
    digest = sha256()
    for piece in _pieces(estimator, type(estimator).__name__):
        digest.update(f"{len(piece)}:".encode() + piece)  # its length, so that no two sequences run together alike
    return digest.hexdigest()[:32]


def _pieces(value: Any, place: str) -> list[bytes]:
    """Return bytes that describe a value, or say which parameter has none."""
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return [f"{type(value).__name__} {value!r}".encode()]
    if isinstance(value, np.ndarray | np.generic) and not value.dtype.hasobject:
        array = np.asarray(value)
        return [f"array {array.dtype.descr} {array.shape}".encode(), array.tobytes()]
    if isinstance(value, type | FunctionType | np.ufunc):
        name = getattr(value, "__qualname__", value.__name__)
        if "<" not in name:  # neither a lambda nor defined within a function, whose variables would count
            return [f"named {getattr(value, '__module__', 'numpy')}.{name}".encode()]
    elif isinstance(value, np.ndarray | list | tuple):
        found = [f"{type(value).__name__} {len(value)}".encode()]
        for number, item in enumerate(value.tolist() if isinstance(value, np.ndarray) else value):
            found += _pieces(item, f"{place}[{number}]")
        return found
    elif isinstance(value, set | frozenset):
        parts = sorted(b"".join(_pieces(item, place)) for item in value)
        return [f"{type(value).__name__} {len(parts)}".encode(), *parts]
    elif isinstance(value, Mapping):
        found = [f"{type(value).__name__} {len(value)}".encode()]
        for key, item in value.items():
            found += [*_pieces(key, place), *_pieces(item, f"{place}[{key!r}]")]
        return found
    elif hasattr(value, "get_params") and not _keeps_more_than_parameters(value):
        kind = type(value)
        settings = value.get_params(deep=False)  # nested ones in turn
        found = [f"estimator {kind.__module__}.{kind.__qualname__} {len(settings)}".encode()]
        for name in sorted(settings):
            found += [name.encode(), *_pieces(settings[name], f"{place}.{name}")]
        return found
    raise SettingError(
        f"With folder=, results are found again by the estimator's parameters, but {place} is a "
        f"{type(value).__name__}, whose content cannot be told. Leave out folder=, or pass numbers, text, arrays, "
        "named functions or estimators."
    )


def _keeps_more_than_parameters(estimator: Any) -> bool:
    """Return whether a clone is more than a new estimator with the same parameters, as that of a frozen one is."""
    from sklearn.base import BaseEstimator

    own = getattr(type(estimator), "__sklearn_clone__", None)
    return own not in (None, BaseEstimator.__sklearn_clone__)
