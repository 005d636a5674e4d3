"""Compare searchers on accuracy and latency on six devices and three datasets.

Run ``python reports/objectives/run.py --folder DIR``. It writes README.md, results.csv,
feasibility.csv and regret.png. With the same folder, an interrupted run resumes. ``--page``
rewrites README.md and regret.png from the CSV files.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import nasmeta as nm
from nasmeta.analysis import bootstrap_interval, front_distances, to_markdown
from nasmeta.plotting import task_title
from nasmeta.searchers import SEARCHERS, Searcher
from reports.common import report, with_interval
from reports.drawing import dot_plot, save_png

HERE = Path(__file__).parent
DATE = "2026-11-27"  # of results.csv
# Evaluations per run.
BUDGETS = {"nsga2": 300, "random": 300, "ehvi": 150}
ORDER = ("random", "nsga2", "ehvi")
AT = (50, 100, 150)
UNKNOWN = tuple(
    f"nb201/{dataset}+latency/edgetpu" for dataset in ("cifar10", "cifar100", "imagenet16-120")
)
GOAL = 1.0  # percent of the front's hypervolume
REPEATS = 5


class FailuresAsValues(SEARCHERS["ehvi"]):
    """`ehvi` that observes the worst value for a failed evaluation."""

    tell_failures = Searcher.tell_failures


def feasibility(folder: Path) -> pd.DataFrame:
    """Return one row per searcher: regrets on Edge TPU if the feasible cells are unknown."""
    rows = []
    for name in ("random", "nsga2", "ehvi", "ehvi, failures as values"):
        searcher = {name: FailuresAsValues if "failures" in name else name}
        frame = nm.compare(
            searcher, UNKNOWN, repeats=REPEATS, evaluations=150, evaluator="unknown-feasibility",
            folder=folder / "feasibility" / name.replace(", ", "-"),
        )  # fmt: skip
        failed = frame["cell"].isin(
            np.flatnonzero(np.isnan(nm.get_task("nb201/latency/edgetpu").values))
        )
        regrets = {at: frame.loc[frame["evaluation"] == at, "regret"] for at in AT}
        low, high = bootstrap_interval(regrets[AT[-1]].to_numpy())
        rows.append(
            {
                "searcher": name,
                **{f"after {at}": f"{values.mean():.2f}" for at, values in regrets.items()},
            }
            | {"interval": f"[{low:.2f}, {high:.2f}]", "failed": f"{failed.mean():.0%}"}
        )
    return pd.DataFrame(rows)


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per task and searcher: regrets, and the distance of the front."""
    rows = []
    for (task, searcher), runs in frame.groupby(["task", "searcher"], sort=False):
        regrets = runs.pivot(index="seed", columns="evaluation", values="regret").to_numpy()
        row = {"task": task, "searcher": searcher}
        for at in AT:
            now = regrets[:, min(at, regrets.shape[1]) - 1]
            low, high = bootstrap_interval(now)
            row |= {f"regret_{at}": now.mean(), f"low_{at}": float(low), f"high_{at}": float(high)}
        row["igd_plus_150"] = front_distances(runs, task, at=150)["igd_plus"].mean()
        rows.append(row)
    return pd.DataFrame(rows)


def draw(results: pd.DataFrame) -> None:
    """Draw the mean regret of each searcher on each task, with its 95 % interval."""
    dataset, _, device = results["task"].str.partition("+").T.to_numpy()
    shown = pd.DataFrame(
        {
            "panel": map(task_title, dataset),
            "row": map(device_of, device),
            "name": results["searcher"],
        }
    )
    shown[["mean", "low", "high"]] = results[
        [f"{value}_{AT[-1]}" for value in ("regret", "low", "high")]
    ]
    shown = shown.set_index("name").loc[[*ORDER]].reset_index()
    x = f"hypervolume regret after {AT[-1]} evaluations (%)"
    figure = dot_plot(
        shown,
        x,
        log=True,
        ticks=(0.1, 0.3, 1, 3, 10, 30),
        title="mean of 5 runs; 95 % bootstrap interval",
    )
    save_png(figure, HERE / "regret")


def device_of(cost: str) -> str:
    """Return the readable name of a device."""
    return task_title(f"nb201/{cost}").removesuffix(" latency")


def measure(folder: Path, workers: int) -> None:
    """Run all searchers, and write the CSV files."""
    frames = [
        nm.compare(
            [searcher], "nb201/accuracy+latency", repeats=REPEATS, evaluations=evaluations,
            folder=folder / searcher, workers=workers,
        )
        for searcher, evaluations in BUDGETS.items()
    ]  # fmt: skip
    frame = pd.concat(frames, ignore_index=True).astype({"task": str, "searcher": str})
    summary(frame).to_csv(HERE / "results.csv", index=False, float_format="%.5g")
    feasibility(folder).to_csv(HERE / "feasibility.csv", index=False)


def page() -> str:
    """Draw the picture; return the text of README.md."""
    results, unknown = (
        pd.read_csv(HERE / "results.csv"),
        pd.read_csv(HERE / "feasibility.csv", dtype=str),
    )
    rows = []
    for name in ORDER:
        part = results[results["searcher"] == name]
        row = {
            "searcher": f"`{name}`",
            **{f"after {at}": f"{part[f'regret_{at}'].mean():.2f}" for at in AT[:-1]},
        }
        row[f"after {AT[-1]}"] = with_interval(part[f"regret_{AT[-1]}"])
        row["IGD+ after 150"] = f"{part['igd_plus_150'].mean():.2f}"
        row[f"tasks below {GOAL:g} %"] = f"{int((part[f'regret_{AT[-1]}'] < GOAL).sum())}"
        rows.append(row)
    draw(results)
    of_ehvi = results.loc[results["searcher"] == "ehvi", "regret_150"]
    return f"""# Which searcher finds the best trade-offs of accuracy and latency?

`ehvi` has a mean hypervolume regret of {with_interval(of_ehvi)} % after 150 evaluations, the lowest of these searchers
({len(of_ehvi)} tasks: three datasets on six devices; 95 % interval over tasks).

![Mean hypervolume regret after 150 evaluations, by dataset and device](regret.png)

Mean over the tasks, in percent:

{to_markdown(pd.DataFrame(rows))}
Hypervolume regret is the part of the true front's hypervolume that a search misses. Each objective is scaled linearly:
the front's best value is 1, its worst value 0, and the reference point -0.1. *IGD+* is the mean distance of the front's
architectures to the found ones.

If the searcher does not know which architectures Edge TPU can run, a proposal can fail and still costs an evaluation.
Mean regret (%) over the three datasets, interval after 150 evaluations, and share of failed evaluations:

{to_markdown(unknown)}
`ehvi` learns which evaluations fail; in the last row, it observes the worst value instead.

## How it was run

`python reports/objectives/run.py` on {DATE} with nasmeta {nm.__version__}, seeds
0 to {REPEATS - 1} per searcher and task. Accuracy is the validation accuracy after 200 epochs, mean over seeds;
HW-NAS-Bench measured the latencies. `nsga2` has a population of 20.

## Limits

* The front includes near-chance architectures with very low latency, so a few architectures hold most of the
  hypervolume.
* Labels, lengthscales and reference point of `ehvi` were partly chosen on these tasks, or on tasks with the same
  accuracies.
* Edge TPU could not run 4,699 architectures. The first table excludes them from the search and the front.
"""


if __name__ == "__main__":
    report(__doc__, HERE / "README.md", page, measure, "folder", "workers")
