"""A streaming reader of official pickles that imports and calls nothing.

Python's own unpickler is slower than the one in C, but its memo is a dictionary, so parts of
earlier records can be removed: a file of many gigabytes is read in the memory of a few cells, and a
large memo index allocates nothing. Keys are flat, because hashing deeply nested tuples overflows
the C stack.
"""

from __future__ import annotations

import bz2
import io
import pickle
import zipfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from nasmeta.errors import DamagedFileError, NasmetaError, UnsafePickleError
from nasmeta.pickles import NUMPY_ARRAYS, NUMPY_NUMBERS, PickledArray

_OLD_TORCH_STARTS = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # the pickle of its magic number


def read_records(path: Path, sink: Sink) -> Any:
    """Read an official file; `sink` receives the records, the rest is returned. See `stream_pickle`.

    The file is a pickle, plain or compressed with bzip2, or a torch file, new (a zip archive) or
    old.
    """
    try:
        with _opened(path) as (stream, is_old_torch):
            if is_old_torch:
                for _ in ("magic number", "protocol version", "system information"):
                    stream_pickle(stream, sink)
            root = stream_pickle(stream, sink)
            # Weights follow in an old torch file. Other files are read to the end, for the
            # checksums of decompressors.
            if not is_old_torch and stream.read(1):
                raise DamagedFileError("Other bytes follow the pickle.")
            return root
    except NasmetaError as reason:
        raise type(reason)(f"{path}: {reason}") from reason
    except (OSError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as reason:
        raise DamagedFileError(
            f"{path} cannot be read: {type(reason).__name__}: {reason}"
        ) from reason


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, bool]]:
    inside: Any
    with path.open("rb") as raw:
        start = raw.read(len(_OLD_TORCH_STARTS))
        raw.seek(0)
        if start.startswith(b"PK"):
            with zipfile.ZipFile(raw) as archive:
                paths = archive.namelist()
                names = [path for path in paths if path.rpartition("/")[2] == "data.pkl"]
                if len(names) != 1:
                    raise DamagedFileError("It is a zip archive, but not a torch file.")
                with archive.open(names[0]) as inside:
                    yield io.BufferedReader(inside, 1 << 20), False
        elif start.startswith(b"BZh"):
            with bz2.open(raw) as inside:
                yield io.BufferedReader(inside, 1 << 20), False
        elif start == _OLD_TORCH_STARTS:
            yield raw, True
        elif start.startswith(b"\x80"):
            yield raw, False
        else:
            raise DamagedFileError("It is neither a pickle (plain or .pbz2) nor a torch file.")


Sink = Callable[[str, dict[Any, Any]], None]  # the string of a cell, and its record

_REMEMBERED_RECORDS = 4  # the records of one cell share objects and are adjacent
_REMEMBERED_STRINGS = 64  # per text: all cells share the names of fields
_LONG = 40  # letters: names of fields are shorter
_PLAIN = (str, int)


def _hashable(key: Any) -> Any:
    """Return a key of a dictionary or item of a set, if it is one that official files have."""
    items = key if isinstance(key, tuple) else (key,)
    if not all(isinstance(item, _PLAIN) for item in items):
        raise pickle.UnpicklingError(
            f"a {type(key).__name__} is a key or in a set; expected strings, integers and tuples of them"
        )
    return key


def _set_of(items: Any = ()) -> set[Any]:
    """Replace the class set."""
    return {_hashable(item) for item in items}


class _Dict(dict[Any, Any]):
    """A replacement of OrderedDict that ignores the attributes that torch adds."""

    def __init__(self, items: Any = ()) -> None:
        super().__init__((_hashable(key), value) for key, value in items)

    def __setstate__(self, state: Any) -> None:
        pass


def _weights(*_: Any) -> None:
    """Skip the weights of a trained network."""


