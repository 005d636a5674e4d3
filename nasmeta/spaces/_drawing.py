"""Drawings of architectures: graphs, or a row of choices per position."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError
from nasmeta.pictures import Width, inches, new_figure, text_inches

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nasmeta.spaces._cell_space import CellSpace
    from nasmeta.spaces._positions import Position

# Okabe and Ito (2008) without their yellow, which is too pale for letters on white.
_COLOURS = ("#56B4E9", "#0072B2", "#CC79A7", "#009E73", "#E69F00", "#D55E00", "#000000")
_SKIP, _DEAD, _DEAD_TEXT, _CHOSEN = "#444444", "#BBBBBB", "#999999", "#0072B2"
_LABELS = {
    "skip_connect": "skip",
    "nor_conv_1x1": "conv 1×1",
    "nor_conv_3x3": "conv 3×3",
    "avg_pool_3x3": "pool 3×3",
}
_INCHES = 0.7  # per unit of the axes
_NODE_SIZE = 7.0
_NAME_SIZE, _CHOICE_SIZE = 8.0, 7.0  # points, of rows of choices
_ROW = 0.55
_MOST = 9  # choices in a row
_FOUR = np.array([[0.0, 0.0], [1.15, 0.75], [1.85, -0.75], [3.0, 0.0]])
_FOUR_BENDS = {(0, 1): -0.08, (0, 2): 0.08, (1, 2): 0.0, (0, 3): 0.0, (1, 3): -0.08, (2, 3): 0.08}
_FOUR_LABELS = {(0, 3): 0.24}  # away from the crossing with 1→2


def draw_cell_of(axes: Any, operations: Sequence[str], space: CellSpace) -> None:
    """Draw a cell of a space; dead edges are grey and dashed."""
    alive = space.live_edges[int(space.from_ops(list(operations)))].tolist()
    none = None if space.none is None else space.operations[space.none]
    there = [i for i, operation in enumerate(operations) if operation != none]
    colours = dict(zip([space.operations[i] for i in space.real_operations], cycle(_COLOURS), strict=False))
    draw_graph(
        axes,
        ["in", *map(str, range(1, space.n_nodes - 1)), "out"],
        [space.edges[i] for i in there],
        edge_labels=[short_label(operations[i]) for i in there],
        edge_colours=[colours.get(operations[i], _SKIP) for i in there],
        dead=[i for i, edge in enumerate(there) if not alive[edge]],
    )


def short_label(choice: str) -> str:
    """Return the short name of an operation."""
    return _LABELS.get(choice, choice.replace("_", " "))


def draw_graph(
    axes: Any,
    nodes: Sequence[str],
    edges: Sequence[tuple[int, int]],
    *,
    edge_labels: Sequence[str] | None = None,
    edge_colours: Sequence[str] | None = None,
    dead: Collection[int] = (),
) -> None:
    """Draw a directed graph without cycles from left to right; edges lead from a lower node to a higher one.

    `dead` contains the indices of grey, dashed edges.
    """
    for source, target in edges:
        if not 0 <= source < target < len(nodes):
            raise SettingError("edge", (source, target), f"a pair of ascending nodes below {len(nodes)}")
    if len(nodes) == 4:
        places, bends, shares = _FOUR, _FOUR_BENDS, _FOUR_LABELS
    else:
        places, shares = _in_layers(len(nodes), edges), {}
        bends = {edge: _clear_bend(places, *edge) for edge in edges}
    boxes = [_draw_node(axes, place, name) for place, name in zip(places, nodes, strict=True)]
    covered = [places]
    for i, (source, target) in enumerate(edges):
        bend = bends.get((source, target), 0.0)
        colour = _SKIP if edge_colours is None else edge_colours[i]
        _draw_edge(axes, places[[source, target]], bend, colour, (boxes[source], boxes[target]), alive=i not in dead)
        if edge_labels is not None:
            share = shares.get((source, target), 0.5)
            at = _curve(places[source], places[target], bend, np.array([share]))[0]
            axes.text(
                at[0], at[1], edge_labels[i], fontsize=6.5, ha="center", va="center", zorder=6, parse_math=False,
                color=_DEAD_TEXT if i in dead else colour,
                bbox={"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none"},
            )  # fmt: skip
        covered.append(_curve(places[source], places[target], bend, np.linspace(0, 1, 21)))
    (left, bottom), (right, top) = (reach(np.concatenate(covered), axis=0) for reach in (np.min, np.max))
    side = max(_text_width(name, _NODE_SIZE) for name in nodes) / 2 + 0.2
    axes.set_xlim(left - side, right + side)
    axes.set_ylim(bottom - 0.3, top + 0.3)
    axes.set_aspect("equal")
    axes.axis("off")


def _curve(
    start: NDArray[np.float64], end: NDArray[np.float64], bend: float, shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return points at shares of matplotlib's ``arc3``, a quadratic curve, shape (n, 2)."""
    along, at = end - start, shares[:, None]
    control = (start + end) / 2 + bend * np.array([along[1], -along[0]])
    return np.asarray((1 - at) ** 2 * start + 2 * at * (1 - at) * control + at**2 * end)


