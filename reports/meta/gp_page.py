"""Write the page and the figures of ``gp.py`` from its runs.csv."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import nasmeta as nm
from nasmeta.analysis import bootstrap_interval, to_markdown
from nasmeta.plotting import (
    draw_grid,
    house_style,
    label_panels,
    legend_below,
    new_panels,
    styles,
    task_title,
)
from reports.common import NB201
from reports.drawing import dot_plot, save_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUERIES = Path(__file__).parent.parent / "queries" / "queries.csv"
DATE = "2026-11-26"  # of runs.csv
SEARCHERS = ("multi-task-gp", "rgpe")


def needed(runs: pd.DataFrame) -> str:
    """Return the mean number of evaluations with its 95 % interval."""
    n = runs.evaluations.to_numpy(float)
    low, high = bootstrap_interval(n)
    text = short(n.mean()) + (f" [{short(low)}, {short(high)}]" if np.ptp(n) else "")
    return text + ("" if runs.found.all() else f"; {int((1 - runs.found).sum())} not found")


def short(number: float) -> str:
    """Format a number of evaluations."""
    return f"{number:,.0f}" if number >= 100 or float(number).is_integer() else f"{number:.1f}"


def nb201_table(runs: pd.DataFrame, queries: pd.DataFrame) -> str:
    """Return evaluations to the optimum by labels per source."""
    rows = []
    plain = queries[queries.searcher == "gp"].set_index("task")
    architectures = {
        NB201[t]: f"{r['mean']:,.1f} [{r.low:,.1f}, {r.high:,.1f}]"
        for t, r in plain.loc[[*NB201]].iterrows()
    }
    rows.append({"labels per source": "0", "searcher": "`gp`", **architectures})
    for labels in (25, 100, 400, -1):
        for searcher in (*SEARCHERS, "meta-gp", "source-order"):
            part = runs[(runs.searcher == searcher) & (runs.labels == labels)]
            if len(part) and not (searcher == "source-order" and labels > 0):
                architectures = {NB201[t]: needed(part[part.task == t]) for t in NB201}
                rows.append(
                    {
                        "labels per source": "all" if labels == -1 else str(labels),
                        "searcher": f"`{searcher}`",
                        **architectures,
                    }
                )
    return to_markdown(pd.DataFrame(rows))


def speed_ups(
    runs: pd.DataFrame, part: str, plain: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return ratios of mean evaluations, plain over the searcher's, with 95 % intervals, and their geometric means.

    One row per searcher and task; each searcher has one geometric mean over the tasks.
    """
    rows, overall, rng = [], {}, np.random.default_rng(0)
    for searcher in SEARCHERS:
        every = []
        for task in plain.task.unique():
            of_task = runs[(runs.part == part) & (runs.searcher == searcher) & (runs.task == task)]
            a, b = (
                of_task.evaluations.to_numpy(float),
                plain[plain.task == task].evaluations.to_numpy(float),
            )
            draws = [
                rng.choice(b, len(b)).mean() / rng.choice(a, len(a)).mean() for _ in range(2000)
            ]
            ratio, (low, high) = b.mean() / a.mean(), np.quantile(draws, (0.025, 0.975))
            rows.append(
                {"searcher": searcher, "task": task, "ratio": ratio, "low": low, "high": high}
            )
            every.append([ratio, *draws])
        ratio, *draws = np.exp(np.log(every).mean(axis=0))
        low, high = np.quantile(draws, (0.025, 0.975))
        overall[searcher] = f"{ratio:.2f} [{low:.2f}, {high:.2f}]"
    return pd.DataFrame(rows), overall


def tnb101_table(
    runs: pd.DataFrame, plain: pd.DataFrame, within: pd.DataFrame, across: pd.DataFrame
) -> str:
    """Return evaluations of ``gp`` and the speed-ups over it, with sources of the same and of the other benchmark."""
    rows = []
    for task in plain.task.unique():
        row = {"task": task.removeprefix("tnb101/"), "`gp`": needed(plain[plain.task == task])}
        for ratios, sources in ((within, ""), (across, ", other benchmark")):
            for r in ratios[ratios.task == task].itertuples():
                row[f"`{r.searcher}`{sources}"] = f"×{r.ratio:.2f} [{r.low:.2f}, {r.high:.2f}]"
        rows.append(row)
    return to_markdown(pd.DataFrame(rows))


