"""Pictures of architectures: cells and other graphs, or a row of choices per position."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
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
_INCHES = 0.7  # of a unit of the axes, so that texts, which have their size in points, fit
_NODE_SIZE = 7.0
_RADIUS = 0.17
_NAME_SIZE, _CHOICE_SIZE = 8.0, 7.0  # points, of rows of choices
_ROW = 0.55
_MOST = 9  # choices in a row
_FOUR = np.array([[0.0, 0.0], [1.15, 0.75], [1.85, -0.75], [3.0, 0.0]])
_FOUR_BENDS = {(0, 1): -0.08, (0, 2): 0.08, (1, 2): 0.0, (0, 3): 0.0, (1, 3): -0.08, (2, 3): 0.08}
_FOUR_LABELS = {(0, 3): 0.24}  # away from where its edge crosses that of 1→2


def draw_cell_of(axes: Any, operations: Sequence[str], space: CellSpace) -> None:
    """Draw a cell of a space: an edge that carries nothing to the output is grey and dashed."""
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
    """Return the name of an operation in a picture."""
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

    Short labels of nodes stand in circles, long ones in boxes. `dead` edges, by their numbers, are grey and dashed.
    """
    for source, target in edges:
        if not 0 <= source < target < len(nodes):
            raise SettingError(
                f"The edge {source}→{target} does not lead from a lower node to a higher one of {len(nodes)}."
            )
    boxed = max(map(len, nodes)) > 3
    bends: Mapping[tuple[int, int], float] = {}
    shares: Mapping[tuple[int, int], float] = {}
    if boxed:
        places = _in_layers(len(nodes), edges)
        bends = {(source, target): _clear_bend(places, source, target) for source, target in edges}
    elif len(nodes) == 4:
        places, bends, shares = _FOUR, _FOUR_BENDS, _FOUR_LABELS
    else:
        places, bends = _in_a_row(len(nodes), edges)
    drawn = [_draw_node(axes, place, name, boxed) for place, name in zip(places, nodes, strict=True)]
    covered = [places]
    for i, (source, target) in enumerate(edges):
        bend = bends.get((source, target), 0.0)
        _draw_edge(
            axes,
            places[[source, target]],
            bend,
            edge_colours[i] if edge_colours is not None else _SKIP,
            alive=i not in dead,
            label=edge_labels[i] if edge_labels is not None else "",
            share=shares.get((source, target), 0.5),
            boxes=(drawn[source], drawn[target]) if boxed else None,
        )
        covered.append(_curve(places[source], places[target], bend))
    (left, bottom), (right, top) = (reach(np.concatenate(covered), axis=0) for reach in (np.min, np.max))
    side = max(_text_width(name, _NODE_SIZE) for name in nodes) / 2 + 0.2 if boxed else 0.3
    axes.set_xlim(left - side, right + side)
    axes.set_ylim(bottom - 0.3, top + 0.3)
    axes.set_aspect("equal")
    axes.axis("off")


def _curve(start: NDArray[np.float64], end: NDArray[np.float64], bend: float, n: int = 21) -> NDArray[np.float64]:
    """Return points of matplotlib's ``arc3``, a quadratic curve, shape (n, 2)."""
    at = np.linspace(0, 1, n)[:, None]
    return np.asarray((1 - at) ** 2 * start + 2 * at * (1 - at) * _control(start, end, bend) + at**2 * end)


def _control(start: NDArray[np.float64], end: NDArray[np.float64], bend: float) -> NDArray[np.float64]:
    along = end - start
    return np.asarray((start + end) / 2 + bend * np.array([along[1], -along[0]]))


def _clear_bend(places: NDArray[np.float64], source: int, target: int) -> float:
    """Return how an edge bends so that it runs through no other node, if that can be had."""
    others = np.delete(places, [source, target], axis=0)
    side = 1 if (source + target) % 2 else -1
    for bend in (0.0, *(sign * side * strength for strength in (0.2, 0.35, 0.5, 0.7) for sign in (1, -1))):
        away = (_curve(places[source], places[target], bend)[:, None] - others) / [0.65, 0.35]
        if not (np.hypot(away[..., 0], away[..., 1]) < 1).any():
            return bend
    return 0.0


