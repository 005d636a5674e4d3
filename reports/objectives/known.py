"""How near the front 150 evaluations come where a model already knows four fifths of the table.

Run with ``python reports/objectives/known.py``; writes known.csv beside this file, which the page of run.py shows.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import KFold
from xgboost import XGBRegressor

import nasmeta as nm
from nasmeta.tasks import MultiObjectiveTask, pareto_front

HERE = Path(__file__).parent
DATASETS = ("cifar10", "cifar100", "imagenet16-120")
DEVICES = ("edgegpu", "edgetpu", "eyeriss", "fpga", "pixel3", "raspi4")
EVALUATIONS = 150
FOLDS = 5


def left_out_predictions(counts: NDArray[np.floating], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Predict each value by trees that have seen the other folds, shape (n,)."""
    predicted = np.empty(len(values))
    for seen, rest in KFold(FOLDS, shuffle=True, random_state=0).split(counts):
        model = XGBRegressor(n_estimators=400, max_depth=9, learning_rate=0.08, n_jobs=1, random_state=0)
        predicted[rest] = model.fit(counts[seen], values[seen]).predict(counts[rest])
    return predicted


def most_promising(predicted: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the cells of the predicted front, of the front without these, and so on, shape (EVALUATIONS,)."""
    rest, chosen = np.arange(len(predicted)), np.empty(0, dtype=np.intp)
    while len(chosen) < EVALUATIONS:
        front = pareto_front(predicted[rest], ["max", "max"])
        chosen = np.r_[chosen, rest[front]]
        rest = np.delete(rest, front)
    return chosen[:EVALUATIONS]


def regret(task: MultiObjectiveTask, cells: NDArray[np.intp]) -> float:
    """Return the hypervolume regret of some cells, in percent."""
    return 100 - float(task.front.hypervolumes(task.values[cells])[-1])


def main() -> None:
    """Measure all tasks, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    rows = []
    for dataset in DATASETS:
        for device in DEVICES:
            task = nm.get_task(f"nb201/{dataset}+latency/{device}")
            known = np.flatnonzero(np.isfinite(task.values).all(axis=1))
            values = task.values[known] * [1, -1]  # both are to be large
            space = task.space
            counts = np.hstack([space.feature(name).counts[known] for name in space.kernel_features])
            predicted = np.column_stack([left_out_predictions(counts, column) for column in values.T])
            exact = np.column_stack([predicted[:, 0], values[:, 1]])
            both, one = (regret(task, known[most_promising(one)]) for one in (predicted, exact))
            rows.append({"task": task.name, "both": round(both, 2), "latency known": round(one, 2)})
            print(rows[-1], flush=True)
    pd.DataFrame(rows).to_csv(HERE / "known.csv", index=False)


if __name__ == "__main__":
    main()
