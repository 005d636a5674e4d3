"""HELP: latency of all cells on 27 settings of device and batch size."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from nasmeta.pickles import restricted_load
from nasmeta.spaces import CellSpace
from nasmeta.tables.sources._base import Column, Files
from nasmeta.tables.sources._registry import READERS, FetchedSource

_SAME_AS_HW_NAS_BENCH = ("eyeriss", "fpga", "pixel3", "raspi4")
_GPU_AND_BATCH = re.compile(r"(\d+ti|titan\w+)_(\d+)")  # but essential_ph_1 is the name of a phone


@READERS.register("help-latency")
def read_help_latency(source: FetchedSource, space: CellSpace, files: Files) -> Iterator[Column]:
    """Return one column per file; the values are in the official order of cells."""
    for setting, file in files.items():
        device = name = setting
        graphics = _GPU_AND_BATCH.fullmatch(setting)
        if graphics:
            device, name = graphics[1], f"{graphics[1]}_batch{graphics[2]}"
        note = "input of 32 x 32 pixels, cells in the official order"
        if setting in _SAME_AS_HW_NAS_BENCH:
            note += "; the same numbers as HW-NAS-Bench's on cifar10"
        values, metric = torch_list(file), f"latency_{name}_milliseconds"
        yield source.column(setting, values, "cifar10", metric, note=note, device=device)


def torch_list(file: Path) -> list[float]:
    """Read the Python list in a zip-format torch file without torch."""
    with zipfile.ZipFile(file) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        values: list[float] = restricted_load(io.BytesIO(archive.read(name)))
    return values
