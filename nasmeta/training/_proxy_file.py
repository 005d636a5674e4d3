"""Files of measured zero-cost proxies. Reading them does not need PyTorch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nasmeta.archives import unpack
from nasmeta.arrays import Architectures, Facts, Floats
from nasmeta.errors import SettingError
from nasmeta.files import intact, shipped
from nasmeta.spaces import ArchitectureLike, SearchSpace, from_content, get_cell_space, move_cells

FORMAT = 1
_LARGEST = 2**28  # bytes that a file may unpack to


@dataclass(frozen=True)
class ProxyFile:
    """Measured proxies of one cell of each isomorphism class."""

    cells: Architectures  # the representatives, int32, (n,)
    values: Mapping[str, Floats]  # by proxy, (n,); higher is better
    facts: Facts  # space, images, network, seed, versions

    def of_all_cells(self, space: str | SearchSpace | None = None) -> dict[str, Floats]:
        """Return the values of all cells of this space, or of one with the same operations or fewer; NaN if missing."""
        measured_in = get_cell_space(from_content(self.facts["space"]))
        wanted = measured_in if space is None else get_cell_space(space)
        if not set(wanted.operations) <= set(measured_in.operations):
            raise SettingError(
                "space", wanted.name, f"a space with operations of {measured_in.name}"
            )
        cells: ArchitectureLike = np.arange(wanted.size)
        if wanted.name != measured_in.name:
            cells = move_cells(cells, wanted, measured_in)[0]
        representatives = np.asarray(measured_in.canonical(cells))
        row_of = np.full(measured_in.size, -1)  # by cell; -1 if it was not measured
        row_of[self.cells] = np.arange(len(self.cells))
        rows = row_of[representatives]
        of_cells = {}
        for name, values in self.values.items():
            of_cells[name] = np.where(rows >= 0, values[rows], np.nan)
        return of_cells


def read_proxies(path: str | Path) -> ProxyFile:
    """Read a file by ``nasmeta proxies compute``, without pickles.

    Examples
    --------
    >>> from nasmeta.training import read_proxies
    >>> read_proxies(shipped_file()).facts["seed"]
    0
    """
    with intact(Path(path)) as content:
        arrays = unpack(content, _LARGEST)
        facts = json.loads(str(arrays["facts"]))
        if facts.get("nasmeta_proxies") != FORMAT:
            raise ValueError(f"its format is {facts.get('nasmeta_proxies')!r}, not {FORMAT}")
        cells = arrays["cells"].astype(np.int32)
        values = {name: arrays[name].astype(np.float64) for name in facts["proxies"]}
        from_content(facts["space"]).index_of(cells)
    return ProxyFile(cells, values, facts)


def shipped_file() -> Path:
    """Return the path of the shipped file."""
    return shipped("proxies/nb201-digits.npz")


def measured_proxies(space: str | SearchSpace = "nb201") -> dict[str, Floats]:
    """Return the shipped zero-cost proxies of all cells.

    They were measured on scikit-learn's digits in the skeleton of NAS-Bench-201, without labels of
    a benchmark. Isomorphic cells (rule ``upstream``) share one value.

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"
        Cells of ``tnb101`` have the values of the same cells in ``nb201``, in the skeleton of
        ``nb201``.

    Returns
    -------
    dict of str to ndarray of float64, shape (n_cells,)
        By proxy; finite; higher is better.

    Examples
    --------
    >>> proxies = measured_proxies()
    >>> sorted(proxies), proxies["synflow"].shape
    (['fisher', 'grad_norm', 'jacob_cov', 'l2_norm', 'nwot', 'plain', 'snip', 'synflow', 'zen'], (15625,))
    """
    return read_proxies(shipped_file()).of_all_cells(space)
