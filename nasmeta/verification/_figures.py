"""The figures of a verification: look-up against training, and training curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from nasmeta.arrays import Facts
from nasmeta.plotting import (
    COLOURS,
    Width,
    draw_grid,
    house_style,
    label_panels,
    legend_below,
    new_panels,
    robust_limits,
    task_title,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class _Look(NamedTuple):
    """Name and look of a role."""

    name: str
    colour: str
    marker: str
    line: str


_LOOKS = {
    "pick": _Look("best of the search", COLOURS["blue"], "o", "-"),
    "random": _Look("random control", COLOURS["orange"], "s", "--"),
    "worst": _Look("worst of the search", COLOURS["vermilion"], "v", ":"),
}


@house_style()
def plot_training_curves(epochs: pd.DataFrame, width: Width = None) -> Figure:
    """Draw accuracy and training loss after each epoch, a line per training, in the colour of the cell's role.

    Trainings that are far from the others, such as those at chance level, are cut off.

    Parameters
    ----------
    epochs : DataFrame
        With the columns cell, role, seed, epoch, train_loss, valid_accuracy and test_accuracy;
        validation is drawn, or the test accuracy if there is none.
    width : str or float, optional
        As in `nasmeta.analysis.plot_regret`; 6.6 inches by default.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"cell": 1, "role": "pick", "seed": 0, "epoch": [1, 2], "train_loss": [2.0, 1.0],
    ...                       "valid_accuracy": [50.0, 60.0], "test_accuracy": [49.0, 59.0]})
    >>> [axes.get_ylabel() for axes in plot_training_curves(frame).axes]
    ['validation accuracy (%)', 'training loss']
    """
    accuracy = "valid_accuracy"
    label = "validation accuracy (%)"
    if epochs["valid_accuracy"].isna().all():
        accuracy = "test_accuracy"
        label = "test accuracy (%)"
    labels = {accuracy: label, "train_loss": "training loss"}
    figure, panels = new_panels(["", ""], width, (3.3, 2.4))
    for panel, column in zip(panels, labels, strict=True):
        known = epochs.dropna(subset=[column])
        for (role, _, _), training in known.groupby(["role", "cell", "seed"], sort=False):
            look = _LOOKS[str(role)]
            panel.plot(
                training["epoch"],
                training[column],
                label=look.name,
                color=look.colour,
                linestyle=look.line,
                linewidth=1.0,
            )
        panel.set_ylim(robust_limits(epochs[column]))
        draw_grid(panel)
        label_panels([panel], "epoch", labels[column])
        panel.xaxis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]
    legend_below(figure, width=width)
    return figure


@house_style()
def plot_verification(architectures: pd.DataFrame, facts: Facts, width: Width = None) -> Figure:
    """Draw the accuracies of trainings against the accuracies in the table.

    Bars show the range of the table's seeds, and one standard deviation of the trainings in both
    directions. Outlying cells are hollow markers at the edge; the legend states their number.

    Parameters
    ----------
    architectures, facts : DataFrame, mapping
        As in `nasmeta.verification.Verification`.
    width : str or float, optional
        As in `nasmeta.analysis.plot_regret`; 3.6 inches by default.
    """
    figure, (axes,) = new_panels([""], 3.6 if width is None else width, (3.6, 3.0))
    known = architectures.dropna(subset=["trained", "lookup"])
    is_near = known["lookup"].between(*robust_limits(known["lookup"]))
    is_near &= known["trained"].between(*robust_limits(known["trained"]))
    for role, rows in known[is_near].groupby("role", sort=False):
        look = _LOOKS[str(role)]
        below = rows["lookup"] - rows["lookup_low"]
        above = rows["lookup_high"] - rows["lookup"]
        ranges = np.array([below, above], dtype=float)  # (2, n)
        axes.errorbar(
            rows["lookup"],
            rows["trained"],
            xerr=np.clip(ranges, 0, None),
            yerr=rows["trained_std"].fillna(0.0),
            label=look.name,
            fmt=look.marker,
            color=look.colour,
            markersize=4,
            elinewidth=0.8,
            capsize=0,
        )
    # The limits of the near cells; outlying ones are moved to the edge.
    x_limits = axes.get_xlim()
    y_limits = axes.get_ylim()
    for role, rows in known[~is_near].groupby("role", sort=False):
        look = _LOOKS[str(role)]
        axes.plot(
            rows["lookup"].clip(*x_limits),
            rows["trained"].clip(*y_limits),
            look.marker,
            label=f"{look.name}, {len(rows)} outside",
            color=look.colour,
            markersize=6,
            markerfacecolor="white",
            clip_on=False,
            zorder=4,
        )
    lookup = facts["lookup"]
    if not lookup["not_comparable"]:
        # The line of equal accuracies.
        lowest = min(x_limits[0], y_limits[0])
        axes.axline((lowest, lowest), slope=1, color="#999999", linewidth=0.8, zorder=0)
    axes.set(xlim=x_limits, ylim=y_limits)
    table = task_title("/" + lookup["address"].partition("/")[0])
    x_label = f"{table} accuracy in the table (%)"
    label_panels([axes], x_label, f"{measured_split(facts)} accuracy here (%)")
    draw_grid(axes)
    legend_below(figure, width=width)
    return figure


def measured_split(facts: Facts) -> str:
    """Return the name of the split on which trainings were measured."""
    return "validation" if facts["measured_split"] == "valid" else "test"
