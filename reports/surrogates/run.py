"""How good the surrogates are, and whether searchers fare on them as on the tables: python reports/surrogates/run.py.

Writes README.md, scores.csv, runs.csv and the figure beside this file. The table nb201 comes with the package, tnb101
after ``nasmeta data fetch transnas``; without it its scores are those on the data cards.
"""

from __future__ import annotations

import argparse
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy
import xgboost
from scipy.stats import kendalltau

import nasmeta as nm
from nasmeta.analysis import plot_regret, save_figure, to_markdown
from nasmeta.errors import MissingValueError
from nasmeta.surrogates import (
    Surrogate,
    class_features,
    fit_surrogate,
    function_classes,
    load_surrogate,
    score_predictions,
    score_surrogate,
    shipped_surrogates,
)

HERE = Path(__file__).parent
NB201 = ("nb201/cifar10", "nb201/cifar100", "nb201/imagenet16-120")
SEARCHERS = ("random", "evolution", "local-search", "gp")
BUDGETS = (25, 50, 100)


def score_rows(surrogate: Surrogate, label: str) -> list[dict[str, Any]]:
    """Return a row for each group of cells."""
    try:
        scores = score_surrogate(surrogate)
    except MissingValueError:
        scores = surrogate.card["scores"]
    return [{"task": surrogate.card["task"], "model": label, "group": name, **row} for name, row in scores.items()]


def plain_xgboost(surrogate: Surrogate) -> dict[str, Any]:
    """Score gradient boosting on one-hot edges, on the split of a surrogate."""
    task = nm.get_task(surrogate.card["task"])
    one_hot = nm.predictors.edge_one_hot(task.space).astype(np.float32)
    model = xgboost.XGBRegressor(n_estimators=500, max_depth=6, learning_rate=0.06, n_jobs=1, random_state=0)
    model.fit(one_hot[surrogate.trained], task.values[surrogate.trained])
    rest = ~surrogate.trained
    scores = score_predictions(task.values[rest], model.predict(one_hot[rest]).astype(np.float64))
    return {"task": task.name, "model": "XGBoost", "group": "held out", **scores}


def noise_row(surrogate: Surrogate) -> dict[str, Any]:
    """Compare two trainings of the surrogate with two measured seeds, on held-out cells that have both."""
    task = nm.get_task(surrogate.card["task"])
    table = nm.load_table("nb201")
    first, second = (
        table.column(task.dataset, "accuracy", "valid", 200, seed, task.signal.release).astype(float)
        for seed in (777, 888)
    )
    cells = np.flatnonzero(~surrogate.trained & np.isfinite(first) & np.isfinite(second))
    a, b = (surrogate.training_values(seed)[cells] for seed in (1, 2))
    best = task.values[cells] >= np.quantile(task.values, 0.9)

    def spread(x: np.ndarray, y: np.ndarray) -> float:
        return float(np.median(np.abs(x - y)))

    return {
        "task": task.name,
        "cells": len(cells),
        "τ of two seeds, table": kendalltau(first[cells], second[cells]).statistic,
        "surrogate": kendalltau(a, b).statistic,
        "median distance of two seeds, table": spread(first[cells], second[cells]),
        "surrogate ": spread(a, b),
        "the same, best 10 %, table": spread(first[cells][best], second[cells][best]),
        "surrogate  ": spread(a[best], b[best]),
    }


def copies_row(name: str) -> dict[str, Any]:
    """Score each cell's prediction by the mean of the other cells that compute the same function."""
    task = nm.get_task(name)
    classes, y = function_classes(task.space), task.values
    counts, sums = np.bincount(classes)[classes], np.bincount(classes, y)[classes]
    some = counts > 1
    scores = score_predictions(y[some], (sums[some] - y[some]) / (counts[some] - 1))
    best = task.sign * y[some] >= np.quantile(task.sign * y, 0.9)
    among_best = score_predictions(y[some][best], ((sums[some] - y[some]) / (counts[some] - 1))[best])
    return {
        "task": name,
        "cells": int(some.sum()),
        "r2": scores["r2"],
        "tau": scores["tau"],
        "r2, best 10 %": among_best["r2"],
        "tau, best 10 %": among_best["tau"],
    }


