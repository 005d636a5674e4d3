"""Where a meta-training stands, in one file, so that an interrupted one goes on as if nothing had happened."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import DamagedFileError, SettingError
from nasmeta.files import write_atomically

__all__ = ["resuming", "write_checkpoint"]

_HEAD = "head"


def write_checkpoint(
    path: Path, identity: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]
) -> None:
    """Write arrays and facts of JSON's types; the old file stays until the new one is complete.

    Parameters
    ----------
    path : Path
    identity : mapping
        What makes it the same training, see `training_identity`.
    arrays : mapping of str to ndarray
    facts : mapping
    """
    head = json.dumps({"identity": identity, "facts": facts}).encode()
    content = io.BytesIO()
    np.savez(content, **{_HEAD: np.frombuffer(head, dtype=np.uint8)}, **arrays)  # type: ignore[arg-type]
    write_atomically(path, content.getvalue())


@contextmanager
def resuming(path: Path, identity: Mapping[str, Any]) -> Iterator[tuple[dict[str, NDArray[Any]], dict[str, Any]]]:
    """Read a checkpoint; inside, the arrays and facts are put where they belong.

    Raises
    ------
    SettingError
        Where it is of another training.
    DamagedFileError
        Where it is none, or something inside cannot be put where it belongs.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "training.checkpoint"
    ...     write_checkpoint(path, {"seed": 0}, {"weights": np.ones(3)}, {"step": 7})
    ...     with resuming(path, {"seed": 0}) as (arrays, facts):
    ...         print(arrays["weights"], facts["step"])
    [1. 1. 1.] 7
    """
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files}
        head = json.loads(arrays.pop(_HEAD).tobytes())
        if head["identity"] != json.loads(json.dumps(identity)):
            raise SettingError(
                f"{path} is the checkpoint of another meta-training (other sources, labels, settings or learner): "
                "remove it, or name another file."
            )
        yield arrays, head["facts"]
    except SettingError:
        raise
    except Exception as reason:  # whatever NumPy and PyTorch make of altered content
        said = " ".join(str(reason).split())  # PyTorch's are of many lines
        raise DamagedFileError(
            f"{path} is no checkpoint, or it is damaged ({said:.100}): delete it to begin anew."
        ) from reason
