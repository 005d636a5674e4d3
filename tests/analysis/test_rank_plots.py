"""Pictures over all tasks: what they say, that they are whole, and the same each time."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from nasmeta.analysis import (
    friedman_test,
    plot_critical_difference,
    plot_profiles,
    plot_ranks,
    save_figure,
)
from nasmeta.errors import MissingPackageError, SettingError


@pytest.fixture(scope="module")
def frame(make_frame):
    rng = np.random.default_rng(0)
    scales = {"random": 8, "a-rather-long-name": 3, "evolution": 2.8, "gp": 1, "meta-gp": 0.9}
    return make_frame(
        {
            (task, name): np.minimum.accumulate(rng.exponential(scale, size=(12, 30)), axis=1)
            for task in ("t", "u")
            for name, scale in scales.items()
        }
    )


def is_whole(figure):
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    width, height = figure.bbox.size
    boxes = [artist.get_tightbbox(renderer) for artist in [*figure.legends, *figure.axes]]
    return all(min(box.x0, box.y0, width - box.x1, height - box.y1) > -1 for box in boxes)


def figures(frame):
    yield plot_critical_difference(frame)
    yield plot_critical_difference(frame, width=3.5)
    yield plot_ranks(frame)
    yield plot_ranks(frame, "simulated_seconds")
    yield plot_profiles(frame)
    yield plot_profiles(frame, "runtime", target=0.1)


def test_nothing_is_cut_off_and_nothing_warns(frame):
    pytest.importorskip("scikit_posthocs", reason="Needs the extra report.")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(is_whole(figure) for figure in figures(frame))


def test_critical_difference_names_all_and_is_drawn_from_a_result_too(frame, tmp_path):
    pytest.importorskip("scikit_posthocs", reason="Needs the extra report.")
    result = friedman_test(frame)
    figure = plot_critical_difference(result)
    texts = " ".join(text.get_text() for text in figure.axes[0].texts)
    for name, rank in result.ranks.items():
        assert name in texts
        assert f"{rank:.2f}" in texts
    assert f"critical difference {result.critical_difference:.2f}" in texts
    first = save_figure(figure, tmp_path / "a", ["svg", "pdf", "png"])
    second = save_figure(plot_critical_difference(frame), tmp_path / "b", ["svg", "pdf", "png"])
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert [path.suffix for path in first] == [".svg", ".pdf", ".png"]
    with pytest.raises(SettingError, match="possible are png, svg, pdf"):
        save_figure(figure, tmp_path / "c", ["gif"])


def test_without_the_extra_the_command_is_told(frame, monkeypatch):
    monkeypatch.setitem(sys.modules, "scikit_posthocs", None)
    with pytest.raises(MissingPackageError, match="scikit-posthocs"):
        plot_critical_difference(frame)


def test_the_best_rank_is_on_top_and_seconds_are_shares(frame):
    axes = plot_ranks(frame, "simulated_seconds").axes[0]
    bottom, top = axes.get_ylim()
    assert top < 1 < 5 < bottom
    assert axes.get_xlabel() == "share of the simulated time"


def test_profiles_name_what_they_are_measured_by(frame):
    assert plot_profiles(frame).axes[0].get_xlabel() == "regret τ, in parts of the mean regret of random"
    assert plot_profiles(frame, "runtime").axes[0].get_xlabel() == "evaluations until the optimum"
    assert plot_profiles(frame, "runtime", target=0.5).axes[0].get_xlabel() == "evaluations until a regret of 0.5"
    with pytest.raises(SettingError, match="'performance' and 'runtime'"):
        plot_profiles(frame, "data")
