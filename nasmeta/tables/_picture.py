"""Facts about a table for a notebook, and figures of its columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nasmeta.pictures import Width, house_style, inches, new_figure, wrapped
from nasmeta.spaces import SearchSpace
from nasmeta.tables._columns import ColumnInfo, Values

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOUR = "#0072B2"  # Okabe and Ito (2008)


def facts_of(name: str, space: SearchSpace, columns: Sequence[ColumnInfo]) -> dict[str, object]:
    """Return the name, the space and the metrics of a table, each metric with the parts of its addresses."""
    facts: dict[str, object] = {"name": name, "space": f"{space.name}, {space.size:,} architectures"}
    for metric in dict.fromkeys(info.metric for info in columns):
        of_metric = [info for info in columns if info.metric == metric]
        parts = [
            text + ", ".join(dict.fromkeys(str(getattr(info, part)) for info in of_metric))
            for text, part in (("", "dataset"), ("split ", "split"), ("epochs ", "epochs"), ("seed ", "seed"))
            if any(getattr(info, part) is not None for info in of_metric)
        ]
        facts[f"{metric} ({of_metric[0].unit})"] = "; ".join(parts)
    return facts


@house_style()
def plot_columns(columns: Sequence[tuple[Values, ColumnInfo]], width: Width) -> Figure:
    """Draw a histogram of a column, or a first column against a second one."""
    from matplotlib import rcParams

    (values, info), (others, other) = columns[0], columns[-1]
    total = inches(width, 4.6)
    figure = new_figure(total, 2.9)
    axes = figure.subplots()
    if len(columns) == 1:
        axes.hist(values[np.isfinite(values)], bins=60, color=_COLOUR)
        axes.set_ylabel("architectures")
    else:
        axes.plot(others, values, ".", color=_COLOUR, markersize=2, alpha=0.3, rasterized=True)
        axes.set_ylabel(wrapped(_label(info), 1.8, rcParams["axes.labelsize"]))
    axes.set_xlabel(wrapped(_label(other), total - 0.9, rcParams["axes.labelsize"]))
    axes.grid(True, color=rcParams["grid.color"], linewidth=rcParams["grid.linewidth"])
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=rcParams["xtick.labelsize"])
    return figure


def _label(info: ColumnInfo) -> str:
    stated = (("{}", info.split), ("{} epochs", info.epochs), ("seed {}", info.seed))
    parts = [info.dataset, *(text.format(value) for text, value in stated if value is not None)]
    unit = "" if info.unit == "1" else f" ({info.unit})"
    return f"{info.metric_name}{unit}: {', '.join(parts)}"