def _clear_bend(places: NDArray[np.float64], source: int, target: int) -> float:
    """Return the bend of an edge that avoids other nodes, or 0 if every bend hits one."""
    others = np.delete(places, [source, target], axis=0)
    side = 1 if (source + target) % 2 else -1
    for bend in (0.0, *(sign * side * strength for strength in (0.2, 0.35, 0.5, 0.7) for sign in (1, -1))):
        away = (_curve(places[source], places[target], bend, np.linspace(0, 1, 21))[:, None] - others) / [0.65, 0.35]
        if not (np.hypot(away[..., 0], away[..., 1]) < 1).any():
            return bend
    return 0.0


def _in_layers(n: int, edges: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Return places by the longest path from a source, with the nodes of a layer above each other."""
    depth = np.zeros(n, dtype=np.int64)
    for source, target in sorted(edges, key=lambda edge: edge[1]):
        depth[target] = max(depth[target], depth[source] + 1)
    places = np.zeros((n, 2))
    for layer in range(int(depth.max()) + 1):
        inside = np.flatnonzero(depth == layer)
        places[inside, 0] = 1.7 * layer
        places[inside, 1] = 0.9 * ((len(inside) - 1) / 2 - np.arange(len(inside)))
    return places


def _draw_edge(
    axes: Any, ends: NDArray[np.float64], bend: float, colour: str, boxes: tuple[Any, Any], *, alive: bool
) -> None:
    """Draw an arrow between the boxes of two nodes."""
    from matplotlib.patches import FancyArrowPatch

    axes.add_patch(
        FancyArrowPatch(
            tuple(ends[0]),
            tuple(ends[1]),
            connectionstyle=f"arc3,rad={bend}",
            arrowstyle="-|>",
            mutation_scale=9,
            linewidth=1.5 if alive else 0.9,
            linestyle="-" if alive else (0, (3, 2)),
            color=colour if alive else _DEAD,
            shrinkA=0,
            shrinkB=1,
            patchA=boxes[0],
            patchB=boxes[1],
            zorder=5,
        )
    )


def _draw_node(axes: Any, place: NDArray[np.float64], name: str) -> Any:
    """Draw a node; return its box, for arrows."""
    frame = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": "black", "linewidth": 0.9}
    text = axes.text(
        place[0], place[1], name, fontsize=_NODE_SIZE, ha="center", va="center", color="black", zorder=4, bbox=frame,
        parse_math=False,
    )  # fmt: skip
    return text.get_bbox_patch()


def _text_width(text: str, size: float) -> float:
    """Return the width of a text in bold, in units of the axes."""
    return 1.15 * text_inches(text, size) / _INCHES


def drawn(draw: Callable[[Any], object], ax: Any, width: Width = None) -> Figure:
    """Return the figure with the drawing: the figure of the axes, or a new one of a fitting or given width."""
    if ax is not None:
        draw(ax)
        found: Figure = ax.figure
        return found
    figure = new_figure(1, 1)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    draw(axes)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    natural = _INCHES * (right - left)
    across = inches(width, natural)
    figure.set_size_inches(across, across * (top - bottom) / (right - left))
    _shrink(axes, min(1.0, across / natural))
    return figure


def _shrink(axes: Any, factor: float) -> None:
    """Scale texts, lines and patches, which are sized in points."""
    for text in axes.texts:
        text.set_fontsize(text.get_fontsize() * factor)
    for line in axes.lines:
        line.set(linewidth=line.get_linewidth() * factor, markersize=line.get_markersize() * factor)
    for patch in axes.patches:
        patch.set_linewidth(patch.get_linewidth() * factor)
        if hasattr(patch, "set_mutation_scale"):
            patch.set_mutation_scale(patch.get_mutation_scale() * factor)


def draw_choices(axes: Any, positions: Sequence[Position], codes: Sequence[int] | NDArray[Any]) -> None:
    """Draw a row of boxes per position, with the chosen one filled; with many choices, the nearest ones."""
    from matplotlib.patches import FancyBboxPatch

    names = max(_text_width(position.name, _NAME_SIZE) for position in positions)
    right, y = 0.0, 0.0
    for position, code in zip(positions, np.asarray(codes).tolist(), strict=True):
        _write(axes, names, y, position.name, _NAME_SIZE, ha="right", va="center")
        n, x = len(position.choices), names + 0.3
        first = max(0, min(code - _MOST // 2, n - _MOST))
        for i in range(first, min(first + _MOST, n)):
            colour, chosen = (_CHOSEN, True) if i == code else (_DEAD, False)
            text = str(position.choices[i])
            width = _text_width(text, _CHOICE_SIZE) + 0.16
            box = FancyBboxPatch(
                (x, y - 0.15), width, 0.3, boxstyle="round,pad=0,rounding_size=0.06", linewidth=0.8,
                facecolor=_CHOSEN if chosen else "white", edgecolor=colour,
            )  # fmt: skip
            axes.add_patch(box)
            _write(
                axes, x + width / 2, y, text, _CHOICE_SIZE, ha="center", va="center_baseline",
                color="white" if chosen else _DEAD_TEXT, fontweight="bold" if chosen else "normal",
            )  # fmt: skip
            x += width + 0.09
        right, y = max(right, x), y - _ROW
    axes.set_xlim(-0.1, right + 0.06)
    axes.set_ylim(y + _ROW / 2 - 0.05, _ROW / 2 + 0.05)
    axes.set_aspect("equal")
    axes.axis("off")


def _write(axes: Any, x: float, y: float, text: str, size: float, **style: Any) -> Any:
    return axes.text(x, y, text, fontsize=size, parse_math=False, **style)
