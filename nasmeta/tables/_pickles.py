"""Reading pickles that others wrote, without running anything that they ask for."""

from __future__ import annotations

import pickle
from collections.abc import Set
from typing import Any, BinaryIO

from nasmeta.errors import DamagedFileError, UnsafePickleError

__all__ = ["restricted_load"]


class _RestrictedUnpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO, allowed: Set[tuple[str, str]]) -> None:
        super().__init__(file)
        self._allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        """Resolve a global of the allow-list. Without a global, a pickle has nothing that it could call."""
        if (module, name) in self._allowed:
            return super().find_class(module, name)
        globals_ = "".join(f", {m}.{n}" for m, n in sorted(self._allowed))
        raise UnsafePickleError(
            f"The pickle asks for {module}.{name}, which is refused. "
            f"Allowed: plain containers, numbers, strings{globals_}."
        )


def restricted_load(file: BinaryIO, allowed: Set[tuple[str, str]] = frozenset()) -> Any:
    """Load a pickle that may use the globals of an allow-list and nothing else.

    Parameters
    ----------
    file : binary file
    allowed : set of (module, name), default empty
        With the empty set only containers, numbers, strings and bytes can be built.

    Returns
    -------
    object

    Raises
    ------
    UnsafePickleError
        Where the pickle asks for any other global; nothing of it was called.
    DamagedFileError
        Where it is no well-formed pickle.

    Examples
    --------
    >>> import io, pickle
    >>> restricted_load(io.BytesIO(pickle.dumps({"421211": [82.09, 81.62]})))
    {'421211': [82.09, 81.62]}
    >>> restricted_load(io.BytesIO(pickle.dumps(eval)))
    Traceback (most recent call last):
    nasmeta.errors.UnsafePickleError: The pickle asks for builtins.eval, which is refused. \
Allowed: plain containers, numbers, strings.
    """
    try:
        return _RestrictedUnpickler(file, allowed).load()
    except UnsafePickleError:
        raise
    except Exception as reason:  # a broken pickle may fail with nearly any exception
        name = getattr(file, "name", "the pickle")
        raise DamagedFileError(f"{name} is no well-formed pickle: {type(reason).__name__}: {reason}") from reason
