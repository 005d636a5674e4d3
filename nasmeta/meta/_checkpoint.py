"""Where a meta-training stands, in one file, so that an interrupted one goes on as if nothing had happened."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from nasmeta.archives import ArchiveKind, unpack
from nasmeta.errors import SettingError
from nasmeta.files import write_atomically

_KIND = ArchiveKind("nasmeta-checkpoint", 1, "checkpoint", "To begin anew, delete it.", largest=2**31, compressed=False)
_OLD_HEAD = "head"  # an array of the files that were no archives yet, with identity and facts


def write_checkpoint(
    path: Path, identity: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]
) -> None:
    """Write arrays and facts of JSON's types; the old file stays until the new one is complete."""
    write_atomically(path, _KIND.encode({"identity": identity, "facts": facts}, arrays))


@contextmanager
def resuming(path: Path, identity: Mapping[str, Any]) -> Iterator[tuple[dict[str, NDArray[Any]], dict[str, Any]]]:
    """Read a checkpoint; inside, the arrays and facts are put where they belong.

    One of another training is a SettingError; one that is none, or does not fit where it belongs, a DamagedFileError.
    """
    head, arrays = _content(path)
    with _KIND.blaming(path):
        same = head["identity"] == json.loads(json.dumps(identity))
    if not same:
        raise SettingError(
            f"{path} is the checkpoint of another meta-training (other sources, labels, settings or learner): "
            "remove it, or name another file."
        )
    with _KIND.blaming(path):
        yield {name: array.copy() for name, array in arrays.items()}, head["facts"]


def _content(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    raw = _KIND.read(path)
    with _KIND.blaming(path):
        arrays = unpack(raw, _KIND.largest)
        if _OLD_HEAD in arrays:
            return json.loads(arrays.pop(_OLD_HEAD).tobytes()), arrays
    return _KIND.decode(raw, path)
