"""A restricted unpickler, for pickles from other people."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Set
from typing import Any, BinaryIO

import numpy as np

from nasmeta.arrays import Array
from nasmeta.errors import DamagedFileError, UnsafePickleError

_Allowed = Mapping[tuple[str, str], Any] | Set[tuple[str, str]]


class _RestrictedUnpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO, allowed: _Allowed, encoding: str) -> None:
        super().__init__(file, encoding=encoding)
        self._allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        """Resolve a global of the allow-list."""
        if (module, name) in self._allowed:
            if isinstance(self._allowed, Mapping):
                return self._allowed[module, name]
            return super().find_class(module, name)
        globals_ = "".join(f", {m}.{n}" for m, n in sorted(self._allowed))
        raise UnsafePickleError(
            f"The pickle names {module}.{name}; expected containers, numbers, strings{globals_}."
        )


def restricted_load(
    file: BinaryIO, allowed: _Allowed = frozenset(), encoding: str = "ASCII"
) -> Any:
    """Load a pickle that uses only the globals of an allow-list.

    With an empty list, only containers, numbers, strings and bytes are built. A mapping contains a
    replacement for each global, which is then not imported. The encoding applies to strings of
    Python 2; ``latin1`` keeps their bytes.
    """
    try:
        return _RestrictedUnpickler(file, allowed, encoding).load()
    except UnsafePickleError:
        raise
    except Exception as reason:  # a broken pickle may fail with nearly any exception
        name = getattr(file, "name", "the pickle")
        raise DamagedFileError(
            f"{name} is not a valid pickle: {type(reason).__name__}: {reason}"
        ) from reason


class PickledArray:
    """A replacement of a NumPy array that checks its pickled state before it makes an array."""

    _KINDS = frozenset({"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"})

    def __init__(self, *state: Any) -> None:
        self._state: tuple[Any, ...] = state

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._state = state[1:]

    def to_numpy(self) -> Array:
        """Return the array; raise an error if the state is inconsistent or of an unknown kind."""
        try:
            shape, dtype, fortran, data = self._state
            if isinstance(data, str):  # bytes of Python 2, read as latin1
                data = data.encode("latin1")
            if not isinstance(dtype.code, str):  # hashing other objects may crash
                raise TypeError(f"its kind is a {type(dtype.code).__name__}")
            order: Any = dtype.order if dtype.order in ("<", ">") else "="
            if dtype.code in ("O", "O8"):
                flat = np.empty(len(data), dtype=object)
                flat[:] = data
            elif dtype.code in self._KINDS:
                flat = np.frombuffer(data, dtype=np.dtype(dtype.code).newbyteorder(order))
            else:
                raise ValueError(f"arrays of {dtype.code!r} are not expected")
            return flat.reshape(tuple(shape), order="F" if fortran in (True, "F") else "C")
        except (AttributeError, TypeError, ValueError) as reason:
            raise DamagedFileError(f"An array in a pickle is damaged: {reason}") from reason


class _PickledDtype:
    def __init__(self, code: str, *_: Any) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]


def _from_buffer(
    data: bytes, dtype: _PickledDtype, shape: tuple[int, ...], order: str
) -> PickledArray:
    return PickledArray(shape, dtype, order, data)


_ONLY_NAMED = object()  # a global that a pickle names but must not call
NUMPY_ARRAYS: Mapping[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _ONLY_NAMED,
    ("numpy", "dtype"): _PickledDtype,
    ("_codecs", "encode"): lambda text, _: text.encode("latin1"),  # bytes in protocol 2
    ("__builtin__", "bytes"): lambda: b"",
    **{
        (f"numpy.{core}.{module}", name): stand_in
        for core in ("core", "_core")  # before and since NumPy 2
        for module, name, stand_in in (
            ("multiarray", "_reconstruct", lambda *_: PickledArray()),
            ("numeric", "_frombuffer", _from_buffer),
        )
    },
}


def _number(dtype: _PickledDtype, data: bytes) -> float | int | bool:
    number: float | int | bool = PickledArray((), dtype, False, data).to_numpy()[()].item()
    return number


NUMPY_NUMBERS: Mapping[tuple[str, str], Any] = {  # replaced by Python numbers
    ("numpy", "dtype"): _PickledDtype,
    **{(f"numpy.{core}.multiarray", "scalar"): _number for core in ("core", "_core")},
}
