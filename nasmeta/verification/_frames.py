"""The frames and facts of a verification: accuracies of trainings and of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import nasmeta
from nasmeta.arrays import Facts
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
    picks, random = (
        known.loc[known["role"] == role, ["trained", "lookup"]] for role in ("pick", "random")
    )
    if min(len(picks), len(random)) < 2:
        return None
    above = np.sign(picks.to_numpy(float)[:, None] - random.to_numpy(float)).mean(axis=(0, 1))
    chance, table_chance = map(float, 0.5 + 0.5 * above)
    low, high = chance_interval(chance, len(picks), len(random))
    counts = {"picks": len(picks), "random": len(random)}
    return {**counts, "chance": chance, "low": low, "high": high, "table_chance": table_chance}


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

    def gap(true: float) -> float:
        spread = (1 - true) / (2 - true) + true / (1 + true)
        variance = true * (1 - true) * (1 + ((n + m) / 2 - 1) * spread) / (n * m)
        return chance - true - _Z * float(np.sqrt(variance))

    return 0.0 if chance <= 0 else float(brentq(gap, 0.0, min(chance, 1 - 1e-9)))


def architectures_frame(
    chosen: Sequence[ChosenArchitecture],
    searches: Searches,
    look_up: LookUp,
    results: Mapping[int, list[TrainingResult]],
    failures: Mapping[int, list[str]],
) -> pd.DataFrame:
    """Return one row per cell, see `Verification`."""
    architectures = [entry.cell for entry in chosen]
    trained = pd.DataFrame(
        [_measured(result) for of_cell in results.values() for result in of_cell], columns=_MEASURED
    )
    by_cell = trained.astype(float).groupby("cell")
    means, spread = by_cell.mean().reindex(architectures), by_cell["trained"].std()
    n = by_cell["trained"].count().reindex(architectures, fill_value=0).to_numpy()
    deviations, n_table = look_up.deviations, look_up.n_seeds
    with np.errstate(divide="ignore", invalid="ignore"):
        if np.isnan(deviations).all():  # the table gives no single seeds
            freedom = by_cell["trained"].count() - 1
            deviations = np.full(len(chosen), np.sqrt((freedom * spread**2).sum() / freedom.sum()))
            n_table = np.ones(len(chosen), np.int64)
        allowed = _BAND * deviations * np.sqrt(1 / n_table + 1 / n)
    difference = means["trained"].to_numpy() - look_up.values
    judged = np.isfinite(allowed) & np.isfinite(difference) & (not look_up.not_comparable)
    within = pd.Series(np.abs(difference) <= allowed, dtype=object)
    kind = "predicted" if searches.prediction else "searched_value"
    return (
        pd.DataFrame([asdict(entry) for entry in chosen])
        .rename(columns={"searched_value": kind})
        .assign(
            architecture=[
                searches.task.space.to_string(architecture) for architecture in architectures
            ],
            lookup=look_up.values,
            lookup_low=look_up.lowest,
            lookup_high=look_up.highest,
            lookup_seeds=look_up.n_seeds,
            lookup_std=look_up.deviations,
            trained=means["trained"].to_numpy(),
            trained_std=spread.reindex(architectures).to_numpy(),
            trainings=n,
            trained_test=means["trained_test"].to_numpy(),
            difference=np.nan if look_up.not_comparable else difference,
            allowed=np.where(judged, allowed, np.nan),
            in_band=within.where(judged, None),
            failures=[
                ", ".join(dict.fromkeys(failures.get(architecture, [])))
                for architecture in architectures
            ],
            parameters=means["parameters"].to_numpy(),
            train_seconds=means["train_seconds"].to_numpy(),
        )
    )


def _measured(result: TrainingResult) -> tuple[float | None, ...]:
    accuracy = result.test_accuracy if result.valid_accuracy is None else result.valid_accuracy
    return result.cell, accuracy, result.test_accuracy, result.parameters, result.train_seconds


def epochs_frame(
    chosen: Sequence[ChosenArchitecture], results: Mapping[int, list[TrainingResult]]
) -> pd.DataFrame:
    """Return one row per epoch of a training."""
    return pd.DataFrame(
        [
            {"cell": entry.cell, "role": entry.role, "seed": result.seed, **asdict(epoch)}
            for entry in chosen
            for result in results.get(entry.cell, [])
            for epoch in result.epochs
        ]
    )


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
    dataset, recipe, column = trainer.dataset, trainer.recipe, look_up.column
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
        "recipe": recipe.to_dict(),
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
        return searches.task.column.predicted_by(searches.prediction).origin.removeprefix(
            "predicted by "
        )
    return str(searches.evaluator["kind"]) if searches.evaluator else "table"


def _rank_correlations(pairs: pd.DataFrame) -> tuple[float | None, float | None]:
    """Return Kendall's τ-b and Spearman's ρ; None for fewer than three pairs, or equal values."""
    if len(pairs) < 3:
        return None, None
    tau, rho = rank_correlations(*pairs.to_numpy(float).T)
    return (None, None) if np.isnan(tau) else (tau, rho)
