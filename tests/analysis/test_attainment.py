"""Attainment surfaces against their definition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nasmeta as nm
from nasmeta.analysis import attainment_surfaces, plot_attainment
from nasmeta.errors import SettingError, UnknownNameError

TASK = "nb201/cifar10+train_seconds"


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return nm.compare(["random", "nsga2"], [TASK], repeats=5, evaluations=30)


@pytest.mark.parametrize("share", [20, 40, 60, 100])
def test_so_many_runs_attain_each_corner(frame: pd.DataFrame, share: int) -> None:
    surfaces = attainment_surfaces(frame, shares=[share], at=25)
    for searcher, corners in surfaces.groupby("searcher"):
        runs = frame[(frame["searcher"] == searcher) & (frame["evaluation"] <= 25)]
        for corner in corners.itertuples():
            there = (runs["objective_1"] >= corner.objective_1) & (runs["objective_2"] <= corner.objective_2)
            assert runs[there]["seed"].nunique() >= share * 5 / 100
            beyond = (runs["objective_1"] > corner.objective_1) & (runs["objective_2"] < corner.objective_2)
            assert runs[beyond]["seed"].nunique() < share * 5 / 100


def test_picture_and_its_place_in_the_report(frame: pd.DataFrame, tmp_path: Path) -> None:
    axes = plot_attainment(frame).axes[0]
    assert axes.get_ylabel() == "accuracy (percent)"
    assert len(axes.get_lines()) == 3
    median = axes.get_lines()[1].get_ydata()
    true = axes.get_lines()[0].get_ydata()
    both = ~np.isnan(median)
    assert (median[both] <= true[both]).all()
    nm.report(frame, tmp_path, formats=["png"])
    assert (tmp_path / "figures" / "attainment.png").is_file()
    assert "front's hypervolume" in (tmp_path / "report.md").read_text()


def test_bad_calls(frame: pd.DataFrame) -> None:
    single = nm.compare(["random"], ["nb201/cifar10"], repeats=2, evaluations=3)
    with pytest.raises(SettingError, match="has one objective, so no surface"):
        attainment_surfaces(single)
    with pytest.raises(SettingError, match="two objectives"):
        plot_attainment(single)
    with pytest.raises(UnknownNameError, match="task"):
        attainment_surfaces(frame, "nb201/cifar100+train_seconds")
    for share in (0, 101):
        with pytest.raises(SettingError, match="share"):
            attainment_surfaces(frame, shares=[share])
    with pytest.raises(SettingError, match="several tasks"):
        attainment_surfaces(pd.concat([frame, single]))