def _encode(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise ValueError(f"bytes are written as latin1, not {encoding!r}")
    return text.encode("latin-1")


_STORAGES = (
    "Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool", "Untyped",
)  # fmt: skip
_DTYPE = NUMPY_ARRAYS["numpy", "dtype"]
# The globals that official files contain.
_ALLOWED: Mapping[tuple[str, str], Any] = {
    **NUMPY_ARRAYS,
    **NUMPY_NUMBERS,
    ("collections", "OrderedDict"): _Dict,
    ("__builtin__", "set"): _set_of,
    ("builtins", "set"): _set_of,
    ("_codecs", "encode"): _encode,
    ("torch._utils", "_rebuild_tensor_v2"): _weights,
    ("torch._utils", "_rebuild_parameter"): _weights,
    ("torch.storage", "_load_from_bytes"): _weights,
    **{("torch", f"{kind}Storage"): _weights for kind in _STORAGES},
}
_WITH_STATE = (_Dict, PickledArray, _DTYPE)
_InPython: Any = vars(pickle)["_Unpickler"]


class _StreamingUnpickler(_InPython):  # type: ignore[misc]
    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(_InPython.dispatch)

    def __init__(self, file: BinaryIO, sink: Sink) -> None:
        super().__init__(file)
        self._sink = sink
        self._n_memoized = self._n_before = 0
        self._texts: dict[str, int] = {}
        self._recent: deque[list[int]] = deque()

    def find_class(self, module: str, name: str) -> Any:
        """Return the replacement of an allowed global; nothing is imported."""
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise UnsafePickleError(
                f"The pickle names {module}.{name}; official files contain containers, numbers, strings and arrays."
            ) from None

    def persistent_load(self, pid: Any) -> None:
        """Skip a storage of weights."""

    def load_build(self) -> None:
        """Set the state of an instance of a replacement, never of a class."""
        state = self.stack.pop()
        target = self.stack[-1]
        if type(target) not in _WITH_STATE:
            raise UnsafePickleError(
                f"The pickle sets the state of {type(target).__name__}, which is not allowed."
            )
        target.__setstate__(state)

    def load_memoize(self) -> None:
        """Memoize under the next number, which differs from the memo's length after parts are forgotten."""
        self.memo[self._n_memoized] = self.stack[-1]
        self._n_memoized += 1

    def load_additems(self) -> None:
        """Add items to a set."""
        items = self.pop_mark()
        self.stack[-1].update(_set_of(items))

    def load_setitem(self) -> None:
        """Set one item and pass on a complete record."""
        value = self.stack.pop()
        key = self.stack.pop()
        self._set([key, value])

    def load_setitems(self) -> None:
        """Set items and pass on complete records."""
        self._set(self.pop_mark())

    def _set(self, items: list[Any]) -> None:
        target = self.stack[-1]
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) not in _PLAIN:  # faster than the check
                _hashable(key)
            target[key] = value
        if "all_results" in target:  # the record of a cell for one length of training
            self._pass_on(str(target.get("arch_str")), target["all_results"])
            del target["all_results"]

    def _pass_on(self, cell: str, record: Any) -> None:
        self._sink(cell, record)
        self._recent.append(list(islice(self.memo, self._n_before, None)))
        if len(self._recent) > _REMEMBERED_RECORDS:
            for index in self._recent.popleft():
                if index in self.memo and not self._worth_keeping(self.memo[index]):
                    del self.memo[index]
        self._n_before = len(self.memo)

    def _worth_keeping(self, value: Any) -> bool:
        if isinstance(value, str):
            if len(value) >= _LONG or "@" in value:  # not a name of a field
                return False
            self._texts[value] = self._texts.get(value, 0) + 1
            return self._texts[value] <= _REMEMBERED_STRINGS
        return value is None or callable(value) or type(value) is _DTYPE


for _opcode, _load in (
    (pickle.BUILD, _StreamingUnpickler.load_build),
    (pickle.MEMOIZE, _StreamingUnpickler.load_memoize),
    (pickle.ADDITEMS, _StreamingUnpickler.load_additems),
    (pickle.SETITEM, _StreamingUnpickler.load_setitem),
    (pickle.SETITEMS, _StreamingUnpickler.load_setitems),
):
    _StreamingUnpickler.dispatch[_opcode[0]] = _load
# Official files do not use these. Buffers allocate memory before they are read.
for _code in b"".join((
    pickle.DICT, pickle.FROZENSET, pickle.EXT1, pickle.EXT2, pickle.EXT4,
    pickle.BYTEARRAY8, pickle.NEXT_BUFFER, pickle.READONLY_BUFFER,
)):  # fmt: skip
    del _StreamingUnpickler.dispatch[_code]


def stream_pickle(file: BinaryIO, sink: Sink) -> Any:
    """Read one pickle, up to its end, and pass on each record as soon as it is complete.

    `sink` receives the string of a cell and its record, a mapping from (run, seed) to the trial.
    The whole without the records is returned. A ValueError of the sink means that the record is
    damaged. Parts of earlier records are forgotten, so that memory does not grow with the file.
    """
    try:
        return _StreamingUnpickler(file, sink).load()
    except NasmetaError:
        raise
    except Exception as reason:  # a broken pickle may fail with nearly any exception
        raise DamagedFileError(f"It is damaged: {type(reason).__name__}: {reason}") from reason
