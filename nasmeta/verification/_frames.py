"""The frames and facts of a verification: accuracies of trainings and of the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import nasmeta
from nasmeta.errors import ColumnError
from nasmeta.predictors._metrics import rank_correlations
from nasmeta.spaces import canonical_dataset
from nasmeta.training import Trainer
from nasmeta.verification._chosen import ChosenCell, Searches, left_out_of
from nasmeta.verification._latency import BATCHES, Latencies
from nasmeta.verification._look_up import LookUp

if TYPE_CHECKING:
    import pandas as pd

    from nasmeta.training import TrainingResult

_Z = 1.959963984540054  # of 95 %
_BAND = 2.0  # standard deviations


def separation_of(cells: pd.DataFrame) -> dict[str, Any] | None:
    """Return the probability that a pick is above a random cell, with its 95 % interval.

    In ``chance`` a tie is one half; ``table_chance`` is the same statistic of the look-up. ``kendall_random`` is τ-b
    between training and look-up over the random cells, ``kendall_random_error`` its jackknife error. None for fewer
    than two picks or random cells.
    """
    known = cells[cells["lookup"].notna() & cells["measured"].notna()]
    picks, random = (known[known["role"] == role] for role in ("pick", "random"))
    if min(len(picks), len(random)) < 2:
        return None
    chance = _chance_above(picks["measured"], random["measured"])
    low, high = chance_interval(chance, len(picks), len(random))
    table, measured = random["lookup"].to_numpy(float), random["measured"].to_numpy(float)

    def tau(kept: NDArray[np.intp]) -> float:
        return rank_correlations(table[kept], measured[kept])[0]

    found = {"kendall_random": tau(np.arange(len(random))), "kendall_random_error": _jackknife(tau, len(random))}
    return {
        "picks": len(picks),
        "random": len(random),
        "chance": chance,
        "low": low,
        "high": high,
        "table_chance": _chance_above(picks["lookup"], random["lookup"]),
        **{name: None if np.isnan(value) else value for name, value in found.items()},
    }


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


def _jackknife(statistic: Callable[[NDArray[np.intp]], float], n: int) -> float:
    """Return the jackknife standard error of a statistic of n cells."""
    each = np.array([statistic(np.delete(np.arange(n), left_out)) for left_out in range(n)])
    return float(np.sqrt((n - 1) / n * ((each - each.mean()) ** 2).sum()))


def cells_frame(
    chosen: Sequence[ChosenCell],
    searches: Searches,
    found: LookUp,
    results: Mapping[int, list[TrainingResult]],
    failures: Mapping[int, list[str]],
    latencies: Mapping[int, Latencies],
    dataset: str,
) -> pd.DataFrame:
    """Return one row per cell, see `Verification`."""
    import pandas as pd

    space = searches.task.space
    table_latency = _table_latency(searches, canonical_dataset(dataset), [c.cell for c in chosen])
    from_trainings, pooled = bool(np.isnan(found.deviations).all()), _pooled_deviation(results)
    rows = []
    for i, entry in enumerate(chosen):
        mine = results.get(entry.cell, [])
        values = [r.valid_accuracy if r.valid_accuracy is not None else r.test_accuracy for r in mine]
        measured = [value for value in values if value is not None]
        tests = [r.test_accuracy for r in mine if r.test_accuracy is not None]
        n, n_table = len(measured), int(found.n_seeds[i])
        comparable = not found.not_comparable and n > 0
        difference = float(np.mean(measured)) - float(found.values[i]) if comparable else np.nan
        spread, of_table = (pooled, 1) if from_trainings else (float(found.deviations[i]), n_table)
        allowed = _BAND * spread * float(np.sqrt(1 / of_table + 1 / n)) if comparable and of_table else np.nan
        here = latencies.get(entry.cell, {})
        rows.append(
            {
                **asdict(entry),
                "architecture": space.to_string(entry.cell),
                "lookup": found.values[i],
                "lookup_low": found.lowest[i],
                "lookup_high": found.highest[i],
                "lookup_seeds": n_table,
                "lookup_std": found.deviations[i],
                "measured": np.mean(measured) if n else np.nan,
                "measured_std": np.std(measured, ddof=1) if n > 1 else np.nan,
                "trainings": n,
                "measured_test": np.mean(tests) if tests else np.nan,
                "difference": difference,
                "allowed": allowed,
                "in_band": None if np.isnan(allowed) or np.isnan(difference) else bool(abs(difference) <= allowed),
                "failures": ", ".join(dict.fromkeys(failures.get(entry.cell, []))),
                "parameters": mine[0].parameters if mine else np.nan,
                "train_seconds": np.mean([r.train_seconds for r in mine]) if mine else np.nan,
                **{f"latency_{b}_ms": here.get(str(b), {}).get("median_ms", np.nan) for b in BATCHES},
                "table_latency_ms": table_latency[i],
            }
        )
    return pd.DataFrame(rows)


def _pooled_deviation(results: Mapping[int, list[TrainingResult]]) -> float:
    """Return the standard deviation between seeds, pooled over cells with several seeds; NaN without any."""
    of_cells = [[r.valid_accuracy for r in found if r.valid_accuracy is not None] for found in results.values()]
    variances = [np.var(values, ddof=1) for values in of_cells if len(values) > 1]
    return float(np.sqrt(np.mean(variances))) if variances else float("nan")


def _table_latency(searches: Searches, dataset: str, cells: Sequence[int]) -> Any:
    """Return the table's latency of a batch in ms, for this dataset or else the task's dataset."""
    table = searches.task.table
    for name in (dataset, searches.task.signal.dataset):
        try:
            return table.column(name, "latency_seconds", None, None, "mean").astype(float)[list(cells)] * 1e3
        except ColumnError:
            continue
    return np.full(len(cells), np.nan)


def epochs_frame(chosen: Sequence[ChosenCell], results: Mapping[int, list[TrainingResult]]) -> pd.DataFrame:
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
    cells: pd.DataFrame,
    latencies: Mapping[int, Latencies],
    top: int,
    seeds: int,
    seed: int,
) -> dict[str, Any]:
    """Return data, recipe, look-up and rank correlations."""
    dataset, recipe, column = trainer.dataset, trainer.recipe, found.column
    both = cells[cells["lookup"].notna() & cells["measured"].notna()]
    kendall, spearman = _rank_correlations(cells["lookup"], cells["measured"])
    devices = sorted({measured["device"] for found_ in latencies.values() for measured in found_.values()})
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
        "separation": separation_of(cells),
        "latency_spearman": _rank_correlations(cells["table_latency_ms"], cells["latency_256_ms"])[1],
        "latency_devices": devices,
        "written_by": f"nasmeta {nasmeta.__version__}",
    }


def _rank_correlations(first: pd.Series[Any], second: pd.Series[Any]) -> tuple[float | None, float | None]:
    """Return Kendall's τ-b and Spearman's ρ over known pairs; None for fewer than three, or equal values."""
    known = first.notna() & second.notna()
    if known.sum() < 3:
        return None, None
    tau, rho = rank_correlations(first[known].to_numpy(float), second[known].to_numpy(float))
    return (None, None) if np.isnan(tau) else (tau, rho)
