"""The rank test of level 2 equals SciPy's, holds its limit if few runs differ, and states its power."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import combine_pvalues, hypergeom, mannwhitneyu

from nasmeta.publishing import Audit, compare_ranks
from nasmeta.publishing._fresh_runs import _chance_of_selected
from nasmeta.publishing._repeat import _chance_to_find


def _run(*regrets: float) -> Any:
    return SimpleNamespace(frame=lambda: pd.DataFrame({"regret": regrets}))


def _pair(published: Sequence[Any], fresh: Any, task: str = "task") -> Any:
    config = SimpleNamespace(label="own", task=SimpleNamespace(name=task))

    class Pair(SimpleNamespace):
        def __str__(self) -> str:
            return f"own on {task}"

    return Pair(config=config, histories=published, run=fresh)


@pytest.mark.parametrize(
    ("regrets", "rejected"), [([1.0], False), ([-1.0], False), ([1.0] * 10, True)]
)
def test_one_other_run_is_chance(regrets: list[float], rejected: bool) -> None:
    done = Audit("own", 2)
    compare_ranks(
        [_pair([_run(each) for each in regrets], lambda seed: _run(0.0))],
        done,
        np.zeros((1, 20), np.int64),
    )
    assert bool(done.reasons) == rejected


def test_corrected_values_are_those_of_scipy() -> None:
    """Each task is tested, and all tasks by the sum of their scores; each value is multiplied by the tests."""
    rng, tasks = np.random.default_rng(0), ["a", "b", "c"]
    published, fresh = rng.random((3, 10)) * 0.5, rng.random((3, 40))
    pairs = [
        _pair([_run(each) for each in published[i]], lambda seed: _run(fresh.flat[seed]), task)
        for i, task in enumerate(tasks)
    ]
    done = Audit("own", 2)
    compare_ranks(pairs, done, np.arange(120).reshape(3, 40))
    sided = [
        mannwhitneyu(*both, alternative="less", method="asymptotic", use_continuity=False).pvalue
        for both in zip(published, fresh, strict=True)
    ]
    values = [2 * p for p in [*sided, combine_pvalues(sided, method="stouffer").pvalue]]
    names = [*(f"own on {task}" for task in tasks), "own on all tasks"]
    assert min(values[:3]) < 0.02 / 4 < max(values[:3])  # both kinds occur
    assert done.reasons == [
        f"{name}: the runs are better than with fresh seeds (corrected p = {4 * p:.1g})"
        for name, p in zip(names, values, strict=True)
        if 4 * p < 0.02
    ]


def test_ties_are_ordered_by_the_evaluation_that_reached_the_value() -> None:
    done = Audit("own", 2)
    compare_ranks(
        [_pair([_run(0.0, 0.0)] * 10, lambda seed: _run(1.0, 0.0))],
        done,
        np.zeros((1, 40), np.int64),
    )
    assert "better" in done.reasons[0]


def test_stated_chances() -> None:
    assert _chance_to_find(30, 120) == pytest.approx(1 - hypergeom.pmf(0, 120, 12, 30))
    rng, found = np.random.default_rng(1), 0
    for _ in range(300):
        both = [np.sort(rng.random(30))[:15], rng.random(60)]
        found += mannwhitneyu(*both, method="asymptotic", use_continuity=False).pvalue * 2 < 0.02
    assert _chance_of_selected(15, 60, 2) == pytest.approx(found / 300, abs=0.08)
