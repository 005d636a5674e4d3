"""Registries: names of spaces, sources, searchers and everything else that a user chooses by name."""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache
from importlib import import_module
from operator import attrgetter
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, TypeVar

from nasmeta.errors import NasmetaError, SettingError, UnknownNameError, needing

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    import pandas as pd


T = TypeVar("T")

_PLACE = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*(?:\.[^\W\d]\w*)*)(?::(.*))?")
_from_working_folder = False
_in_data_file = ContextVar("names of a data file", default=False)
# every ``package.module:Name`` that a call, command or running specification has named
_imported: set[str] = set()
STYLES: dict[str, str] = {}  # colour and marker of a declared name, see `nasmeta.plotting.styles`


def is_place(name: object) -> bool:
    """Return whether a name has the form ``package.module:Name``.

    >>> is_place("my_package.module:MySearcher"), is_place("nb201/cifar10"), is_place("gp")
    (True, False, False)
    """
    return (
        isinstance(name, str) and (place := _PLACE.fullmatch(name)) is not None and place[2] is None
    )


def split_name(text: str, known: Container[str]) -> tuple[str, str | None]:
    """Split ``NAME:SUFFIX``; the name is a known one or ``package.module:Name``, the suffix is None if absent.

    >>> split_name("gp:one-hot", ["gp"]), split_name("gp", ["gp"])
    (('gp', 'one-hot'), ('gp', None))
    >>> split_name("mine.module:Forest:one-hot", ["gp"]), split_name("mine.module:Forest", ["gp"])
    (('mine.module:Forest', 'one-hot'), ('mine.module:Forest', None))
    """
    name, colon, rest = (part.strip() for part in text.partition(":"))
    place = None if name in known else _PLACE.fullmatch(text)
    if place is None:
        return name, rest if colon else None
    return place[1], None if place[2] is None else place[2].strip()


def import_from_working_folder() -> None:
    """From now on, also import ``module:Name`` from the working folder, as ``python -m`` does; called by the CLI."""
    global _from_working_folder
    _from_working_folder = True


@contextmanager
def names_from_file() -> Iterator[None]:
    """Resolve names that a data file contains; usable as a decorator.

    Inside, ``package.module:Name`` resolves only if this process has imported it by that name
    before. Every other such name raises an UnknownNameError, so reading a file imports no code.
    """
    token = _in_data_file.set(True)
    try:
        yield
    finally:
        _in_data_file.reset(token)


def import_siblings(module: str) -> None:
    """Import all modules of the same package, so that they register their entries."""
    package = import_module(module.rpartition(".")[0])
    for sibling in iter_modules(package.__path__):
        import_module(f"{package.__name__}.{sibling.name}")


