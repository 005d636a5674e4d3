"""Measure how accurate the shipped surrogates are, and whether they rank searchers as the tables do.

Run ``python reports/surrogates/run.py`` after ``nasmeta data fetch transnas``. It writes README.md, scores.csv,
runs.csv and the figure; ``--page`` rewrites README.md from the CSV files.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost

sys.path.insert(0, str(Path(__file__).parent.parent))

from common import NB201, page_only
from drawing import dot_plot, in_order, save_png

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.plotting import task_title
from nasmeta.predictors import make_encoder
from nasmeta.surrogates import Surrogate, fit_surrogate, score_predictions
from nasmeta.threads import one_thread

HERE = Path(__file__).parent
DATE = "2026-11-25 (`gp`: 2026-11-29)"  # of the CSV files
CELLS = [task for task in Surrogate.shipped() if task.startswith(("nb201/", "tnb101/"))]
REPEATS, SPLITS = 20, 3  # runs of each searcher on each task; splits of each task of NAS-Bench-201
SEARCHERS = ("random", "evolution", "local-search", "gp")
BUDGETS = (25, 50, 100)
BOOSTED = {
    "XGBoost, one-hot": "one-hot",
    "XGBoost, all encoders": "one-hot+live-paths+operation-counts+graph",
}
BOOSTING = {"n_estimators": 500, "max_depth": 6, "learning_rate": 0.06, "subsample": 0.8, "colsample_bytree": 0.8}


def score_rows(surrogate: Surrogate, label: str) -> list[dict[str, Any]]:
    """Return a row for each group of cells."""
    scores = surrogate.score()
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
        x = make_encoder(encoder, space=task.space.name).transform(np.arange(task.space.n_architectures))
        model = xgboost.XGBRegressor(**BOOSTING, n_jobs=1, random_state=0)
        model.fit(x[surrogate.trained], task.values[surrogate.trained])
        for group, architectures in (("held out", held_out), ("new functions", new)):
            scores = score_predictions(
                task.values[architectures],
                model.predict(x[architectures]).astype(np.float64),
                task.column.unit == "percent",
            )
            rows.append({"task": task.name, "model": f"{label}, split {split}", "group": group, **scores})
    return rows


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


def runs_table(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return mean regret and its rank among the searchers at the budgets, on table and surrogate."""
    both = pd.concat([frame.assign(evaluator=name) for name, frame in frames.items()])
    keys, rows = ["task", "evaluation", "evaluator", "searcher"], []
    regrets = both[both["evaluation"].isin(BUDGETS)].groupby(keys, observed=True)["regret"].agg(["mean", "sem"])
    for (task, budget), part in regrets.groupby(level=[0, 1], sort=False):
        row, ranks = {"task": task, "evaluations": budget}, []
        for name in frames:
            own = part.loc[task, budget, name].sort_values("mean")
            texts = [f"{one.Index} {one.mean:.2f} ± {one.sem:.2f}" for one in own.itertuples()]
            row[f"{name}: best to worst"] = " < ".join(texts)
            ranks.append(own["mean"].rank().sort_index())
        rows.append(row | {"same order": "yes" if ranks[0].equals(ranks[1]) else "no"})
    return pd.DataFrame(rows)


def measure() -> None:
    """Score the surrogates and run the searchers; write scores.csv, runs.csv and the figure."""
    rows = []
    for task in CELLS:
        for split in range(SPLITS if task in NB201 else 1):
            surrogate = fit_surrogate(task, seed=split) if split else Surrogate.load(task)
            rows += score_rows(surrogate, f"split {split}")
            rows += boosting_rows(surrogate, split)
        print(f"{task}: scored", flush=True)
    pd.DataFrame(rows).to_csv(HERE / "scores.csv", index=False, float_format="%.4f")

    frames = {
        name: nm.compare(list(SEARCHERS), list(NB201), repeats=REPEATS, evaluations=BUDGETS[-1], evaluator=name)
        for name in ("table", "surrogate")
    }
    runs_table(frames).to_csv(HERE / "runs.csv", index=False)


def draw(runs: pd.DataFrame) -> None:
    """Draw the mean regrets and their standard errors at the last budget: a panel per dataset."""
    rows = []
    for run in runs[runs["evaluations"] == BUDGETS[-1]].to_dict("records"):
        for name in ("table", "surrogate"):
            for part in run[f"{name}: best to worst"].split(" < "):
                searcher, mean, _, error = part.split()
                bounds = float(mean) - float(error), float(mean) + float(error)
                rows.append((task_title(run["task"]), searcher, name, float(mean), *bounds))
    frame = pd.DataFrame(rows, columns=["panel", "row", "name", "mean", "low", "high"])
    title = "mean and standard error of the runs on"
    x = f"regret after {BUDGETS[-1]} evaluations (points)"
    save_png(dot_plot(frame, x, looks=in_order(("table", "surrogate")), title=title), HERE / "regret")


def write_page() -> None:
    """Write README.md from scores.csv and runs.csv."""
    scores, runs = pd.read_csv(HERE / "scores.csv"), pd.read_csv(HERE / "runs.csv")
    draw(runs)
    same = int((runs["same order"] == "yes").sum())
    medians = on_new_functions(scores)
    boosted, own = (medians[f"R², {name}"] for name in ("XGBoost, all encoders", "surrogate"))
    nb201 = medians[medians["task"].isin(NB201)]["R², surrogate"]
    text = f"""# How accurate are the surrogate benchmarks?

On unseen functions of NAS-Bench-201, the surrogates reach R² {nb201.min():.3f} to {nb201.max():.3f} (range over three
datasets, median of {SPLITS} splits). They rank four searchers as the table does in {same} of {len(runs)} comparisons.

![Regret of four searchers on tables and on surrogates after 100 evaluations](regret.png)

{to_markdown(medians)}
Scores are on held-out cells whose function no training cell computes.
XGBoost on all structural encoders has a higher R² than the surrogate on {int((boosted > own).sum())} of {len(medians)}
tasks; it is trained on the same cells ({BOOSTING["n_estimators"]} trees of depth {BOOSTING["max_depth"]}).

`runs.csv` compares the searchers {", ".join(f"`{name}`" for name in SEARCHERS)} after
{", ".join(map(str, BUDGETS))} evaluations: mean regret ± standard error over {REPEATS} runs.

## How it was run

`python reports/surrogates/run.py` on {DATE}, with seeds 0 to {REPEATS - 1},
nasmeta {nm.__version__}, numpy {np.__version__} and xgboost {xgboost.__version__}. Each surrogate is fitted to at most
80 % of the cells. Hyperparameters maximise the marginal likelihood on these cells.

## Limits

* A surrogate does not separate the best cells: within the best 10 %, τ is lower, and below 0.3 on TransNAS-Bench-101.
* TransNAS-Bench-101 lacks single seeds, so its surrogates return only means. Its scores are from one split.
* Searchers may rank differently when their mean regrets are within one standard error.
"""
    (HERE / "README.md").write_text(text, encoding="utf-8")


def main() -> None:
    """Measure and write the report."""
    if not page_only(__doc__):
        measure()
    write_page()


if __name__ == "__main__":
    with one_thread():
        main()
