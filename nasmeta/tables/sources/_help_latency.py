"""HELP: latency of all cells on 27 settings of device and batch size."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import DamagedFileError
from nasmeta.spaces import CellSpace
from nasmeta.tables._pickles import restricted_load
from nasmeta.tables.sources._base import Column
from nasmeta.tables.sources._registry import READERS, FetchedSource

_SAME_AS_HW_NAS_BENCH = ("eyeriss", "fpga", "pixel3", "raspi4")
_GPU_AND_BATCH = re.compile(r"(\d+ti|titan\w+)_(\d+)")  # but essential_ph_1 is the name of a phone


@READERS.register("help-latency")
def read_help_latency(source: FetchedSource, space: CellSpace, files: Mapping[str, Path]) -> Iterator[Column]:
    """Return one column a file; the values are in the space's official order."""
    for setting, file in files.items():
        gpu = _GPU_AND_BATCH.fullmatch(setting)
        device = f"{gpu[1]}_batch{gpu[2]}" if gpu else setting
        note = "input of 32 x 32 pixels, cells in the official order"
        if setting in _SAME_AS_HW_NAS_BENCH:
            note += "; the same numbers as HW-NAS-Bench's on cifar10"
        info = source.info(
            setting, "cifar10", f"latency_{device}_milliseconds", None, None, None,
            unit="ms", direction="min", note=note, kind="latency", device=gpu[1] if gpu else setting,
        )  # fmt: skip
        yield info, _list_of_numbers(file, space.size)


def _list_of_numbers(file: Path, n: int) -> NDArray[np.float32]:
    """Read a zip-format torch file that holds one Python list of numbers and no tensor, so that torch is not needed."""
    try:
        with zipfile.ZipFile(file) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
            pickled = archive.read(name)  # its CRC is checked
    except (zipfile.BadZipFile, ValueError, EOFError) as reason:
        raise DamagedFileError(f"{file} is no torch file of the kind it should be: {reason}") from reason
    numbers = restricted_load(io.BytesIO(pickled))
    if not isinstance(numbers, list) or len(numbers) != n or {type(number) for number in numbers} - {int, float}:
        raise ValueError(f"{file} is no list of {n:,} numbers.")
    values = np.array(numbers, dtype=np.float64)
    if not (np.isfinite(values) & (values > 0)).all():
        raise ValueError(f"{file} has latencies that are not positive.")
    return values.astype(np.float32)
