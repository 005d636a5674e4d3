"""Unregistered spaces that several tests use."""

from __future__ import annotations

from functools import cache

import numpy as np

from nasmeta.spaces import CellSpace, Range, SearchSpace, get_space

# those that are enumerated
EXAMPLE_SPACES = (
    "six-ops",
    "five-nodes",
    "sizes",
    "mixed",
    "sample",
    "wide",
)
_MIXED = {
    "layers": [1, 2, 3, 4],
    "width": [16, 32, 64, 128],
    "act": ["relu", "tanh", "gelu"],
    "norm": ["none", "batch", "layer"],
    "dropout": [0.0, 0.1, 0.2, 0.5],
    "pool": ["max", "mean"],
    "residual": [False, True],
}
_LARGE = {
    "rate": Range(1e-5, 1e-1, log=True),
    "decay": Range(1e-6, 1e-1, log=True),
    "dropout": Range(0.0, 0.6),
    "warmup": Range(0, 1000),
    "layers": Range(1, 12),
    "width": [16, 32, 64, 128, 256, 512],
    "act": ["relu", "gelu", "swish"],
    "optimiser": ["adam", "sgd", "lion"],
    "momentum": Range(0.5, 0.99),
}


@cache
def example_space(name: str) -> SearchSpace:
    """Return an unregistered space for tests.

    Parameters
    ----------
    name : {"six-ops", "five-nodes", "sizes", "mixed", "sample", "wide", "large"}
        Cells of four nodes and six operations (46,656), or of five nodes and three (59,049); five
        layers of eight sizes (32,768); seven columns of numbers and texts with an invalid region;
        500 cells of NAS-Bench-201 in a list; 3,000 rows of 30 integer columns with 5**30
        combinations; 6 * 10**12 combinations of ranges and choices, with a condition and an invalid
        region.

    Returns
    -------
    SearchSpace
        Always the same object.
    """
    if name == "six-ops":
        return CellSpace(name, ["none", "skip_connect", "conv_1x1", "conv_3x3", "conv_5x5", "pool"])
    if name == "five-nodes":
        return CellSpace(name, ["none", "skip_connect", "conv"], n_nodes=5)
    if name == "sizes":
        return SearchSpace(name, {f"layer{i}": [8, 16, 24, 32, 40, 48, 56, 64] for i in range(5)})
    if name == "mixed":
        return SearchSpace(
            name, _MIXED, valid=lambda frame: (frame.layers > 1) | ~frame.residual.astype(bool)
        )
    if name == "sample":
        return SearchSpace.from_frame(
            get_space("nb201").to_frame().sample(500, random_state=0), name=name
        )
    if name == "wide":
        rows = np.random.default_rng(0).integers(5, size=(3000, 30))
        return SearchSpace(name, {f"column{i}": range(5) for i in range(30)}, architectures=rows)
    conditions = {"momentum": {"optimiser": ["sgd"]}}
    return SearchSpace(
        name, _LARGE, conditions=conditions, valid=lambda frame: frame.layers * frame.width <= 3000
    )
