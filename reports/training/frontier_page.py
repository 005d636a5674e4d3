"""Write the page of `frontier.py`: rank correlation and cost of short trainings."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.errors import NasmetaError
from nasmeta.plotting import draw_grid, house_style, label_panels, legend_below, new_panels, styles
from nasmeta.training import Recipe, measured_proxies
from reports.drawing import in_order, label_ends, save_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PROXIES = ("nwot", "jacob_cov", "synflow")


def jackknife(statistic: Callable[[np.ndarray], float], n: int) -> float:
    """Return the jackknife standard error of a statistic of n cells."""
    each = np.array([statistic(np.delete(np.arange(n), left_out)) for left_out in range(n)])
    return float(np.sqrt((n - 1) / n * ((each - each.mean()) ** 2).sum()))


def agreement(table: np.ndarray, measured: np.ndarray, best: np.ndarray) -> dict[str, float]:
    """Compare a ranking of cells with the table's.

    ``tau``: Kendall's τ-b over the spread cells. ``auc``: the probability that one of the best
    cells ranks above a spread cell, ties half. Each has its standard error over cells.
    """

    def tau(at: np.ndarray) -> float:
        return float(kendalltau(table[~best][at], measured[~best][at]).statistic)

    def auc(at: np.ndarray) -> float:
        mine, top = measured[at], best[at]
        return float(0.5 + 0.5 * np.sign(mine[top][:, None] - mine[~top][None, :]).mean())

    n = int((~best).sum())
    return {
        "tau": tau(np.arange(n)),
        "tau_error": jackknife(tau, n),
        "auc": auc(np.arange(len(best))),
        "auc_error": jackknife(auc, len(best)),
    }


def frontier(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per recipe and epoch."""
    point_rows = []
    for (recipe, epoch), of_point in rows.groupby(["recipe", "epoch"], sort=False):
        best = (of_point["group"] == "best").to_numpy()
        if min(best.sum(), (~best).sum()) < 2:
            continue
        table, measured = of_point["table"].to_numpy(), of_point["valid_accuracy"].to_numpy()
        point_rows.append(
            {
                "recipe": recipe,
                "epoch": epoch,
                "cells": len(of_point),
                "cpu_seconds": of_point.loc[~best, "cpu_seconds"].mean(),
                **agreement(table, measured, best),
            }
        )
    return pd.DataFrame(point_rows)


def others(values: np.ndarray, chosen: dict[int, str]) -> pd.DataFrame:
    """Return one row per ranking that needs no training here: proxies, and the table after 12 epochs."""
    index = np.array(list(chosen))
    best = np.array([group == "best" for group in chosen.values()])
    orders = {f"proxy {name}": measured_proxies()[name] for name in PROXIES}
    orders["number of parameters"] = np.asarray(
        nm.get_space("nb201").params(np.arange(len(values)), "cifar10")
    )
    try:
        orders["the table after 12 epochs"] = nm.get_task("nb201/cifar10@12ep").values
    except NasmetaError as missing:
        print(f"Without the table after 12 epochs: {missing}", file=sys.stderr)
    return pd.DataFrame(
        {"order": name} | agreement(values[index], np.asarray(own, dtype=float)[index], best)
        for name, own in orders.items()
    )


