"""Curves against hand constants and a loop over random runs."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings, strategies as st

from nasmeta.analysis import bootstrap_interval, regret_curves

RUN = st.lists(st.integers(0, 5), min_size=1, max_size=12).map(
    lambda run: sorted(run, reverse=True)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(RUN, min_size=1, max_size=6), st.sampled_from(["evaluation", "simulated_seconds"]))
def test_curves_equal_a_loop(make_frame, runs, x):
    curve = regret_curves(make_frame({("t", "s"): runs}, seconds=1.0), x)
    unsolved = [len(run) for run in runs if run[-1] > 0]
    end = min(unsolved) if unsolved else max(map(len, runs))
    assert (curve[x].iloc[0], curve[x].iloc[-1]) == (1, end)
    counts = curve[x].astype(int)
    table = np.array(
        [[run[min(count, len(run)) - 1] for count in counts] for run in runs], dtype=float
    )
    np.testing.assert_allclose(curve["mean"], table.mean(axis=0))
    np.testing.assert_allclose(curve["median"], np.median(table, axis=0))
    np.testing.assert_allclose(curve["q25"], np.quantile(table, 0.25, axis=0))
    np.testing.assert_allclose(curve["q75"], np.quantile(table, 0.75, axis=0))
    low, high = bootstrap_interval(table)
    np.testing.assert_allclose(curve["low"], low)
    np.testing.assert_allclose(curve["high"], high)
    assert (curve["runs"] == len(runs)).all()


def test_solved_searcher_goes_on_to_the_end_of_the_task(make_frame):
    frame = make_frame(
        {("t", "fast"): [[1, 0], [0]], ("t", "slow"): [[3, 3, 2, 2, 1]], ("u", "fast"): [[2, 0]]}
    )
    curves = regret_curves(frame)
    assert curves.query("task == 't' and searcher == 'fast'")["mean"].tolist() == [0.5, 0, 0, 0, 0]
    assert curves.query("task == 'u'")["evaluation"].tolist() == [1, 2]


def test_seconds_are_a_step_function(make_frame):
    frame = make_frame({("t", "s"): [[4, 2], [6, 1]]})
    frame["simulated_seconds"] = [10.0, 30.0, 20.0, 40.0]
    curve = regret_curves(frame, "simulated_seconds")
    seconds = curve["simulated_seconds"]
    # Both runs have an evaluation from 20 s on; the first ended unsolved at 30 s.
    assert (seconds.iloc[0], seconds.iloc[-1]) == (20.0, 30.0)
    assert curve["mean"].tolist() == [5] * (len(curve) - 1) + [4]
    assert seconds.is_monotonic_increasing
    assert seconds.is_unique


def test_long_runs_get_points_on_a_log_scale(make_frame):
    curve = regret_curves(make_frame({("t", "s"): [np.arange(3000, 0, -1)]}))
    points = curve["evaluation"]
    assert (points.iloc[0], points.iloc[-1]) == (1, 3000)
    assert len(points) <= 500
    assert points.is_unique
    assert curve["mean"].tolist() == (3001 - points).tolist()
