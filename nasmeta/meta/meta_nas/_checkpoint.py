"""Where a meta-training stands, in one file, so that an interrupted one goes on as if nothing had happened."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import DamagedFileError, SettingError
from nasmeta.files import write_atomically

__all__ = ["read_checkpoint", "write_checkpoint", "write_log"]


def write_checkpoint(path: Path, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> None:
    """Write arrays and facts of JSON's types; the old file stays until the new one is complete."""
    content = io.BytesIO()
    np.savez(content, facts=np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8), **arrays)  # type: ignore[arg-type]
    write_atomically(path, content.getvalue())


def write_log(path: Path, rows: Sequence[Sequence[float]]) -> None:
    """Write the log of a meta-training as a CSV file; all rows anew, so that a resumed training has none twice."""
    lines = ["step,prediction_loss,search_loss,proposed_score,screened_score"]
    lines += [",".join(f"{value:.6g}" for value in row) for row in rows]
    write_atomically(path, "\n".join(lines) + "\n")


def read_checkpoint(path: Path, identity: Any) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
    """Return arrays and facts; None where there is no file.

    Raises
    ------
    DamagedFileError
    SettingError
        Where it is of another training: its fact ``identity`` is not the one given.
    """
    if not path.exists():
        return None
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files}
        facts: dict[str, Any] = json.loads(arrays.pop("facts").tobytes())
        found = facts["identity"]
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as reason:
        raise DamagedFileError(f"{path} is no checkpoint, or it is damaged: delete it to begin anew.") from reason
    if found != identity:
        raise SettingError(
            f"{path} is the checkpoint of another meta-training (other sources, labels, settings or learner): "
            "remove it, or name another file."
        )
    return arrays, facts
