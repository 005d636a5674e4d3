"""One registry class for everything that has a name: spaces, sources, searchers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import TypeVar

from nasmeta.errors import NasmetaError, UnknownNameError

__all__ = ["Registry"]

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """A read-only mapping of names to things, filled by a decorator.

    Parameters
    ----------
    kind : str
        What the names stand for; used in messages.

    Examples
    --------
    >>> from nasmeta.registry import Registry
    >>> greetings = Registry("greeting")
    >>> @greetings.register("hello")
    ... def hello():
    ...     return "Hello."
    >>> greetings["hello"]()
    'Hello.'
    >>> greetings["hallo"]
    Traceback (most recent call last):
    nasmeta.errors.UnknownNameError: Unknown greeting 'hallo'. Did you mean 'hello'? Possible: hello.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}
        self._places: dict[str, str] = {}  # of what is imported when it is asked for
        self._extras: dict[str, str] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers its argument; a name can be taken only once."""

        def add(entry: T) -> T:
            taken = self._entries.get(name, self._places.get(name))
            if taken is not None and taken != _place_of(entry):
                raise ValueError(f"The {self.kind} {name!r} is registered already: {taken!r}.")
            self._entries[name] = entry
            return entry

        return add

    def declare(self, name: str, place: str, extra: str | None = None) -> None:
        """Name what is imported when it is first asked for.

        Parameters
        ----------
        name : str
        place : str
            ``"module:name"``.
        extra : str, optional
            Extra of this package that brings what the module needs.
        """
        if name in self:
            raise ValueError(f"The {self.kind} {name!r} is registered already.")
        self._places[name] = place
        if extra is not None:
            self._extras[name] = extra

    def name_of(self, entry: object) -> str | None:
        """Return the name of an entry, without importing others; None where it has none."""
        named = (name for name, own in self._entries.items() if own is entry)
        declared = (name for name, place in self._places.items() if place == _place_of(entry))
        return next(named, None) or next(declared, None)

    def __getitem__(self, name: str) -> T:
        if name not in self:
            raise UnknownNameError.of(self.kind, name, self)
        if name not in self._entries:
            self._entries[name] = self._imported(name)
        return self._entries[name]

    def _imported(self, name: str) -> T:
        module, _, attribute = self._places[name].partition(":")
        try:
            found: T = getattr(import_module(module), attribute)
        except ImportError as reason:
            if name not in self._extras:
                raise
            raise NasmetaError(
                f"The {self.kind} {name} needs {reason.name}, which is not installed: "
                f'pip install "nasmeta[{self._extras[name]}]".'
            ) from reason
        return found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self._entries or name in self._places)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._places, *self._entries]))

    def __len__(self) -> int:
        return len(self._places.keys() | self._entries.keys())


def _place_of(entry: object) -> str:
    return f"{getattr(entry, '__module__', '')}:{getattr(entry, '__qualname__', '')}"
