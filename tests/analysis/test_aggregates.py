"""Aggregate measures against constants by hand and another bootstrap."""

from __future__ import annotations

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.analysis import aggregate_scores
from nasmeta.errors import SettingError, UnknownNameError


def one_evaluation(make_frame, regrets):
    return make_frame({key: [[loss] for loss in losses] for key, losses in regrets.items()})


def test_scores_by_hand(make_frame):
    frame = one_evaluation(
        make_frame,
        {
            ("t", "gp"): [0, 0, 2, 4], ("u", "gp"): [0, 10, 10, 20],
            ("t", "random"): [4, 4, 4, 4], ("u", "random"): [20, 20, 20, 20],
        },
    )  # fmt: skip
    table = aggregate_scores(frame).set_index("searcher")
    # Scores of gp: 1, 1, .5, 0 on t and 1, .5, .5, 0 on u; their middle four are .5, .5, .5, 1.
    assert table.loc["gp", ["iqm", "median", "mean", "optimality_gap"]].tolist() == [
        0.625,
        0.5625,
        0.5625,
        0.4375,
    ]
    assert table.loc[
        "random", ["iqm", "mean", "optimality_gap", "iqm_low", "iqm_high"]
    ].tolist() == [0, 0, 1, 0, 0]
    assert (table["reference"] == "random").all()
    assert table.index.tolist() == ["gp", "random"]
    gp = table.loc["gp"]
    assert 0.2 < gp["mean_low"] < gp["mean"] < gp["mean_high"] < 0.9
    assert aggregate_scores(frame, reference="gp").set_index("searcher").loc[
        "gp", "mean"
    ] == pytest.approx(0)


def test_the_median_is_that_of_the_tasks_means_as_in_rliable(make_frame):
    rng = np.random.default_rng(1)
    tasks = ("t", "u", "v")
    losses = {
        (t, s): rng.exponential(1 + i, size=9) for i, t in enumerate(tasks) for s in ("a", "random")
    }
    row = aggregate_scores(one_evaluation(make_frame, losses)).set_index("searcher").loc["a"]
    # runs × tasks
    scores = np.stack([1 - losses[t, "a"] / losses[t, "random"].mean() for t in tasks], axis=1)
    # rliable.metrics.aggregate_median
    assert row["median"] == pytest.approx(np.median(scores.mean(axis=0)))
    draws = [
        np.median([scores[rng.integers(9, size=9), i].mean() for i in range(len(tasks))])
        for _ in range(4000)
    ]
    assert [row["median_low"], row["median_high"]] == pytest.approx(
        np.quantile(draws, [0.025, 0.975]), abs=0.1
    )


def test_reference_without_regret_is_refused(make_frame):
    frame = one_evaluation(make_frame, {("t", "a"): [0, 0], ("t", "b"): [0, 1]})
    with pytest.raises(SettingError):
        aggregate_scores(frame)  # random search was not compared
    with pytest.raises(SettingError):
        aggregate_scores(frame, reference="a")
    with pytest.raises(UnknownNameError):
        aggregate_scores(frame, reference="c")


def test_the_reference_is_random_search_under_any_label():
    searchers = {"random": ("evolution", {}), "uniform": ("random", {})}
    frame = nm.compare(searchers, "nb201/cifar10", repeats=3, evaluations=10)
    assert (aggregate_scores(frame)["reference"] == "uniform").all()
    assert nm.report(frame).findings.reference == "uniform"
    assert nm.report(frame, reference="random").findings.reference == "random"
    assert nm.report(frame[frame["searcher"] == "random"]).findings.scores is None
