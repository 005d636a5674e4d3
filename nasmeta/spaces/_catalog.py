"""The two spaces: NAS-Bench-201 and TransNAS-Bench-101 micro."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from functools import cache

from nasmeta.registry import Registry
from nasmeta.spaces._cell_forms import EDGES, Notation
from nasmeta.spaces._cell_space import CellSpace, CostFormula

__all__ = ["SPACES", "get_space"]

SPACES: Registry[Callable[[], CellSpace]] = Registry("space")

_NB201_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
_NB201_SHUFFLE_SEED = 88  # NATS-Bench shuffles the lexicographic list once with random.seed(88)


def _write_nb201(digits: Iterable[int]) -> str:
    operation = [_NB201_OPERATIONS[digit] for digit in digits]
    nodes: dict[int, str] = {}
    for (source, target), name in zip(EDGES, operation, strict=True):
        nodes[target] = f"{nodes.get(target, '|')}{name}~{source}|"
    return "+".join(nodes[target] for target in sorted(nodes))


def _read_nb201(text: str) -> tuple[int, ...]:
    nodes = text.strip().split("+")
    if len(nodes) != 3:
        raise ValueError(f"it has {len(nodes)} nodes joined by '+', not 3.")
    digits = []
    for target, node in enumerate(nodes, start=1):
        if not (node.startswith("|") and node.endswith("|") and len(node) > 1):
            raise ValueError(f"node {target} ({node!r}) does not stand between '|'.")
        edges = node[1:-1].split("|")
        if len(edges) != target:
            raise ValueError(f"node {target} has {len(edges)} inputs, not {target}.")
        for source, edge in enumerate(edges):
            name, _, origin = edge.partition("~")
            if name not in _NB201_OPERATIONS:
                raise ValueError(f"{name!r} is no operation of it.")
            if origin != str(source):
                raise ValueError(f"input {edge!r} of node {target} should come from node {source}.")
            digits.append(_NB201_OPERATIONS.index(name))
    return tuple(digits)


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
    n_cells = len(_NB201_OPERATIONS) ** len(EDGES)
    order = list(range(n_cells))
    random.Random(_NB201_SHUFFLE_SEED).shuffle(order)

    def same_on_all_edges(conv_1x1: int, conv_3x3: int) -> tuple[tuple[int, ...], ...]:
        return ((0, 0, conv_1x1, conv_3x3, 0),) * len(EDGES)

    cifar, imagenet = same_on_all_edges(3_932_160, 35_389_440), same_on_all_edges(983_040, 8_847_360)
    weights = same_on_all_edges(28_000, 243_040)
    return CellSpace(
        "nb201",
        _NB201_OPERATIONS,
        Notation(_write_nb201, _read_nb201),
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
        for source, _ in EDGES
    )
    return CostFormula(base={"class_scene": 51_807}, per_edge={"class_scene": per_edge})


@SPACES.register("tnb101")
def _tnb101() -> CellSpace:
    """TransNAS-Bench-101 micro (Duan et al., CVPR 2021)."""
    return CellSpace(
        "tnb101",
        _NB201_OPERATIONS[:4],
        Notation(_write_tnb101, _read_tnb101),
        parameters=_tnb101_class_scene_parameters(),
    )


@cache
def _built(build: Callable[[], CellSpace]) -> CellSpace:
    return build()


def get_space(name: str) -> CellSpace:
    """Return the space of this name, always the same object.

    Parameters
    ----------
    name : {"nb201", "tnb101"}

    Returns
    -------
    CellSpace

    Raises
    ------
    UnknownNameError

    Examples
    --------
    >>> from nasmeta.spaces import get_space
    >>> get_space("tnb101")
    CellSpace('tnb101', 4,096 cells, operations: none, skip_connect, nor_conv_1x1, nor_conv_3x3)
    """
    return _built(SPACES[name])
