"""Pictures over all tasks: what they say, that they are whole, and the same each time."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.text import Text

from nasmeta.analysis import (
    friedman_test,
    plot_critical_difference,
    plot_profiles,
    save_figure,
)


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


def test_critical_difference_names_all_and_is_drawn_from_a_result_too(frame, tmp_path):
    pytest.importorskip("scikit_posthocs", reason="Needs the extra report.")
    result = friedman_test(frame)
    figure = plot_critical_difference(result)
    texts = " ".join(text.get_text() for text in figure.findobj(Text))
    for name, rank in result.ranks.items():
        assert name in texts
        assert f"{rank:.2f}" in texts
    assert f"critical difference {result.critical_difference:.2f}" in texts
    first = save_figure(figure, tmp_path / "a", ["svg", "pdf", "png"])
    second = save_figure(plot_critical_difference(frame), tmp_path / "b", ["svg", "pdf", "png"])
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert [path.suffix for path in first] == [".svg", ".pdf", ".png"]


def test_profiles_name_what_they_are_measured_by(frame):
    assert plot_profiles(frame).axes[0].get_xlabel() == "regret τ, in parts of the mean regret of random"
    assert plot_profiles(frame, "runtime").axes[0].get_xlabel() == "evaluations until the optimum"