@house_style()
def plot_budgets(runs: pd.DataFrame) -> Figure:
    """Draw evaluations against labels per source."""
    figure, panels = new_panels(list(NB201.values()), 7.35, (2.45, 2.35), sharey=True)
    queries, looks = pd.read_csv(QUERIES), styles([*SEARCHERS, "gp"])
    for panel, task in zip(panels, NB201, strict=True):
        for shift, searcher in ((0.95, "multi-task-gp"), (1.05, "rgpe")):
            own = runs[
                (runs.task == task)
                & (runs.searcher == searcher)
                & runs.part.isin(["full", "labels"])
            ]
            points = []
            for labels, some in own.groupby(own.labels.replace(-1, 15_625)):
                n = some.evaluations.to_numpy(float)
                low, high = bootstrap_interval(n) if len(n) > 1 else (n[0], n[0])
                points.append((labels, n.mean(), n.mean() - low, high - n.mean()))
            if points:
                x, mean, below, above = np.array(points, dtype=float).T
                panel.errorbar(
                    x * shift, mean, (below, above), label=searcher, **looks[searcher].line()
                )
        plain = queries[(queries.task == task) & (queries.searcher == "gp")].iloc[0]
        panel.axhline(
            plain["mean"], color=looks["gp"].colour, linewidth=1, label="gp, without sources"
        )
        panel.axhspan(
            plain["low"], plain["high"], color=looks["gp"].colour, alpha=0.15, linewidth=0
        )
        panel.set(xscale="log", yscale="log", xlim=(18, 25_000))
        panel.set_xticks([25, 100, 400, 15_625], ["25", "100", "400", "all"])
        panel.set_yticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
        panel.minorticks_off()
        draw_grid(panel)
    label_panels(panels, "labels per source", "evaluations to the optimum")
    legend_below(figure, "mean and 95 % interval over runs")
    return figure


def plot_speed_ups(ratios: pd.DataFrame) -> Figure:
    """Draw the speed-up of each TransNAS task with its interval."""
    shown = ratios.rename(columns={"searcher": "name", "ratio": "mean"}).assign(panel="")
    x = "speed-up over gp: mean evaluations of gp / of the searcher, log scale"
    title = "mean and 95 % interval over runs"
    return dot_plot(
        shown.assign(row=shown["task"].map(task_title)),
        x,
        log=True,
        line=1,
        title=title,
        ticks=(0.5, 1, 2, 4),
    )


def page(folder: Path) -> str:
    """Draw the figures; return the text of README.md."""
    runs = pd.read_csv(folder / "runs.csv").drop_duplicates(
        ["part", "task", "searcher", "labels", "run"]
    )
    queries = pd.read_csv(QUERIES)
    plain = runs[(runs.part == "transnas") & (runs.searcher == "gp")]
    within, overall = speed_ups(runs, "transnas", plain)
    across, _ = speed_ups(runs, "cross", plain)
    save_png(plot_budgets(runs), folder / "budgets")
    save_png(plot_speed_ups(within), folder / "speed_up")
    nb201 = runs[runs.part.isin(["full", "labels"])]
    return f"""# How many evaluations do Gaussian processes with sources save?

On TransNAS-Bench-101, `multi-task-gp` is {overall["multi-task-gp"]} times as fast as `gp`, and `rgpe`
{overall["rgpe"]} times (geometric mean over seven tasks, 95 % interval over runs).

![Evaluations to the optimum of NAS-Bench-201 against the labels per source](budgets.png)

Evaluations until the optimum of NAS-Bench-201, mean [95 % interval]; a single number is a deterministic run:

{nb201_table(nb201, queries)}
On TransNAS-Bench-101, a run ends at one of the four best architectures or after 300 evaluations. × is the mean number
of evaluations of `gp` divided by the searcher's, with 2,048 labels per source:

{tnb101_table(runs, plain, within, across)}
The [speed-up](speed_up.png) is significant in {int((within.low > 1).sum())} of {len(within)} cases, and with sources of
the other benchmark in {int((across.low > 1).sum())}.

## How it was run

`python reports/meta/gp.py` on {DATE} (`gp` on 2026-11-29), nasmeta {nm.__version__}, with 100 draws of the labels (53
for 400 labels per source, 30 for the other benchmark). Sources share neither dataset nor task
with the target.

## Limits

* The settings and the kernel were chosen on the three datasets of NAS-Bench-201, with other draws of the labels.
* A run without success enters the means with its last evaluation.
"""
