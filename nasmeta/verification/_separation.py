"""How well training tells the picks of a search from random cells, with the error of so few cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.predictors._metrics import rank_correlations

if TYPE_CHECKING:
    import pandas as pd

_Z = 1.959963984540054  # of 95 %


def separation_of(cells: pd.DataFrame) -> dict[str, Any] | None:
    """Return the chance that a pick is placed above a random cell, with its 95 % interval, here and in the table.

    ``chance`` counts ties half; ``table_chance`` is that of the look-up. ``kendall_random`` is τ-b between the two over
    the random cells alone, ``kendall_random_error`` its jackknife error. None for fewer than two of either.
    """
    known = cells[cells["lookup"].notna() & cells["measured"].notna()]
    picks, random = (known[known["role"] == role] for role in ("pick", "random"))
    if min(len(picks), len(random)) < 2:
        return None
    chance, of_table = (_chance_above(*(of[name].to_numpy(float) for of in (picks, random)))
                        for name in ("measured", "lookup"))  # fmt: skip
    low, high = chance_interval(chance, len(picks), len(random))
    table, measured = random["lookup"].to_numpy(float), random["measured"].to_numpy(float)

    def tau(kept: NDArray[np.intp]) -> float:
        return rank_correlations(table[kept], measured[kept])[0]

    found = {"kendall_random": tau(np.arange(len(random))), "kendall_random_error": _jackknife(tau, len(random))}
    known_taus = {name: None if np.isnan(own) else own for name, own in found.items()}
    return {"picks": len(picks), "random": len(random), "chance": chance, "low": low, "high": high,
            "table_chance": of_table, **known_taus}  # fmt: skip


def _chance_above(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return the share of pairs in which the first is larger, ties half."""
    return float(0.5 + 0.5 * np.sign(first[:, None] - second[None, :]).mean())


def chance_interval(chance: float, n: int, m: int) -> tuple[float, float]:
    """Return the 95 % interval of a chance that one of n lies above one of m (Newcombe, Stat. Med. 2006, method 5).

    Unlike an interval of mean and error it is sound at 0 and 1.

    Examples
    --------
    >>> low, high = chance_interval(1.0, 10, 24)
    >>> round(low, 2), high
    (0.86, 1.0)
    """
    return _lower(chance, n, m), 1 - _lower(1 - chance, n, m)


def _lower(chance: float, n: int, m: int) -> float:
    """Return the lower limit: the least true chance of which the observed one is not too far."""
    from scipy.optimize import brentq

    def gap(true: float) -> float:
        spread = (1 - true) / (2 - true) + true / (1 + true)
        variance = true * (1 - true) * (1 + ((n + m) / 2 - 1) * spread) / (n * m)
        return chance - true - _Z * float(np.sqrt(variance))

    return 0.0 if chance <= 0 else float(brentq(gap, 0.0, min(chance, 1 - 1e-9)))


def _jackknife(statistic: Callable[[NDArray[np.intp]], float], n: int) -> float:
    """Return the standard error of a statistic of n cells, each of which is left out in turn."""
    each = np.array([statistic(np.delete(np.arange(n), left_out)) for left_out in range(n)])
    return float(np.sqrt((n - 1) / n * ((each - each.mean()) ** 2).sum()))
