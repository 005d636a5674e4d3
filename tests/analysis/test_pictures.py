"""All pictures at the widths of papers: nothing is cut off, twelve searchers differ, a user's rcParams count."""

from __future__ import annotations

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from nasmeta.analysis import (
    friedman_test,
    plot_critical_difference,
    plot_ranks,
    plot_regret,
    save_figure,
)
from nasmeta.plotting import WIDTHS, inches, text_inches
from nasmeta.spaces import plot_cells

NAMES = (
    "random", "evolution", "gp", "meta-gp", "local-search-full", "successive-halving", "multi-task-gp",
    "reinforce, rate 0.03", "optuna-nsgaii", "bananas", "source-order", "hyperband",
)  # fmt: skip
TASKS = ("nb201/cifar10", "nb201/imagenet16-120", "nb201/cifar10/tradeoff-5.89/edgegpu")


@pytest.fixture(scope="module")
def frames(make_frame):
    rng = np.random.default_rng(0)
    return {
        n: make_frame(
            {
                (task, name): np.minimum.accumulate(
                    rng.exponential(8 / (1 + i), size=(8, 30)), axis=1
                )
                for task in TASKS
                for i, name in enumerate(NAMES[:n])
            }
        )
        for n in (3, 12)
    }


def figures(frames, n, width):
    frame = frames[n]
    yield plot_regret(frame, width=width)
    yield plot_regret(frame, "simulated_seconds", tasks=TASKS[:1], width=width)
    yield plot_ranks(frame, width=width)
    yield plot_cells(range(n), width=width)


def cut_off(figure):
    """Return the texts that reach over the edge of the figure by more than a pixel, or stand on the next panel's."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    width, height = figure.bbox.size
    out, unseen = [], set()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        unseen |= {
            tick.label1
            for tick in ticks
            if not (axis.axes.axison and low <= tick.get_loc() <= high)
        }
    for text in figure.findobj(Text):
        if text not in unseen and text.get_visible() and text.get_text().strip():
            box = text.get_window_extent(renderer)
            if min(box.x0, box.y0, width - box.x1, height - box.y1) < -1:
                out.append(text.get_text())
    titles = [axes.title.get_window_extent(renderer) for axes in figure.axes if axes.get_title()]
    out += ["titles overlap" for a in titles for b in titles if a is not b and a.overlaps(b)]
    return out


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 12])
@pytest.mark.parametrize("width", [None, "icml", "neurips"])
def test_nothing_is_cut_off(frames, n, width):
    for figure in figures(frames, n, width):
        assert cut_off(figure) == []
        assert figure._repr_png_().startswith(b"\x89PNG")
        if width is not None:
            assert figure.get_size_inches()[0] == WIDTHS[width]
        if figure.legends:  # they leave room for the panels
            assert min(axes.bbox.height for axes in figure.axes) > 0.75 * figure.dpi


@pytest.mark.parametrize("width", [3.25, "ieee", 6.5])
@pytest.mark.parametrize("n", [3, 12])
def test_the_critical_difference_is_whole(frames, n, width):
    pytest.importorskip("scikit_posthocs", reason="Needs the extra report.")
    figure = plot_critical_difference(frames[n], width=width)
    assert cut_off(figure) == []
    assert figure.get_size_inches()[0] == inches(width, 0)


def test_critical_difference_names_all_and_is_drawn_from_a_result_too(frames, tmp_path):
    pytest.importorskip("scikit_posthocs", reason="Needs the extra report.")
    result = friedman_test(frames[3])
    figure = plot_critical_difference(result)
    texts = " ".join(text.get_text() for text in figure.findobj(Text))
    for name, rank in result.ranks.items():
        assert name in texts
        assert f"{rank:.2f}" in texts
    assert f"critical difference {result.critical_difference:.2f}" in texts
    first = save_figure(figure, tmp_path / "a", ["svg", "pdf", "png"])
    second = save_figure(plot_critical_difference(frames[3]), tmp_path / "b", ["svg", "pdf", "png"])
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert [path.suffix for path in first] == [".svg", ".pdf", ".png"]


def test_six_tasks_fit_a_column(frames):
    six = pd.concat([frames[3], frames[3].assign(task=frames[3]["task"].astype(str) + "@12ep")])
    figure = plot_regret(six, width="icml")
    assert cut_off(figure) == []
    assert (figure.get_size_inches() <= (3.25, 6)).all()


def test_critical_difference_is_drawn_equally_and_without_equal_styles(frames):
    pytest.importorskip("scikit_posthocs", reason="Needs the extra report.")
    lines = plot_critical_difference(frames[12]).axes[0].lines
    bars = [line for line in lines if line.get_linewidth() == 2.6]
    elbows = {
        (line.get_color(), str(line._unscaled_dash_pattern)) for line in lines if line not in bars
    }
    assert all((np.diff(bar.get_xdata()) >= 0).all() for bar in bars)
    assert len(elbows) == len(lines) - len(bars) == 12


def test_rc_params_of_the_user_count(frames):
    with mpl.rc_context({"font.size": 6, "axes.titlesize": 11, "lines.linewidth": 3}):
        figure = plot_regret(frames[3], tasks=TASKS[:1])
    panel = figure.axes[0]
    (line,) = [line for line in panel.lines if line.get_label() == "random"]
    assert panel.xaxis.label.get_size() == pytest.approx(9 * 0.6)
    assert panel.title.get_size() == 11
    assert panel.xaxis.get_major_ticks()[0].label1.get_size() == pytest.approx(8 * 0.6)
    assert line.get_linewidth() == 3
    assert plot_ranks(frames[3]).axes[0].xaxis.label.get_size() == 9  # nothing stays behind


def test_pictures_need_no_pyplot():
    code = "import sys, nasmeta.spaces as s; s.plot_cells([1])._repr_png_(); print('matplotlib.pyplot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_widths_of_texts_are_those_that_are_drawn():
    figure = plot_cells([1])
    text = figure.text(0, 0, "regret of $ percent", fontsize=9, parse_math=False)
    box = text.get_window_extent(FigureCanvasAgg(figure).get_renderer())
    assert text_inches("regret of $ percent", 9) == pytest.approx(box.width / figure.dpi, rel=0.03)
