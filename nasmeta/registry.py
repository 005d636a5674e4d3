"""One registry class for everything that has a name: spaces, sources, searchers."""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from operator import attrgetter
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, TypeVar

from nasmeta.errors import NasmetaError, SettingError, UnknownNameError, needing, shown

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    import pandas as pd


T = TypeVar("T")

_PLACE = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*(?:\.[^\W\d]\w*)*)(?::(.*))?")
_from_working_folder = False
_of_a_file = ContextVar("names of a data file", default=False)
_imported: set[str] = set()  # every ``package.module:Name`` that a call, command or running specification has named


def is_place(name: object) -> bool:
    """Whether a name is of the form ``package.module:Name``.

    >>> is_place("my_package.module:MySearcher"), is_place("nb201/cifar10"), is_place("gp")
    (True, False, False)
    """
    return isinstance(name, str) and (found := _PLACE.fullmatch(name)) is not None and found[2] is None


def split_name(text: str, known: Container[str]) -> tuple[str, str | None]:
    """Return the name at the front, a known one or ``package.module:Name``, and what follows its next colon.

    >>> split_name("gp:one-hot", ["gp"]), split_name("gp", ["gp"])
    (('gp', 'one-hot'), ('gp', None))
    >>> split_name("mine.module:Forest:one-hot", ["gp"]), split_name("mine.module:Forest", ["gp"])
    (('mine.module:Forest', 'one-hot'), ('mine.module:Forest', None))
    """
    name, colon, rest = (part.strip() for part in text.partition(":"))
    found = None if name in known else _PLACE.fullmatch(text)
    if found is None:
        return name, rest if colon else None
    return found[1], None if found[2] is None else found[2].strip()


def import_from_working_folder() -> None:
    """Look for ``module:Name`` in the working folder, too, from now on; for commands, as Python does for ``-m``."""
    global _from_working_folder
    _from_working_folder = True


@contextmanager
def names_from_file() -> Iterator[None]:
    """Resolve names that a data file contains; usable as a decorator.

    Inside, ``package.module:Name`` resolves only if this process has imported it by that name before. Every other such
    name raises an UnknownNameError, so reading a file imports no code.
    """
    token = _of_a_file.set(True)
    try:
        yield
    finally:
        _of_a_file.reset(token)


def import_siblings(module: str) -> None:
    """Import all modules beside a module, so that they register what they hold."""
    package = import_module(module.rpartition(".")[0])
    for sibling in iter_modules(package.__path__):
        import_module(f"{package.__name__}.{sibling.name}")


