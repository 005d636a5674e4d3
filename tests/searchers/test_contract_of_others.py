"""The contract runs on the spaces that somebody's searcher is made for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SpaceExhaustedError
from nasmeta.searchers import Searcher
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.testing import SearcherContract, made_up_values

MIXED = SearchSpace(
    "mixed",
    {
        "depth": [1, 2, 3, 4],
        "width": [16, 32, 64, 128],
        "activation": ["relu", "tanh", "gelu"],
        "norm": ["none", "batch", "layer"],
        "rate": [0.1, 0.01, 0.001],
        "bias": [True, False],
        "optimiser": ["sgd", "adam"],
    },
    valid=lambda frame: (frame["depth"] < 4) | (frame["width"] < 128),
)
SAMPLE = SearchSpace.from_frame(get_space("nb201").to_frame().sample(500, random_state=0), name="sample")
TINY = SearchSpace("tiny", {"width": [1, 2, 3, 4, 5, 6], "depth": [1, 2, 3, 4]})


class Climber(Searcher):
    """Step to neighbours of the best so far; it asks the space and nothing else."""

    def __init__(self, space: SearchSpace, rng: np.random.Generator) -> None:
        super().__init__(space, rng)  # type: ignore[arg-type]
        self.best, self.best_value, self.proposed = -1, -np.inf, np.zeros(space.size, dtype=bool)

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        found = []
        for _ in range(n):
            near = self.space.neighbour_table[self.best] if self.best >= 0 else np.empty(0, np.int32)
            new = near[(near >= 0) & ~self.proposed[near]]
            pool = new if len(new) else np.flatnonzero(~self.proposed)
            if not len(pool):
                raise SpaceExhaustedError("Everything was proposed.")
            found.append(self.rng.choice(pool))
            self.proposed[found[-1]] = True
        return np.array(found, dtype=np.int32)

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        best = int(np.argmax(values))
        if values[best] > self.best_value:
            self.best, self.best_value = int(cells[best]), float(values[best])


class TestClimber(SearcherContract):
    spaces = (MIXED, SAMPLE, TINY)

    def make(self, space: SearchSpace, rng: np.random.Generator) -> Searcher:
        return Climber(space, rng)


class TestClimberOnBuiltIns(TestClimber):
    spaces = ("nb201", MIXED)


def test_made_up_values_are_as_they_were() -> None:
    """Golden traces and fixed numbers of tests rest on them."""
    for name in ("nb201", "tnb101"):
        space = get_space(name)
        digits = space.codes.astype(np.float64)
        due = np.cos(1.7 * digits + np.arange(6) + 0.1).sum(axis=1) + 0.3 * np.cos(digits[:, 0] + digits[:, 5])
        np.testing.assert_array_equal(made_up_values(space, 0.1), due)
    assert made_up_values(TINY).shape == (24,)
