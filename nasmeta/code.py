"""What identifies what somebody else wrote: versions of packages, code of a class, what is inside an estimator."""

from __future__ import annotations

import ast
import inspect
import platform
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from importlib.util import resolve_name
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

import nasmeta
from nasmeta.errors import SettingError, shown

_LENGTH = 12  # hexadecimal digits of the digest
# What estimators called their parameters first: digests go on to say it, so that results in folders are found again.
_OF_NETWORKS = {"random_state": "seed", "validation_fraction": "validation_share"}
_FIRST_NAMES = {
    "ForestRegressor": {"n_estimators": "n_trees", "max_features": "columns", "min_samples_leaf": "smallest_leaf"},
    "XGBoostRegressor": {
        "n_estimators": "rounds", "max_depth": "depth", "subsample": "rows", "colsample_bytree": "columns",
    },
    **dict.fromkeys(("CellTransformer", "GraphNetwork", "MLPEnsemble"), _OF_NETWORKS),
}  # fmt: skip
_LIBRARIES = ("numpy", "scipy", "sklearn", "xgboost")  # nasmeta's own, whose versions are no part of an identity


def code_of(thing: type | Callable[..., Any]) -> str | None:
    """Return what identifies the code of a class or function; None for those of nasmeta, whose version says it.

    That is the attribute ``version`` of the class itself, not of a base of it, or of the function. Where there is none
    it is a digest of the source without comments, docstrings and layout: with the bases, and with those functions,
    classes, numbers, texts and plain literals at the top of the modules of the same package that the code names. What
    other packages do, Python's own and nasmeta among them, has no part in it. Where there is no source, the bytecode
    counts. Of an object that can be called its class counts, of a partial function the function.
    """
    while isinstance(thing, partial):
        thing = thing.func
    thing = inspect.unwrap(getattr(thing, "__func__", thing))
    if not isinstance(thing, type | FunctionType):
        thing = type(thing)
    if not _is_elsewhere(thing):
        return None
    return _version_of(thing) or sha256("\n".join(_texts(thing)).encode()).hexdigest()[:_LENGTH]


def _version_of(thing: Any) -> str | None:
    version = vars(thing).get("version")
    if version is None or isinstance(version, property) or callable(version):
        return None  # an attribute of the objects, not of the class
    if isinstance(version, bool) or not isinstance(version, str | int) or not str(version).strip():
        raise SettingError(
            f"The version of {thing.__qualname__} is {shown(version)}, but it is recorded with the results: a text or "
            'a whole number, such as version = "2".'
        )
    return str(version)


def _texts(thing: Any) -> Iterator[str]:
    """Yield the source of a class or function, and of all that it is made of."""
    package, open_, seen = _package_of(thing), [thing], [thing]
    while open_:
        one = open_.pop()
        version = None if one is thing else _version_of(one)
        if version is not None:
            yield f"{one.__qualname__} {version}"
            continue
        tree = _tree_of(one)
        yield "\n".join(_without_source(one)) if tree is None else ast.unparse(tree)
        used = [base for base in getattr(one, "__bases__", ()) if _is_elsewhere(base)]
        module = sys.modules.get(one.__module__)
        for name, found in _named_in(tree, {} if module is None else vars(module), package):
            if isinstance(found, str | int | float | tuple):  # nothing that changes while it runs
                yield f"{name} = {found!r}"
            elif isinstance(found, dict | list | set):
                yield from _assigned(name, module, package)
            elif isinstance(found, type | FunctionType) and _package_of(found) == package:
                used.append(found)
        for found in used:
            if not any(found is other for other in seen):
                seen.append(found)
                open_.append(found)


def _named_in(tree: ast.AST | None, module: Mapping[str, Any], package: str) -> Iterator[tuple[str, Any]]:
    """Yield what stands at the top of the module, or of another module of the package, under the names in the code."""
    names: set[tuple[str, ...]] = set()
    for node in [] if tree is None else ast.walk(tree):
        if isinstance(node, ast.Name):
            names.add((node.id,))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names.add((node.value.id, node.attr))
    for first, *rest in sorted(names):
        found = module.get(first)
        if rest:
            inside = isinstance(found, ModuleType) and _package_of(found) == package
            found = vars(found).get(rest[0]) if inside else None
        if not first.startswith("__"):
            yield ".".join((first, *rest)), inspect.unwrap(found) if callable(found) else found


def _assigned(name: str, module: Any, package: str) -> Iterator[str]:
    """Yield what the source of a module assigns to a name last, where that is a literal with something in it.

    The object itself may fill while it runs.
    """
    first, _, rest = name.partition(".")
    if rest:
        yield from _assigned(rest, getattr(module, first, None), package)
        return
    if not isinstance(module, ModuleType) or _package_of(module) != package:
        return
    tree = None
    with suppress(OSError, TypeError, SyntaxError):
        tree = ast.parse(inspect.getsource(module))
    for node in reversed(tree.body if tree else []):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    where = resolve_name("." * node.level + (node.module or ""), module.__package__)
                    yield from _assigned(alias.name, sys.modules.get(where), package)
                    return
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                with suppress(ValueError, TypeError):
                    if ast.literal_eval(node.value):
                        yield f"{name} = {ast.unparse(node.value)}"
                return


