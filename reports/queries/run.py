"""Evaluations until the best cell of the table is evaluated: all searchers, three datasets, many runs.

Run with ``python reports/queries/run.py``; writes README.md, queries.csv and the figures beside this file, and keeps
its journals in a temporary folder, or in the one that ``--folder`` names (so that a killed run goes on).
"""

from __future__ import annotations

import argparse
import platform
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import nasmeta as nm
from nasmeta.analysis import evaluations_to_optimum, plot_regret, save_figure, to_markdown

HERE = Path(__file__).parent
WHOLE_SPACE = 15_625

# What a separate implementation of the same searchers gave on the same table: (number of runs, means). Source order is
# exact, and random is the expectation (n + 1) / 2. Not known for the searchers of this project.
REFERENCE = {
    "random": (None, (7_813, 7_813, 7_813)),
    "local-search": (1_000, (71, 62, 727)),
    "local-search-full": (1_000, (141, 121, 1_366)),
    "evolution": (300, (156, 122, 248)),
    "source-order": (None, (22, 4, 18)),
}
# Searcher -> number of runs: more where the spread is large, few where all runs are alike.
RUNS = {
    "random": 300,
    "local-search": 2000,
    "local-search-full": 2000,
    "evolution": 2000,
    "gp": 100,
    "source-order": 10,
    "meta-gp": 10,
}


def run_all(folder: Path, workers: int, scale: float) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Run every searcher until it finds the optimum.

    Returns the summary, the part of the results that the figures show, and the evaluations of every run.
    """
    found, shown, needed = [], [], []
    for searcher, runs in RUNS.items():
        repeats = max(2, round(runs * scale))
        print(f"{searcher}: {repeats} runs on each dataset", flush=True)
        frame = nm.compare(
            [searcher],
            tasks="nb201",
            repeats=repeats,
            evaluations=WHOLE_SPACE,
            stop_at_optimum=True,
            folder=folder / searcher,
            workers=workers,
        )
        for column in ("task", "searcher"):
            frame[column] = frame[column].astype(object)
        found.append(evaluations_to_optimum(frame))
        shown.append(frame[(frame.seed < 100) & (frame.evaluation <= 500)])
        needed.append(frame.groupby(["searcher", "task", "seed"]).evaluation.max())
    return pd.concat(found, ignore_index=True), pd.concat(shown, ignore_index=True), pd.concat(needed)


def against_reference(found: pd.DataFrame, needed: pd.Series) -> pd.DataFrame:
    """One row a searcher and dataset: mean, interval, reference, and their difference in standard errors."""
    rows = []
    for searcher in RUNS:
        for i, task in enumerate(nm.task_distribution("nb201")):
            one = found[(found.searcher == searcher) & (found.task == task.name)].iloc[0]
            spread = needed[searcher, task.name].std()
            interval = f"{one.mean_low:,.1f} to {one.mean_high:,.1f}" if spread else "all runs alike"
            reference, difference = "–", "–"
            if searcher in REFERENCE:
                their_runs, means = REFERENCE[searcher]
                reference = f"{means[i]:,}"
                error = spread * np.sqrt(1 / one.runs + (1 / their_runs if their_runs else 0))
                difference = f"{(one['mean'] - means[i]) / error:+.1f}" if spread else f"{one['mean'] - means[i]:+.0f}"
            rows.append(
                {
                    "searcher": searcher,
                    "dataset": task.dataset,
                    "runs": int(one.runs),
                    "mean": f"{one['mean']:,.1f}",
                    "95 % interval": interval,
                    "median": f"{one['median']:,.0f}",
                    "reference": reference,
                    "difference (standard errors)": difference,
                }
            )
    return pd.DataFrame(rows)


def main() -> None:
    """Run, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="keep the journals here")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the number of runs, for a trial")
    parser.add_argument("--output", type=Path, default=HERE)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        found, shown, needed = run_all(arguments.folder or Path(temporary), arguments.workers, arguments.scale)
    if (found.share_solved < 1).any():
        raise SystemExit("A run ended without the optimum although its budget is the whole space.")
    arguments.output.mkdir(parents=True, exist_ok=True)
    found.to_csv(arguments.output / "queries.csv", index=False, float_format="%.6g")
    for centre in ("mean", "median"):
        save_figure(plot_regret(shown, centre=centre), arguments.output / f"regret_{centre}")
    table = to_markdown(against_reference(found, needed))
    release = nm.get_task("nb201/cifar10").column.release
    text = TEXT.format(
        table=table, release=release, versions=f"nasmeta {nm.__version__}, numpy {np.__version__}, {platform.machine()}"
    )
    (arguments.output / "README.md").write_text(text, encoding="utf-8")
    print(table)


TEXT = """# Evaluations to the optimum

How many distinct cells a searcher evaluates until it evaluates the best cell of the NAS-Bench-201 table (200 epochs,
mean of the measured seeds, x-valid; release {release}). Isomorphic cells count separately. Every run went on until it
had found the optimum, so nothing is censored. Mean, and 95 % bootstrap interval of the mean. `source-order` and
`meta-gp` have seen the other two datasets completely (31,250 source labels) and nothing of the target's; up to the
optimum nothing in them is random on these tasks, so their runs are all alike: each is one result, not a sample.

{table}

The reference is what a separate implementation gave on the same table (1,000 runs of local search, 300 of evolution);
for `random` it is the expectation, for `source-order` it is exact. It has an error of its own, so the last column
divides the difference by the standard error of both together: beyond ±2 is a difference to explain.

![Mean regret against evaluations](regret_mean.png)

![Median regret against evaluations](regret_median.png)

The figures show the first 100 runs of each searcher and 500 evaluations.

Regenerate: `python reports/queries/run.py` ({versions}; seeds 0, 1, 2, …).
"""

if __name__ == "__main__":
    main()
