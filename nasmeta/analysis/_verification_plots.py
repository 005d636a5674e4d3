"""Pictures of a verification: look-up against training, training curves, and the cells as graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nasmeta.errors import SettingError
from nasmeta.spaces import CellSpace, complete_edges, get_cell_space, live_edges

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_cell", "plot_agreement", "plot_cells", "plot_training_curves"]

ROLES = {"pick": ("#0072B2", "o"), "random": ("#E69F00", "s"), "worst": ("#D55E00", "v")}  # Okabe and Ito (2008)
_OPERATIONS = {
    "skip_connect": ("skip", "#444444"),
    "nor_conv_1x1": ("conv 1×1", "#56B4E9"),
    "nor_conv_3x3": ("conv 3×3", "#0072B2"),
    "avg_pool_3x3": ("pool 3×3", "#CC79A7"),
}
_DEAD = "#BBBBBB"
_EDGES = complete_edges(4)
_NODES = np.array([[0.0, 0.0], [1.15, 0.75], [1.85, -0.75], [3.0, 0.0]])
_BENDS = {(0, 1): -0.08, (0, 2): 0.08, (1, 2): 0.0, (0, 3): 0.0, (1, 3): -0.08, (2, 3): 0.08}
_LABELS_AT = {(0, 3): 0.24}  # away from where its edge crosses that of 1→2
_RADIUS = 0.17


def draw_cell(axes: Axes, operations: Sequence[str]) -> None:
    """Draw a cell as a graph: nodes in, 1, 2 and out, an arrow an edge with its operation.

    An edge that carries nothing to the output is grey and dashed; a ``none`` is not drawn.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    operations : sequence of str, of length 6
        Of the edges 0→1, 0→2, 1→2, 0→3, 1→3, 2→3.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().add_subplot()
    >>> draw_cell(axes, ["nor_conv_3x3", "none", "skip_connect", "none", "avg_pool_3x3", "nor_conv_1x1"])
    >>> [text.get_text() for text in axes.texts if text.get_text()]
    ['conv 3×3', 'skip', 'pool 3×3', 'conv 1×1', 'in', '1', '2', 'out']
    """
    from matplotlib.patches import Circle, FancyArrowPatch

    if len(operations) != len(_EDGES):
        raise SettingError(f"A cell has {len(_EDGES)} operations, not {len(operations)}.")
    live = live_edges(np.array([[name != "none" for name in operations]]), _EDGES, none=0)[0].tolist()
    for name, edge, alive in zip(operations, _EDGES, live, strict=True):
        if name == "none":
            continue
        label, colour = _OPERATIONS.get(name, (name, "#000000"))
        start, end = _NODES[edge[0]], _NODES[edge[1]]
        along = (end - start) / np.hypot(*(end - start))
        bend = _BENDS[edge]
        arrow = FancyArrowPatch(
            tuple(start + along * _RADIUS),
            tuple(end - along * _RADIUS),
            connectionstyle=f"arc3,rad={bend}",
            arrowstyle="-|>",
            mutation_scale=9,
            linewidth=1.5 if alive else 0.9,
            linestyle="-" if alive else (0, (3, 2)),
            color=colour if alive else _DEAD,
            shrinkA=0,
            shrinkB=0,
        )
        axes.add_patch(arrow)
        share = _LABELS_AT.get(edge, 0.5)
        across = np.array([along[1], -along[0]])
        at = start + (end - start) * share + across * bend * np.hypot(*(end - start)) / 2
        axes.text(
            at[0], at[1], label, fontsize=6.5, ha="center", va="center", color=colour if alive else "#999999",
            bbox={"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none"},
        )  # fmt: skip
    for node, name in zip(_NODES, ("in", "1", "2", "out"), strict=True):
        axes.add_patch(Circle(tuple(node), _RADIUS, facecolor="white", edgecolor="black", linewidth=0.9, zorder=3))
        axes.text(node[0], node[1], name, fontsize=7, ha="center", va="center", zorder=4)
    axes.set_xlim(-0.3, 3.3)
    axes.set_ylim(-1.05, 1.05)
    axes.set_aspect("equal")
    axes.axis("off")


def plot_cells(cells: Sequence[int], titles: Sequence[str] | None = None, space: str | CellSpace = "nb201") -> Figure:
    """Draw cells as graphs, three a row; see `draw_cell`.

    Parameters
    ----------
    cells : sequence of int
    titles : sequence of str, optional
    space : str or CellSpace, default "nb201"

    Examples
    --------
    >>> len(plot_cells([6111, 0]).axes)
    2
    """
    from matplotlib.figure import Figure

    if not len(cells):
        raise SettingError("There is no cell to draw.")
    space = get_cell_space(space)
    columns = min(len(cells), 3)
    rows = -(-len(cells) // columns)
    figure = Figure(figsize=(columns * 2.5, rows * 1.85), layout="constrained", facecolor="white")
    for i, cell in enumerate(cells):
        axes = figure.add_subplot(rows, columns, i + 1)
        draw_cell(axes, space.ops_of(int(cell)).tolist())
        axes.set_title(str(titles[i]) if titles is not None else f"cell {cell}", fontsize=7.5)
    return figure


def plot_training_curves(epochs: pd.DataFrame) -> Figure:
    """Draw accuracy and training loss after each epoch, a line a training, a colour and marker a cell.

    Parameters
    ----------
    epochs : DataFrame
        With the columns cell, role, seed, epoch, train_loss, valid_accuracy and test_accuracy; validation is drawn,
        or the test accuracy where there is none.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"cell": 1, "role": "pick", "seed": 0, "epoch": [1, 2], "train_loss": [2.0, 1.0],
    ...                       "valid_accuracy": [50.0, 60.0], "test_accuracy": [49.0, 59.0]})
    >>> [axes.get_ylabel() for axes in plot_training_curves(frame).axes]
    ['validation accuracy (%)', 'training loss']
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.6, 2.9), layout="constrained", facecolor="white")
    split = "valid" if epochs["valid_accuracy"].notna().any() else "test"
    panels = ((f"{split}_accuracy", f"{'validation' if split == 'valid' else 'test'} accuracy (%)"),
              ("train_loss", "training loss"))  # fmt: skip
    left, right = figure.subplots(1, 2)
    handles: dict[str, Any] = {}
    by_cell = list(epochs.groupby(["role", "cell"], sort=False))
    for axes, (column, label) in zip((left, right), panels, strict=True):
        for number, ((role, cell), rows) in enumerate(by_cell):
            colour, _ = ROLES.get(str(role), ("#000000", "o"))
            style = _LINES[sum(r == role for (r, _), _ in by_cell[:number]) % len(_LINES)]
            for _, training in rows.groupby("seed", sort=False):
                shown = training[training[column].notna()]
                (line,) = axes.plot(
                    shown["epoch"], shown[column], color=colour, linestyle=style, linewidth=1.1, alpha=0.9,
                    marker="." if len(shown) < 3 else None,
                )  # fmt: skip
                handles[f"{role} {cell}"] = line
        axes.set_xlabel("epoch", fontsize=8)
        axes.set_ylabel(label, fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(color="#DDDDDD", linewidth=0.5)
        axes.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=min(len(handles), 5), fontsize=7,
        frameon=False, handlelength=3,
    )  # fmt: skip
    return figure


_LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.2, 1.2, 1.2)))


def plot_agreement(cells: pd.DataFrame, lookup_label: str, measured_label: str, diagonal: bool = False) -> Figure:
    """Draw what training measured against what the table says.

    Bars are the range of the table's seeds, and one standard deviation of the trainings either way.

    Parameters
    ----------
    cells : DataFrame
        `nasmeta.experiments.verification.Verification.cells`.
    lookup_label, measured_label : str
        Of the axes.
    diagonal : bool, default False
        Draw the line where both are equal.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"cell": [1, 2], "role": ["pick", "random"], "lookup": [90.0, 80.0],
    ...     "lookup_low": [89.0, 79.0], "lookup_high": [91.0, 81.0], "measured": [88.0, 79.0],
    ...     "measured_deviation": [0.5, float("nan")]})
    >>> plot_agreement(frame, "table (%)", "here (%)").axes[0].get_xlabel()
    'table (%)'
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.6, 3.1), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    for role, rows in cells[cells["measured"].notna() & cells["lookup"].notna()].groupby("role", sort=False):
        colour, marker = ROLES.get(str(role), ("#000000", "o"))
        spread = [rows["lookup"] - rows["lookup_low"], rows["lookup_high"] - rows["lookup"]]
        axes.errorbar(
            rows["lookup"], rows["measured"], xerr=np.clip(np.array(spread, dtype=float), 0, None),
            yerr=rows["measured_deviation"].fillna(0.0), fmt=marker, color=colour, label=str(role), markersize=5,
            elinewidth=0.8, capsize=2,
        )  # fmt: skip
    if diagonal:
        both = [*axes.get_xlim(), *axes.get_ylim()]
        axes.axline((min(both), min(both)), slope=1, color="#999999", linewidth=0.8, zorder=0)
    axes.set_xlabel(lookup_label, fontsize=8)
    axes.set_ylabel(measured_label, fontsize=8)
    axes.tick_params(labelsize=7)
    axes.grid(color="#DDDDDD", linewidth=0.5)
    axes.legend(fontsize=7, frameon=False, loc="lower right")
    return figure
