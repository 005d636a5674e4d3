"""Compare surrogates of language models with published figures, on the published splits.

Run ``python reports/surrogates/language_models.py`` after ``nasmeta data fetch hw-gpt-s scan-llm
scan-vlm``. It appends a row per fit to language_models.csv and skips the rows that are there;
``run.py --page`` writes them into the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import kendalltau, pearsonr, spearmanr
from sklearn.model_selection import StratifiedKFold

import nasmeta as nm
from nasmeta.spaces import SearchSpace
from nasmeta.surrogates import Surrogate, fit_surrogate
from nasmeta.tables.sources import registered_sources, scan_evaluations
from nasmeta.tasks import Task
from nasmeta.threads import one_thread

FILE = Path(__file__).with_name("language_models.csv")
PREDICTORS = (None, "xgboost")  # None: the Gaussian process
SEEDS = (0, 1, 2)  # of the random splits of hw-gpt-s
# of the splits of ScAn-Bench, stratified by bins of compute; the first is published
FOLDS, BINS, SEED = (
    5,
    4,
    42,
)


def scores(y: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    errors = (y - predicted) ** 2
    correlations = {
        name: float(of(y, predicted).statistic)
        for name, of in (("pearson", pearsonr), ("spearman", spearmanr), ("tau", kendalltau))
    }
    return {
        "rows": len(y),
        "r2": 1 - errors.mean() / y.var(),
        "rmse": float(np.sqrt(errors.mean())),
        **correlations,
    }


def folds(last: pd.DataFrame, compute: str) -> Iterator[np.ndarray]:
    """Yield the held-out configurations of each published fold, from the last evaluation of each training."""
    x = np.log10(last[compute].astype(float))
    edges = np.quantile(x, np.linspace(0, 1, BINS + 1))
    labels = pd.cut(x, edges, include_lowest=True, labels=False)
    for _, held_out in StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(last, labels):
        yield last["config_id"].to_numpy()[held_out]


def evaluations(name: str) -> tuple[pd.DataFrame, Task, list[np.ndarray]]:
    """Return all evaluations of a source, a task whose positions include their moment, and the published folds."""
    source = registered_sources()[name]
    rows = scan_evaluations(source, source.required_files())
    if name == "scan-llm":
        rows["moment"] = rows["eval_step"] / rows["final_step"]
        loss, time, compute = "test_loss", "eval_step", "total_compute"
    else:  # published figures are on trainings that did not diverge
        rows = rows[~rows.groupby("config_id")["diverged"].transform("any")]
        rows["moment"] = rows["epoch"] / rows["total_epochs"]
        loss, time, compute = "val_loss", "epoch", "Total compute(GLOPs)"
    rows = rows.sort_values(["config_id", time]).reset_index(drop=True)
    positions = [*source.positions, "moment"]
    space = SearchSpace.from_frame(rows, positions, name, {**source.scales, "moment": "linear"})
    assert space.size == len(rows)
    frame = rows[positions].assign(loss=rows[loss])
    task = nm.Table.from_frame(
        frame, space=space, name=f"{name}-evaluations", direction="min"
    ).task("loss")
    last = rows.drop_duplicates("config_id", keep="last")
    return rows, task, list(folds(last, compute))


def scan_rows(name: str, diverged: float | None) -> Iterator[dict[str, Any]]:
    rows, task, held_out = evaluations(name)
    at, y = task.space.whole[1], task.values
    if name == "scan-llm":
        assert set(held_out[0]) == set(rows.loc[rows["file"] == "test", "config_id"])
    for fold, configurations in enumerate(held_out, start=1):
        test = rows["config_id"].isin(configurations).to_numpy()
        for predictor in PREDICTORS:
            key = {"table": name, "model": predictor or "gp", "split": fold}
            if is_there(key):
                continue
            s = fit_surrogate(
                task, train=np.flatnonzero(~test), diverged=diverged, predictor=predictor
            )
            expected, p = s.expectations(at[test]), s.divergences(at[test])
            likely = np.where(p > 0.5, s.card.get("diverged_mean", np.nan), s.means(at[test]))
            of_score = s.card["scores"]["held out"]
            row = scores(y[test], expected) | {"r2_likely": scores(y[test], likely)["r2"]}
            row |= {f"{k}_converged": of_score[k] for k in ("r2", "tau")}
            row |= {"coverage": of_score.get("coverage_90"), "brier": of_score.get("brier")}
            errors = (
                pd.Series((y[test] - expected) ** 2)
                .groupby(rows["config_id"][test].to_numpy())
                .sum()
            )
            others = (rows["config_id"][test] != errors.idxmax()).to_numpy()
            row |= {
                "worst": errors.max() / errors.sum(),
                "r2_others": scores(y[test][others], expected[others])["r2"],
            }
            yield key | row


def hw_gpt_rows() -> Iterator[dict[str, Any]]:
    task = nm.get_task("hw-gpt-s/gpt-s")
    at, y = task.space.whole[1], task.values
    wide = task.space.codes[:, 0] == task.space.codes[:, 0].max()
    for seed in SEEDS:
        for predictor in PREDICTORS:
            key = {"table": "hw-gpt-s", "model": predictor or "gp", "split": seed}
            if is_there(key):
                continue
            is_shipped = predictor is None and seed == 0
            s = (
                Surrogate.load(task)
                if is_shipped
                else fit_surrogate(task, seed=seed, predictor=predictor)
            )
            test = ~np.isin(at, s.trained)
            row = scores(y[test], s.means(at[test]))
            of_widest = scores(y[test & wide], s.means(at[test & wide]))
            row |= {f"{name}_widest": of_widest[name] for name in ("r2", "tau")}
            yield key | row | {"coverage": s.card["scores"]["held out"].get("coverage_90")}


def is_there(key: dict[str, Any]) -> bool:
    rows = pd.read_csv(FILE) if FILE.is_file() else pd.DataFrame(columns=[*key])
    return bool((rows[[*key]] == pd.Series(key)).all(axis=1).any())


COLUMNS = (
    *(
        "table",
        "model",
        "split",
        "rows",
        "r2",
        "rmse",
        "pearson",
        "spearman",
        "tau",
        "coverage",
        "brier",
        "r2_widest",
    ),
    *("tau_widest", "r2_likely", "r2_converged", "tau_converged", "worst", "r2_others"),
)


def main() -> None:
    for rows in (scan_rows("scan-llm", 3.0), hw_gpt_rows(), scan_rows("scan-vlm", None)):
        for row in rows:
            frame = pd.DataFrame([row]).reindex(columns=COLUMNS)
            frame.to_csv(
                FILE, mode="a", header=not FILE.is_file(), index=False, float_format="%.4f"
            )
            print(frame.dropna(axis=1).to_string(index=False, header=True), flush=True)


if __name__ == "__main__":
    with one_thread():
        main()
