"""Pictures of architectures of any space."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.patches import FancyArrowPatch

from nasmeta.analysis import save_figure
from nasmeta.pictures import WIDTHS
from nasmeta.spaces import CellSpace, SearchSpace, draw_graph, get_space

FIVE = CellSpace("five-nodes", ["none", "skip_connect", "conv"], n_nodes=5)
SIZES = SearchSpace("sizes", {f"layer{i}": [8, 16, 24, 32, 40, 48, 56, 64] for i in range(5)})
MIXED = SearchSpace(
    "mixed", {"depth": [1, 2, 3], "norm": ["none", "batch", "a $very$ long choice"], "bias": [True, False]}
)
MANY = SearchSpace("many", {"units": list(range(1, 200, 3)), "kind": [f"kind {i}" for i in range(40)]})
SPACES: dict[str, tuple[SearchSpace, int]] = {
    "nb201": (get_space("nb201"), 6111),
    "five": (FIVE, int(FIVE.from_digits([2, 1, 2, 0, 1, 2, 2, 0, 2, 0]))),
    "six": (CellSpace("six", ["none", "skip_connect", "a_b", "c", "d", "e"]), 40_000),
    "ten": (CellSpace("ten", ["none", "a"], n_nodes=10, edges=[(i, j) for i in range(9) for j in (i + 1, 9)][:-1]), 9),
    "all-none": (get_space("tnb101"), int(np.flatnonzero((get_space("tnb101").codes == 0).all(axis=1))[0])),
    "sizes": (SIZES, 20_000),
    "mixed": (MIXED, 9),
    "many": (MANY, 700),
    "sample": (SearchSpace.from_frame(SIZES.to_frame().sample(50, random_state=0), name="sample"), 7),
}


def overlaps(ax: Any) -> list[tuple[str, str]]:
    """Return the pairs of texts that overlap as they are drawn."""
    ax.figure.canvas.draw()
    boxes = [(text.get_text(), text.get_window_extent()) for text in ax.texts]
    return [
        (one, other)
        for i, (one, box) in enumerate(boxes)
        for other, own in boxes[:i]
        if box.shrunk(0.9, 0.9).overlaps(own.shrunk(0.9, 0.9))
    ]


@pytest.mark.parametrize("name", SPACES)
def test_any_architecture_is_drawn_without_overlaps_or_clipped_labels(name: str, tmp_path: Path) -> None:
    space, architecture = SPACES[name]
    figure = space.draw(architecture)
    for file in save_figure(figure, tmp_path / "drawn"):
        assert file.stat().st_size > 1000
    assert figure.get_size_inches().max() < 12
    (axes,) = figure.axes
    assert overlaps(axes) == []
    frame = figure.bbox
    for text in axes.texts:
        box = text.get_window_extent()
        assert frame.x0 <= box.x0 + 1, text
        assert box.x1 <= frame.x1 + 1, text


@pytest.mark.slow
@pytest.mark.parametrize("width", ["icml", "neurips", 1.5])
@pytest.mark.parametrize("name", SPACES)
def test_a_drawing_is_as_wide_as_a_paper_wants_it(name: str, width: str | float, tmp_path: Path) -> None:
    space, architecture = SPACES[name]
    figure = space.draw(architecture, width=width)
    figure.savefig(tmp_path / "drawn.png")
    pixels = imread(tmp_path / "drawn.png").shape[1]
    assert pixels == pytest.approx(WIDTHS.get(str(width), width) * figure.dpi, abs=1)
    (axes,) = figure.axes
    assert overlaps(axes) == []
    frame = figure.bbox
    for text in axes.texts:
        box = text.get_window_extent()
        assert min(box.x0 - frame.x0, box.y0 - frame.y0, frame.x1 - box.x1, frame.y1 - box.y1) > -1, text


def test_what_is_dead_is_grey_and_dashed_and_what_is_none_is_not_drawn() -> None:
    space, cell = SPACES["five"]
    ax = space.draw(cell).axes[0]
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    assert isinstance(space, CellSpace)
    assert len(arrows) == np.count_nonzero(space.digits[cell])
    dashed = [arrow.get_linestyle() != "-" for arrow in arrows]
    assert dashed.count(False) == space.live_edges[cell].sum()
    assert dashed.count(True) == 2
    assert [text.get_text() for text in ax.texts][:5] == ["in", "1", "2", "3", "out"]


def test_the_chosen_of_each_position_is_marked() -> None:
    architecture = MIXED.index_of({"depth": 2, "norm": "batch", "bias": False})
    texts = MIXED.draw(architecture).axes[0].texts
    assert {text.get_text() for text in texts if text.get_fontweight() == "bold"} == {"2", "batch", "False"}


def test_it_draws_where_it_is_told_to() -> None:
    figure = Figure(figsize=(3, 3))
    ax = figure.add_subplot()
    assert get_space("nb201").draw(6111, ax) is figure
    assert ax.texts
    assert figure.get_size_inches().tolist() == [3, 3]


def test_a_space_may_draw_itself() -> None:
    def drawing(axes: Any, space: SearchSpace, architecture: int) -> None:
        draw_graph(axes, ["input", *map(str, space.choices(architecture).values())], [(0, 1), (1, 2), (0, 2)])

    space = SearchSpace("own", {"first": ["gcn", "gat"], "second": ["gcn", "gat"]}, drawing=drawing)
    assert [text.get_text() for text in space.draw(2).axes[0].texts] == ["input", "gat", "gcn"]


def test_an_edge_runs_around_nodes() -> None:
    """In a row of boxes the long edge bends; a path through the boxes would hide which nodes it joins."""
    axes = Figure().add_subplot()
    draw_graph(axes, ["input", "gcn", "output"], [(0, 1), (1, 2), (0, 2)])
    straight, _, long = (patch.get_connectionstyle().rad for patch in axes.patches)
    assert straight == 0
    assert abs(long) >= 0.2


def test_pyplot_is_left_alone() -> None:
    code = """
import sys
from nasmeta.spaces import get_space
get_space("nb201").draw(6111)
print("matplotlib.pyplot" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
