"""Reading official pickles as a stream: nothing that they ask for is run, and no record is kept once it is handed on.

Python's own unpickler in Python is slower than the one in C, but its memo is a dictionary that can be emptied: a file
of many gigabytes is read in the memory of a few cells, and a memo index in a damaged file allocates nothing. No text or
array may be longer than those of official files can be, and keys are flat: to hash tuples that lie two million deep in
one another would end the process.
"""

from __future__ import annotations

import bz2
import io
import pickle
import struct
import zipfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from nasmeta.errors import DamagedFileError, NasmetaError, UnsafePickleError
from nasmeta.tables._pickles import NUMPY_ARRAYS, NUMPY_NUMBERS, PickledArray

_MAGIC_OF_OLD_TORCH = 0x1950A86A20F9469CFC6C
_OLD_TORCH_STARTS = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_MOST_BYTES, _MOST_TIMES = 1 << 25, 100  # that a file unpacks to: so much, and so many times its own size
_MOST_OPCODES = 1 << 19  # up to the next record; official ones have some 50,000
_READ_AT_ONCE = 1 << 25  # of a cell: more is read as a stream, which is slower and takes no memory


def read_records(path: Path, sink: Sink, *, one_cell: bool = False, forget: bool = True) -> Any:
    """Read a file of the official APIs or of NASLib; `sink` gets the records, the rest is returned.

    It is a pickle, plain or compressed with bzip2, or a torch file, new (a zip archive) or old; torch is not needed. A
    file about one cell is read at once, which is faster. For `sink` and `forget` see `stream_pickle`.
    """
    try:
        with _opened(path, one_cell) as (stream, is_old_torch):
            if is_old_torch:
                for part in ("magic number", "protocol version", "system information"):
                    value = stream_pickle(stream, sink)
                    if part == "magic number" and value != _MAGIC_OF_OLD_TORCH:
                        raise DamagedFileError("It is no torch file.")
            root = stream_pickle(stream, sink, forget)
            # Where weights follow, they are not read; else the decompressor is to see the end, where the checksums are.
            if not is_old_torch and stream.read(1):
                raise DamagedFileError("Something follows the pickle.")
            return root
    except NasmetaError as reason:
        raise type(reason)(f"{path}: {reason}") from reason
    except (OSError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as reason:
        raise DamagedFileError(f"{path} cannot be read: {type(reason).__name__}: {reason}") from reason


class _Limited(io.RawIOBase):
    """The unpacked content of a file, which ends with an error if it is too long for the file's size."""

    def __init__(self, inside: Any, size: int) -> None:
        self._inside = inside
        self._left = self._most = _MOST_BYTES + _MOST_TIMES * size

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read as a file does."""
        n: int = self._inside.readinto(buffer)
        self._left -= n
        if self._left < 0:
            raise DamagedFileError(f"It unpacks to more than {self._most:,} bytes, which no official file does.")
        return n


@contextmanager
def _opened(path: Path, one_cell: bool) -> Iterator[tuple[BinaryIO, bool]]:
    inside: Any
    with path.open("rb") as raw:
        size = path.stat().st_size
        start = raw.read(len(_OLD_TORCH_STARTS))
        raw.seek(0)
        if start.startswith(b"PK"):
            with zipfile.ZipFile(raw) as archive:
                names = [name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl"]
                if len(names) != 1:
                    raise DamagedFileError("It is a zip archive, but no torch file.")
                with archive.open(names[0]) as inside:
                    yield io.BufferedReader(_Limited(inside, size), 1 << 20), False
        elif start.startswith(b"BZh"):
            with bz2.open(raw) as inside:
                content = inside.read(_READ_AT_ONCE + 1) if one_cell else b""
                if one_cell and len(content) <= _READ_AT_ONCE:
                    yield io.BytesIO(content), False
                else:
                    inside.seek(0)
                    del content
                    yield io.BufferedReader(_Limited(inside, size), 1 << 20), False
        elif start == _OLD_TORCH_STARTS:
            yield raw, True
        elif start.startswith(b"\x80"):
            yield raw, False
        else:
            raise DamagedFileError("It is neither a pickle (plain or .pbz2) nor a torch file.")


Sink = Callable[[str, dict[Any, Any]], None]  # the string of a cell, and what is recorded about it

_REMEMBERED_RECORDS = 4  # objects are shared between the records of one cell, which follow one another
_REMEMBERED_STRINGS = 64  # of one text: names of fields are shared by all cells
_MOST_BYTES_AT_ONCE = 1 << 24  # the largest part of an official file is a tensor of weights, of some 150,000 bytes


class Forgotten(Exception):
    """A record refers to a part of a much earlier one, which is not remembered any more."""


_PLAIN = (str, int)


def _hashable(key: Any) -> Any:
    """Return a key of a dictionary or item of a set, if it is one that official files have."""
    if not all(isinstance(item, _PLAIN) for item in (key if isinstance(key, tuple) else (key,))):
        raise pickle.UnpicklingError(
            f"a {type(key).__name__} is a key or in a set: official files have texts, whole numbers and pairs of them"
        )
    return key


def _set_of(items: Any = ()) -> set[Any]:
    """Stand in for the class set."""
    return {_hashable(item) for item in items}


class _Dict(dict[Any, Any]):
    """Stands in for an OrderedDict; what torch attaches to one is dropped."""

    def __init__(self, items: Any = ()) -> None:
        super().__init__((_hashable(key), value) for key, value in items)

    def __setstate__(self, state: Any) -> None:
        pass


def _weights(*_: Any) -> None:
    """Stand in for the weights of a trained network, which are skipped."""


def _encode(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise ValueError(f"bytes are written as latin1, not {encoding!r}")
    return text.encode("latin-1")


_STORAGES = ("Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool", "Untyped")
_DTYPE = NUMPY_ARRAYS["numpy", "dtype"]
# What the official files truly contain; everything else is refused.
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


def _in_small_parts(read: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """Return a function that reads as `read` does, but nothing larger than what official files have."""

    def checked(n: int) -> bytes:
        if 0 <= n <= _MOST_BYTES_AT_ONCE:
            return read(n)
        raise pickle.UnpicklingError(f"a part of {n:,} bytes: official files have none so large")

    return checked


class _Dispatch(dict[int, Callable[[Any], None]]):
    """The functions of the opcodes, which may be looked up a limited number of times between two records."""

    left = _MOST_OPCODES

    def __getitem__(self, opcode: int) -> Callable[[Any], None]:
        self.left -= 1
        if self.left < 0:
            raise pickle.UnpicklingError(f"more than {_MOST_OPCODES:,} opcodes without a record")
        return super().__getitem__(opcode)


class _StreamingUnpickler(_InPython):  # type: ignore[misc]
    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(_InPython.dispatch)

    def __init__(self, file: BinaryIO, sink: Sink, forget: bool) -> None:
        super().__init__(file)
        self._file_read = _in_small_parts(file.read)
        self._file_readline = partial(file.readline, _MOST_BYTES_AT_ONCE)  # what is cut no longer ends as a line
        self._sink, self._forget = sink, forget
        self.dispatch = _Dispatch(type(self).dispatch)  # type: ignore[misc]
        self._n_memoized = self._n_before = 0
        self._texts: dict[str, int] = {}
        self._recent: deque[list[int]] = deque()
        self._forgotten = False

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands in for a global of the allow-list; nothing is imported."""
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise UnsafePickleError(
                f"The pickle asks for {module}.{name}, which is refused: official files contain plain containers, "
                "numbers, strings, and arrays of numpy and torch."
            ) from None

    def persistent_load(self, pid: Any) -> None:
        """Skip a storage of weights, which lies elsewhere in a torch file."""

    def get_extension(self, code: int) -> Any:
        """Refuse the registry of extensions of this process."""
        raise UnsafePickleError(f"The pickle asks for extension {code}, which is refused.")

    def load_build(self) -> None:
        """Set the state of a stand-in's instance, and of nothing else: a class must stay as it is."""
        state = self.stack.pop()
        target = self.stack[-1]
        if type(target) not in _WITH_STATE:
            raise UnsafePickleError(f"The pickle sets the state of {type(target).__name__}, which is refused.")
        target.__setstate__(state)

    def load_memoize(self) -> None:
        """Memoize under the next number, which is not the memo's length once something is forgotten."""
        self.memo[self._n_memoized] = self.stack[-1]
        self._n_memoized += 1

    def _get(self, index: int) -> None:
        try:
            self.append(self.memo[index])
        except KeyError:
            if self._forgotten:
                raise Forgotten from None
            raise pickle.UnpicklingError(f"memo value {index} does not exist") from None

    def load_binget(self) -> None:
        """Look up what was memoized."""
        self._get(self.read(1)[0])

    def load_long_binget(self) -> None:
        """Look up what was memoized."""
        self._get(struct.unpack("<I", self.read(4))[0])

    def load_dict(self) -> None:
        """Make a dictionary of what is on the stack, as old protocols do."""
        items = self.pop_mark()
        self.append({})
        self._set(items)

    def load_additems(self) -> None:
        """Add items to a set."""
        items = self.pop_mark()
        if not isinstance(self.stack[-1], set):
            raise pickle.UnpicklingError(f"items are added to a {type(self.stack[-1]).__name__}")
        self.stack[-1].update(_set_of(items))

    def load_frozenset(self) -> None:
        """Make a set of what is on the stack."""
        self.append(frozenset(_set_of(self.pop_mark())))

    def load_setitem(self) -> None:
        """Set one item and hand on a record that is complete now."""
        value = self.stack.pop()
        key = self.stack.pop()
        self._set([key, value])

    def load_setitems(self) -> None:
        """Set items and hand on records that are complete now."""
        self._set(self.pop_mark())

    def _set(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise pickle.UnpicklingError(f"items are set in a {type(target).__name__}")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(value, dict) and isinstance(key, str) and key.startswith("|"):
                self._hand_on(key, value)  # NASLib: the string of a cell and its record
                value = None
            target[key if type(key) in _PLAIN else _hashable(key)] = value
        if "all_results" in target:  # official: the record of a cell at one number of epochs
            self._hand_on(str(target.get("arch_str")), target["all_results"])
            del target["all_results"]

    def _hand_on(self, cell: str, record: Any) -> None:
        if not isinstance(record, dict):
            raise pickle.UnpicklingError(f"the record of cell {cell} is a {type(record).__name__}")
        self._sink(cell, record)
        self.dispatch.left = _MOST_OPCODES  # type: ignore[attr-defined]
        if not self._forget:
            return
        self._recent.append(list(islice(self.memo, self._n_before, None)))
        if len(self._recent) > _REMEMBERED_RECORDS:
            for index in self._recent.popleft():
                if index in self.memo and not self._worth_keeping(self.memo[index]):
                    del self.memo[index]
                    self._forgotten = True
        self._n_before = len(self.memo)

    def _worth_keeping(self, value: Any) -> bool:
        if isinstance(value, str):
            n = self._texts[value] = self._texts.get(value, 0) + 1 if len(value) < 40 and "@" not in value else 65
            return n <= _REMEMBERED_STRINGS
        return value is None or callable(value) or type(value) is _DTYPE


for _opcode, _load in (
    (pickle.BUILD, _StreamingUnpickler.load_build),
    (pickle.MEMOIZE, _StreamingUnpickler.load_memoize),
    (pickle.BINGET, _StreamingUnpickler.load_binget),
    (pickle.LONG_BINGET, _StreamingUnpickler.load_long_binget),
    (pickle.DICT, _StreamingUnpickler.load_dict),
    (pickle.ADDITEMS, _StreamingUnpickler.load_additems),
    (pickle.FROZENSET, _StreamingUnpickler.load_frozenset),
    (pickle.SETITEM, _StreamingUnpickler.load_setitem),
    (pickle.SETITEMS, _StreamingUnpickler.load_setitems),
):
    _StreamingUnpickler.dispatch[_opcode[0]] = _load
for _opcode in (pickle.BYTEARRAY8, pickle.NEXT_BUFFER, pickle.READONLY_BUFFER):
    del _StreamingUnpickler.dispatch[_opcode[0]]  # no official file has them, and they take memory before they read


def stream_pickle(file: BinaryIO, sink: Sink, forget: bool = True) -> Any:
    """Read one pickle, no further than its end, and hand on every cell's record as soon as it is complete.

    `sink` gets the string of a cell and its record, which is not kept; the whole without the records is returned. An
    official file has one for each number of epochs: from (run, seed) to the trial. A ValueError of the sink means
    that the record is damaged. With `forget`, parts of earlier records are forgotten, too, so that memory does not grow
    with the file; where that was too much, Forgotten is raised: read again without.
    """
    try:
        return _StreamingUnpickler(file, sink, forget).load()
    except (NasmetaError, Forgotten):
        raise
    except Exception as reason:  # a broken pickle may fail with nearly any exception
        raise DamagedFileError(f"It is damaged: {type(reason).__name__}: {reason}") from reason
