"""How good the surrogates are, and whether searchers fare on them as on the tables: python reports/surrogates/run.py.

Writes README.md, scores.csv, runs.csv and the figure beside this file. The table nb201 comes with the package, tnb101
after ``nasmeta data fetch transnas``; without it its scores are those on the data cards.
"""

from __future__ import annotations

import argparse
import platform
import time
from itertools import pairwise
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
from nasmeta.predictors import make_encoder
from nasmeta.surrogates import Surrogate, class_features, fit_surrogate, score_predictions
from nasmeta.threads import one_thread

HERE = Path(__file__).parent
NB201 = ("nb201/cifar10", "nb201/cifar100", "nb201/imagenet16-120")
SEARCHERS = ("random", "evolution", "local-search", "gp")
BUDGETS = (25, 50, 100)
BOOSTED = {
    "XGBoost, one-hot": "one-hot",
    "XGBoost, all encoders": "one-hot+live-paths+operation-counts+graph",
}
BOOSTING = {"n_estimators": 500, "max_depth": 6, "learning_rate": 0.06, "subsample": 0.8, "colsample_bytree": 0.8}


def score_rows(surrogate: Surrogate, label: str) -> list[dict[str, Any]]:
    """Return a row for each group of cells."""
    try:
        scores = surrogate.score()
    except MissingValueError:
        scores = surrogate.card["scores"]
    return [{"task": surrogate.card["task"], "model": label, "group": name, **row} for name, row in scores.items()]


def boosting_rows(surrogate: Surrogate, split: int) -> list[dict[str, Any]]:
    """Score gradient boosting on the split of a surrogate: on one-hot edges, and on nasmeta's structural encoders."""
    task = nm.get_task(surrogate.card["task"])
    measured = np.isfinite(task.values)
    held_out = measured & ~surrogate.trained
    classes = task.space.function_classes
    new = held_out & ~np.isin(classes, classes[surrogate.trained])
    rows = []
    for label, encoder in BOOSTED.items():
        x = make_encoder(encoder, space=task.space.name).transform(np.arange(task.space.n_cells))
        model = xgboost.XGBRegressor(**BOOSTING, n_jobs=1, random_state=0)
        model.fit(x[surrogate.trained], task.values[surrogate.trained])
        for group, cells in (("held out", held_out), ("new functions", new)):
            scores = score_predictions(
                task.values[cells], model.predict(x[cells]).astype(np.float64), task.column.unit == "percent"
            )
            rows.append({"task": task.name, "model": f"{label}, split {split}", "group": group, **scores})
    return rows


def noise_rows(surrogate: Surrogate) -> list[dict[str, Any]]:
    """Compare pairs of trainings of the surrogate with two measured seeds, on held-out cells that have both."""
    task = nm.get_task(surrogate.card["task"])
    table = nm.load_table("nb201")
    first, second = (
        table.column(task.dataset, "accuracy", "valid", 200, seed, task.signal.release).astype(float)
        for seed in (777, 888)
    )
    cells = np.flatnonzero(~surrogate.trained & np.isfinite(first) & np.isfinite(second))
    trainings = [surrogate.training_values(seed)[cells] for seed in range(20)]
    live = task.space.function_classes[cells] != 0
    groups = {
        "all": np.ones(len(cells), dtype=bool),
        "best 10 %": task.values[cells] >= np.quantile(task.values, 0.9),
        "with a live path, predicted worst 5 %": live
        & (surrogate.values[cells] <= np.quantile(surrogate.values[cells][live], 0.05)),
        "without a live path": ~live,
    }

    def figures(a: np.ndarray, b: np.ndarray) -> list[float]:
        tau = kendalltau(a, b).statistic if np.ptp(a) > 0 else np.nan
        return [float(tau), float(np.median(np.abs(a - b))), float(np.std(a - b) / np.sqrt(2.0))]

    rows = []
    for group, which in groups.items():
        measured = figures(first[cells][which], second[cells][which])
        answered = np.mean([figures(a[which], b[which]) for a, b in pairwise(trainings)], axis=0)
        row: dict[str, Any] = {"task": task.name, "group": group, "cells": int(which.sum())}
        for name, x, y in zip(("τ", "median distance", "standard deviation"), measured, answered, strict=True):
            row |= {f"{name}, table": x, f"{name}, surrogate": y}
        rows.append(row)
    return rows


