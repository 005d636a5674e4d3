"""The spaces that have a name."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from nasmeta.errors import SettingError, shown
from nasmeta.registry import Registry
from nasmeta.spaces._cell_graph import complete_edges
from nasmeta.spaces._cell_space import CellSpace
from nasmeta.spaces._content import BUILDERS
from nasmeta.spaces._costs import CostFormula
from nasmeta.spaces._design_grids import fcnet, graphgym, hpobench_mlp
from nasmeta.spaces._graph_networks import graph_networks
from nasmeta.spaces._layer_sequences import nas_bench_macro, transnas_macro
from nasmeta.spaces._notation import CellCodec
from nasmeta.spaces._search_space import SearchSpace


def _builder(found: object) -> Callable[[], SearchSpace] | None:
    """Return what builds the space that another package has: a function, or a space that stands there."""
    if isinstance(found, SearchSpace):
        return lambda: found
    return found if callable(found) else None


SPACES: Registry[Callable[[], SearchSpace]] = Registry(
    "space", group="nasmeta.spaces", accepts=_builder, wanted="a SearchSpace, or a function that returns one"
)

_EDGES = complete_edges(4)

_NB201_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
_NB201_SHUFFLE_SEED = 88  # NATS-Bench shuffles the lexicographic list once with random.seed(88)


_TNB101_MACRO = "64-41414-"  # all micro cells share this macro skeleton


def _write_tnb101(digits: Iterable[int]) -> str:
    d = [str(digit) for digit in digits]
    return f"{_TNB101_MACRO}{d[0]}_{''.join(d[1:3])}_{''.join(d[3:])}"


def _read_tnb101(text: str) -> tuple[int, ...]:
    nodes = text.strip().removeprefix(_TNB101_MACRO).split("_")
    if [len(node) for node in nodes] != [1, 2, 3]:
        raise ValueError("its nodes must have 1, 2 and 3 digits, joined by '_'.")
    joined = "".join(nodes)
    if not set(joined) <= set("0123"):
        raise ValueError("digits run from 0 to 3.")
    return tuple(int(digit) for digit in joined)


@SPACES.register("nb201")
def _nb201() -> CellSpace:
    """NAS-Bench-201 (Dong and Yang, ICLR 2020); the topology space of NATS-Bench."""
    n_cells = len(_NB201_OPERATIONS) ** len(_EDGES)
    order = list(range(n_cells))
    random.Random(_NB201_SHUFFLE_SEED).shuffle(order)

    def same_on_all_edges(conv_1x1: int, conv_3x3: int) -> tuple[tuple[int, ...], ...]:
        return ((0, 0, conv_1x1, conv_3x3, 0),) * len(_EDGES)

    cifar, imagenet = same_on_all_edges(3_932_160, 35_389_440), same_on_all_edges(983_040, 8_847_360)
    weights = same_on_all_edges(28_000, 243_040)
    return CellSpace(
        "nb201",
        _NB201_OPERATIONS,
        official_order=order,
        parameters=CostFormula(
            base={"cifar10": 73_306, "cifar100": 79_156, "imagenet16-120": 80_456},
            per_edge={"cifar10": weights, "cifar100": weights, "imagenet16-120": weights},
        ),
        multiply_adds=CostFormula(
            base={"cifar10": 7_783_050, "cifar100": 7_788_900, "imagenet16-120": 1_953_400},
            per_edge={"cifar10": cifar, "cifar100": cifar, "imagenet16-120": imagenet},
        ),
    )


def _tnb101_class_scene_parameters() -> CostFormula:
    """Count the weights of the 64-41414 skeleton: five modules of two cells, of 128, 128, 256, 256 and 512 channels.

    The first cell of the modules marked 4 doubles its channels and halves its image, so operations on the edges that
    leave node 0 are smaller there, and a skip becomes a factorised reduction with a batch norm.
    """
    strided = (128, 256, 512)
    cells = (128, 128, 128, 128, 256, 256, 256, 256, 512, 512)

    def convolution(kernel_area: int, from_input: bool) -> int:
        full = sum(kernel_area * c * c + 2 * c for c in cells)
        return full - from_input * sum(kernel_area * c * c // 2 for c in strided)

    reduction = sum(c * c // 2 + 2 * c for c in strided)
    per_edge = tuple(
        (0, reduction if source == 0 else 0, convolution(1, source == 0), convolution(9, source == 0))
        for source, _ in _EDGES
    )
    return CostFormula(base={"class_scene": 51_807}, per_edge={"class_scene": per_edge})


@SPACES.register("tnb101")
def _tnb101() -> CellSpace:
    """TransNAS-Bench-101 micro (Duan et al., CVPR 2021)."""
    return CellSpace(
        "tnb101",
        _NB201_OPERATIONS[:4],
        CellCodec(_write_tnb101, _read_tnb101),
        parameters=_tnb101_class_scene_parameters(),
    )


SPACES.register("fcnet")(fcnet)
SPACES.register("graph")(graph_networks)
SPACES.register("graphgym")(graphgym)
SPACES.register("hpobench-mlp")(hpobench_mlp)
SPACES.register("nbmacro")(nas_bench_macro)
SPACES.register("tnb101-macro")(transnas_macro)

_built: dict[Callable[[], SearchSpace], SearchSpace] = {}


def get_space(name: str | SearchSpace) -> SearchSpace:
    """Return the space of this name, always the same object.

    Parameters
    ----------
    name : str or SearchSpace
        A registered name; a space is returned as it is.

    Returns
    -------
    SearchSpace

    Raises
    ------
    UnknownNameError

    Examples
    --------
    >>> from nasmeta.spaces import get_space
    >>> get_space("tnb101")
    CellSpace('tnb101', 4,096 cells, operations: none, skip_connect, nor_conv_1x1, nor_conv_3x3)
    """
    if isinstance(name, SearchSpace):
        return name
    build = SPACES[name]
    if build not in _built:
        built = build()
        if not isinstance(built, SearchSpace):
            raise SettingError(f"The space {name} is a function that returns {shown(built)}, not a SearchSpace.")
        _built[build] = built
        built.registered_name = built.registered_name or SPACES.name_of(build)
    return _built[build]


def get_cell_space(name: str | SearchSpace) -> CellSpace:
    """Return the cell space of this name."""
    space = get_space(name)
    if not isinstance(space, CellSpace):
        raise SettingError(f"{space.name} is no space of cells: its positions are no edges of a graph.")
    return space


BUILDERS["registered"] = lambda content: get_space(content["registered"])
