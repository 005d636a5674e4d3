"""The page of a verification, and its figures: look-up against training, and training curves."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nasmeta.analysis import number_or_dash, spread, to_markdown
from nasmeta.plotting import (
    COLOURS,
    Width,
    draw_grid,
    house_style,
    label_panels,
    legend_below,
    new_panels,
    robust_limits,
    save_figure,
    task_title,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = 20  # cells in the table
_ROLES = {  # name, colour, marker and line
    "pick": ("best of the search", COLOURS["blue"], "o", "-"),
    "random": ("random control", COLOURS["orange"], "s", "--"),
    "worst": ("worst of the search", COLOURS["vermilion"], "v", ":"),
}


@house_style()
def plot_training_curves(epochs: pd.DataFrame, width: Width = None) -> Figure:
    """Draw accuracy and training loss after each epoch, a line per training, in the colour of the cell's role.

    Trainings that are far from the others, such as those at chance level, are cut off.

    Parameters
    ----------
    epochs : DataFrame
        With the columns cell, role, seed, epoch, train_loss, valid_accuracy and test_accuracy; validation is drawn,
        or the test accuracy if there is none.
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
    accuracy = ("valid_accuracy", "validation accuracy (%)")
    if epochs["valid_accuracy"].isna().all():
        accuracy = ("test_accuracy", "test accuracy (%)")
    figure, panels = new_panels(["", ""], width, (3.3, 2.4))
    for panel, (column, label) in zip(panels, (accuracy, ("train_loss", "training loss")), strict=True):
        for (role, _, _), training in epochs.dropna(subset=[column]).groupby(["role", "cell", "seed"], sort=False):
            name, colour, _, line = _ROLES[str(role)]
            panel.plot(training["epoch"], training[column], label=name, color=colour, linestyle=line, linewidth=1.0)
        panel.set_ylim(robust_limits(epochs[column]))
        draw_grid(panel)
        label_panels([panel], "epoch", label)
        panel.xaxis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]
    legend_below(figure, width=width)
    return figure


@house_style()
def plot_verification(architectures: pd.DataFrame, facts: Mapping[str, Any], width: Width = None) -> Figure:
    """Draw the accuracies of trainings against the accuracies in the table.

    Bars show the range of the table's seeds, and one standard deviation of the trainings in both directions. Outlying
    cells are hollow markers at the edge; the legend states their number.

    Parameters
    ----------
    architectures, facts : DataFrame, mapping
        As in `nasmeta.verification.Verification`.
    width : str or float, optional
        As in `nasmeta.analysis.plot_regret`; 3.6 inches by default.
    """
    figure, (axes,) = new_panels([""], 3.6 if width is None else width, (3.6, 3.0))
    known = architectures[architectures["measured"].notna() & architectures["lookup"].notna()]
    near = known["lookup"].between(*robust_limits(known["lookup"]))
    near &= known["measured"].between(*robust_limits(known["measured"]))
    for role, rows in known[near].groupby("role", sort=False):
        name, colour, marker, _ = _ROLES[str(role)]
        ranges = np.array([rows["lookup"] - rows["lookup_low"], rows["lookup_high"] - rows["lookup"]], dtype=float)
        axes.errorbar(
            rows["lookup"],
            rows["measured"],
            xerr=np.clip(ranges, 0, None),
            yerr=rows["measured_std"].fillna(0.0),
            label=name,
            fmt=marker,
            color=colour,
            markersize=4,
            elinewidth=0.8,
            capsize=0,
        )
    limits = axes.get_xlim(), axes.get_ylim()
    for role, rows in known[~near].groupby("role", sort=False):
        name, colour, marker, _ = _ROLES[str(role)]
        axes.plot(
            rows["lookup"].clip(*limits[0]),
            rows["measured"].clip(*limits[1]),
            marker,
            label=f"{name}, {len(rows)} outside",
            color=colour,
            markersize=6,
            markerfacecolor="white",
            clip_on=False,
            zorder=4,
        )
    if not facts["lookup"]["not_comparable"]:
        lowest = min(limits[0][0], limits[1][0])
        axes.axline((lowest, lowest), slope=1, color="#999999", linewidth=0.8, zorder=0)
    axes.set(xlim=limits[0], ylim=limits[1])
    table = task_title("/" + facts["lookup"]["address"].partition("/")[0])
    label_panels([axes], f"{table} accuracy in the table (%)", f"{_split(facts)} accuracy here (%)")
    draw_grid(axes)
    legend_below(figure, width=width)
    return figure


def _split(facts: Mapping[str, Any]) -> str:
    return "validation" if facts["measured_split"] == "valid" else "test"


def write_verification_page(
    architectures: pd.DataFrame,
    epochs: pd.DataFrame,
    facts: Mapping[str, Any],
    folder: str | PathLike[str],
    command: str | None = None,
    note: str = "",
) -> list[Path]:
    """Write ``README.md``, which is returned first, and its figures: agreement and training curves.

    A `note` about the data follows the facts; the page states the `command` that wrote it.
    """
    home = Path(folder)
    page = home / "README.md"
    home.mkdir(parents=True, exist_ok=True)
    figures = {}
    if architectures["measured"].notna().any():
        figures["agreement"] = "Look-up and training", plot_verification(architectures, facts)
    if len(epochs):
        figures["curves"] = "Training curves", plot_training_curves(epochs)
    parts = [_head(facts), note, _accuracies(architectures, facts)]
    for name, (title, figure) in figures.items():
        save_figure(figure, home / name)
        parts.append(f"## {title}\n\n![{title}]({name}.png)")
    by = f"`{command}` with {facts['written_by']}" if command else facts["written_by"]
    parts.append(
        "In the first figure, bars show the range of the table's seeds and ± one standard deviation of the "
        f"trainings.\n\nWritten by {by}.\n"
    )
    page.write_text("\n\n".join(filter(None, parts)), encoding="utf-8")
    return [page, *(home / f"{name}.png" for name in figures)]