def speed_row(task: str) -> dict[str, Any]:
    """Time a first answer for all cells, features and file included, and later ones, in processor time."""
    path = shipped_surrogates()[task]
    class_features.cache_clear()  # as in a new process
    function_classes.cache_clear()
    started = time.process_time()
    surrogate = Surrogate.load(path)
    _ = surrogate.values
    first = time.process_time()
    evaluator = nm.evaluators.SurrogateEvaluator(surrogate)
    every, one = np.arange(surrogate.space.n_cells, dtype=np.int32), np.array([7], dtype=np.int32)
    times = []
    for cells in (every, one):
        begin = time.process_time()
        for _ in range(100):
            evaluator.evaluate(cells)
        times.append((time.process_time() - begin) / 100)
    return {
        "task": task,
        "file (bytes)": path.stat().st_size,
        "file read and all cells, first time (ms)": 1e3 * (first - started),
        "all cells, later (ms)": 1e3 * times[0],
        "one cell, later (ms)": 1e3 * times[1],
    }


def runs_table(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return mean regret and its rank among the searchers at the budgets, on table and surrogate."""
    rows = []
    for task in NB201:
        for budget in BUDGETS:
            regrets = {
                name: frame[(frame["task"] == task) & (frame["evaluation"] == budget)].groupby(
                    "searcher", observed=True
                )["regret"]
                for name, frame in frames.items()
            }
            means = {name: regret.mean() for name, regret in regrets.items()}
            errors = {name: regret.sem() for name, regret in regrets.items()}
            row: dict[str, Any] = {"task": task, "evaluations": budget}
            for name in frames:
                order = means[name].sort_values().index
                row[f"{name}: best to worst"] = " < ".join(
                    f"{searcher} {means[name][searcher]:.2f} ± {errors[name][searcher]:.2f}" for searcher in order
                )
            row["same order"] = "yes" if means["table"].rank().equals(means["surrogate"].rank()) else "no"
            rows.append(row)
    return pd.DataFrame(rows)


def transfer_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what the picks of the searches on surrogates are worth in the table."""
    rows = []
    for task_name in NB201:
        task = nm.get_task(task_name)
        last = frame[(frame["task"] == task_name) & (frame["evaluation"] == BUDGETS[-1])]
        row: dict[str, Any] = {"task": task_name}
        for searcher, picks in last.groupby("searcher", observed=True)["incumbent"]:
            row[str(searcher)] = float((task.optimum - task.values[picks]).mean())
        rows.append(row)
    return pd.DataFrame(rows)


def main() -> None:
    """Write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=20, help="runs of each searcher on each task")
    parser.add_argument(
        "--splits", type=int, default=3, help="splits of each NAS-Bench-201 task, the shipped one included"
    )
    asked = parser.parse_args()
    started = time.perf_counter()

    speed = pd.DataFrame([speed_row(task) for task in NB201])
    rows, noise, costs, copies = [], [], [], []
    for task in shipped_surrogates():
        surrogate = load_surrogate(task)
        rows += score_rows(surrogate, "split 0")
        try:
            rows.append({**plain_xgboost(surrogate), "model": "XGBoost, split 0"})
            copies.append(copies_row(task))
        except MissingValueError as reason:
            print(reason)
        costs.append(f"{task} {surrogate.card['cost_r2']:.4f}")
        if task in NB201:
            noise.append(noise_row(surrogate))
            for split in range(1, asked.splits):
                other = fit_surrogate(task, seed=split)
                rows += score_rows(other, f"split {split}")
                rows.append({**plain_xgboost(other), "model": f"XGBoost, split {split}"})
        print(f"{task}: scored after {time.perf_counter() - started:.0f} s", flush=True)
    scores = pd.DataFrame(rows)
    scores.to_csv(HERE / "scores.csv", index=False, float_format="%.4f")

    frames = {
        name: nm.compare(list(SEARCHERS), list(NB201), repeats=asked.repeats, evaluations=BUDGETS[-1], evaluator=name)
        for name in ("table", "surrogate")
    }
    print(f"searched after {time.perf_counter() - started:.0f} s", flush=True)
    both = pd.concat(
        [
            frame.assign(task=frame["task"].astype(str).str.removeprefix("nb201/") + f", {name}")
            for name, frame in frames.items()
        ]
    )
    order = [f"{task.removeprefix('nb201/')}, {name}" for name in frames for task in NB201]
    save_figure(plot_regret(both, tasks=order, share_y=False), HERE / "regret")
    runs = runs_table(frames)
    runs.to_csv(HERE / "runs.csv", index=False)

    shipped = scores[scores["model"] == "split 0"].drop(columns="model")
    held_out = scores[scores["group"] == "held out"]
    new = scores[scores["group"] == "new functions"]
    quoted = []
    for task in NB201:
        ours = held_out[(held_out["task"] == task) & held_out["model"].str.startswith("split")]
        strict = new[new["task"] == task]
        plain = held_out[(held_out["task"] == task) & held_out["model"].str.startswith("XGBoost")]
        quoted.append(
            f"{task.removeprefix('nb201/')} R² {ours['r2'].median():.3f}, τ {ours['tau'].median():.3f} "
            f"(new functions only: {strict['r2'].median():.3f}, {strict['tau'].median():.3f}; "
            f"XGBoost on the same splits: {plain['r2'].median():.3f}, {plain['tau'].median():.3f})"
        )
    same = int((runs["same order"] == "yes").sum())
    several = scores.drop(columns=["sparse_tau", "spearman"])
    several = several[several["group"].isin(["held out", "new functions"])]
    budgets = ", ".join(map(str, BUDGETS))
    text = f"""# Surrogate benchmarks

> Fitted to at most 80 % of the cells, nasmeta's surrogates of NAS-Bench-201 reach on isomorph-disjoint held-out cells,
> as the median of {asked.splits} splits: {"; ".join(quoted)}.
> In {same} of {len(runs)} comparisons (three datasets, {budgets} evaluations) four searchers have
> the same order of mean regret on surrogate and table, {asked.repeats} runs each.

## Scores of the shipped surrogates

*Held out*: no isomorph by the benchmark's own (upstream) rule was trained on. *New functions*: in addition no cell
was trained on that computes the same function once zeroed inputs are dropped from sums; the upstream rule keeps such
cells apart, although their results differ by no more than seeds do, so the first figures flatter every model that
knows this.
*Best 10 %*: cells among the best tenth of the whole table. Sparse τ: predictions rounded to 0.1 % (Zela et al.,
"Surrogate NAS benchmarks", ICLR 2022). RMSE is in the unit of the signal.

{to_markdown(shipped)}

R² and τ among the best tenth are low where that tenth differs by little more than its noise, as on TransNAS-Bench-101:
there the mean of a cell's copies tells its value hardly better (below). The labels are those of the task;
hyperparameters are set by marginal likelihood on the training cells; no other task is
seen.

## Several splits, and plain gradient boosting

XGBoost: one-hot edges, 500 trees of depth 6, rate 0.06, on the same training cells. The 341 cells of NAS-Bench-201
without a live path are at chance; the upstream rule keeps them in five classes, and where a split holds most of them
out (225 in split 2), they decide R²: that of a model which does not know that they are one network falls, that of the
surrogates rises. They are in no row of new functions, since each of these splits trains on some of them.

{to_markdown(several)}

How well the mean of a cell's copies (other cells that compute the same function) tells its value: what is left is the
noise of training, which no surrogate can predict.

{to_markdown(pd.DataFrame(copies))}

## Search curves

{to_markdown(runs)}

Mean regret ± standard error over {asked.repeats} runs (seeds 0, 1, 2, …), each to the optimum of what was searched.
Orders whose means lie within the errors of one another decide nothing.

![Mean regret](regret.png)

What the surrogates' picks after {BUDGETS[-1]} evaluations are worth in the table: mean regret there.

{to_markdown(transfer_table(frames["surrogate"]))}

## Seed noise

On held-out cells that have the seeds 777 and 888; the surrogate answers as two trainings (seeds 1 and 2).

{to_markdown(pd.DataFrame(noise))}

TransNAS-Bench-101 has no single seeds, so its surrogates answer with the mean only.

## Speed and size

{to_markdown(speed)}

Processor time on one thread of the machine that wrote this report. The first answer computes all cells, later ones look
them up.

Training seconds are linear in the edges' operations. R² on held-out cells is low where the
recorded seconds differ between cells that cost the same: {", ".join(costs)}.

Regenerate: `python reports/surrogates/run.py` (nasmeta {nm.__version__}, numpy {np.__version__}, scipy
{scipy.__version__}, xgboost {xgboost.__version__}, Python {platform.python_version()}, {platform.machine()}).
"""
    (HERE / "README.md").write_text(text, encoding="utf-8")
    print(f"written after {time.perf_counter() - started:.0f} s, {time.process_time():.0f} s of processor time")


if __name__ == "__main__":
    with nm.experiments.one_thread():
        main()