def copies_row(name: str) -> dict[str, Any]:
    """Score each cell's prediction by the mean of the other cells that compute the same function."""
    task = nm.get_task(name)
    classes, y = task.space.task.values
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
    path = Surrogate.shipped()[task]
    class_features.cache_clear()  # as in a new process
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
    for cells in (every, one):
        begin = time.process_time()
        for seed in range(100):
            surrogate.predict(cells, answer="training", seed=seed)
        times.append((time.process_time() - begin) / 100)
    return {
        "task": task,
        "file (bytes)": path.stat().st_size,
        "file read and all cells, first time (ms)": 1e3 * (first - started),
        "all cells, later (ms)": 1e3 * times[0],
        "one cell, later (ms)": 1e3 * times[1],
        "all cells as one training (ms)": 1e3 * times[2],
        "one cell as one training (ms)": 1e3 * times[3],
    }


def on_new_functions(scores: pd.DataFrame) -> pd.DataFrame:
    """Return R² and τ of the surrogate and of both boosted models on new functions, each the median of the splits."""
    rows = []
    for task, group in scores[scores["group"] == "new functions"].groupby("task", sort=False):
        row: dict[str, Any] = {"task": task}
        for figure, name in (("r2", "R²"), ("tau", "τ")):
            for label, model in (("surrogate", "split"), *((label, label) for label in BOOSTED)):
                row[f"{name}, {label}"] = group[group["model"].str.startswith(model)][figure].median()
        rows.append(row)
    return pd.DataFrame(rows)


def better_boosting(medians: pd.DataFrame) -> str:
    """Say on how many tasks boosting on all encoders beats the surrogate on new functions."""
    r2, tau = (
        int((medians[f"{name}, XGBoost, all encoders"] > medians[f"{name}, surrogate"]).sum()) for name in ("R²", "τ")
    )
    return f"XGBoost on all encoders is better than the surrogate on {r2} of {len(medians)} tasks by R², on {tau} by τ"