def _tree_of(thing: Any) -> ast.Module | None:
    """Return the syntax of the source without docstrings; None where there is none, or it is that of a whole line."""
    if thing.__name__ == "<lambda>":
        return None
    with suppress(OSError, TypeError, SyntaxError):
        tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node):
                node.body = node.body[1:] or [ast.Pass()]
        return tree
    return None


def _without_source(thing: Any) -> Iterator[str]:
    """Yield what a class or function without source does; the methods of a class in a notebook have a source."""
    if isinstance(thing, FunctionType):
        tree = _tree_of(thing)
        yield from [ast.unparse(tree)] if tree is not None else _instructions(thing.__code__)
        return
    for name, member in sorted(vars(thing).items()):
        member = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if isinstance(member, FunctionType):
            yield name
            yield from _without_source(member)
        elif isinstance(member, str | int | float | tuple) and not name.startswith("__"):
            yield f"{name} = {member!r}"


def _instructions(code: CodeType) -> Iterator[str]:
    yield f"{code.co_code.hex()} {code.co_names}"
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _instructions(constant)
        elif isinstance(constant, str | int | float | tuple):
            yield repr(constant)


def _package_of(thing: Any) -> str:
    name: str = thing.__name__ if isinstance(thing, ModuleType) else getattr(thing, "__module__", None) or ""
    return name.partition(".")[0]


def _is_elsewhere(thing: Any) -> bool:
    """Whether neither nasmeta nor Python itself brings it."""
    package = _package_of(thing)
    return package == "__main__" or (package != "nasmeta" and package not in sys.stdlib_module_names)


def code_within(estimator: Any) -> str | None:
    """Return what identifies the code of all classes and functions of somebody else's that make up an estimator.

    Those among its parameters have a part in it. None where there is nothing but nasmeta, Python and the libraries that
    nasmeta needs.
    """
    brought = [one for one in _made_of(estimator) if _package_of(one) not in _LIBRARIES]
    found = sorted({code for code in map(code_of, brought) if code is not None})
    if len(found) > 1:
        return sha256("\n".join(found).encode()).hexdigest()[:_LENGTH]
    return found[0] if found else None


def _made_of(value: Any) -> Iterator[type | FunctionType]:
    """Yield the classes of estimators, and functions, wherever they are in parameters."""
    if isinstance(value, type | FunctionType):
        yield value
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _made_of(item)
    elif isinstance(value, Mapping):
        yield from _made_of(list(value.values()))
    elif hasattr(value, "get_params"):
        yield type(value)
        yield from _made_of(value.get_params(deep=False))


def estimator_digest(estimator: Any) -> str:
    """Return a digest of an estimator's class and of all its parameters, arrays by type, shape and content.

    A parameter whose content cannot be told, such as a lambda or a generator, is a SettingError.
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
        first = _FIRST_NAMES.get(kind.__name__, {}) if kind.__module__.startswith("nasmeta.") else {}
        settings = {first.get(name, name): setting for name, setting in settings.items()}
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


def identity_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return where a function is, what identifies its code, and a digest of its settings, where there are any.

    Settings are the plain values that it was made with: those that a partial function binds, that an inner function
    sees, that are defaults, or public attributes of an object that is called.
    """
    settings = "\n".join(_settings_of(function))
    where = f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', '')}"
    identity = {"function": where, "code": code_of(function)}
    return {**identity, "settings": sha256(settings.encode()).hexdigest()[:_LENGTH]} if settings else identity


def _settings_of(function: Any) -> Iterator[str]:
    """Yield the plain values that a function was made with, by name."""
    given: dict[str, Any] = {}
    while isinstance(function, partial):
        given |= {**{f"argument {i}": value for i, value in enumerate(function.args)}, **function.keywords}
        function = function.func
    owner = getattr(function, "__self__", function)
    if not isinstance(owner, FunctionType | type | ModuleType):
        given |= {f"self.{name}": value for name, value in getattr(owner, "__dict__", {}).items() if name[0] != "_"}
    function = inspect.unwrap(getattr(function, "__func__", function))
    if isinstance(function, FunctionType):
        given |= {f"default {i}": value for i, value in enumerate(function.__defaults__ or ())}
        given |= function.__kwdefaults__ or {}
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            with suppress(ValueError):  # it is not filled yet
                given[f"outer {name}"] = cell.cell_contents
    for name, value in given.items():
        if isinstance(value, FunctionType):
            yield f"{name} = {code_of(value)}"
        elif value is None or isinstance(value, str | bool | int | float | np.number | tuple):
            yield f"{name} = {value!r}"


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of this package, Python and those of the others that are installed."""
    found = {"nasmeta": nasmeta.__version__, "python": platform.python_version()}
    for package in packages:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
