"""The page of `frontier.py`: how well short trainings order cells, against what they cost."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import kendalltau

import nasmeta as nm
from nasmeta.analysis import save_figure
from nasmeta.errors import NasmetaError
from nasmeta.training import Recipe, measured_proxies

PROXIES = ("nwot", "jacob_cov", "synflow")


def jackknife(statistic: Callable[[np.ndarray], float], n: int) -> float:
    """Return the standard error of a statistic of n cells, each of which is left out in turn."""
    each = np.array([statistic(np.delete(np.arange(n), left_out)) for left_out in range(n)])
    return float(np.sqrt((n - 1) / n * ((each - each.mean()) ** 2).sum()))


def agreement(table: np.ndarray, measured: np.ndarray, best: np.ndarray) -> dict[str, float]:
    """Compare an order of cells with the table's.

    ``tau``: Kendall's τ-b over the spread cells. ``auc``: the chance that one of the best cells is placed above a
    spread one, ties half. Each with its standard error over cells.
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
    """Return a row a recipe and epoch."""
    found = []
    for (recipe, epoch), of_point in rows.groupby(["recipe", "epoch"], sort=False):
        best = (of_point["group"] == "best").to_numpy()
        if min(best.sum(), (~best).sum()) < 2:
            continue
        table, measured = of_point["table"].to_numpy(), of_point["valid_accuracy"].to_numpy()
        found.append(
            {
                "recipe": recipe,
                "epoch": epoch,
                "cells": len(of_point),
                "cpu_seconds": of_point.loc[~best, "cpu_seconds"].mean(),
                "wall_seconds": of_point.loc[~best, "wall_seconds"].mean(),
                "best_seconds": of_point.loc[best, "cpu_seconds"].mean(),
                **agreement(table, measured, best),
            }
        )
    return pd.DataFrame(found)


def others(values: np.ndarray, chosen: dict[int, str]) -> pd.DataFrame:
    """Return a row for each order that needs no training here: proxies, and the table after 12 epochs."""
    index = np.array(list(chosen))
    best = np.array([group == "best" for group in chosen.values()])
    orders = {f"proxy {name}": measured_proxies()[name] for name in PROXIES}
    orders["number of parameters"] = np.asarray(nm.get_space("nb201").params(np.arange(len(values)), "cifar10"))
    try:
        table = nm.load_table("nb201")
        short = table.column("cifar10", "accuracy", split="valid", epochs=12, seed="mean")
        orders["the table after 12 epochs"] = np.asarray(short)
    except NasmetaError as missing:
        print(f"Without the table after 12 epochs: {missing}", file=sys.stderr)
    seconds = proxy_seconds(index)
    return pd.DataFrame(
        {"order": name, "cpu_seconds": seconds if name.startswith("proxy") else np.nan}
        | agreement(values[index], np.asarray(own, dtype=float)[index], best)
        for name, own in orders.items()
    )


def proxy_seconds(index: np.ndarray) -> float:
    """Return what all proxies of a cell take together, measured here on some of the cells."""
    import torch

    from nasmeta.training import compute_proxies, load_images

    torch.set_num_threads(1)
    batch, some = load_images("digits", 32, 16), index[:4].tolist()
    compute_proxies(some[:1], batch)
    start = time.process_time()
    compute_proxies(some, batch)
    return (time.process_time() - start) / len(some)


def picture(points: pd.DataFrame, besides: pd.DataFrame, folder: Path, name: str) -> None:
    """Draw both agreements against the seconds of a cell."""
    figure, panels = plt.subplots(1, 2, figsize=(9.2, 4.4), layout="constrained")
    titles = {"tau": "Kendall τ over the spread cells", "auc": "chance that a best cell is above a spread one"}
    for panel, (what, title) in zip(panels, titles.items(), strict=True):
        for at, (recipe, of_recipe) in enumerate(points.groupby("recipe", sort=False)):
            panel.errorbar(
                of_recipe["cpu_seconds"], of_recipe[what], of_recipe[f"{what}_error"], label=recipe,
                color=f"C{at}", marker="os^Dv"[at % 5], markersize=5, capsize=2, linewidth=1.2,
            )  # fmt: skip
        for at, row in enumerate(besides.to_dict("records")):
            panel.axhline(row[what], color="0.35", linewidth=0.9, linestyle=LINES[at % len(LINES)], label=row["order"])
        panel.set_title(title)
        panel.set_xlabel("seconds a cell, one core")
        panel.set_xlim(left=0)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    save_figure(figure, folder / name, ("png",))
    plt.close(figure)


