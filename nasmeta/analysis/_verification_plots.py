"""Pictures of a verification: look-up against training, training curves, and the cells as graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nasmeta.analysis._frame import check_frame
from nasmeta.analysis._plots import columns_in
from nasmeta.errors import SettingError
from nasmeta.pictures import Width, house_style, inches, new_figure, points, wrapped
from nasmeta.spaces import SearchSpace, get_space

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROLES = {"pick": ("#0072B2", "o"), "random": ("#E69F00", "s"), "worst": ("#D55E00", "v")}  # Okabe and Ito (2008)


@house_style(framed=True)
def plot_cells(
    cells: Sequence[int],
    titles: Sequence[str] | None = None,
    space: str | SearchSpace = "nb201",
    width: Width = None,
) -> Figure:
    """Draw cells as graphs, three per row; see `SearchSpace.draw`.

    Parameters
    ----------
    cells : sequence of int
    titles : sequence of str, optional
    space : str or SearchSpace, default "nb201"
    width : str or float, optional
        As in `plot_regret`; 2.5 inches per cell by default.

    Examples
    --------
    >>> len(plot_cells([6111, 0]).axes)
    2
    """
    if titles is not None and len(titles) != len(cells):
        raise SettingError(f"There are {len(titles)} titles for {len(cells)} cells.")
    space = get_space(space)
    columns, rows = columns_in(width, len(cells), 3, narrowest=2.0)
    figure = new_figure(inches(width, columns * 2.5), rows * 1.85)
    for i, cell in enumerate(cells):
        axes = figure.add_subplot(rows, columns, i + 1)
        space.draw(int(cell), axes)
        axes.set_title(str(titles[i]) if titles is not None else f"cell {cell}", fontsize=points(7.5))
    return figure


@house_style(label=8, tick=7, legend=7, framed=True)
def plot_training_curves(epochs: pd.DataFrame, width: Width = None) -> Figure:
    """Draw accuracy and training loss after each epoch, a line per training; the legend has cells, or roles if many.

    Parameters
    ----------
    epochs : DataFrame
        With the columns cell, role, seed, epoch, train_loss, valid_accuracy and test_accuracy; validation is drawn,
        or the test accuracy if there is none.
    width : str or float, optional
        As in `plot_regret`; 6.6 inches by default.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"cell": 1, "role": "pick", "seed": 0, "epoch": [1, 2], "train_loss": [2.0, 1.0],
    ...                       "valid_accuracy": [50.0, 60.0], "test_accuracy": [49.0, 59.0]})
    >>> [axes.get_ylabel() for axes in plot_training_curves(frame).axes]
    ['validation accuracy (%)', 'training loss']
    """
    check_frame(epochs, ["cell", "role", "seed", "epoch", "train_loss", "valid_accuracy", "test_accuracy"], "verify")
    columns, lines = columns_in(width, 2, 2)
    figure = new_figure(inches(width, 6.6), lines * 2.4 + 0.5)
    split = "valid" if epochs["valid_accuracy"].notna().any() else "test"
    panels = ((f"{split}_accuracy", f"{'validation' if split == 'valid' else 'test'} accuracy (%)"),
              ("train_loss", "training loss"))  # fmt: skip
    left, right = figure.subplots(lines, columns, squeeze=False).ravel()
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
                handles[f"{role} {cell}" if len(by_cell) <= _NAMED else str(role)] = line
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
        _grid(axes)
        axes.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", handlelength=3,
        ncols=min(len(handles), 5, max(1, int(figure.get_size_inches()[0] / 1.3))),
    )  # fmt: skip
    return figure


_NAMED = 12  # cells that a legend still names
_LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.2, 1.2, 1.2)))


def _grid(axes: Any) -> None:
    from matplotlib import rcParams

    axes.grid(color="#DDDDDD", linewidth=0.5)
    axes.tick_params(labelsize=rcParams["xtick.labelsize"])


@house_style(label=8, tick=7, legend=7, framed=True)
def plot_agreement(
    cells: pd.DataFrame, lookup_label: str, measured_label: str, diagonal: bool = False, width: Width = None
) -> Figure:
    """Draw measured accuracies against the table.

    Bars are the range of the table's seeds, and one standard deviation of the trainings either way.

    Parameters
    ----------
    cells : DataFrame
        `nasmeta.verification.Verification.cells`.
    lookup_label, measured_label : str
        Of the axes.
    diagonal : bool, default False
        Draw the line of equal values.
    width : str or float, optional
        As in `plot_regret`; 3.6 inches by default.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"cell": [1, 2], "role": ["pick", "random"], "lookup": [90.0, 80.0],
    ...     "lookup_low": [89.0, 79.0], "lookup_high": [91.0, 81.0], "measured": [88.0, 79.0],
    ...     "measured_std": [0.5, float("nan")]})
    >>> plot_agreement(frame, "table (%)", "here (%)").axes[0].get_xlabel()
    'table (%)'
    """
    from matplotlib import rcParams

    figure = new_figure(inches(width, 3.6), 3.1)
    axes = figure.add_subplot()
    for role, rows in cells[cells["measured"].notna() & cells["lookup"].notna()].groupby("role", sort=False):
        colour, marker = ROLES.get(str(role), ("#000000", "o"))
        spread = [rows["lookup"] - rows["lookup_low"], rows["lookup_high"] - rows["lookup"]]
        axes.errorbar(
            rows["lookup"], rows["measured"], xerr=np.clip(np.array(spread, dtype=float), 0, None),
            yerr=rows["measured_std"].fillna(0.0), fmt=marker, color=colour, label=str(role), markersize=5,
            elinewidth=0.8, capsize=2,
        )  # fmt: skip
    if diagonal:
        both = [*axes.get_xlim(), *axes.get_ylim()]
        axes.axline((min(both), min(both)), slope=1, color="#999999", linewidth=0.8, zorder=0)
    axes.set_xlabel(wrapped(lookup_label, float(figure.get_size_inches()[0]) - 0.6, rcParams["axes.labelsize"]))
    axes.set_ylabel(wrapped(measured_label, 2.5, rcParams["axes.labelsize"]))
    _grid(axes)
    axes.legend(loc="lower right")
    return figure
