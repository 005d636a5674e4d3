"""Attainment surfaces and distances from the true front against their definitions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.cbook import STEP_LOOKUP_MAP
from matplotlib.figure import Figure

import nasmeta as nm
from nasmeta.analysis import attainment_surfaces, front_distances, plot_attainment

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
            there = (runs["objective_1"] >= corner.objective_1) & (
                runs["objective_2"] <= corner.objective_2
            )
            assert runs[there]["seed"].nunique() >= share * 5 / 100
            beyond = (runs["objective_1"] > corner.objective_1) & (
                runs["objective_2"] < corner.objective_2
            )
            assert runs[beyond]["seed"].nunique() < share * 5 / 100


def test_picture_and_its_place_in_the_report(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    axes = plot_attainment(frame).axes[0]
    assert axes.get_ylabel() == "accuracy (%)"
    assert len(axes.get_lines()) == 3
    median = axes.get_lines()[1].get_ydata()
    true = axes.get_lines()[0].get_ydata()
    both = ~np.isnan(median)
    assert (median[both] <= true[both]).all()
    front = nm.get_task(TASK).front.values  # accuracy is maximised, seconds are minimised
    line = axes.get_lines()[0]
    corners = STEP_LOOKUP_MAP[line.get_drawstyle()](*line.get_data())
    between = front[:-1, 1] + 0.3 * np.diff(np.sort(front[:, 1])).min()
    best = [front[front[:, 1] <= seconds, 0].max() for seconds in between]
    assert np.interp(between, *corners) == pytest.approx(best)
    monkeypatch.setattr(
        "nasmeta.analysis.report._write.plot_regret", lambda *_, **__: Figure(figsize=(1, 1))
    )
    nm.report(frame, tmp_path, formats=["png"])
    assert (tmp_path / "figures" / "attainment.png").is_file()
    report = (tmp_path / "report.md").read_text()
    assert "the whole front has 100.00." in report


def test_distances_are_those_of_their_definition(frame: pd.DataFrame) -> None:
    task = nm.get_task(TASK)
    best, worst = task.front.values.max(axis=0), task.front.values.min(axis=0)
    scale = (best - worst) * task.signs  # accuracy is maximised, seconds are minimised
    distances = front_distances(frame, at=25).set_index(["searcher", "seed"])["igd_plus"]
    assert len(distances) == 10
    for (searcher, seed), distance in distances.items():
        run = frame[
            (frame["searcher"] == searcher) & (frame["seed"] == seed) & (frame["evaluation"] <= 25)
        ]
        points = run[["objective_1", "objective_2"]].to_numpy()
        worse = np.maximum((task.front.values[:, None] - points) / scale, 0)
        assert distance == pytest.approx(
            100 * np.sqrt((worse**2).sum(axis=2)).min(axis=1).mean(), rel=1e-4
        )


def test_the_whole_front_has_no_distance(frame: pd.DataFrame) -> None:
    task = nm.get_task(TASK)
    rows = frame[(frame["searcher"] == "random") & (frame["seed"] == 0)].iloc[
        [0] * len(task.front.architectures)
    ]
    whole = rows.assign(objective_1=task.front.values[:, 0], objective_2=task.front.values[:, 1])
    assert front_distances(whole)["igd_plus"].tolist() == [0.0]
    assert front_distances(whole.iloc[1:])["igd_plus"].item() > 0
