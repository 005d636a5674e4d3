"""Run searchers that see one training of each cell, and measure the regret without its noise.

Run ``python reports/noise/run.py``. It writes README.md and results.csv; runs are kept in a folder,
so an interrupted command resumes. ``--page`` rewrites README.md from results.csv.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.plotting import task_title
from reports.common import report, with_interval
from reports.drawing import dot_plot, in_order, save_png

HERE = Path(__file__).parent
DATASETS = ("cifar10", "cifar100", "imagenet16-120")
SEARCHERS = ("random", "local-search", "evolution", "tpe", "gp")
BUDGETS = (25, 50, 100)
RUNS = 30


def regrets(frame: pd.DataFrame, task: nm.tasks.Task, searcher: str) -> dict[str, np.ndarray]:
    """Return regrets of one searcher on one task, one value per run, by budget and for the best cell seen."""
    own = frame[(frame["task"] == task.name) & (frame["searcher"] == searcher)]
    by_budget = {
        f"after {budget}": own[own["evaluation"] == budget].sort_values("seed")["regret"].to_numpy()
        for budget in BUDGETS
    }
    seen = own.assign(true=task.values[own["cell"]]).groupby("seed")["true"].max()
    return by_budget | {f"best seen in {BUDGETS[-1]}": task.optimum - seen.to_numpy()}


def measure(folder: Path, workers: int) -> None:
    """Write one row per dataset and searcher to results.csv."""
    names = [f"nb201/{dataset}{noise}" for dataset in DATASETS for noise in ("#sample", "")]
    frame = nm.compare(
        list(SEARCHERS),
        names,
        evaluations=BUDGETS[-1],
        repeats=RUNS,
        folder=folder,
        workers=workers,
    )
    rows = []
    for dataset in DATASETS:
        noisy, mean = nm.get_task(f"nb201/{dataset}#sample"), nm.get_task(f"nb201/{dataset}")
        for searcher in SEARCHERS:
            seen, quiet = regrets(frame, noisy, searcher), regrets(frame, mean, searcher)
            row = {"dataset": dataset, "searcher": searcher} | {
                name: with_interval(v) for name, v in seen.items()
            }
            row[f"mean of seeds, after {BUDGETS[-1]}"] = with_interval(
                quiet[f"after {BUDGETS[-1]}"]
            )
            rows.append(row)
    pd.DataFrame(rows).to_csv(HERE / "results.csv", index=False)


def draw(table: pd.DataFrame) -> None:
    """Draw the regrets after 100 evaluations with their intervals: a panel per dataset."""
    names = {"after 100": "one seed observed", "mean of seeds, after 100": "mean of seeds observed"}
    long = table.melt(["dataset", "searcher"], list(names), "name", "text").replace({"name": names})
    long[["mean", "low", "high"]] = (
        long["text"].str.extract(r"(\S+) \[(\S+), (\S+)\]").astype(float)
    )
    long = long.assign(
        panel=[task_title(f"nb201/{name}") for name in long["dataset"]], row=long["searcher"]
    )
    figure = dot_plot(long, "regret after 100 evaluations (points)", looks=in_order(names.values()))
    save_png(figure, HERE / "regret")


def page() -> str:
    """Draw the picture; return the text of README.md."""
    table = pd.read_csv(HERE / "results.csv")
    draw(table)
    gp = table[table["searcher"] == "gp"].set_index("dataset")
    shown = table.drop(columns=["after 25", "after 50"])
    return f"""# How much does the noise of one training cost a search?

After 100 evaluations that each return one seed, `gp` has a regret of {gp["after 100"]["cifar100"]} percentage points
on CIFAR-100 (mean, 95 % interval); with means over seeds, it has {gp["mean of seeds, after 100"]["cifar100"]}.

![Regret after 100 evaluations, of one seed and of the mean of seeds](regret.png)

{to_markdown(shown)}
A task such as `nb201/cifar100#sample` returns one of the two or three measured seeds of a cell, drawn at random in each
run. Regret is the regret of the mean over seeds, in percentage points of validation accuracy. *Best seen* is the
smallest regret among all evaluated cells, so the difference from *after 100* is the cost of picking a lucky cell.
*Mean of seeds* is the same searcher on `nb201/cifar100`, which returns the mean.

## How it was run

`python reports/noise/run.py --folder F` on 2026-11-25 (`gp`: 2026-11-29) with nasmeta {nm.__version__}, {RUNS} runs
with seeds 0 to {RUNS - 1}.

## Limits

* A cell has only two or three measured seeds.
* The kernel and the acquisition of `gp` were chosen on these datasets.
"""


if __name__ == "__main__":
    report(__doc__, HERE / "README.md", page, measure, "folder", "workers")
