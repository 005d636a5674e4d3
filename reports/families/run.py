"""Describe eight further families of benchmarks, and run three searchers on ten of their tasks.

Run ``python reports/families/run.py``. It writes README.md, search.csv and search.png. Runs are
kept in a folder, so an interrupted command resumes. ``--page`` rewrites README.md and search.png
from search.csv. Some families need ``nasmeta data fetch transnas-macro nas-bench-macro graphgym
step-law hw-gpt-s``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.plotting import task_title
from nasmeta.tasks import task_distribution
from reports.common import evaluations_to_best, mean_and_interval, report
from reports.drawing import dot_plot, save_png

HERE = Path(__file__).parent
DATE = "2026-12-03"  # of search.csv
SEARCHERS = ("random", "evolution", "gp")
REPORTED = ("graph/cora", "graph/cs", "graph/physics", "graph/computers", "hpobench-mlp/australian",
            "hpobench-mlp/blood_transfusion", "hpobench-mlp/credit_g", "hpobench-mlp/segment",
            "fcnet/parkinsons_telemonitoring", "fcnet/slice_localization")  # fmt: skip
REPEATS, EVALUATIONS = 10, 100
FAMILIES = {  # family of tasks: (measurements, limits)
    "graph": (
        "validation and test accuracy, mean of 3 seeds; latency; parameters",
        "no training times; values tie often",
    ),
    "tnb101-macro": (
        "best value over the epochs, per split",
        "one unnamed seed; test value of another epoch",
    ),
    "nbmacro/test": ("test accuracy after 50 epochs, 3 seeds", "no validation split"),
    "graphgym": ("validation accuracy after 400 epochs", "no test values; tasks share graphs"),
    "hpobench-mlp": (
        "validation accuracy, 5 seeds; training seconds",
        "no test values; unnamed training length",
    ),
    "fcnet": (
        "validation loss, 4 seeds; training seconds",
        "no test values; losses differ by orders of magnitude",
    ),
    "step-law": (
        "final training loss of language models",
        "one seed; each task has 34 to 120 settings",
    ),
    "hw-gpt-s": ("perplexity; latency, energy, memory", "weights of one supernet; no test values"),
}


def facts(family: str) -> dict[str, str]:
    """Return the row of a family: its size, the agreement of its tasks, measurements and limits."""
    table, tasks = nm.load_table(family.partition("/")[0]), task_distribution(family)
    correlation = "–"
    if len(tasks) > 1:
        values = pd.DataFrame({task.name: task.sign * task.values for task in tasks})
        between = values.corr("spearman").to_numpy()[np.triu_indices(len(tasks), 1)]
        correlation = f"{np.nanmin(between):.2f} to {np.nanmax(between):.2f}"
    measured, limits = FAMILIES[family]
    return {
        "family": f"`{family}`",
        "architectures": f"{table.space.size:,}",
        "tasks": str(len(tasks)),
        "rank correlation between tasks": correlation,
        "measurements": measured,
        "limits": limits,
    }


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per task and searcher: mean evaluations until one of the best 0.1 %, and runs without success."""
    rows = []
    for (name, searcher), runs in frame.groupby(["task", "searcher"], sort=False):
        results = evaluations_to_best(runs, nm.get_task(str(name)))
        values = mean_and_interval(results.fillna(runs["evaluation"].max()))
        rows.append((name, searcher, *map("{:.0f}".format, values), results.isna().sum()))
    return pd.DataFrame(
        rows, columns=["task", "searcher", "mean evaluations", "low", "high", "not found"]
    )


def draw(results: pd.DataFrame) -> None:
    """Draw the mean evaluations of each searcher on each task, with their 95 % intervals."""
    rows = [f"{task_title(task)} ({task.partition('/')[0]})" for task in results["task"]]
    shown = pd.DataFrame(
        {"panel": "", "row": rows, "name": results["searcher"], "mean": results["mean evaluations"]}
    )
    shown[["low", "high"]] = results[["low", "high"]]
    x = f"mean evaluations until one of the best 0.1 % (at most {EVALUATIONS})"
    title = f"mean of {REPEATS} runs; 95 % bootstrap interval"
    save_png(dot_plot(shown, x, title=title), HERE / "search")


def measure(folder: Path, workers: int) -> None:
    """Run the searchers, and write search.csv."""
    frame = nm.compare(
        SEARCHERS,
        REPORTED,
        repeats=REPEATS,
        evaluations=EVALUATIONS,
        workers=workers,
        folder=folder,
    )
    summary(frame).to_csv(HERE / "search.csv", index=False)


def page() -> str:
    """Draw the picture; return the text of README.md."""
    results = pd.read_csv(HERE / "search.csv")
    best = results.pivot(index="task", columns="searcher", values="mean evaluations").idxmin(axis=1)
    low, high = binomtest(int((best == "gp").sum()), len(best)).proportion_ci()
    draw(results)
    return f"""# What do eight further benchmark families measure, and does `gp` work on them?

On {(best == "gp").sum()} of {len(best)} tasks (95 % interval: {100 * low:.0f} to {100 * high:.0f} %), `gp` needs the
fewest evaluations on average.

![Mean evaluations until one of the best architectures](search.png)

{to_markdown(pd.DataFrame([facts(family) for family in FAMILIES]))}
## How it was run

`python reports/families/run.py` on {DATE}, seeds 0 to {REPEATS - 1}, nasmeta {nm.__version__}. Runs end at one of the
best 0.1 %; a run without success enters with {EVALUATIONS} evaluations (`search.csv`).

## Limits

* {REPEATS} runs per task are few, so single tasks decide little.
* The features of `gp` were not chosen on these tasks, but the priors of its second kernel were chosen on tasks of all
  families.
* Families without test values do not show how an architecture generalises. On `nbmacro`, a search sees the test set.
* Most families average or do not name their seeds, so small differences may be noise.
* The architectures of `tnb101-macro` are in an undocumented order, which was inferred and checked on 48 networks.
"""


if __name__ == "__main__":
    report(__doc__, HERE / "README.md", page, measure, "folder", "workers")
