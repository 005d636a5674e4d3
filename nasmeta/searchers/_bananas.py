"""Bayesian optimisation with an ensemble of neural networks."""

from __future__ import annotations

from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_int, check_number
from nasmeta.searchers._base import SEARCHERS, WithoutReplacement
from nasmeta.searchers._path_networks import PathNetworks
from nasmeta.spaces import SearchSpace


@SEARCHERS.register("bananas")
class BananasSearch(WithoutReplacement):
    """Ensemble of perceptrons on path encodings; Thompson sampling among mutants of the best cells.

    White, Neiswanger and Savani, "BANANAS: Bayesian optimization with neural architectures for neural architecture
    search", AAAI 2021. The networks are trained anew for every `round_size` proposals. Candidates are the open one-edit
    neighbours of the best cells, best first, until there are `candidates`; proposed are those of the largest value in
    one draw each from a normal distribution with the mean and the deviation of the networks.

    A space without paths gives the networks its other counts, such as one-hot choices.

    Settings are those of the authors' code (naszilla) with two exceptions, for a tenth of the time: three hidden layers
    and not ten, and all cells in one batch and not 32.

    Parameters
    ----------
    space : SearchSpace
    rng : numpy.random.Generator
    n_initial : int, default 10
        Random cells before the model is used.
    round_size : int, default 10
        Proposals of one training.
    candidates : int, default 100
    members : int, default 5
        Networks.
    layers : int, default 3
        Hidden layers.
    width : int, default 20
    epochs : int, default 150
    learning_rate : float, default 0.01
        Of Adam, with the mean absolute error of standardised values.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("bananas", "nb201/cifar10", evaluations=30, seed=0)
    >>> len(run)
    30
    """

    def __init__(
        self,
        space: SearchSpace,
        rng: np.random.Generator,
        *,
        n_initial: int = 10,
        round_size: int = 10,
        candidates: int = 100,
        members: int = 5,
        layers: int = 3,
        width: int = 20,
        epochs: int = 150,
        learning_rate: float = 0.01,
    ) -> None:
        super().__init__(space, rng)
        self.n_initial = check_int("n_initial", n_initial, 2, 1_000_000)
        self.round_size = check_int("round_size", round_size, 1, 1_000_000)
        self.candidates = check_int("candidates", candidates, 1, 1_000_000)
        self.members = check_int("members", members, 2, 1_000)
        self.layers = check_int("layers", layers, 1, 100)
        self.width = check_int("width", width, 1, 10_000)
        self.epochs = check_int("epochs", epochs, 1, 1_000_000)
        self.learning_rate = check_number("learning_rate", learning_rate, 1e-9, 10)
        self._round: list[int] = []  # what is left of the round, the next one last

    @cached_property
    def _inputs(self) -> NDArray[np.float32]:
        """Live paths where the space has paths, else its other counts side by side, each column up to 1."""
        if "paths" in self.space.feature_names:
            return self.space.feature("paths").counts.astype(np.float32)
        counts = np.hstack([self.space.feature(name).counts for name in self.space.kernel_features])
        return np.asarray(counts / np.maximum(counts.max(axis=0), 1), dtype=np.float32)

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose the next cells of the round; train for a new one where it is used up."""
        self._require_open(n)
        proposals: list[int] = []
        while len(proposals) < n:
            while self._round and not self._open[self._round[-1]]:
                self._round.pop()  # told in the meantime
            if not self._round:
                self._round = self._new_round()
            cell = self._round.pop()
            self._open[cell] = False
            proposals.append(cell)
        return np.array(proposals, np.int32)

    def _new_round(self) -> list[int]:
        if len(self._told) < self.n_initial:
            return [int(self.rng.choice(np.flatnonzero(self._open)))]
        pool = self._pool()
        predicted = self._trained().predict(self._inputs[pool])
        draws = self.rng.normal(predicted.mean(axis=0), predicted.std(axis=0))
        best: list[int] = pool[np.argsort(draws, kind="stable")][-self.round_size :].tolist()
        return best

    def _pool(self) -> NDArray[np.int32]:
        """Return the open neighbours of the best cells, best first; random open cells where there are too few."""
        best_first = sorted(self._told, key=lambda cell: -self._told[cell])
        near = (cell for best in best_first for cell in self.space.neighbour_table[best].tolist() if cell >= 0)
        around = (cell for cell in near if self._open[cell])
        found = list(islice(dict.fromkeys(islice(around, 10 * self.candidates)), self.candidates))
        if len(found) < self.round_size:
            others = np.setdiff1d(np.flatnonzero(self._open), found)
            n = min(self.round_size - len(found), len(others))
            found += self.rng.choice(others, size=n, replace=False).tolist()
        return np.array(found, np.int32)

    def _trained(self) -> PathNetworks:
        networks = PathNetworks(self._inputs.shape[1], self.members, self.layers, self.width, self.rng)
        cells, values = self._labelled()
        spread = values.std()
        scores = (values - values.mean()) / (spread if spread > 0 else 1.0)
        return networks.fit(self._inputs[cells], scores, self.epochs, self.learning_rate)
