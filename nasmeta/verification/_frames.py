"""The frames and facts of a verification: accuracies of trainings and of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import nasmeta
from nasmeta.arrays import Facts, Floats, Integers
from nasmeta.predictors import rank_correlations
from nasmeta.training import Trainer
from nasmeta.verification._chosen import ChosenArchitecture, Searches
from nasmeta.verification._look_up import LookUp

if TYPE_CHECKING:
    from nasmeta.training import TrainingResult

_Z = 1.959963984540054  # of 95 %
_BAND = 2.0  # standard deviations
_MEASURED = ["cell", "trained", "trained_test", "parameters", "train_seconds"]


def separation_of(architectures: pd.DataFrame) -> Facts | None:
    """Return the probability that a pick is above a random cell, with its 95 % interval.

    In ``chance`` a tie is one half; ``table_chance`` is the same statistic of the look-up. None for
    fewer than two picks or random cells.
    """
    known = architectures.dropna(subset=["lookup", "trained"])
    accuracies = known.set_index("role")[["trained", "lookup"]].astype(float)
    picks = accuracies[accuracies.index == "pick"].to_numpy()  # (n_picks, 2)
    random = accuracies[accuracies.index == "random"].to_numpy()  # (n_random, 2)
    if min(len(picks), len(random)) < 2:
        return None
    signs = np.sign(picks[:, None] - random)  # (n_picks, n_random, 2)
    chance, table_chance = (0.5 + 0.5 * signs.mean(axis=(0, 1))).tolist()
    low, high = chance_interval(chance, len(picks), len(random))
    return {
        "picks": len(picks),
        "random": len(random),
        "chance": chance,
        "low": low,
        "high": high,
        "table_chance": table_chance,
    }


def chance_interval(chance: float, n: int, m: int) -> tuple[float, float]:
    """Return the 95 % interval of the probability that one of n is above one of m (Newcombe, 2006, method 5).

    Unlike an interval from mean and error, it is valid at 0 and 1.

    Examples
    --------
    >>> low, high = chance_interval(1.0, 10, 24)
    >>> round(low, 2), high
    (0.86, 1.0)
    """
    return _lower(chance, n, m), 1 - _lower(1 - chance, n, m)


def _lower(chance: float, n: int, m: int) -> float:
    """Return the lower limit: the smallest true probability that is compatible with the observed one."""
    from scipy.optimize import brentq

    if chance <= 0:
        return 0.0

    # Newcombe (2006), method 5: chance - t = z sqrt(V(t)), with
    # V(t) = t (1 - t) (1 + ((n + m) / 2 - 1) ((1 - t) / (2 - t) + t / (1 + t))) / (n m).
    def gap(t: float) -> float:
        spread = (1 - t) / (2 - t) + t / (1 + t)
        variance = t * (1 - t) * (1 + ((n + m) / 2 - 1) * spread) / (n * m)
        return chance - t - _Z * float(np.sqrt(variance))

    return float(brentq(gap, 0.0, min(chance, 1 - 1e-9)))


def architectures_frame(
    chosen: Sequence[ChosenArchitecture],
    searches: Searches,
    look_up: LookUp,
    results: Mapping[int, list[TrainingResult]],
    failures: Mapping[int, list[str]],
) -> pd.DataFrame:
    """Return one row per cell, see `Verification`."""
    frame = pd.DataFrame([asdict(entry) for entry in chosen])
    if searches.prediction:
        frame = frame.rename(columns={"searched_value": "predicted"})
    cells = frame["cell"].tolist()
    trained = _trained_frame(results)
    by_cell = trained.groupby("cell")
    means = by_cell.mean().reindex(cells)
    n_trainings = by_cell["trained"].count().reindex(cells, fill_value=0).to_numpy()
    frame["architecture"] = [searches.task.space.to_string(cell) for cell in cells]
    frame["lookup"] = look_up.values
    frame["lookup_low"] = look_up.lowest
    frame["lookup_high"] = look_up.highest
    frame["lookup_seeds"] = look_up.n_seeds
    frame["lookup_std"] = look_up.deviations
    frame["trained"] = means["trained"].to_numpy()
    frame["trained_std"] = by_cell["trained"].std().reindex(cells).to_numpy()
    frame["trainings"] = n_trainings
    frame["trained_test"] = means["trained_test"].to_numpy()
    frame["difference"] = frame["trained"] - frame["lookup"]
    allowed = _allowed_differences(look_up, trained, n_trainings)
    if look_up.not_comparable:
        frame["difference"] = np.nan
    is_judged = np.isfinite(allowed) & frame["difference"].notna()
    is_within = frame["difference"].abs() <= allowed
    frame["allowed"] = np.where(is_judged, allowed, np.nan)
    frame["in_band"] = is_within.astype(object).where(is_judged, None)
    reasons = [dict.fromkeys(failures.get(cell, [])) for cell in cells]
    frame["failures"] = list(map(", ".join, reasons))
    frame["parameters"] = means["parameters"].to_numpy()
    frame["train_seconds"] = means["train_seconds"].to_numpy()
    return frame


def _trained_frame(results: Mapping[int, list[TrainingResult]]) -> pd.DataFrame:
    """Return one row per training, with the accuracy of the measured split as `trained`."""
    rows = []
    for of_cell in results.values():
        for result in of_cell:
            accuracy = result.valid_accuracy
            if accuracy is None:
                accuracy = result.test_accuracy
            measured = (accuracy, result.test_accuracy, result.parameters, result.train_seconds)
            rows.append((result.cell, *measured))
    return pd.DataFrame(rows, columns=_MEASURED).astype(float)


def _allowed_differences(look_up: LookUp, trained: pd.DataFrame, n_trainings: Integers) -> Floats:
    """Return the half width of the band of each cell, (n,): 2 s sqrt(1 / table seeds + 1 / trainings)."""
    deviations = look_up.deviations
    n_table = look_up.n_seeds
    with np.errstate(divide="ignore", invalid="ignore"):
        if np.isnan(deviations).all():  # the table gives no single seeds
            by_cell = trained.groupby("cell")["trained"]
            # The pooled variance weights the variance of each cell by its trainings - 1.
            freedom = by_cell.count() - 1
            pooled = np.sqrt((freedom * by_cell.var()).sum() / freedom.sum())
            deviations = np.full(len(n_trainings), pooled)
            n_table = np.ones(len(n_trainings), np.int64)
        return np.asarray(_BAND * deviations * np.sqrt(1 / n_table + 1 / n_trainings))


def epochs_frame(
    chosen: Sequence[ChosenArchitecture], results: Mapping[int, list[TrainingResult]]
) -> pd.DataFrame:
    """Return one row per epoch of a training."""
    rows = []
    for entry in chosen:
        for result in results.get(entry.cell, []):
            training = {"cell": entry.cell, "role": entry.role, "seed": result.seed}
            rows += [training | asdict(epoch) for epoch in result.epochs]
    return pd.DataFrame(rows)


def facts_of(
    searches: Searches,
    look_up: LookUp,
    trainer: Trainer,
    architectures: pd.DataFrame,
    top: int,
    seeds: int,
    seed: int,
) -> dict[str, Any]:
    """Return data, recipe, look-up and rank correlations."""
    dataset = trainer.dataset
    column = look_up.column
    both = architectures[["lookup", "trained"]].dropna()
    kendall, spearman = _rank_correlations(both)
    return {
        "task": searches.task.name,
        "searchers": list(searches.searchers),
        "evaluated": len(searches.values),
        "searched_on": _searched_on(searches),
        "data": dataset.name,
        "images": {name: len(positions) for name, positions in dataset.splits.items()},
        "image_size": list(dataset.image_size),
        "data_sha256": dataset.sha256(),
        "split_sha256": dataset.split_sha256(),
        "recipe": trainer.recipe.to_dict(),
        "top": top,
        "seeds": list(range(seed, seed + seeds)),
        "lookup": {
            "address": column.address,
            "release": column.release,
            "unit": column.unit,
            "not_comparable": look_up.not_comparable,
            "has_seeds": bool(look_up.n_seeds.any()),
        },
        "measured_split": "valid" if len(dataset.splits["valid"]) else "test",
        "cells": len(both),
        "spearman": spearman,
        "kendall": kendall,
        "separation": separation_of(architectures),
        "written_by": f"nasmeta {nasmeta.__version__}",
    }


def _searched_on(searches: Searches) -> str:
    """Return the name of the evaluator."""
    if searches.prediction:
        column = searches.task.column.predicted_by(searches.prediction)
        return column.origin.removeprefix("predicted by ")
    if searches.evaluator:
        return str(searches.evaluator["kind"])
    return "table"


def _rank_correlations(pairs: pd.DataFrame) -> tuple[float | None, float | None]:
    """Return Kendall's τ-b and Spearman's ρ; None for fewer than three pairs, or equal values."""
    if len(pairs) < 3:
        return None, None
    tau, rho = rank_correlations(*pairs.to_numpy(float).T)
    if np.isnan(tau):
        return None, None
    return tau, rho
