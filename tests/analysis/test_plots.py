"""What stands in the axes, on real runs, and the files."""

from __future__ import annotations

import numpy as np
import pytest

from nasmeta.analysis import plot_ranks, plot_regret, regret_curves
from nasmeta.errors import UnknownNameError
from nasmeta.plotting import task_title


@pytest.mark.parametrize("x", ["evaluation", "simulated_seconds"])
def test_lines_and_bands_hold_the_curves(real_frame, x):
    figure = plot_regret(real_frame, x)
    curves = regret_curves(real_frame, x)
    tasks = list(real_frame["task"].unique())
    assert [panel.get_title() for panel in figure.axes] == [task_title(task) for task in tasks]
    for panel, task in zip(figure.axes, tasks, strict=True):
        assert (panel.get_xscale(), panel.get_yscale()) == ("log", "symlog")
        lines = {line.get_label(): line for line in panel.lines}
        bands = dict(zip(real_frame["searcher"].unique(), panel.collections, strict=True))
        for searcher in ("source-order", "random"):
            curve = curves[(curves["task"] == task) & (curves["searcher"] == searcher)]
            solved = np.flatnonzero(curve["mean"] == 0)
            curve = curve.iloc[: solved[0] + 1 if len(solved) else None]
            np.testing.assert_array_equal(lines[searcher].get_xdata(), curve[x])
            np.testing.assert_array_equal(lines[searcher].get_ydata(), curve["mean"])
            if searcher == "random":
                corners = bands[searcher].get_paths()[0].vertices
                assert corners[:, 1].min() == curve["low"].min()
                assert corners[:, 1].max() == curve["high"].max()
                assert x != "evaluation" or panel.get_ylim()[1] > curve["high"].max()


def test_legend_labels_and_optimum(real_frame):
    figure = plot_regret(real_frame)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["source-order", "random"]
    assert (
        legend.get_title().get_text()
        == "mean of 1 to 20 runs; band: 95 % bootstrap interval of the mean"
    )
    first = figure.axes[0]
    assert first.get_xlabel() == "evaluations"
    assert "optimum" in [text.get_text() for text in first.texts]
    # Source order finds the optimum of CIFAR-10 at its 22nd evaluation: a marker on the optimum's
    # line.
    assert any(np.array_equal(line.get_xydata(), [[22.0, 0.0]]) for line in first.lines)


@pytest.mark.parametrize("plot", [plot_regret, plot_ranks])
def test_twenty_five_curves_are_all_told_apart(make_frame, plot):
    names = [f"s{number}" for number in range(25)]
    frame = make_frame({("t", name): [[3, 2, 1 + place]] for place, name in enumerate(names)})
    lines = [
        line for line in plot(frame, highlight=names).axes[0].lines if line.get_label() in names
    ]
    looks = {(line.get_color(), str(line._unscaled_dash_pattern)) for line in lines}
    assert len(looks) == 25, "colour and dash are enough"


def test_a_name_has_one_style_in_all_figures(make_frame):
    looks = []
    for names in (["random", "mine", "gp"], ["meta", "gp", "tpe", "mine"]):
        lines = plot_regret(make_frame({("t", name): [[3, 2, 1]] for name in names})).axes[0].lines
        named = [line for line in lines if line.get_label() in names]
        looks.append({line.get_label(): (line.get_color(), line.get_linestyle()) for line in named})
        assert len({*looks[-1].values()}) == len(names)
    assert all(looks[0][name] == looks[1][name] for name in ("gp", "mine"))


def test_of_many_curves_the_best_five_have_colours(make_frame):
    frame = make_frame({(f"t/{task}", f"s{place}"): [[3 + place, 2 + place, 1 + place]]
                        for task in range(3) for place in range(18)})  # fmt: skip
    figure = plot_regret(frame, tasks=["t/0"], width="icml")
    (legend,) = figure.legends
    best = [f"s{place}" for place in range(5)]
    assert sorted(text.get_text() for text in legend.get_texts()) == ["13 others", *best]
    figure.draw_without_rendering()
    assert legend.get_window_extent().height <= 0.26 * figure.bbox.height
    assert figure.get_size_inches() == pytest.approx([3.25, 2.2])
    panel = plot_ranks(frame).axes[0]
    assert {line.get_label() for line in panel.lines if line.get_marker()} == set(best)


@pytest.mark.parametrize(
    ("tasks", "label"),
    [
        (["nb201/cifar10", "nb201/cifar100"], "regret (percentage points of validation accuracy)"),
        (["graph/cora", "graph/citeseer"], "regret (percentage points of validation accuracy)"),
        (["graph/proteins"], "regret (percentage points of validation ROC-AUC)"),
        (["graph/cora", "graph/proteins"], "regret (percentage points)"),
        (["nb201/cifar10+train_seconds"], "regret (% of the front's hypervolume)"),
        (["nb201/train-seconds/cifar10"], "regret (s)"),
        (["nb201/cifar10", "nb201/train-seconds/cifar10"], "regret (each task's own unit)"),
        (["nobody/knows"], "regret (each task's own unit)"),
    ],
)
def test_the_label_of_the_axis_comes_from_the_tasks(make_frame, tasks, label):
    frame = make_frame({(task, "s"): [[2, 1]] for task in tasks})
    titles = [panel.get_title() for panel in plot_regret(frame, tasks=tasks[::-1]).axes]
    assert titles == [task_title(task) for task in tasks[::-1]]
    with pytest.raises(UnknownNameError):
        plot_regret(frame, tasks=["nb201/cifar1"])
    assert plot_regret(frame).axes[0].get_ylabel().replace("\n", " ") == label
    assert plot_regret(frame, unit="points").axes[0].get_ylabel() == "regret (points)"