@house_style()
def picture(points: pd.DataFrame, rankings: pd.DataFrame) -> Figure:
    """Draw both measures of agreement against the seconds per cell; rankings without a training are grey lines."""
    titles = {"tau": "Kendall's τ-b with the table", "auc": "best cell above spread cell"}
    figure, panels = new_panels(list(titles.values()), 7.35, (3.6, 2.9))
    looks = in_order(dict.fromkeys(points["recipe"]))
    rankings = rankings.replace({"order": "^proxy |^number of |^the "}, {"order": ""}, regex=True)
    grey = styles(rankings["order"], highlight=[])
    for panel, what in zip(panels, titles, strict=True):
        for recipe, of_recipe in points.groupby("recipe", sort=False):
            panel.errorbar(
                of_recipe["cpu_seconds"], of_recipe[what], of_recipe[f"{what}_error"], label=recipe, elinewidth=0.7,
                **looks[recipe].line(),
            )  # fmt: skip
        panel.set_xscale("log")
        panel.set_xticks([5, 10, 20, 50, 100], ["5", "10", "20", "50", "100"])
        panel.minorticks_off()
        ends = {
            row["order"]: (panel.get_xlim()[1], row[what]) for row in rankings.to_dict("records")
        }
        for value in rankings[what]:
            panel.axhline(value, color="0.7", linewidth=0.9, zorder=1)
        draw_grid(panel)
        label_ends(panel, ends, grey)
    label_panels(panels, "seconds per cell (one core)", "")
    panels[1].set_ylabel("probability")
    legend_below(
        figure,
        "recipe, after each epoch (± standard error); grey: rankings without a training here",
    )
    return figure


SMOKE = "**A run at a small size, on digits: it shows that the command runs, and no figure means anything.**\n\n"
HEAD = ["images", "pixels", "C", "N", "epochs", "validation images"]
SETTINGS = (
    "train_images",
    "image_size",
    "channels",
    "cells_per_stage",
    "epochs",
    "evaluation_images",
)


def pair(row: Any, what: str) -> str:
    """Format a value with its error."""
    return f"{row[what]:.2f} ± {row[f'{what}_error']:.2f}"


def page_of(
    rows: pd.DataFrame,
    recipes: Mapping[str, Recipe],
    values: np.ndarray,
    chosen: dict[int, str],
    smoke: bool,
    out: Path,
) -> str:
    """Draw the picture, and return the page."""
    points, rankings = frontier(rows), others(values, chosen)
    name = "smoke" if smoke else "frontier"
    save_png(picture(points, rankings), out / name)
    last = points.groupby("recipe", sort=False).tail(1).set_index("recipe")
    table = []
    for recipe in last.index:
        settings = [f"{getattr(recipes[recipe], setting):,}" for setting in SETTINGS]
        seconds = f"{last.loc[recipe, 'cpu_seconds']:.0f}"
        table.append(
            (
                recipe,
                *settings,
                seconds,
                pair(last.loc[recipe], "tau"),
                pair(last.loc[recipe], "auc"),
            )
        )
    frame = pd.DataFrame(table, columns=["recipe", *HEAD, "seconds", "τ", "best above spread"])
    untrained = pd.DataFrame(
        [(row["order"], pair(row, "tau"), pair(row, "auc")) for row in rankings.to_dict("records")],
        columns=["order without training here", "τ", "best above spread"],
    )
    best = last.loc[last["tau"].idxmax()]
    n_best = list(chosen.values()).count("best")
    return f"""# How well do short trainings on a CPU rank architectures?

{SMOKE if smoke else ""}The recipe "{best.name}" ranks architectures as the table does with Kendall's τ-b
{pair(best, "tau")} (jackknife standard error), at {best["cpu_seconds"]:.0f} seconds per architecture on one core.

![Agreement with the table against seconds]({name}.png)

{to_markdown(frame)}
{to_markdown(untrained)}
The package includes "wider and longer" as `verify-cpu` and "more images" as `verify-cpu-quick`. Reference: the table's
validation accuracy after 200 epochs, mean over seeds. τ is over {len(chosen) - n_best} *spread* cells, one from each
equal part of the table's ranks; no two cells are isomorphic. The last column is the probability that one of the
{n_best} best cells ranks above a spread cell (0.5 by chance). Seconds are processor time of one thread, mean over the
spread cells.

## How it was run

`python reports/training/frontier.py --data folder:PATH` on 2026-11-27 with nasmeta {nm.__version__}, seed 0, one
training per cell. Half of CIFAR-10's training images train and the other half validates; a recipe uses a part of each
half.

## Limits

* `verify-cpu-quick` and the width of `verify-cpu` were chosen on these cells, so their values are slightly optimistic.
* The images are JPEG, which is lossy.
* The machine was shared with other work.
"""
