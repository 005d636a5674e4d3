"""A figure of several architectures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nasmeta.plotting import Width, house_style, new_panels
from nasmeta.spaces._catalog import get_space
from nasmeta.spaces._search_space import SearchSpace

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@house_style()
def plot_cells(
    architectures: Sequence[int],
    titles: Sequence[str] | None = None,
    space: str | SearchSpace = "nb201",
    width: Width = None,
) -> Figure:
    """Draw cells as graphs, three per row; see `SearchSpace.draw`.

    Parameters
    ----------
    architectures : sequence of int
    titles : sequence of str, optional
    space : str or SearchSpace, default "nb201"
    width : str or float, optional
        As in `nasmeta.analysis.plot_regret`; 2.5 inches per cell by default.

    Examples
    --------
    >>> len(plot_cells([6111, 0]).axes)
    2
    """
    figure, panels = new_panels(
        titles or [f"cell {architecture}" for architecture in architectures], width, (2.5, 1.85)
    )
    for panel, architecture in zip(panels, architectures, strict=True):
        get_space(space).draw(int(architecture), panel)
    return figure
