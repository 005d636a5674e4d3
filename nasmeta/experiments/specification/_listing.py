"""The ready specifications as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasmeta.experiments.specification._read import read_specification
from nasmeta.experiments.specification._specification import ready_specifications

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["list_specifications"]


def list_specifications() -> pd.DataFrame:
    """Return the comparisons that the package brings as files.

    Returns
    -------
    DataFrame
        One row a specification: ``specification`` (its name), ``title``, ``tasks`` and ``searchers`` (how many),
        ``runs`` (of each searcher on each task), ``evaluations`` and ``seconds`` (the budget of a run, of seconds the
        largest; NaN where it has none).

    Examples
    --------
    >>> import nasmeta as nm
    >>> nm.list_specifications().set_index("specification").loc[["first-steps", "nb201-paper"], "runs"].to_list()
    [5, 500]
    """
    import pandas as pd

    rows = []
    for name in ready_specifications():
        said = read_specification(name, check=False)
        seconds = None if said.seconds is None else max(said.seconds.values())
        counts = len(said.tasks), len(said.searchers), len(said.seeds)
        rows.append((name, said.title, *counts, said.evaluations, seconds))
    columns = ["specification", "title", "tasks", "searchers", "runs", "evaluations", "seconds"]
    return pd.DataFrame(rows, columns=columns)
