"""Public names that moved or changed: the old ones go on to work for one release, with a warning."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from importlib import import_module
from typing import Any, TypeVar, cast

from nasmeta.errors import SettingError, calls_inside

__all__ = ["moved_names", "names_of_today", "new_names", "renamed_arguments", "renamed_attribute", "renamed_in"]

F = TypeVar("F", bound=Callable[..., Any])

# What older journals and folders call settings of searchers, and of predictors, by how names of these begin.
_SETTINGS = {"initial": "n_initial", "optimism": "beta", "deviation": "std"}
_OF_NETWORKS = {"seed": "random_state", "validation_share": "validation_fraction"}
OF_PREDICTORS = {
    "random-forest": {"n_trees": "n_estimators", "columns": "max_features", "smallest_leaf": "min_samples_leaf"},
    "xgboost": {"rounds": "n_estimators", "depth": "max_depth", "rows": "subsample", "columns": "colsample_bytree"},
    **dict.fromkeys(("mlp", "gnn", "transformer"), _OF_NETWORKS),
}


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


def renamed_arguments(convert: Callable[[Any], Any] | None = None, /, **now: str) -> Callable[[F], F]:
    """Return a decorator of a function, a class or its ``__init__``: keyword arguments have their old names, too.

    The attributes of a class have them as well.

    Parameters
    ----------
    convert : callable, optional
        Makes the new value of an old one, where not only the name changed.
    **now : str
        The new name, by the old one.

    Examples
    --------
    >>> @renamed_arguments(initial="n_initial")
    ... def search(n_initial=10):
    ...     return n_initial
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     found = search(initial=5)
    >>> found, str(told[0].message)
    (5, 'The argument initial of search is n_initial now.')
    >>> @renamed_arguments(lambda percent: percent / 100, percent="share")
    ... def keep(share=1.0):
    ...     return share
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     found = keep(percent=5)
    >>> found, str(told[0].message)
    (0.05, 'The argument percent of keep is share now: 0.05, not 5.')
    """

    def decorate(function: F) -> F:
        if isinstance(function, type):
            function.__init__ = decorate(function.__init__)  # type: ignore[misc]
            for old, new in now.items():
                setattr(function, old, renamed_attribute(old, new))
            return cast(F, function)

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if not now.keys().isdisjoint(kwargs):
                made = type(args[0]).__name__ if args and function.__name__ == "__init__" else ""
                kwargs = new_names(call, kwargs, made)
            return function(*args, **kwargs)

        call.renamed, call.convert = now, convert  # type: ignore[attr-defined]
        return cast(F, call)

    return decorate


def renamed_attribute(old: str, new: str) -> Any:
    """Return a property that is an attribute of another name, with a warning.

    Examples
    --------
    >>> class Digits:
    ...     std = 0.3
    ...     deviation = renamed_attribute("deviation", "std")
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     found = Digits().deviation
    >>> found, str(told[0].message)
    (0.3, 'Digits.deviation is std now.')
    """

    def find(self: object) -> Any:
        warnings.warn(f"{type(self).__name__}.{old} is {new} now.", DeprecationWarning, stacklevel=calls_inside() + 1)
        return getattr(self, new)

    return property(find, doc=f"Former name of `{new}`.")


def new_names(function: Any, arguments: Mapping[str, Any], of: str = "") -> dict[str, Any]:
    """Return keyword arguments by the names that they have now, and warn of old ones, of a class or a function.

    Raises
    ------
    SettingError
        Where one is given by both names.
    """
    found = dict(arguments)
    for old, new in getattr(function, "renamed", {}).items():
        if old not in found:
            continue
        of = of or function.__qualname__.removesuffix(".__init__")
        if new in found:
            raise SettingError(f"The argument {old} of {of} is {new} now: give it by that name only.")
        value = was = found.pop(old)
        told = f"The argument {old} of {of} is {new} now"
        if (convert := getattr(function, "convert", None)) is not None:
            value = convert(was)
            told += f": {value!r}, not {was!r}"
        warnings.warn(f"{told}.", DeprecationWarning, stacklevel=calls_inside() + 1)
        found[new] = value
    return found


def names_of_today(function: Any, kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings that were kept in a file or a pickle, by the names that arguments of a class have now.

    Examples
    --------
    >>> @renamed_arguments(rounds="n_estimators")
    ... def boost(n_estimators=10): ...
    >>> names_of_today(boost, {"rounds": 5})
    {'n_estimators': 5}
    """
    renamed = getattr(function, "renamed", {})
    found = {name: value for name, value in kept.items() if name not in renamed}
    for name in renamed.keys() & kept.keys():
        if str(kept[name]) != "deprecated":  # forests have had both names for a while
            found[renamed[name]] = kept[name]
    return found


def renamed_in(header: Any, predictor: str = "") -> Any:
    """Return what an older journal or folder says of itself, with settings by their names of today.

    Parameters
    ----------
    header : object
        Of JSON's types.
    predictor : str, optional
        What it is about, where it does not say so itself.

    Examples
    --------
    >>> renamed_in({"searcher": "gp", "settings": {"initial": 7}})
    {'searcher': 'gp', 'settings': {'n_initial': 7}}
    >>> renamed_in({"searcher": "xgboost-ei", "settings": {"options": {"rounds": 50}}})
    {'searcher': 'xgboost-ei', 'settings': {'options': {'n_estimators': 50}}}
    """
    if not isinstance(header, dict):
        return header
    predictor = next((header[key] for key in ("predictor", "searcher") if isinstance(header.get(key), str)), predictor)
    of_predictor = next((names for start, names in OF_PREDICTORS.items() if predictor.startswith(start)), {})
    found = {key: renamed_in(value, predictor) for key, value in header.items()}
    now = {"settings": _SETTINGS | (of_predictor if "predictor" in header else {}), "options": of_predictor}
    for key, names in now.items():
        if isinstance(settings := found.get(key), dict):
            found[key] = {
                new if (new := names.get(name, name)) not in settings else name: value
                for name, value in settings.items()
            }
    return found