TARGET = 0.6
LINES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))


ABOUT = """\
How well does a short training order NAS-Bench-201's cells, and what does it cost? Half of CIFAR-10's training images
train and the other half validates, as in the benchmark; of both, a recipe takes a part, drawn once. The images are
JPEG, which is lossy, so accuracies are not those of the original pixels. Reference: the table's validation accuracy
after 200 epochs, mean of its seeds.

Cells: {spread} drawn with a fixed seed, one from each equal part of the table's ranks ("spread"), and the {best} best
of the table; no two are isomorphic. τ: Kendall's τ-b over the spread cells. Told apart: the chance that one of the best
is placed above a spread one (0.5 by chance). ±: the jackknife's standard error over cells; one training of each cell,
seed 0. Seconds: processor time of one thread, mean over the spread cells, with the evaluation after every epoch, on
{cores} cores ({processor}) that were shared with other work; so a watch showed more (in brackets).
"""
VERDICT = """\
**The recipe `verify-cpu-quick` is "{name}": τ = {tau} at {seconds:.0f} seconds a cell on one core** (one of the best
ten: {best_seconds:.0f}). One of the best is placed above a spread cell with a chance of {auc}. Of the recipes of about
its cost that are measured on all cells, {why}; it was chosen on the same cells that it is reported on, so its figures
are a little flattered.
"""
LONGER = """\
**The recipe `verify-cpu` is "{name}": τ = {tau} at {seconds:.0f} seconds a cell on one core** (one of the best ten:
{best_seconds:.0f}). One of the best is placed above a spread cell with a chance of {auc}. Target: τ ≥ 0.6 at 3 minutes
a cell on two cores: {verdict}. It is the only one of its cost that was tried, but its width and its number of images
are those of the recipes that had ordered these same cells best, so its figures may be a little flattered, too.
"""
FREE = """\
Of what needs no training here, the {name} orders the spread cells best: τ = {tau}.
"""
SMOKE = "**A run at a small size, on digits: it shows that the command runs, and no figure means anything.**"
HEAD = ["recipe", "images", "pixels", "C", "N", "epochs", "validate", "cells", "seconds", "τ, spread", "told apart"]
SETTINGS = ("train_images", "image_size", "channels", "cells_per_stage", "epochs", "evaluation_images")


def shipped(recipes: Mapping[str, Recipe], as_what: str = "verify-cpu-quick") -> str | None:
    """Return which of the recipes is shipped under a name."""
    if as_what not in Recipe.names():
        return None
    own = Recipe.load(as_what, name="")
    return next((name for name, recipe in recipes.items() if recipe.but(name="") == own), None)


def pair(row: Any, what: str) -> str:
    """Write a figure with its error."""
    return f"{row[what]:.2f} ± {row[f'{what}_error']:.2f}"


def figures(last: pd.DataFrame, name: str) -> dict[str, Any]:
    """Return what the page says of a shipped recipe."""
    row = last.loc[name]
    found = {"name": name, "seconds": row["cpu_seconds"], "best_seconds": row["best_seconds"]}
    found["verdict"] = "reached" if row["tau"] >= TARGET else "missed"
    return found | {"tau": pair(row, "tau"), "auc": pair(row, "auc")}


def line(*parts: object) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(map(str, parts))} |"