def _head(facts: Mapping[str, Any]) -> str:
    recipe, images = facts["recipe"], facts["images"]
    counts = " / ".join(f"{images[name]:,}" for name in ("train", "valid", "test"))
    seeds, size = ", ".join(map(str, facts["seeds"])), "×".join(map(str, facts["image_size"]))
    lines = [
        f"* Data: {facts['data']}, {size} pixels, {counts} images to train / validate / test. Checksums: "
        f"images {facts['data_sha256'][:12]}, splits {facts['split_sha256'][:12]}.",
        f"* Recipe: {recipe['name']}: {recipe['epochs']} epochs, batch {recipe['batch_size']}, learning rate "
        f"{recipe['learning_rate']:g} ({recipe['schedule']}), C = {recipe['channels']}, "
        f"N = {recipe['cells_per_stage']}, {recipe['precision']}.",
        *(f"* Not eligible as picks: {architectures}." for architectures in facts.get("left_out", ())),
        f"* Look-up: {facts['lookup']['address']} (dataset/metric/split/epochs/seed), {facts['lookup']['release']}.",
    ]
    picks = f"picks of {', '.join(facts['searchers'])} on {facts['task']}"
    return (
        f"# Are the {picks} better after real training on {facts['data']}?\n\n{_separation(facts.get('separation'))}"
        f"{', '.join(facts['searchers'])} evaluated {facts['evaluated']:,} cells on {facts['task']} (evaluator: "
        f"{facts['searched_on']}). The best {facts['top']} and the other cells below were trained here (seeds: "
        f"{seeds}).\n\n" + "\n".join(lines)
    )


def _accuracies(architectures: pd.DataFrame, facts: Mapping[str, Any]) -> str:
    bounds = architectures[["lookup", "lookup_low", "lookup_high"]].to_numpy(float)
    shown = architectures.assign(
        lookup=["{} [{}, {}]".format(*map(number_or_dash, row)) for row in bounds],
        measured=[spread(*row) for row in architectures[["measured", "measured_std"]].to_numpy(float)],
        role=architectures["role"].replace({"random": "random control", "worst": "worst evaluated"}),
        in_band=["–" if value is None else "yes" if value else "no" for value in architectures["in_band"]],
    )
    headers = {
        "lookup": "look-up [seeds' range]",
        "measured": f"trained, {_split(facts)}",
        "measured_test": "trained, test",
        "allowed": "allowed ±",
    }
    names = ["cell", "role", "lookup", "measured", "measured_test"]
    names += [] if facts["lookup"]["not_comparable"] else ["trainings", "difference", "allowed", "in_band"]
    names += ["failures"] if (architectures["failures"] != "").any() else []
    decimals = dict.fromkeys(["measured_test", "difference", "allowed"], 2)
    table = to_markdown(shown[names][:_SHOWN].astype({"cell": str}), headers, decimals).rstrip("\n")
    parts = ["## Accuracies in percent", table]
    if len(architectures) > _SHOWN:
        parts.append(f"The first {_SHOWN} of {len(architectures)} cells; `cells.csv` has all.")
    look_up, judged = facts["lookup"], [bool(value) for value in architectures["in_band"] if value is not None]
    if architectures["measured"].isna().all():
        parts.append("No training succeeded, so nothing is verified.")
    elif look_up["not_comparable"]:
        parts.append(f"Only the order can be compared with the look-up: {look_up['not_comparable']}.")
    elif judged:
        of_table = "of the 500 cells of the table with the most similar accuracy"
        of_trainings = "of the trainings here, pooled over the cells; the table is treated as one training"
        parts.append(
            f"In the band: {sum(judged)} of {len(judged)}. The band is ± 2 s √(1/table seeds + 1/trainings); s is the "
            f"standard deviation between seeds {of_table if look_up['has_seeds'] else of_trainings}. "
            f"Mean absolute difference: {architectures['difference'].abs().mean():.2f} points."
        )
    else:
        parts.append("There is no band: neither the table nor the trainings here have several seeds.")
    if facts["spearman"] is not None:
        parts.append(
            f"Rank correlation of look-up and training over {facts['cells']} cells: Spearman {facts['spearman']:.3f}, "
            f"Kendall τ-b {facts['kendall']:.3f}."
        )
    return "\n\n".join(parts)


def _separation(found: Mapping[str, Any] | None) -> str:
    """Describe how well training separates picks from random cells."""
    if found is None:
        return ""
    return (
        f"The probability that training places a pick above a random control is {found['chance']:.3f} (95 % interval "
        f"{found['low']:.2f} to {found['high']:.2f}, of {found['picks']} × {found['random']} pairs of cells, ties "
        f"half; Newcombe's method 5), and {found['table_chance']:.3f} by the look-up.\n\n"
    )