def quoted_scores(scores: pd.DataFrame, group: str) -> str:
    """Return R² and τ of the surrogate and of both boosted models, each the median of the splits."""
    parts = []
    for task in NB201:
        rows = scores[(scores["task"] == task) & (scores["group"] == group)]
        r2, tau = (
            [rows[rows["model"].str.startswith(label)][figure].median() for label in ("split", *reversed(BOOSTED))]
            for figure in ("r2", "tau")
        )
        parts.append(
            f"{task.removeprefix('nb201/')} R² {r2[0]:.3f} ({r2[1]:.3f} / {r2[2]:.3f}), "
            f"τ {tau[0]:.3f} ({tau[1]:.3f} / {tau[2]:.3f})"
        )
    return "; ".join(parts)


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
    for task in Surrogate.shipped():
        surrogate = Surrogate.load(task)
        rows += score_rows(surrogate, "split 0")
        try:
            rows += boosting_rows(surrogate, 0)
            copies.append(copies_row(task))
        except MissingValueError as reason:
            print(reason)
        costs.append(f"{task} {surrogate.card['cost_r2']:.4f}")
        if task in NB201:
            noise += noise_rows(surrogate)
            for split in range(1, asked.splits):
                other = fit_surrogate(task, seed=split)
                rows += score_rows(other, f"split {split}")
                rows += boosting_rows(other, split)
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
    unit = "percentage points of validation accuracy"
    save_figure(plot_regret(both, tasks=order, unit=unit, share_y=False), HERE / "regret")
    runs = runs_table(frames)
    runs.to_csv(HERE / "runs.csv", index=False)

    shipped = scores[scores["model"] == "split 0"].drop(columns="model")
    quoted = [f"{group}: {quoted_scores(scores, group)}" for group in ("new functions", "held out")]
    medians = on_new_functions(scores)
    same = int((runs["same order"] == "yes").sum())
    several = scores.drop(columns=["sparse_tau", "spearman"])
    several = several[several["group"].isin(["held out", "new functions"])]
    budgets = ", ".join(map(str, BUDGETS))
    text = f"""# Surrogate benchmarks

> R² and τ of nasmeta's surrogates of NAS-Bench-201, fitted to at most 80 % of the cells, median of {asked.splits}
> splits (in brackets XGBoost on the same cells: on all structural encoders of nasmeta / on one-hot edges). On
> {quoted[0]}.
> On new functions {better_boosting(medians)}.
> On all cells {quoted[1]}.
> In {same} of {len(runs)} comparisons (three datasets, {budgets} evaluations) four searchers have
> the same order of mean regret on surrogate and table, {asked.repeats} runs each.
> Not shown: that a surrogate tells the best cells apart. Among the best tenth its τ is lower, on
> TransNAS-Bench-101 below 0.3.

## Scores of the shipped surrogates

*Held out*: no isomorph by the benchmark's own (upstream) rule was trained on. *New functions*: in addition no cell
was trained on that computes the same function once zeroed inputs are dropped from sums; the upstream rule keeps such
cells apart, although their results differ by no more than seeds do, so the first figures flatter every model that
knows this.
*Best 10 %*: cells among the best tenth of the whole table. Sparse τ: predictions rounded to 0.1 % (Zela et al.,
"Surrogate NAS benchmarks", ICLR 2022). RMSE is in the unit of the signal.

<details><summary>All scores of the shipped surrogates</summary>

{to_markdown(shipped)}

</details>

R² and τ among the best tenth are low where that tenth differs by little more than its noise, as on TransNAS-Bench-101:
there the mean of a cell's copies tells its value hardly better (below). The labels are those of the task;
hyperparameters are set by marginal likelihood on the training cells; no other task is
seen.

## Several splits, and gradient boosting

XGBoost: {BOOSTING["n_estimators"]} trees of depth {BOOSTING["max_depth"]}, rate {BOOSTING["learning_rate"]}, on
{BOOSTING["subsample"]:.0%} of cells and columns a tree, on the same training cells; on one-hot edges, and on
`{BOOSTED["XGBoost, all encoders"]}`.
The 341 cells of NAS-Bench-201 without a live path are at chance; the upstream rule keeps them in five classes, and
where a split holds most of them out (225 in split 2), they decide R²: that of a model which does not know that they are
one network falls, that of the others rises. They are in no row of new functions, since each of these splits trains on
some of them.

On new functions, median of the splits, {better_boosting(medians)}:

<details><summary>Medians on new functions</summary>

{to_markdown(medians)}

</details>

<details><summary>All scores</summary>

{to_markdown(several)}

</details>

How well the mean of a cell's copies (other cells that compute the same function) tells its value: what is left is the
noise of training, which no surrogate can predict.

<details><summary>Copies of a cell as its predictor</summary>

{to_markdown(pd.DataFrame(copies))}

</details>

## Search curves

<details><summary>Mean regret on table and surrogate</summary>

{to_markdown(runs)}

</details>

Mean regret ± standard error over {asked.repeats} runs (seeds 0, 1, 2, …), each to the optimum of what was searched.
Orders whose means lie within the errors of one another decide nothing.

![Mean regret](regret.png)

What the surrogates' picks after {BUDGETS[-1]} evaluations are worth in the table: mean regret there.

{to_markdown(transfer_table(frames["surrogate"]))}

## Seed noise

On held-out cells that have the seeds 777 and 888; the surrogate answers as two trainings (mean of 19 pairs of seeds).
The standard deviation is that of one training, from the difference of two; few trainings that go wrong decide it where
cells are bad. A cell without a live path gives the same result at each seed, and so it does in the surrogate.
The best 10 % are chosen by the table's mean, which cuts off the spread of the table's values there and not that of the
surrogate's: so its τ is higher.

<details><summary>Seed noise of table and surrogate</summary>

{to_markdown(pd.DataFrame(noise))}

</details>

TransNAS-Bench-101 has no single seeds, so its surrogates answer with the mean only.

## Speed and size

{to_markdown(speed)}

Processor time on one thread of the machine that wrote this report. The first answer computes all cells, later ones look
them up. As one training: each time with another seed.

Training seconds are linear in the edges' operations. R² on held-out cells is low where the
recorded seconds differ between cells that cost the same: {", ".join(costs)}.

Regenerate: `python reports/surrogates/run.py` (nasmeta {nm.__version__}, numpy {np.__version__}, scipy
{scipy.__version__}, xgboost {xgboost.__version__}, Python {platform.python_version()}, {platform.machine()}).
"""
    (HERE / "README.md").write_text(text, encoding="utf-8")
    print(f"written after {time.perf_counter() - started:.0f} s, {time.process_time():.0f} s of processor time")


if __name__ == "__main__":
    with one_thread():
        main()
