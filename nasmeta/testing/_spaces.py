"""Example spaces for tests."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import ClassVar

import numpy as np
import pytest

from nasmeta.errors import UnknownNameError
from nasmeta.spaces import CellSpace, Choice, Range, SearchSpace, get_space
from nasmeta.threads import one_thread

EXAMPLE_SPACES = ("six-ops", "five-nodes", "sizes", "mixed", "sample", "wide")  # those that are enumerated
_MIXED: dict[str, list[Choice]] = {
    "layers": [1, 2, 3, 4],
    "width": [16, 32, 64, 128],
    "act": ["relu", "tanh", "gelu"],
    "norm": ["none", "batch", "layer"],
    "dropout": [0.0, 0.1, 0.2, 0.5],
    "pool": ["max", "mean"],
    "residual": [False, True],
}
_LARGE: dict[str, list[Choice] | Range] = {
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
        Cells of four nodes and six operations (46,656), or of five nodes and three (59,049); five layers of eight sizes
        (32,768); seven columns of numbers and texts with an invalid region; 500 cells of NAS-Bench-201 in a list;
        3,000 rows of 30 integer columns with 5**30 combinations; 6 * 10**12 combinations of ranges and choices, with a
        condition and an invalid region.

    Returns
    -------
    SearchSpace
        Always the same object.

    Raises
    ------
    UnknownNameError

    Examples
    --------
    >>> from nasmeta.testing import example_space
    >>> example_space("mixed").size, example_space("mixed").is_regular
    (2016, False)
    """
    if name == "six-ops":
        return CellSpace(name, ["none", "skip_connect", "conv_1x1", "conv_3x3", "conv_5x5", "pool"])
    if name == "five-nodes":
        return CellSpace(name, ["none", "skip_connect", "conv"], n_nodes=5)
    if name == "sizes":
        return SearchSpace(name, {f"layer{i}": [8, 16, 24, 32, 40, 48, 56, 64] for i in range(5)})
    if name == "mixed":
        return SearchSpace(name, _MIXED, valid=lambda frame: (frame.layers > 1) | ~frame.residual.astype(bool))
    if name == "sample":
        return SearchSpace.from_frame(get_space("nb201").to_frame().sample(500, random_state=0), name=name)
    if name == "wide":
        rows = np.random.default_rng(0).integers(5, size=(3000, 30))
        return SearchSpace(name, {f"column{i}": range(5) for i in range(30)}, architectures=rows)
    if name == "large":
        conditions = {"momentum": {"optimiser": ["sgd"]}}
        return SearchSpace(name, _LARGE, conditions=conditions, valid=lambda frame: frame.layers * frame.width <= 3000)
    raise UnknownNameError.of("example space", name, [*EXAMPLE_SPACES, "large"])


@contextmanager
def generators_left_alone() -> Iterator[None]:
    """Check that the global generators of numpy and Python are neither used nor seeded inside."""
    before = random.getstate(), np.random.get_state()  # noqa: NPY002
    yield
    after = random.getstate(), np.random.get_state()  # noqa: NPY002
    assert before[0] == after[0]
    assert all(np.array_equal(b, a) for b, a in zip(before[1], after[1], strict=True))


class OnSpaces:
    """Run each test with the argument ``space`` on all ``spaces`` of the class, on one thread."""

    spaces: ClassVar[Sequence[str | SearchSpace]] = ("nb201", "tnb101")

    @pytest.fixture(autouse=True)
    def _one_thread(self) -> Iterator[None]:
        with one_thread():  # as in every run
            yield

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Parametrize tests over the spaces, unless a class overrides the fixture `space`."""
        own = next(kind for kind in type(self).__mro__ if "space" in vars(kind))
        if "space" in metafunc.fixturenames and own is OnSpaces:
            spaces = [get_space(space) for space in self.spaces]
            metafunc.parametrize("space", spaces, ids=[space.name for space in spaces], indirect=True)

    @pytest.fixture
    def space(self, request: pytest.FixtureRequest) -> SearchSpace:
        """Return each of the spaces."""
        requested: SearchSpace = request.param
        return requested
