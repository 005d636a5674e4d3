"""What was measured for cells, as a frame that says how; and the same in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nasmeta.checks import check_instance
from nasmeta.spaces import Architecture
from nasmeta.tables._catalog import sources_of
from nasmeta.tables._columns import ColumnInfo, Seed
from nasmeta.tables._nb201_measurements import trained_on
from nasmeta.tables._table import Table, load_table

if TYPE_CHECKING:
    import pandas as pd


def query(
    cells: Architecture | Sequence[Architecture],
    dataset: str,
    metric: str = "accuracy",
    split: str | None = None,
    epochs: int | None = None,
    seed: Seed | None = None,
    release: str | None = None,
    table: str | Table = "nb201",
) -> pd.DataFrame:
    """Look up what was measured for cells, with everything that says how.

    Parameters
    ----------
    cells : int, str, or sequence of them
        Indices or strings of the table's space.
    dataset, metric, split, epochs, seed, release
        The column, as in `Table.query`: what only one column has may be left out.
    table : str or Table, default "nb201"

    Returns
    -------
    DataFrame, one row a cell
        ``cell, architecture, value``, and of the column
        ``metric, unit, dataset, split, epochs, seed, release, source``.

    Raises
    ------
    UnknownNameError, ArchitectureError, ColumnError, MissingValueError
        For another table, another cell, a column that is not here or not the only one, and what nobody measured.

    Examples
    --------
    >>> import nasmeta as nm
    >>> found = nm.query([6111, 0], "cifar10", split="valid", epochs=200, seed="mean")
    >>> found[["cell", "value", "unit", "release"]].round(2).values.tolist()
    [[6111, 91.61, 'percent', 'NATS-tss v1.0'], [0, 81.98, 'percent', 'NATS-tss v1.0']]
    """
    import pandas as pd

    opened = load_table(table) if isinstance(table, str) else check_instance("table", table, Table)
    address = (dataset, metric, split, epochs, seed, release)
    indices = np.atleast_1d(opened.space.index_of(cells))
    values = opened.query(indices, *address)
    info = opened.info(*address)
    strings = [opened.space.to_string(cell) for cell in indices.tolist()]
    facts = ("metric", "unit", "dataset", "split", "epochs", "seed", "release", "source")
    told = {name: [getattr(info, name)] * len(indices) for name in facts}
    return pd.DataFrame({"cell": indices, "architecture": strings, "value": values, **told})


def describe_training(info: ColumnInfo) -> str:
    """Say what is known of a column's split, epochs and seed."""
    said = (("split {}", info.split), ("{} epochs", info.epochs), ("seed {}", info.seed))
    return ", ".join(text.format(value) for text, value in said if value is not None)


def describe_column(info: ColumnInfo) -> str:
    """Say how a column was measured: what is known of dataset, split, epochs and seed, and always the release."""
    of_nb201 = any(source.name == info.source for source in sources_of("nb201"))
    images = trained_on(info.dataset, info.split) if of_nb201 else None
    parts = (f"dataset {info.dataset}", images, describe_training(info), f"release {info.release}")
    return ", ".join(part for part in parts if part)
