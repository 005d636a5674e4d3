"""Decisions while runs are added: error rates on simulated runs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from nasmeta.analysis import decide, looks_of, sequence_radius


@pytest.mark.parametrize("skewed", [False, True])
def test_the_sequence_covers_the_mean_at_all_times(skewed):
    rng, looks = np.random.default_rng(0), looks_of(10, 400)
    draws = rng.exponential(size=(3000, 400)) - 1 if skewed else rng.normal(size=(3000, 400))
    sums, squares = draws.cumsum(axis=1)[:, looks - 1], (draws**2).cumsum(axis=1)[:, looks - 1]
    means = sums / looks
    radius = sequence_radius(np.sqrt((squares - looks * means**2) / (looks - 1)), looks)
    missed = (np.abs(means) > radius).any(axis=1).mean()
    assert missed <= (0.08 if skewed else 0.05)
    fixed = np.array([ttest_1samp(draws[:, :n], 0, axis=1).pvalue < 0.05 for n in looks]).any(axis=0).mean()
    assert fixed > 0.15, "repeated tests without the correction err more often"
    assert missed > 0.01, "the sequence is not much wider than needed"


@pytest.mark.parametrize(("shift", "margin", "winner"), [(1.0, 0.1, "b"), (0.0, 0.4, "neither"), (0.1, 0.01, "")])
def test_a_decision_is_the_first_one(make_frame, shift, margin, winner):
    rng = np.random.default_rng(2)
    a, b = np.abs(rng.normal(3, 0.5, (2, 200, 1)))
    regrets = {("t", "a"): a + shift, ("t", "b"): b}
    [row] = decide(make_frame(regrets), {"t": margin}, 10, 200).to_dict("records")
    assert row["winner"] == winner
    used = (a + shift - b)[: row["runs"], 0]
    assert row["difference"] == pytest.approx(used.mean())
    radius = (row["difference_high"] - row["difference_low"]) / 2
    assert radius == pytest.approx(sequence_radius(used.std(ddof=1), len(used)))
    fewer = {pair: runs[: row["runs"]] for pair, runs in regrets.items()}
    assert decide(make_frame(fewer), {"t": margin}, 10, 200)["winner"].tolist() == [winner]


def test_the_level_is_divided_by_the_pairs_of_a_task(make_frame):
    regrets = np.random.default_rng(3).normal(3, 0.5, (3, 20, 1))
    frame = make_frame({("t", name): regret for name, regret in zip("abc", regrets, strict=True)})
    found = decide(frame, {"t": 0.01}, 20, 20)
    radius = (found["difference_high"] - found["difference_low"]).to_numpy() / 2
    deviations = [(regrets[i] - regrets[j]).std(ddof=1) for i, j in ((0, 1), (0, 2), (1, 2))]
    np.testing.assert_allclose(radius, sequence_radius(deviations, 20, 0.05 / 3))
