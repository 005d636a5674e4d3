"""Your own searcher in twenty lines: it passes the contract of `nasmeta.testing` and runs on the command line.

Run it from the root of the repository::

    python examples/own_searcher.py
    nasmeta search examples.own_searcher:Climber nb201/cifar10 --evaluations 50
    pytest -n 0 examples/own_searcher.py
"""

import numpy as np

import nasmeta as nm
from nasmeta.searchers import Searcher


class Climber(Searcher):
    """Try a random neighbour of the best architecture so far; now and then any architecture."""

    def __init__(self, space, rng, *, restart=0.1):
        super().__init__(space, rng)
        self.restart = restart
        self.best, self.best_value = None, -np.inf

    def ask(self, n=1):
        if self.best is None or self.rng.random() < self.restart:
            return self.space.sample(n, self.rng)
        return self.rng.choice(self.space.neighbours(self.best), size=n).astype(np.int32)

    def tell(self, architectures, values):
        if values.max() > self.best_value:
            self.best, self.best_value = int(architectures[values.argmax()]), float(values.max())


def main() -> None:
    """Compare it with searchers of the package."""
    frame = nm.compare(
        ["random", "evolution", Climber], "nb201/cifar10", repeats=5, evaluations=100
    )
    print(
        nm.analysis.to_markdown(
            nm.analysis.summarise(frame)[["searcher", "runs", "final_regret"]].round(3)
        )
    )


try:
    from nasmeta.testing import SearcherContract
except ImportError:  # without pytest
    pass
else:

    class TestClimber(SearcherContract):
        """The contract: shapes, reproducibility, resuming, small spaces and more."""

        def make(self, space, rng):
            return Climber(space, rng)


if __name__ == "__main__":
    main()
