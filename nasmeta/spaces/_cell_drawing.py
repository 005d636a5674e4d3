"""Drawing a cell by its operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nasmeta.spaces._catalog import get_cell_space
from nasmeta.spaces._cell_space import CellSpace
from nasmeta.spaces._graph_drawing import draw_cell_of

__all__ = ["draw_cell"]


def draw_cell(axes: Any, operations: Sequence[str], space: CellSpace | None = None) -> None:
    """Draw a cell as a graph: nodes in, 1, 2, … and out, an arrow an edge with its operation.

    An edge that carries nothing to the output is grey and dashed; the operation that passes nothing is not drawn.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    operations : sequence of str, of length n_edges
        Of the edges of the space, such as 0→1, 0→2, 1→2, 0→3, 1→3, 2→3.
    space : CellSpace, optional
        By default that of NAS-Bench-201.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().add_subplot()
    >>> draw_cell(axes, ["nor_conv_3x3", "none", "skip_connect", "none", "avg_pool_3x3", "nor_conv_1x1"])
    >>> [text.get_text() for text in axes.texts if text.get_text()]
    ['in', '1', '2', 'out', 'conv 3×3', 'skip', 'pool 3×3', 'conv 1×1']
    """
    draw_cell_of(axes, operations, get_cell_space("nb201") if space is None else space)
