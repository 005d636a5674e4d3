"""Check the stated numbers of runs with fresh draws, and measure the time of a plan.

Run ``python reports/power/run.py``. It writes README.md and results.csv. ``--page`` rewrites
README.md.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd

import nasmeta as nm
from nasmeta.analysis import pairs_of, shows, to_markdown, wilcoxon_p
from reports.common import report

HERE = Path(__file__).parent
TASKS = (
    "nb201/cifar10",
    "nb201/cifar100",
    "nb201/imagenet16-120",
    "graph/cora",
    "graph/arxiv",
    "hpobench-mlp/segment",
)
PAIRS, N_EQUAL, MOST, DRAWS = 20, 5, 60, 400
EIGHT = {
    "pruned": ("random", {"prune_space": 0.1}),
    "warm": ("random", {"warm_start": 5}),
    "random": "random",
}


def baselines(task: str) -> pd.DataFrame:
    """Return 30 runs of the six baselines; all but those of random search are stored."""
    return nm.compare(["random"], task, repeats=30, with_baselines=True)


def chosen() -> dict[str, pd.DataFrame]:
    """Return, by task, the plans of pairs that the test can show with up to 60 runs: up to five with equal results.

    In these, at least half of the differences are 0. The others are drawn at random.
    """
    plans = []
    for task in TASKS:
        runs = baselines(task)
        zeros = {
            (pair.searcher, pair.other): (pair.differences == 0).mean() for pair in pairs_of(runs)
        }
        plan = nm.plan(runs, most=MOST)
        plans.append(
            plan.assign(zeros=[zeros[row.searcher, row.other] for row in plan.itertuples()])
        )
    possible = pd.concat(plans, ignore_index=True).query("needed <= @MOST")
    equal = possible[possible["zeros"] >= 0.5].head(N_EQUAL)
    shown = pd.concat(
        [equal, possible.drop(equal.index).sample(PAIRS - len(equal), random_state=0)]
    )
    return {str(task): rows for task, rows in shown.sort_index().groupby("task")}


def measure() -> None:
    """Write one row per pair to results.csv: its stated runs, and shares of fresh comparisons by the exact test."""
    rows = []
    for task, plan in chosen().items():
        pairs = list(pairs_of(baselines(task)))
        rng = np.random.default_rng(1)
        drawn = rng.integers(30, size=(DRAWS, MOST))
        for row in plan.to_dict("records"):
            position = [(pair.searcher, pair.other) for pair in pairs].index(
                (row["searcher"], row["other"])
            )
            differences, n = pairs[position].differences, int(row["needed"])
            skewness = float(pd.Series(differences).skew())
            shares = [share(pairs, drawn[:, :runs])[position] for runs in (n, n - 1)]
            stated = {
                name: row[name]
                for name in (
                    "task",
                    "searcher",
                    "other",
                    "measure",
                    "needed",
                    "share",
                    "share_before",
                    "zeros",
                )
            }
            rows.append(
                stated | {"skewness": skewness, "fresh": shares[0], "fresh_before": shares[1]}
            )
            print(rows[-1], flush=True)
    frame = nm.compare(EIGHT, "nb201/cifar100", repeats=30, with_baselines=True)
    begin = time.process_time()
    n_pairs = len(nm.plan(frame))
    seconds = time.process_time() - begin
    table = pd.DataFrame(rows).assign(plan_pairs=n_pairs, plan_seconds=seconds)
    table.to_csv(HERE / "results.csv", index=False, float_format="%.6g")


def share(pairs: list, drawn: np.ndarray) -> np.ndarray:
    """Return the share of draws (draws, runs) in which the test of a report shows each pair."""
    p_values = [[wilcoxon_p(pair.among(seeds)) for pair in pairs] for seeds in drawn]
    return shows(p_values).mean(axis=0)


def page() -> str:
    """Return the text of README.md."""
    rows = pd.read_csv(HERE / "results.csv")
    error = 100 * np.sqrt(0.8 * 0.2 * (1 / 500 + 1 / DRAWS))
    first = rows.iloc[0]
    percents = {name: (100 * rows[name]).map("{:.1f}".format) for name in ("share", "fresh")}
    before = {
        f"{name}_before": (100 * rows[f"{name}_before"]).map("{:.1f}".format) for name in percents
    }
    table = rows[["task", "searcher", "other", "needed"]].assign(
        zeros=(100 * rows["zeros"]).map("{:.0f}".format),
        skewness=rows["skewness"].map("{:.1f}".format),
        **percents,
        **before,
    )
    headers = {
        "needed": "n",
        "zeros": "equal (%)",
        "share": "at n (%)",
        "fresh": "at n, fresh (%)",
        "share_before": "at n - 1 (%)",
        "fresh_before": "at n - 1, fresh (%)",
    }
    n_equal = (rows["zeros"] >= 0.5).sum()
    least, most = 100 * rows["fresh"].min(), 100 * rows["fresh_before"].max()
    return f"""# Do the stated numbers of runs show a difference?

At the stated number *n* of runs, at least {least:.1f} % of fresh draws of the same 30 runs show the
difference; with *n* - 1 runs, at most {most:.1f} %. The limit is 80 %, and two standard errors of
resampling are {2 * error:.1f} points.

{to_markdown(table, headers=headers)}
The {len(rows)} pairs are of six stored baselines on six tasks, and need up to {MOST} runs. They are {n_equal} pairs
in which at least half of the runs are *equal*, and a random sample of the others.
`nm.plan` draws seeds of the 30 runs and counts how often the test of a report (Wilcoxon's exact test, with
Holm's correction over 15 pairs) shows a pair; *n* is the number at which the share reaches 80 %.
*Fresh*: {DRAWS:,} other draws. The share jumps from *n* - 1 to *n* if few runs decide: with 15 pairs, 9 runs
cannot show any difference. All pairs are compared by regret. *Skewness* describes the 30 differences.

A plan for {first["plan_pairs"]:.0f} pairs took {first["plan_seconds"]:.1f} s of one processor.

## How it was run

`python reports/power/run.py` with nasmeta {nm.__version__}.

## Limits

* The plan treats the runs of the pilot as the whole distribution. With a pilot of few runs, its numbers are uncertain.
"""


if __name__ == "__main__":
    report(__doc__, HERE / "README.md", page, measure)
