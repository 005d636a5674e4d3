"""Compare optimisers on LCBench: seven ranges, 34 datasets, by the regret after 10, 25 and 50 evaluations.

Run ``python reports/peers/lcbench.py``. It appends one row per run to lcbench.csv, so an
interrupted command resumes, and writes lcbench.md. Needs the extras ``peers`` and ``onnx``, and
``nasmeta data fetch lcbench``.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.threads import one_thread
from reports.common import Rows, in_processes, report, with_interval
from reports.peers.page import differences

HERE = Path(__file__).parent
RUNS = {
    "gp": 3,
    "tpe": 3,
    "random": 3,
    "optuna-tpe": 3,
    "optuna-gp": 1,
    "botorch": 1,
    "smac": 1,
    "syne-tune-cqr": 1,
}
AT = (10, 25, 50)
REGRETS = tuple(f"regret_{n}" for n in AT)


@one_thread()
def measure(name: str, searcher: str, seed: int) -> dict[str, float]:
    """Return the regrets of one run, in the unit of the task, and milliseconds per evaluation."""
    task, began = nm.get_task(name), time.process_time()
    run = nm.search(searcher, task, evaluations=AT[-1], seed=seed)
    ms = 1e3 * (time.process_time() - began) / len(run)
    assert task.best_known is not None
    regrets = np.minimum.accumulate(task.sign * (task.best_known - run.values))
    return dict(zip(REGRETS, regrets[np.array(AT) - 1].tolist(), strict=True)) | {"ms": ms}


def measure_missing(workers: int) -> None:
    """Append the missing runs, one searcher after another."""
    rows = Rows(HERE / "lcbench.csv", ("task", "searcher", "seed", *REGRETS, "ms"), 3)
    tasks = nm.task_distribution("lcbench").names
    todo = [
        (task, name, seed)
        for name, repeats in RUNS.items()
        for seed in range(repeats)
        for task in tasks
        if not rows.has(task, name, seed)
    ]
    for key, measured in in_processes(measure, todo, workers):
        rows.add(*key, **measured)


def table(runs: pd.DataFrame) -> str:
    """Return a table with one row per searcher: regrets, difference from `gp`, and time."""
    rows = []
    for name, own in runs.groupby("searcher", sort=False):
        row = {"searcher": f"`{name}`"} | {
            f"regret at {n}": f"{own[f'regret_{n}'].mean():.2f}" for n in AT
        }
        more = differences(runs, "gp", str(name)).mean(axis=1)
        row |= {"minus `gp`": "" if name == "gp" else with_interval(more)}
        rows.append(row | {"ms per step": f"{own['ms'].median():.0f}"})
    return to_markdown(pd.DataFrame(rows))


def page() -> str:
    """Return the text of lcbench.md."""
    runs = pd.read_csv(HERE / "lcbench.csv")
    runs = runs.assign(needed=runs[REGRETS[-1]])  # what `differences` compares
    means = runs.pivot_table(index="task", columns="searcher", values=REGRETS[-1])
    often = [name for name, repeats in RUNS.items() if repeats == max(RUNS.values())]
    best = means[often].idxmin(axis=1).value_counts()
    better = {name: 100 * (means["gp"] <= means[name]).mean() for name in ("botorch", "optuna-gp")}
    rest = runs[runs["task"].isin(means.index[1::2])]
    on_rest = {
        name: with_interval(differences(rest, "gp", name).mean(axis=1))
        for name in ("botorch", "optuna-gp")
    }
    return f"""# Which optimiser is best on LCBench, a space of seven ranges?

`gp` ties with BoTorch and with Optuna's Gaussian process, in a small part of their time: its regret after {AT[-1]}
evaluations is lower or equal on {better["botorch"]:.0f} % and {better["optuna-gp"]:.0f} % of the datasets, and the mean
differences are within chance. Among searchers with {max(RUNS.values())} runs it has the lowest mean regret on
{best["gp"]} of {len(means)} datasets.

{table(runs)}
**Regret**: percentage points of validation accuracy below the best value known to this project; the optimum of the
published surrogate is unknown. *Minus `gp`*: mean difference at {AT[-1]} in runs of the
same dataset and seed, with a 95 % interval over datasets; positive if `gp` is better. Time: median processor time.

**Runs**: {max(RUNS.values())} per dataset of {", ".join(f"`{name}`" for name in often)}, one of the others.
Settings are defaults; other packages receive ranges as numbers. Kernel and labels of `gp` were chosen on every second
dataset, with other seeds; on the rest, the difference is {on_rest["botorch"]} for BoTorch, and
{on_rest["optuna-gp"]} for Optuna's process.

`python reports/peers/lcbench.py` resumes the runs and writes this page.
"""


if __name__ == "__main__":
    report(__doc__, HERE / "lcbench.md", page, measure_missing, "workers")
