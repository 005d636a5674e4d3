"""Profiles and anytime areas against constants by hand and SciPy's quadrature."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate

from nasmeta.analysis import anytime_area, performance_profiles, runtime_profiles
from nasmeta.errors import SettingError


def test_performance_profile_by_hand(make_frame):
    frame = make_frame(
        {
            ("t", "gp"): [[0], [1]], ("t", "random"): [[2], [2]],
            ("u", "gp"): [[0], [0]], ("u", "random"): [[10], [30]],
        }
    )  # fmt: skip
    profile = performance_profiles(frame, thresholds=[0, 0.49, 0.5, 1, 1.5]).set_index(["searcher", "threshold"])
    assert profile.loc["gp", "share"].tolist() == [0.75, 0.75, 1, 1, 1]
    assert profile.loc["random", "share"].tolist() == [0, 0, 0.25, 0.75, 1]
    assert (profile["share_low"] <= profile["share"]).all()
    assert (profile["share"] <= profile["share_high"]).all()
    default = performance_profiles(frame)
    assert len(default) == 400
    assert default.groupby("searcher")["share"].is_monotonic_increasing.all()


def test_runtime_profile_by_hand(make_frame):
    frame = make_frame(
        {("t", "a"): [[3, 0], [2, 2, 1, 1]], ("u", "a"): [[0], [5, 5, 0]], ("t", "b"): [[1, 1, 1]], ("u", "b"): [[1]]}
    )
    profile = runtime_profiles(frame)
    steps = {
        name: list(zip(rows["evaluation"], rows["share"], strict=True)) for name, rows in profile.groupby("searcher")
    }
    assert steps["a"] == [(1, 0.25), (2, 0.5), (3, 0.75), (4, 0.75)]
    assert steps["b"] == [(1, 0.0)]  # nobody knows what it would have found on u
    with pytest.raises(SettingError):
        runtime_profiles(frame[(frame["searcher"] == "a") | (frame["task"] == "t")])


def test_area_over_evaluations_by_hand(make_frame):
    frame = make_frame({("t", "a"): [[4, 1, 1], [2, 0]], ("t", "b"): [[3, 3, 3], [3, 3, 3]]})
    area = anytime_area(frame).set_index("searcher")
    assert area["area"].tolist() == pytest.approx([(2 + 2 / 3) / 2, 3])  # a solved run stays at 0
    assert area["until"].tolist() == [3, 3]
    log = anytime_area(frame, log=True).set_index("searcher")
    assert log["area"].tolist() == pytest.approx([(4 / 2 + 1 / 2 + 2 / 2) / 2, 3])
    assert anytime_area(frame, until=1)["area"].tolist() == [3, 3]
    with pytest.raises(SettingError):
        anytime_area(frame, until=4)


@pytest.mark.parametrize("log", [False, True])
def test_area_over_seconds_equals_quadrature(make_frame, log):
    rng = np.random.default_rng(0)
    regrets = np.minimum.accumulate(rng.exponential(size=(3, 15)), axis=1) + 0.1
    frame = make_frame({("t", "a"): list(regrets)})
    frame["simulated_seconds"] *= np.repeat([1.0, 1.3, 0.7], 15)
    area = anytime_area(frame, x="simulated_seconds", log=log)
    begin, end = 13.0, 105.0
    expected = []
    for regret, factor in zip(regrets, [1.0, 1.3, 0.7], strict=True):
        ends = factor * 10 * np.arange(1, 16)
        points = np.linspace(np.log(begin), np.log(end), 400_001) if log else np.linspace(begin, end, 400_001)
        seconds = np.exp(points) if log else points
        height = regret[np.clip(np.searchsorted(ends, seconds, side="right"), 1, None) - 1]
        expected.append(scipy.integrate.trapezoid(height, points) / (points[-1] - points[0]))
    assert area["until"][0] == end
    assert area["area"][0] == pytest.approx(np.mean(expected), rel=1e-4)
