"""Searchers that see one training of each cell, judged without its noise.

Run with ``python reports/noise/run.py --folder F``; writes README.md beside this file. The runs are kept in the folder,
so a killed command goes on.
"""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd

import nasmeta as nm
from nasmeta.analysis import to_markdown

HERE = Path(__file__).parent
DATASETS = ("cifar10", "cifar100", "imagenet16-120")
SEARCHERS = ("random", "local-search", "evolution", "tpe", "gp")
BUDGETS = (25, 50, 100)
RUNS = 30

TEXT = """
# Searches that see one training of each cell

{summary}

## What was measured

A task such as `nb201/cifar10#sample` answers with one of the two or three measured seeds of a cell, drawn anew in each
run, as a real training would. Regret is that of the mean over seeds, in percentage points of validation accuracy: how
good the cell is that looks best to the searcher, not how lucky its training was. *Mean of seeds* is the same searcher
on `nb201/cifar10`, which answers with the mean. *Best seen* is the smallest regret among all cells that the search
evaluated: what another rule than "take the highest value" could still win. Mean over {runs} runs, with the 95 %
interval of the mean by a bootstrap.

{tables}

## What follows

{findings}

`python reports/noise/run.py --folder F` runs everything and writes this page.
"""


def interval(values: np.ndarray) -> str:
    """Return the mean and its 95 % interval in words."""
    rng = np.random.default_rng(0)
    means = rng.choice(values, (2000, len(values))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{values.mean():.2f} [{low:.2f}, {high:.2f}]"


def regrets(frame: pd.DataFrame, task: nm.tasks.Task, searcher: str) -> dict[str, np.ndarray]:
    """Return regrets of one searcher on one task, one value a run, by budget; and those of the best cell seen."""
    own = frame[(frame["task"] == task.name) & (frame["searcher"] == searcher)]
    found = {
        f"after {budget}": own[own["evaluation"] == budget].sort_values("seed")["regret"].to_numpy()
        for budget in BUDGETS
    }
    seen = own.assign(true=task.values[own["cell"]]).groupby("seed")["true"].max()
    return found | {f"best seen in {BUDGETS[-1]}": task.optimum - seen.to_numpy()}


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="where the runs are kept")
    parser.add_argument("--workers", type=int, default=1)
    chosen = parser.parse_args()
    names = [f"nb201/{dataset}{noise}" for dataset in DATASETS for noise in ("#sample", "")]
    frame = nm.compare(
        list(SEARCHERS),
        names,
        evaluations=BUDGETS[-1],
        repeats=RUNS,
        folder=chosen.folder,
        workers=chosen.workers,
    )
    tables, last, shares = [], {}, []
    for dataset in DATASETS:
        noisy, mean = nm.get_task(f"nb201/{dataset}#sample"), nm.get_task(f"nb201/{dataset}")
        rows = []
        for searcher in SEARCHERS:
            seen, quiet = regrets(frame, noisy, searcher), regrets(frame, mean, searcher)
            last[dataset, searcher] = seen[f"after {BUDGETS[-1]}"]
            shares.append((searcher, seen[f"after {BUDGETS[-1]}"].mean(), seen[f"best seen in {BUDGETS[-1]}"].mean()))
            row = {"searcher": f"`{searcher}`"} | {name: interval(values) for name, values in seen.items()}
            rows.append(row | {f"mean of seeds, after {BUDGETS[-1]}": interval(quiet[f"after {BUDGETS[-1]}"])})
        tables.append(f"### {dataset}\n\n{to_markdown(pd.DataFrame(rows)).strip()}")
    wins, lines = [], []
    for dataset in DATASETS:
        best = min(SEARCHERS, key=lambda searcher: last[dataset, searcher].mean())
        others = {name: last[dataset, name] - last[dataset, "gp"] for name in SEARCHERS if name != "gp"}
        wins.append(f"`{best}` on {dataset} ({last[dataset, best].mean():.2f})")
        told = ", ".join(f"`{name}` {interval(difference)}" for name, difference in others.items())
        lines.append(f"* {dataset}: regret after {BUDGETS[-1]} minus that of `gp` in the same run: {told}.")
    chasing = [after - seen for searcher, after, seen in shares if searcher == "gp"]
    summary = (
        f"Smallest mean regret after {BUDGETS[-1]} evaluations that answer with one seed: {', '.join(wins)}. "
        f"`gp` loses {', '.join(f'{value:.2f}' for value in chasing)} percentage points on the three "
        "data sets by taking the luckiest of the cells that it evaluated instead of the best."
    )
    page = TEXT.format(
        summary=textwrap.fill(summary, 118),
        runs=RUNS,
        tables="\n\n".join(tables),
        findings="\n".join(textwrap.fill(line, 118, subsequent_indent="  ") for line in lines),
    ).lstrip()
    (HERE / "README.md").write_text(page, encoding="utf-8")
    print(f"Written: {HERE / 'README.md'}")


if __name__ == "__main__":
    main()
