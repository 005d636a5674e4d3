"""Validate `nasmeta compare --until-decided` by resampling runs; print the numbers of README.md.

Run ``python reports/repeats/run.py`` (some minutes). It runs five searchers 400 times on three tasks, and writes
results.csv: one row per pair, over 1,000 comparisons whose runs are drawn from these with replacement.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

import nasmeta as nm
from nasmeta.analysis import looks_of, sequence_radius
from nasmeta.analysis._power import runs_needed
from nasmeta.experiments._decisions import random_regret

HERE = Path(__file__).parent
SEARCHERS = ["random", "local-search", "local-search-full", "evolution", "ppo"]
RUNS, EVALUATIONS, REPLICATIONS, MOST = 400, 100, 1000, 1000
DIFFERENT, EQUAL, FIXED = 20, 10, 100


def replicate(one: np.ndarray, other: np.ndarray, margin: float, rng: np.random.Generator) -> dict[str, float]:
    """Repeat a comparison of two searchers by drawing runs; they share a draw unless they are the same searcher."""
    looks, draws = looks_of(10, MOST), rng.integers(RUNS, size=(2, REPLICATIONS, MOST))
    same = one is other
    differences = one[draws[0]] - other[draws[int(same)]]
    truth = 0.0 if same else (one - other).mean()
    sums, squares = (values.cumsum(axis=1)[:, looks - 1] for values in (differences, differences**2))
    means = sums / looks
    radius = sequence_radius(np.sqrt(np.maximum(squares - looks * means**2, 0) / (looks - 1)), looks)
    better, worse, neither = means + radius < 0, means - radius > 0, np.abs(means) + radius < margin
    decided = better | worse | neither
    at = np.where(decided.any(axis=1), decided.argmax(axis=1), len(looks) - 1)
    better, worse, neither = (state[np.arange(REPLICATIONS), at] for state in (better, worse, neither))
    false = better * (truth >= 0) + worse * (truth <= 0) + neither * ~(better | worse) * (abs(truth) >= margin)
    return {
        "difference": truth, "margin": margin, "runs": looks[at].mean(), "false": false.mean(),
        "winner": (better | worse).mean(), "neither": (neither & ~(better | worse)).mean(),
    }  # fmt: skip


def main() -> None:
    frame = nm.compare(SEARCHERS, "nb201", repeats=RUNS, evaluations=EVALUATIONS)
    last = frame.groupby(["task", "searcher", "seed"], observed=True)["regret"].last().unstack()
    tasks = {name: nm.get_task(name) for name in last.index.unique(0)}
    margins = {name: 0.1 * random_regret(task.sign * task.values, EVALUATIONS) for name, task in tasks.items()}
    rng = np.random.default_rng(0)
    pairs = [(task, *pair) for task in tasks for pair in combinations(SEARCHERS, 2)]
    told_apart = []
    for task, one, other in pairs:
        difference = last.loc[task, one] - last.loc[task, other]
        if runs_needed(abs(difference.mean()) / difference.std()) <= FIXED:
            told_apart.append((task, one, other))
    print(f"{len(told_apart)} of {len(pairs)} pairs are told apart by {FIXED} runs with a power of 80 %.")
    chosen = [told_apart[i] for i in rng.permutation(len(told_apart))[:DIFFERENT]]
    same = [(task, name, name) for task in tasks for name in SEARCHERS]
    chosen += [same[i] for i in rng.permutation(len(same))[:EQUAL]]
    values = {key: row.to_numpy() for key, row in last.iterrows()}
    rows = [
        {"task": task, "searcher": one, "other": other}
        | replicate(values[task, one], values[task, other], margins[task], rng)
        for task, one, other in chosen
    ]
    table = pd.DataFrame(rows)
    table.to_csv(HERE / "results.csv", index=False, float_format="%.4g")
    print(table.to_string())
    for what, part in table.groupby(table["searcher"] == table["other"]):
        print(f"{'the same' if what else 'different'}: runs {np.exp(np.log(part['runs']).mean()):.1f} (geometric mean)")
        print(part[["runs", "false", "winner", "neither"]].agg(["mean", "min", "max"]).round(4))


if __name__ == "__main__":
    main()