class Registry(Mapping[str, T]):
    """A read-only mapping of names to things, filled by a decorator, and by other packages where it has a group.

    A name that is not registered may be an entry point of an installed package, of the `group`, or
    ``package.module:Name``, which is imported when it is asked for, but not inside `names_from_file`. Registered names
    come before those of others.
    Only names that are registered, declared or entry points are *in* the registry and listed. `accepts` makes an entry
    of what was found outside, None where it is of another kind than `wanted` says.

    >>> greetings = Registry("greeting")
    >>> @greetings.register("hello")
    ... def hello():
    ...     return "Hello."
    >>> greetings["hello"]()
    'Hello.'
    >>> greetings["hallo"]
    Traceback (most recent call last):
    nasmeta.errors.UnknownNameError: Unknown greeting 'hallo'. Did you mean 'hello'? Possible: hello.
    >>> Registry("path", group="my_package.paths")["pathlib:Path"]
    <class 'pathlib.Path'>
    """

    def __init__(
        self,
        kind: str,
        *,
        group: str | None = None,
        accepts: Callable[[Any], T | None] | None = None,
        wanted: str = "",
    ) -> None:
        self.kind, self.group = kind, group
        self._accepts, self._wanted = accepts, wanted
        self._entries: dict[str, T] = {}
        self._places: dict[str, str] = {}  # of what is imported when it is asked for
        self.extras: dict[str, str] = {}  # of this package, that bring what entries need
        self._outside: dict[str, T] = {}  # asked for as package.module:Name

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers its argument; a name can be taken only once."""

        def add(entry: T) -> T:
            taken = self._entries.get(name, self._places.get(name))
            if taken is not None and taken != place_of(entry):
                raise ValueError(f"The {self.kind} {name!r} is registered already: {taken!r}.")
            self._entries[name] = entry
            return entry

        return add

    def declare(self, name: str, place: str, extra: str | None = None) -> None:
        """Name what is imported, as ``module:name``, when it is asked for, and the extra that brings what it needs."""
        if name in self._entries or name in self._places:
            raise ValueError(f"The {self.kind} {name!r} is registered already.")
        self._places[name] = place
        if extra is not None:
            self.extras[name] = extra

    def name_of(self, entry: object) -> str | None:
        """Return the name of an entry, without importing others; None where it has none."""
        place = place_of(entry)
        named = (name for name, own in self._entries.items() if own is entry)
        declared = (name for name, own in self._places.items() if own == place)
        if (own_name := next(named, None) or next(declared, None)) is not None:
            return own_name
        return next((name for name, points in self._entry_points().items() if points[0].value == place), None)

    def __getitem__(self, name: str) -> T:
        if not isinstance(name, str):
            raise UnknownNameError.of(self.kind, name, self)
        if name in self._entries:
            return self._entries[name]
        if name in self._places:
            found = self._declared(name)
        elif points := self._entry_points().get(name):
            found = self._brought(name, points)
        elif self.group is not None and is_place(name):
            if name not in self._outside:
                self._outside[name] = self._named_by_caller(name)
            return self._outside[name]
        else:
            unknown = UnknownNameError.of(self.kind, name, self)
            if self.group is None:
                raise unknown
            raise UnknownNameError(f"{str(unknown)[:-1]}; or one of your own, as package.module:Name.")
        self._entries[name] = found
        return found

    def _named_by_caller(self, name: str) -> T:
        if _of_a_file.get() and name not in _imported:
            raise UnknownNameError(
                f"A file names the {self.kind} {name}, and reading a file imports no code. If you trust the file, "
                f"register {name}, or name it in the call or on the command line."
            )
        found = self._from_outside(name, name, "")
        _imported.add(name)
        return found

    def _declared(self, name: str) -> T:
        module, _, attribute = self._places[name].partition(":")
        extra = self.extras.get(name)
        with nullcontext() if extra is None else needing(f"The {self.kind} {name}", extra):
            found: T = getattr(import_module(module), attribute)
        return found

    def _brought(self, name: str, points: list[EntryPoint]) -> T:
        others = [point for point in points if point.value != points[0].value]
        if others:
            raise NasmetaError(
                f"Two packages bring the {self.kind} {name}: {_package(points[0])} with {points[0].value}, "
                f"{_package(others[0])} with {others[0].value}. Uninstall one, or write which you mean in place of "
                "the name."
            )
        return self._from_outside(name, points[0].value, f", which the package {_package(points[0])} brings,")

    def _from_outside(self, name: str, place: str, brought: str) -> T:
        """Import what another package has, checked."""
        asked = f"The {self.kind} {name}{brought}"
        module, _, attribute = place.partition(":")
        if _from_working_folder and not {"", os.getcwd()} & {*sys.path}:
            sys.path.insert(0, os.getcwd())
        try:
            there = import_module(module)
        except ModuleNotFoundError as reason:
            if not f"{module}.".startswith(f"{reason.name}."):  # something that the module needs itself
                raise NasmetaError(
                    f"{asked} needs {reason.name}, which is not installed: pip install its package."
                ) from reason
            raise UnknownNameError(
                f"{asked} cannot be found: there is no module {reason.name!r}. Install its package, or put the folder "
                "that holds it on PYTHONPATH; commands look in the working folder, too."
            ) from reason
        except (Exception, SystemExit) as reason:
            said = " ".join(f"{type(reason).__name__}: {reason}".split())
            raise NasmetaError(f"{asked} cannot be imported: {module} raises {said:.300}") from reason
        try:
            found = attrgetter(attribute)(there)
        except AttributeError as reason:
            near = get_close_matches(attribute, [own for own in vars(there) if not own.startswith("_")], n=3)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise UnknownNameError(f"{asked} cannot be found: {module} has no {attribute}.{hint}") from reason
        entry: T | None = found if self._accepts is None else self._accepts(found)
        if entry is None:
            a_kind = f"{'an' if self.kind[0] in 'aeiou' else 'a'} {self.kind}"
            raise SettingError(f"{asked} is {shown(found)} ({type(found).__name__}), but {a_kind} is {self._wanted}.")
        return entry

    def _entry_points(self) -> Mapping[str, list[EntryPoint]]:
        return {} if self.group is None else _entry_points(tuple(sys.path)).get(self.group, {})

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self._entries or name in self._places or name in self._entry_points())

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._places, *self._entries, *self._entry_points()]))

    def __len__(self) -> int:
        return len({*self})


@cache
def _entry_points(path: tuple[str, ...]) -> dict[str, dict[str, list[EntryPoint]]]:
    """Return what the packages on this path bring, by group of this package and name; read where it is first needed."""
    from importlib.metadata import entry_points

    found: dict[str, dict[str, list[EntryPoint]]] = {}
    points = entry_points()
    for group in points.groups:
        for point in points.select(group=group) if group.startswith("nasmeta.") else ():
            found.setdefault(group, {}).setdefault(point.name, []).append(point)
    return found


def _package(point: EntryPoint) -> str:
    return "of an unknown name" if point.dist is None else f"{point.dist.name} {point.dist.version}"


def place_of(entry: object) -> str:
    """Return ``package.module:Name`` of a class or function; of one within a function it is no name to find it by."""
    return f"{getattr(entry, '__module__', '')}:{getattr(entry, '__qualname__', '')}"


def listed(
    noun: str,
    mappings: Sequence[Mapping[str, Any]],
    facts: Callable[[str, Any], dict[str, Any]],
    unknown: dict[str, Any],
    told_by: Callable[[Any], object] = lambda entry: entry,
    extras: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return a row an entry, by name: the name, the first line of the docstring of what it is told by, and facts.

    A text stands for itself. Of what cannot be imported here the line says why, and the facts are unknown; the last
    column is of the extras, where there are any.
    """
    import pandas as pd

    rows = []
    for name, mapping in sorted({name: one for one in mappings for name in one}.items(), key=lambda item: item[0]):
        try:
            teller, known = told_by(mapping[name]), facts(name, mapping[name])
            summary = teller if isinstance(teller, str) else inspect.getdoc(teller) or ""
        except NasmetaError as reason:
            summary, known = str(reason), unknown
        extra = {} if extras is None else {"extra": extras.get(name, "")}
        rows.append({noun: name, "summary": summary.partition("\n")[0], **known, **extra})
    return pd.DataFrame(rows, columns=[noun, "summary", *unknown, *([] if extras is None else ["extra"])])