def page_of(
    rows: pd.DataFrame,
    recipes: Mapping[str, Recipe],
    values: np.ndarray,
    chosen: dict[int, str],
    smoke: bool,
    out: Path,
) -> str:
    """Write the picture, and return the page."""
    points, besides = frontier(rows), others(values, chosen)
    name = "smoke" if smoke else "frontier"
    enough = points[points["cells"] >= 2 * len(chosen) / 3]  # fewer have no order to speak of
    picture(enough if len(enough) else points, besides, out, name)
    last = points.groupby("recipe", sort=False).tail(1).set_index("recipe")
    n_best = list(chosen.values()).count("best")
    about = {"spread": len(chosen) - n_best, "best": n_best, "cores": os.cpu_count(), "processor": processor()}
    lines = [
        "# Short trainings on a CPU against the table",
        "",
        "Written by `python reports/training/frontier.py --data folder:PATH`; `--page` alone writes it of "
        "[results.csv](results.csv).",
        "",
        *([SMOKE, ""] if smoke else []),
        ABOUT.format(**about),
    ]
    ship = shipped(recipes)
    if ship in last.index:
        row, said = last.loc[ship], figures(last, ship)
        whole = last[(last["cells"] == len(chosen)) & (last["cpu_seconds"] < 2 * row["cpu_seconds"])]
        both = (whole["tau"] + whole["auc"]).sort_values()
        most = len(both) and both.index[-1] == ship
        said["why"] = (
            "it has the largest sum of the two figures" if most else "another has a larger sum of the two figures"
        )
        lines.append(VERDICT.format(**said))
    if (longer := shipped(recipes, "verify-cpu")) in last.index:
        lines.append(LONGER.format(**figures(last, str(longer))))
    free = besides[besides["order"].str.startswith("proxy")].sort_values("tau").iloc[-1]
    lines.append(FREE.format(name=free["order"], tau=pair(free, "tau")))
    lines += [f"![Agreement against seconds]({name}.png)", ""]
    lines += [line(*HEAD), line(":---", *["---:"] * (len(HEAD) - 1))]
    for name, recipe in recipes.items():
        if name in last.index:
            row = last.loc[name]
            said = [f"{getattr(recipe, setting):,}" for setting in SETTINGS]
            seconds = f"{row['cpu_seconds']:.0f} ({row['wall_seconds']:.0f})"
            lines.append(line(name, *said, int(row["cells"]), seconds, pair(row, "tau"), pair(row, "auc")))
    for row in besides.to_dict("records"):
        seconds = "–" if np.isnan(row["cpu_seconds"]) else f"{row['cpu_seconds']:.1f}"
        blank = ["–"] * len(SETTINGS)
        lines.append(line(row["order"], *blank, len(chosen), seconds, pair(row, "tau"), pair(row, "auc")))
    lines += ["", "Seconds of a proxy: of all nine of a cell together. The table's 12 epochs were trained on a GPU."]
    if unfinished := [name for name in recipes if name not in last.index or last.loc[name, "cells"] < len(chosen)]:
        lines.append(
            f"Not measured on all {len(chosen)} cells, as the time was over: {', '.join(unfinished)}. With fewer than "
            "two thirds of them a recipe is not in the picture."
        )
    lines += alike(rows, recipes, ship)
    lines += ["", "<details>", "<summary>After every epoch</summary>", ""]
    lines += [line("recipe", "epoch", "cells", "seconds", "τ", "told apart"), line(":---", *["---:"] * 5)]
    for row in points.to_dict("records"):
        numbers = (row["epoch"], row["cells"], f"{row['cpu_seconds']:.1f}", pair(row, "tau"), pair(row, "auc"))
        lines.append(line(row["recipe"], *numbers))
    lines += ["", "An epoch before the last is a point of the training: its learning rate is not down yet."]
    return "\n".join([*lines, "", "</details>"]) + "\n"


def alike(rows: pd.DataFrame, recipes: Mapping[str, Recipe], ship: str | None) -> list[str]:
    """Compare the recipes with the shipped one on the cells that both have, as recipes may have different ones."""
    ends = {name: rows[(rows["recipe"] == name) & (rows["epoch"] == recipe.epochs)] for name, recipe in recipes.items()}
    lines = []
    for name, own in ends.items():
        both = (
            own.merge(ends[ship], on="cell", suffixes=("", "_shipped"))
            if ship is not None and name != ship
            else own[:0]
        )
        spread = both[both["group"] == "spread"] if len(both) else both
        if len(spread) > 3:
            taus = [
                kendalltau(spread["table"], spread[f"valid_accuracy{which}"]).statistic for which in ("", "_shipped")
            ]
            lines.append(line(name, len(spread), *(f"{tau:.2f}" for tau in taus)))
    if not lines:
        return []
    return [
        "",
        "On the spread cells that both have:",
        "",
        line("recipe", "cells", "its τ", f"τ of {ship}"),
        line(":---", "---:", "---:", "---:"),
        *lines,
    ]


def processor() -> str:
    """Return the kind of processor, where the system tells."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        return next(line.partition(":")[2].strip() for line in told.splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()