def _in_a_row(n: int, edges: Sequence[tuple[int, int]]) -> tuple[NDArray[np.float64], dict[tuple[int, int], float]]:
    """Return places in a row, and how edges bend around the nodes between, above and below in turns."""
    places = np.column_stack([1.5 * np.arange(n), np.zeros(n)])
    bends: dict[tuple[int, int], float] = {}
    for source, target in edges:
        length = target - source
        side = -1 if (source + length) % 2 else 1
        bends[source, target] = 0.0 if length == 1 else side * 0.62
    return places, bends


def _in_layers(n: int, edges: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Return places by the longest way from a node without predecessors, the nodes of a layer above each other."""
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
    axes: Any,
    ends: NDArray[np.float64],
    bend: float,
    colour: str,
    *,
    alive: bool,
    label: str,
    share: float,
    boxes: tuple[Any, Any] | None,
) -> None:
    """Draw an arrow that ends at circles, or at the boxes around the labels of its nodes."""
    from matplotlib.patches import FancyArrowPatch

    start, end = ends
    middle = _control(start, end, bend)
    first, last, rad = start, end, bend
    if boxes is None:
        strong = abs(bend) > 0.1  # else the arrow leaves almost along the line between the nodes
        first, last = (
            one + (other - one) / np.hypot(*(other - one)) * _RADIUS
            for one, other in ((start, middle if strong else end), (end, middle if strong else start))
        )
        if strong:
            across = np.array([(last - first)[1], -(last - first)[0]])
            rad = float((middle - (first + last) / 2) @ across / (across @ across))
    axes.add_patch(
        FancyArrowPatch(
            tuple(first),
            tuple(last),
            connectionstyle=f"arc3,rad={rad}",
            arrowstyle="-|>",
            mutation_scale=9,
            linewidth=1.5 if alive else 0.9,
            linestyle="-" if alive else (0, (3, 2)),
            color=colour if alive else _DEAD,
            shrinkA=0,
            shrinkB=0 if boxes is None else 1,
            **({} if boxes is None else {"patchA": boxes[0], "patchB": boxes[1], "zorder": 5}),
        )
    )
    if label:
        at = (1 - share) ** 2 * start + 2 * share * (1 - share) * middle + share**2 * end
        axes.text(
            at[0], at[1], label, fontsize=6.5, ha="center", va="center", color=colour if alive else _DEAD_TEXT,
            bbox={"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none"}, parse_math=False,
            **({} if boxes is None else {"zorder": 6}),
        )  # fmt: skip


def _draw_node(axes: Any, place: NDArray[np.float64], name: str, boxed: bool) -> Any:
    """Draw a node; return what arrows end at."""
    from matplotlib.patches import Circle

    frame = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": "black", "linewidth": 0.9}
    text = axes.text(
        place[0], place[1], name, fontsize=_NODE_SIZE, ha="center", va="center", color="black", zorder=4,
        bbox=frame if boxed else None, parse_math=False,
    )  # fmt: skip
    if boxed:
        return text.get_bbox_patch()
    return axes.add_patch(Circle(tuple(place), _RADIUS, facecolor="white", edgecolor="black", linewidth=0.9, zorder=3))


def _text_width(text: str, size: float) -> float:
    """Return the width of a text in bold, in units of the axes."""
    return 1.15 * text_inches(text, size) / _INCHES


def drawn(draw: Callable[[Any], object], ax: Any, width: Width = None) -> Figure:
    """Return the figure on which a function draws: that of the axes, or a new one with a fitting or given width."""
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
    """Shrink what has its size in points, so that it keeps its place in a narrower figure."""
    for text in axes.texts:
        text.set_fontsize(text.get_fontsize() * factor)
    for line in axes.lines:
        line.set(linewidth=line.get_linewidth() * factor, markersize=line.get_markersize() * factor)
    for patch in axes.patches:
        patch.set_linewidth(patch.get_linewidth() * factor)
        if hasattr(patch, "set_mutation_scale"):
            patch.set_mutation_scale(patch.get_mutation_scale() * factor)


def draw_choices(axes: Any, positions: Sequence[Position], codes: Sequence[int] | NDArray[Any]) -> None:
    """Draw a row of boxes per position, with the chosen one filled; of many choices, those around it."""
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
