"""Drawings of architectures: cells as graphs, others as a list of choices."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np

from nasmeta.arrays import Booleans, Integers
from nasmeta.plotting import COLOURS
from nasmeta.spaces._cell_graph import CellGraph
from nasmeta.spaces._positions import Position

_COLOURS = [
    COLOURS[name] for name in ("sky", "blue", "pink", "green", "orange", "vermilion", "black")
]
_SKIP, _DEAD, _DEAD_TEXT, _CHOSEN = "#444444", "#BBBBBB", "#999999", COLOURS["blue"]
_LABELS = {
    "skip_connect": "skip",
    "nor_conv_1x1": "conv 1×1",
    "nor_conv_3x3": "conv 3×3",
    "avg_pool_3x3": "pool 3×3",
}
_SOLID: Any = "-"
_DASHED: Any = (0, (3, 2))
_STEP, _BEND = 1.7, 0.3  # distance of nodes in a row, and bend of edges that pass other nodes
_PLACES_OF_FOUR = [(0.0, 0.0), (1.15, 0.75), (1.85, -0.75), (3.0, 0.0)]
# Bends of the edges between four nodes, and places of their labels as a share of the curve; that of
# 0→3 is away from the crossing with 1→2.
_FOUR = {
    (0, 1): (-0.08, 0.5), (0, 2): (0.08, 0.5), (1, 2): (0.0, 0.5), (0, 3): (0.0, 0.2), (1, 3): (-0.08, 0.5),
    (2, 3): (0.08, 0.5),
}  # fmt: skip
_BOX = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": "black", "linewidth": 0.9}
_CENTRED: dict[str, Any] = {"ha": "center", "va": "center", "parse_math": False}
_LABEL_BOX = {"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none"}


def short_label(choice: str) -> str:
    """Return the short name of an operation.

    Examples
    --------
    >>> from nasmeta.spaces import short_label
    >>> short_label("nor_conv_3x3"), short_label("max_pool")
    ('conv 3×3', 'max pool')
    """
    return _LABELS.get(choice, choice.replace("_", " "))


def draw_cell(axes: Any, graph: CellGraph, digits: Integers, live: Booleans) -> None:
    """Draw a cell from left to right: dead edges grey and dashed, edges with ``none`` not at all.

    Digits, the operations of the edges, and whether an edge is live have the shape (n_edges,).
    """
    from matplotlib.patches import ConnectionStyle, FancyArrowPatch

    places = np.array([(_STEP * node, 0.0) for node in range(graph.n_nodes)])
    if graph.n_nodes == 4:
        places = np.array(_PLACES_OF_FOUR)
    names = ["in", *map(str, range(1, graph.n_nodes - 1)), "out"]
    boxes = []
    for place, name in zip(places, names, strict=True):
        text = axes.text(*place, name, fontsize=7, color="black", zorder=4, bbox=_BOX, **_CENTRED)
        boxes.append(text.get_bbox_patch())
    colours = dict(zip(graph.real_operations, cycle(_COLOURS), strict=False))
    covered = [*places]
    for i, (source, target) in enumerate(graph.edges):
        digit = int(digits[i])
        if digit == graph.none:
            continue
        colour = text_colour = colours.get(digit, _SKIP)
        width, line = 1.5, _SOLID
        if not live[i]:
            colour, text_colour = _DEAD, _DEAD_TEXT
            width, line = 0.9, _DASHED
        bend, share = _bend(source, target), 0.5
        if graph.n_nodes == 4:
            bend, share = _FOUR[source, target]
        ends = places[[source, target]]
        arrow = FancyArrowPatch(
            *ends, connectionstyle=f"arc3,rad={bend}", arrowstyle="-|>", mutation_scale=9, shrinkA=0, shrinkB=1,
            linewidth=width, linestyle=line, zorder=5, color=colour, patchA=boxes[source], patchB=boxes[target],
        )  # fmt: skip
        axes.add_patch(arrow)
        # a quadratic Bezier curve, at `share` of its parameter
        weights = np.array([(1 - share) ** 2, 2 * share * (1 - share), share**2])
        curve = ConnectionStyle.Arc3(rad=bend).connect(*ends)
        middle = weights @ curve.vertices
        covered.append(middle)
        label = short_label(graph.operations[digit])
        axes.text(
            *middle, label, fontsize=6.5, color=text_colour, zorder=6, bbox=_LABEL_BOX, **_CENTRED
        )
    (left, bottom), (right, top) = np.min(covered, axis=0), np.max(covered, axis=0)
    axes.set(xlim=(left - 0.45, right + 0.45), ylim=(bottom - 0.3, top + 0.3), aspect="equal")
    axes.axis("off")


def _bend(source: int, target: int) -> float:
    """Return the bend of an edge between nodes in a row; edges pass other nodes above or below."""
    return 0.0 if target == source + 1 else _BEND * (-1) ** (source + target + 1)


def draw_choices(axes: Any, positions: Sequence[Position], codes: Sequence[int]) -> None:
    """Write a row per position: its name, and the choice in bold."""
    height = axes.get_window_extent().height / axes.figure.dpi
    fontsize = min(8, 50 * height / len(positions))
    style: dict[str, Any] = {"va": "center", "parse_math": False, "fontsize": fontsize}
    for row, (position, code) in enumerate(zip(positions, codes, strict=True)):
        y = 1 - (row + 0.5) / len(positions)
        axes.text(0.48, y, position.name, ha="right", color=_SKIP, **style)
        choice = str(position.choices[code])
        axes.text(0.52, y, choice, ha="left", color=_CHOSEN, fontweight="bold", **style)
    axes.axis("off")
