"""Incumbents, regret and evaluations to the optimum, against loops, hand constants and the real tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nasmeta.analysis import (
    average_ranks,
    plot_regret,
    regret_curves,
    summarise,
)
from nasmeta.errors import SettingError


def solved(frame):
    return summarise(frame, at=())


def test_all_runs_solved(make_frame):
    row = solved(make_frame({("t", "s"): [[2, 0], [3, 2, 1, 0], [0], [1, 0, 0]]})).iloc[0]
    assert (row["runs"], row["share_solved"]) == (4, 1.0)
    # 2, 4, 1, 2; what comes after the optimum does not count
    assert row["evaluations_to_optimum"] == 2.25
    assert row["evaluations_to_optimum_low"] < 2.25 < row["evaluations_to_optimum_high"]


def test_censored_runs_give_no_mean(make_frame):
    row = solved(make_frame({("t", "s"): [[2, 0], [3, 2, 1, 1], [0], [1, 1, 1, 1, 1]]})).iloc[0]
    assert row["share_solved"] == 0.5
    assert np.isnan(row.filter(like="evaluations_to").astype(float)).all()


def test_wilson_interval_by_its_formula(make_frame):
    runs = [[0]] * 7 + [[1]] * 3
    row = solved(make_frame({("t", "s"): runs})).iloc[0]
    z, n, p = 1.959963984540054, 10, 0.7
    centre, half = (p + z**2 / (2 * n)), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    expected = [(centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n)]
    np.testing.assert_allclose(
        row[["share_solved_low", "share_solved_high"]].astype(float), expected
    )


def test_rows_follow_the_frame_whatever_the_order_of_its_rows(make_frame):
    frame = make_frame(
        {("b", "z"): [[1, 0], [2, 1]], ("b", "a"): [[1, 0]], ("a", "z"): [[2, 1, 0]]}
    )
    table = solved(frame)
    assert table[["task", "searcher"]].to_numpy().tolist() == [["b", "z"], ["b", "a"], ["a", "z"]]
    mixed = solved(frame.sample(frac=1, random_state=1))
    keys = ["task", "searcher"]
    assert mixed.sort_values(keys, ignore_index=True).equals(
        table.sort_values(keys, ignore_index=True)
    )


def test_source_order_on_the_real_tables(real_frame):
    table = solved(real_frame).set_index(["searcher", "task"])
    needed = [
        int(table.loc[("source-order", f"nb201/{name}"), "evaluations_to_optimum"])
        for name in ("cifar10", "cifar100", "imagenet16-120")
    ]
    assert needed == [22, 4, 18]


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("regret", lambda f: f.assign(regret=[1.0, np.nan, 0.0])),
        ("searcher", lambda f: f.assign(searcher=[None, "s", "s"])),
        ("evaluation", lambda f: f.assign(evaluation=[1, 3, 4])),
        ("evaluation", lambda f: f.assign(evaluation=[1, 2, 2])),
        ("The results frame has no rows", lambda f: f.iloc[:0]),
    ],
)
def test_frames_that_no_run_can_give(make_frame, what, change):
    with pytest.raises(SettingError) as error:
        solved(change(make_frame({("t", "s"): [[2, 1, 0]]})))
    assert error.value.what.startswith(what)


def test_categories_give_the_same_tables(real_frame):
    names = {
        name: pd.Categorical(real_frame[name], [*real_frame[name].unique(), "unused"][::-1])
        for name in ("task", "searcher")
    }
    frame = real_frame.assign(**names)
    for table in (average_ranks_of_random, summarise, regret_curves):
        assert table(frame).equals(table(real_frame))
    assert len(plot_regret(frame).axes) == real_frame["task"].nunique()


def average_ranks_of_random(frame):
    return average_ranks(frame[frame["searcher"] == "random"])
