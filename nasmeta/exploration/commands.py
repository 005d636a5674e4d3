"""``nasmeta explore``."""

from __future__ import annotations

from typing import Any

from nasmeta.exploration._explore import explore
from nasmeta.terminal import options_from, print_written


@options_from(explore)
def explore_command(tables: list[str] | None = None, **options: Any) -> dict[str, Any]:
    """Write one HTML page that shows the tables on this machine, including yours, offline in a browser.

    For each task: distribution of values, best architectures, Pareto fronts, rank correlations,
    noise, and a search.

    Parameters
    ----------
    tables : list of str, optional
        Names of tables. Default: all on this machine.

    Examples
    --------
    nasmeta explore
    nasmeta explore nb201 --searcher local-search
    """
    page = explore(tables, progress=True, **options)
    print_written([page])
    return {"file": page}
