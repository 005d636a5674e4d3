"""One registry class for everything that has a name: spaces, sources, searchers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from nasmeta.errors import UnknownNameError

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

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers its argument; a name can be taken only once."""

        def add(entry: T) -> T:
            if name in self._entries:
                raise ValueError(f"The {self.kind} {name!r} is registered already: {self._entries[name]!r}.")
            self._entries[name] = entry
            return entry

        return add

    def __getitem__(self, name: str) -> T:
        try:
            return self._entries[name]
        except (KeyError, TypeError):
            raise UnknownNameError.of(self.kind, name, self._entries) from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