class Registry(Mapping[str, T]):
    """A read-only mapping of names to entries, filled by a decorator, by declarations and by other packages.

    With a `group`, a name that is not registered may be an entry point of an installed package, or
    ``package.module:Name``, which is imported unless the name is from a data file
    (`names_from_file`). Iteration lists registered names, declared names and entry points.

    Parameters
    ----------
    kind : str
        Noun for messages.
    group : str, optional
        Group of entry points.
    accepts : callable, optional
        Converts an imported object into an entry; returns None for other objects.
    wanted : str
        Noun phrase for the objects that `accepts` converts.

    Examples
    --------
    >>> greetings = Registry("greeting")
    >>> @greetings.register("hello")
    ... def hello():
    ...     return "Hello."
    >>> greetings["hello"]()
    'Hello.'
    >>> greetings["hallo"]
    Traceback (most recent call last):
    nasmeta.errors.UnknownNameError: Unknown greeting 'hallo'. Did you mean 'hello'?
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
        self.declared: dict[str, str] = {}  # name: module:name, imported on first use
        self.extras: dict[str, str] = {}  # name: extra of this package that the entry needs
        self._by_place: dict[str, T] = {}  # entries named package.module:Name

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers its argument; a name can be taken only once."""

        def add(entry: T) -> T:
            taken = self._entries.get(name, self.declared.get(name))
            if taken is not None and taken != place_of(entry):
                raise ValueError(f"The {self.kind} {name!r} is already registered: {taken!r}.")
            self._entries[name] = entry
            return entry

        return add

    def declare(
        self, name: str, place: str, extra: str | None = None, style: str | None = None
    ) -> None:
        """Register an entry for import on first use.

        Parameters
        ----------
        name, place : str
            Name and ``module:Name`` of the entry.
        extra : str, optional
            The extra of this package that the entry needs, or several, separated by commas.
        style : str, optional
            Colour and marker, such as ``blue circle``; they determine the dashes. By default a
            checksum of the name.
        """
        self.declared[name] = place
        if extra is not None:
            self.extras[name] = extra
        if style is not None:
            STYLES[name] = style

    def name_of(self, entry: object) -> str | None:
        """Return the name of an entry without importing other entries; None for an object without a name."""
        place = place_of(entry)
        # Of two names of one class the first declared one, whichever was imported.
        named = [name for name, declared in self.declared.items() if declared == place]
        named += [name for name, other in self._entries.items() if other is entry]
        if not named:
            named = [name for name, point in self._entry_points().items() if point.value == place]
        return named[0] if named else None

    def __getitem__(self, name: str) -> T:
        if name in self._entries:
            return self._entries[name]
        if name in self._by_place:
            return self._by_place[name]
        if name in self.declared:
            return self._entries.setdefault(name, self._import_declared(name))
        if (point := self._entry_points().get(name)) is not None:
            return self._entries.setdefault(name, self._import(name, point.value))
        if self.group is not None and is_place(name):
            return self._by_place.setdefault(name, self._import_named_by_caller(name))
        raise UnknownNameError.of(
            self.kind, name, [*self] if self.group is None else [*self, "package.module:Name"]
        )

    def _import_declared(self, name: str) -> T:
        module, _, attribute = self.declared[name].partition(":")
        extra = self.extras.get(name)
        with nullcontext() if extra is None else needing(f"The {self.kind} {name}", extra):
            entry: T = getattr(import_module(module), attribute)
        return entry

    def _import_named_by_caller(self, name: str) -> T:
        if _in_data_file.get() and name not in _imported:
            raise UnknownNameError(
                f"A file names the {self.kind} {name}, and reading a file imports no code. If you trust the file, "
                f"register {name}, or name it in the call or on the command line."
            )
        entry = self._import(name, name)
        _imported.add(name)
        return entry

    def _import(self, name: str, place: str) -> T:
        """Import an object of another package and convert it."""
        module, _, attribute = place.partition(":")
        if _from_working_folder and not {"", os.getcwd()} & {*sys.path}:
            sys.path.insert(0, os.getcwd())
        try:
            thing = attrgetter(attribute)(import_module(module))
        except (ImportError, AttributeError) as reason:
            raise UnknownNameError(
                f"The {self.kind} {name} cannot be imported: {reason}."
            ) from reason
        entry: T | None = thing if self._accepts is None else self._accepts(thing)
        if entry is None:
            raise SettingError(f"{self.kind} {name}", thing, self._wanted)
        return entry

    def _entry_points(self) -> Mapping[str, EntryPoint]:
        return {} if self.group is None else _entry_points(tuple(sys.path)).get(self.group, {})

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self.declared or name in self._entry_points()

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self.declared, *self._entries, *self._entry_points()]))

    def __len__(self) -> int:
        return len({*self})


@cache
def _entry_points(path: tuple[str, ...]) -> dict[str, dict[str, EntryPoint]]:
    """Return the entry points of packages on this path, by group of this package and name."""
    from importlib.metadata import entry_points

    points = entry_points()
    groups = [group for group in points.groups if group.startswith("nasmeta.")]
    return {group: {point.name: point for point in points.select(group=group)} for group in groups}


def place_of(entry: object) -> str:
    """Return ``package.module:Name`` of a class or function."""
    return f"{getattr(entry, '__module__', '')}:{getattr(entry, '__qualname__', '')}"


def listed(
    noun: str,
    mappings: Sequence[Mapping[str, Any]],
    facts: Callable[[str, Any], dict[str, Any]],
    unknown: dict[str, Any],
    extras: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return one row per name: the name, a summary, and facts.

    The summary is the first line of the entry's docstring, or of an entry that is a string. If an
    entry cannot be imported, the summary is the error, and the facts are `unknown`. With `extras`,
    the last column names the extra.
    """
    import pandas as pd

    mapping_of = {name: mapping for mapping in mappings for name in mapping}
    rows = []
    for name in sorted(mapping_of):
        try:
            entry = mapping_of[name][name]
            summary, known = (
                entry if isinstance(entry, str) else inspect.getdoc(entry) or "",
                facts(name, entry),
            )
        except NasmetaError as reason:
            summary, known = str(reason), unknown
        extra = (extras or {}).get(name, "")
        rows.append({noun: name, "summary": summary.partition("\n")[0], **known, "extra": extra})
    return pd.DataFrame(
        rows, columns=[noun, "summary", *unknown, *([] if extras is None else ["extra"])]
    )
