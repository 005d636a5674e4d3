"""Drawings of architectures."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch

from nasmeta.analysis import save_figure
from nasmeta.spaces import CellSpace, SearchSpace, get_space

FIVE = CellSpace("five-nodes", ["none", "skip_connect", "conv"], n_nodes=5)
MIXED = SearchSpace(
    "mixed",
    {"depth": [1, 2, 3], "norm": ["none", "batch", "a $very$ long choice"], "bias": [True, False]},
)
MANY = SearchSpace(
    "many", {"units": list(range(1, 200, 3)), "kind": [f"kind {i}" for i in range(40)]}
)
SPACES = {
    "nb201": (get_space("nb201"), 6111),
    "five": (FIVE, int(FIVE.from_codes([2, 1, 2, 0, 1, 2, 2, 0, 2, 0]))),
    "six": (CellSpace("six", ["none", "skip_connect", "a_b", "c", "d", "e"]), 40_000),
    "all": (FIVE, FIVE.size - 1),
    "none": (get_space("tnb101"), 0),
    "mixed": (MIXED, 9),
    "many": (MANY, 700),
}


def overlaps(ax: Any) -> list[tuple[str, str]]:
    """Return the pairs of texts that overlap as they are drawn."""
    ax.figure.canvas.draw()
    boxes = [(text.get_text(), text.get_window_extent()) for text in ax.texts]
    return [
        (one, other)
        for i, (one, box) in enumerate(boxes)
        for other, second in boxes[:i]
        if box.shrunk(0.9, 0.9).overlaps(second.shrunk(0.9, 0.9))
    ]


@pytest.mark.parametrize("name", SPACES)
def test_any_architecture_is_drawn_without_overlaps(name: str, tmp_path: Path) -> None:
    space, architecture = SPACES[name]
    figure = space.draw(architecture)
    for file in save_figure(figure, tmp_path / "drawn"):
        assert file.stat().st_size > 1000
    (axes,) = figure.axes
    assert overlaps(axes) == []


def test_dead_edges_are_dashed_and_edges_with_none_are_not_drawn() -> None:
    space, architecture = SPACES["five"]
    ax = space.draw(architecture).axes[0]
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    assert len(arrows) == np.count_nonzero(space.digits[architecture])
    dashed = [arrow.get_linestyle() != "-" for arrow in arrows]
    assert dashed.count(False) == space.live_edges[architecture].sum()
    assert dashed.count(True) == 2


def test_the_choice_of_each_position_is_marked() -> None:
    architecture = MIXED.index_of({"depth": 2, "norm": "batch", "bias": False})
    texts = MIXED.draw(architecture).axes[0].texts
    assert {text.get_text() for text in texts if text.get_fontweight() == "bold"} == {
        "2",
        "batch",
        "False",
    }
