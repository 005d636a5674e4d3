"""What a notebook shows of spaces, tables, tasks and runs, and their own pictures."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

import nasmeta as nm

ACCURACY = {
    "dataset": "cifar10", "metric": "accuracy", "split": "valid", "epochs": 200, "seed": "mean",
}  # fmt: skip


class _Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = []
        self.texts = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def facts(shown: Any) -> dict[str, str]:
    parser = _Cells()
    parser.feed(shown._repr_html_())
    assert not parser.open
    return dict(zip(parser.texts[1::2], parser.texts[2::2], strict=True))


def test_facts_of_a_space() -> None:
    found = facts(nm.get_space("nb201"))
    assert found["architectures"] == "15,625"
    assert found["0->1"] == "none, skip_connect, nor_conv_1x1, nor_conv_3x3, avg_pool_3x3"


def test_facts_of_a_table() -> None:
    found = facts(nm.load_table("nb201"))
    assert found["accuracy (percent)"].startswith(
        "cifar10, cifar100, imagenet16-120; split valid; epochs 200; seed mean"
    )


def test_facts_of_a_run() -> None:
    run = nm.search("random", "nb201/cifar10", evaluations=20, seed=2)
    found = facts(run)
    assert found["searcher"] == "random, seed 2"
    position = list(run.architectures).index(run.best.architecture) + 1
    assert (
        found["best"] == f"accuracy {run.best.value:.4f} (percent), found by evaluation {position}"
    )


def test_names_of_users_are_text() -> None:
    space = nm.SearchSpace.from_frame(pd.DataFrame({"<script>": ["a", "b"]}), columns=["<script>"])
    assert facts(space)["<script>"] == "a, b"
    assert "<script>" not in space._repr_html_()


def drawn(figure: Any) -> Any:
    """Return the only axes, after a look whether a text is cut off."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    for text in figure.findobj(Text):
        box = text.get_window_extent(renderer)
        inside = min(box.x0, box.y0, figure.bbox.width - box.x1, figure.bbox.height - box.y1) > -1
        # ticks out of view
        assert inside or not text.get_text() or text.get_text()[0] in "−0123456789", text.get_text()
    return figure.axes[0]


@pytest.mark.parametrize("width", [None, "icml"])
@pytest.mark.parametrize("task", ["nb201/cifar10", "nb201/train-seconds/cifar10"])
def test_a_run_is_drawn(task: str, width: str | None) -> None:
    run = nm.search("random", task, evaluations=30)
    axes = drawn(run.plot(x="simulated_seconds", width=width))
    dots, line, optimum = axes.lines
    np.testing.assert_allclose(dots.get_ydata(), run.values)
    np.testing.assert_allclose(line.get_ydata(), run.frame()["incumbent_value"])
    low, high = axes.get_ylim()
    assert low < optimum.get_ydata()[0] == run.task.optimum < high
    assert low <= run.best.value <= high
    assert (run.plot()._repr_png_() or b"").startswith(b"\x89PNG")  # type: ignore[attr-defined]
    assert "Picture 4.60 x 2.90: ['random, seed 0: " in repr(run.plot())
    assert "{'evaluated': '#999999', 'best so far': '#0072b2', 'optimum': '#595959'}" in repr(
        run.plot()
    )
