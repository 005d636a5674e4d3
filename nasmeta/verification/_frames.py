"""The frames and facts of a verification: accuracies of trainings and of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

import nasmeta
from nasmeta.predictors import rank_correlations
from nasmeta.training import Trainer
from nasmeta.verification._chosen import ChosenArchitecture, Searches, left_out_of
from nasmeta.verification._look_up import LookUp

if TYPE_CHECKING:
    import pandas as pd

    from nasmeta.training import TrainingResult

_Z = 1.959963984540054  # of 95 %
_BAND = 2.0  # standard deviations


def separation_of(architectures: pd.DataFrame) -> dict[str, Any] | None:
    """Return the probability that a pick is above a random cell, with its 95 % interval.

    In ``chance`` a tie is one half; ``table_chance`` is the same statistic of the look-up. None for fewer than two
    picks or random cells.
    """
    known = architectures[architectures["lookup"].notna() & architectures["measured"].notna()]
    picks, random = (known[known["role"] == role] for role in ("pick", "random"))
    if min(len(picks), len(random)) < 2:
        return None
    chance = _chance_above(picks["measured"], random["measured"])
    low, high = chance_interval(chance, len(picks), len(random))
    table_chance = _chance_above(picks["lookup"], random["lookup"])
    counts = {"picks": len(picks), "random": len(random)}
    return {**counts, "chance": chance, "low": low, "high": high, "table_chance": table_chance}


def _chance_above(first: pd.Series[float], second: pd.Series[float]) -> float:
    """Return the fraction of pairs in which the first is larger; a tie is one half."""
    return float(0.5 + 0.5 * np.sign(np.subtract.outer(first.to_numpy(float), second.to_numpy(float))).mean())


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
    found: LookUp,
    results: Mapping[int, list[TrainingResult]],
    failures: Mapping[int, list[str]],
) -> pd.DataFrame:
    """Return one row per cell, see `Verification`."""
    import pandas as pd

    architectures = [entry.cell for entry in chosen]
    trained = pd.DataFrame(
        [
            {
                "cell": result.cell,
                "measured": result.test_accuracy if result.valid_accuracy is None else result.valid_accuracy,
                "measured_test": result.test_accuracy,
                "parameters": result.parameters,
                "train_seconds": result.train_seconds,
            }
            for of_architecture in results.values()
            for result in of_architecture
        ],
        columns=["cell", "measured", "measured_test", "parameters", "train_seconds"],
        dtype=float,
    ).groupby("cell")
    means, n = (
        trained.mean().reindex(architectures),
        trained["measured"].count().reindex(architectures, fill_value=0).to_numpy(),
    )
    deviations: Any = found.deviations
    n_table: Any = found.n_seeds
    if np.isnan(deviations).all():  # the table gives no single seeds
        variances, freedom = trained["measured"].var(), trained["measured"].count() - 1
        with np.errstate(invalid="ignore"):
            deviations = np.full(len(architectures), np.sqrt((freedom * variances).sum() / freedom.sum()))
        n_table = np.ones(len(architectures))
    with np.errstate(divide="ignore"):
        allowed = _BAND * deviations * np.sqrt(1 / n_table + 1 / n)
    difference = means["measured"].to_numpy() - found.values
    judged = np.isfinite(allowed) & np.isfinite(difference) & (not found.not_comparable)
    within = np.abs(difference) <= allowed
    return pd.DataFrame([asdict(entry) for entry in chosen]).assign(
        architecture=[searches.task.space.to_string(architecture) for architecture in architectures],
        lookup=found.values,
        lookup_low=found.lowest,
        lookup_high=found.highest,
        lookup_seeds=found.n_seeds,
        lookup_std=found.deviations,
        measured=means["measured"].to_numpy(),
        measured_std=trained["measured"].std().reindex(architectures).to_numpy(),
        trainings=n,
        measured_test=means["measured_test"].to_numpy(),
        difference=np.nan if found.not_comparable else difference,
        allowed=np.where(judged, allowed, np.nan),
        in_band=pd.Series(
            [bool(inside) if known else None for inside, known in zip(within, judged, strict=True)], dtype=object
        ),
        failures=[", ".join(dict.fromkeys(failures.get(architecture, []))) for architecture in architectures],
        parameters=means["parameters"].to_numpy(),
        train_seconds=means["train_seconds"].to_numpy(),
    )


def epochs_frame(chosen: Sequence[ChosenArchitecture], results: Mapping[int, list[TrainingResult]]) -> pd.DataFrame:
    """Return one row per epoch of a training."""
    import pandas as pd

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
    found: LookUp,
    trainer: Trainer,
    architectures: pd.DataFrame,
    top: int,
    seeds: int,
    seed: int,
) -> dict[str, Any]:
    """Return data, recipe, look-up and rank correlations."""
    dataset, recipe, column = trainer.dataset, trainer.recipe, found.column
    both = architectures[architectures["lookup"].notna() & architectures["measured"].notna()]
    kendall, spearman = _rank_correlations(architectures["lookup"], architectures["measured"])
    return {
        "task": searches.task.name,
        "searchers": list(searches.searchers),
        "evaluated": len(searches.values),
        "left_out": left_out_of(searches.left_out),
        "searched_on": searches.evaluator["kind"] if searches.evaluator else "table",
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
            "not_comparable": found.not_comparable,
            "has_seeds": bool(found.n_seeds.any()),
        },
        "measured_split": "valid" if len(dataset.splits["valid"]) else "test",
        "cells": len(both),
        "spearman": spearman,
        "kendall": kendall,
        "separation": separation_of(architectures),
        "written_by": f"nasmeta {nasmeta.__version__}",
    }


def _rank_correlations(first: pd.Series[Any], second: pd.Series[Any]) -> tuple[float | None, float | None]:
    """Return Kendall's τ-b and Spearman's ρ over known pairs; None for fewer than three, or equal values."""
    known = first.notna() & second.notna()
    if known.sum() < 3:
        return None, None
    tau, rho = rank_correlations(first[known].to_numpy(float), second[known].to_numpy(float))
    return (None, None) if np.isnan(tau) else (tau, rho)
