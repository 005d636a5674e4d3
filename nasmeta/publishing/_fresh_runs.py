"""Level 2 of an audit: the published runs have the same ranks as runs with fresh seeds."""

from __future__ import annotations

from math import erfc, sqrt

import numpy as np
from numpy.typing import NDArray

from nasmeta.arrays import Floats
from nasmeta.publishing._recompute import RecomputedPair
from nasmeta.publishing._repeat import percent
from nasmeta.publishing._verdict import Audit, reject
from nasmeta.runs import History

FRESH_RUNS = 60
_SIMULATED = 4_000  # tests, for the stated chance
# Probability that level 2 rejects an honest file. It is approximate, because rare chances are.
_ERROR = 0.02
_PERMUTATIONS = 10_000
_RARE = 5 / _PERMUTATIONS  # chances below cannot be counted


def compare_ranks(pairs: list[RecomputedPair], audit: Audit, seeds: NDArray[np.int64]) -> None:
    """Test whether the ranks of published runs and of runs with fresh seeds differ, for each pair and searcher.

    The seeds have the shape (n_pairs, n_fresh).
    """
    rng = np.random.default_rng(0)
    tests = dict[str, list[Floats]]()  # scores of one or several tasks, by the name of the test
    scores_by_label = dict[str, list[Floats]]()
    for pair, fresh_seeds in zip(pairs, seeds.tolist(), strict=True):
        fresh = [pair.run(seed) for seed in fresh_seeds]
        audit.fresh += len(fresh)
        scores = _rank_scores(pair.histories, fresh, rng)
        tests[str(pair)] = [scores]
        scores_by_label.setdefault(pair.config.label, []).append(scores)
    for label, scores_of_tasks in scores_by_label.items():
        if len(scores_of_tasks) > 1:
            tests[f"{label} on all tasks"] = scores_of_tasks
    for name, scores_of_test in tests.items():
        # Stouffer's method: a sum of k independent normal scores has the variance k.
        combined = np.sum(scores_of_test, axis=0) / sqrt(len(scores_of_test))
        corrected_p = _chance_of(combined) * len(tests)  # Bonferroni
        if corrected_p < _ERROR:
            how = "better" if combined[0] < 0 else "worse"
            reject(
                audit,
                f"{name}: the runs are {how} than with fresh seeds (corrected p = {corrected_p:.1g}).",
            )
    if pairs:
        n = len(pairs[0].histories)
        n_fresh = seeds.shape[1]
        chance = _chance_of_selected(n, n_fresh, len(tests))
        audit.chances.append(
            f"{n_fresh} fresh runs per searcher and task: the best {n} of {2 * n} seeds of a searcher on a task would "
            f"be found with {percent(chance)}"
        )


def _rank_scores(
    published: list[History], fresh: list[History], rng: np.random.Generator
) -> Floats:
    """Return the standardised rank sum of the published runs, negative if they are better, then those of permutations.

    Runs are ordered by their last regret, then by the evaluation that reached it. The variance is
    that of random permutations, also with ties.
    """
    from scipy.stats import rankdata

    results = []
    for run in (*published, *fresh):
        regrets = run.frame()["regret"].to_numpy()
        n_before = (regrets > regrets[-1]).sum()
        results.append((regrets[-1], n_before))
    _, order = np.unique(results, axis=0, return_inverse=True)
    ranks = rankdata(order.ravel())
    permuted = rng.permuted(np.tile(ranks, (_PERMUTATIONS, 1)), axis=1)
    ranks_of_draws = np.vstack([ranks, permuted])  # (1 + permutations, runs)
    n = len(published)
    m = len(fresh)
    sums = ranks_of_draws[:, :n].sum(axis=1) - n * ranks.mean()
    # A sum of n of n + m ranks, drawn without replacement, has the variance n m / (n + m) s^2.
    deviation = sqrt(n * m / (n + m) * ranks.var(ddof=1))
    if deviation == 0:
        return np.zeros_like(sums)
    return np.asarray(sums / deviation)


def _chance_of(scores: Floats) -> float:
    """Return the p-value of the first score; the others are those of permutations.

    If only a few runs differ, the chance among permutations is above that of a normal score.
    """
    score = abs(scores[0])
    chance = float(np.mean(np.abs(scores) >= score - 1e-9))
    if chance <= _RARE:
        return _two_sided(score)
    return max(_two_sided(score), chance)


def _two_sided(score: float) -> float:
    """Return the probability that a normal score is as far from 0."""
    return erfc(abs(score) / sqrt(2))


def _chance_of_selected(n: int, n_fresh: int, n_tests: int) -> float:
    """Return the simulated probability that the rank test detects the best n of 2n runs without ties."""
    rng = np.random.default_rng(0)
    seeds = np.sort(rng.random((_SIMULATED, 2 * n)))
    selected = seeds[:, :n]
    regrets = np.hstack([selected, rng.random((_SIMULATED, n_fresh))])
    ranks = regrets.argsort(axis=1).argsort(axis=1)  # from 0, (simulated, n + n_fresh)
    # Wilcoxon's rank sum: mean n (N - 1) / 2 and variance n m (N + 1) / 12, with N = n + m.
    n_all = n + n_fresh
    centred = ranks[:, :n].sum(axis=1) - n * (n_all - 1) / 2
    scores = centred / sqrt(n * n_fresh * (n_all + 1) / 12)
    is_detected = [_two_sided(score) * n_tests < _ERROR for score in scores]
    return float(np.mean(is_detected))
