"""BoTorch's Gaussian process for categorical parameters as a searcher."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from nasmeta.arrays import Architectures
from nasmeta.searchers._searcher import WithoutReplacement
from nasmeta.searchers.peers._peer_search import OwnGenerators, load_peer
from nasmeta.spaces import SearchSpace


class BoTorchSearch(WithoutReplacement):
    """BoTorch's mixed Gaussian process with LogEI (Balandat et al., NeurIPS 2020; Ament et al., NeurIPS 2023).

    `MixedSingleTaskGP` with one categorical parameter per position; ordered positions are numbers
    between 0 and 1. Values are standardised, hyperparameters are refitted before each proposal, and
    all other settings are BoTorch's defaults. `SingleTaskGP` is used if all positions are ordered.
    `optimize_acqf_discrete` maximises `LogExpectedImprovement` over all open architectures. In a
    large space, `optimize_acqf_mixed_alternating` maximises it, with continuous numbers for ranges
    of more than 20 choices; the proposal is the best of the nearest architecture, its neighbours
    and 1,000 random ones. In a batch, earlier proposals have their predicted mean. Needs the extra
    ``botorch``.

    Parameters
    ----------
    n_initial : int, default 10
        Random architectures before the model is used.

    Examples
    --------
    >>> import nasmeta as nm
    >>> len(nm.search("botorch", "nb201/cifar10", evaluations=12, seed=0))
    12
    """

    traces = "statistical"
    needs_list = False

    def __init__(self, space: SearchSpace, rng: Generator, *, n_initial: int = 10) -> None:
        super().__init__(space, rng)
        self.n_initial = n_initial
        load_peer("botorch", "botorch", "botorch")
        self._varied = [i for i, n in enumerate(space.n_choices) if n > 1]
        positions = [space.positions[i] for i in self._varied]
        self._places = [p.places if p.ordered else np.arange(len(p.choices)) for p in positions]
        self._categories = [i for i, p in enumerate(positions) if not p.ordered]
        self._generators = OwnGenerators(int(rng.integers(2**31)))

    def ask(self, n: int = 1) -> Architectures:
        """Propose the architectures with the highest expected improvement, after random ones."""
        self._require_open(n)
        if len(self._observed) < self.n_initial:
            return self._sample_open(n)
        with self._generators.used():
            model, best = self._fitted()
            chosen: list[int] = []
            for _ in range(n):
                architecture = self._most_promising(model, best)
                self._open[architecture] = False
                chosen.append(architecture)
                if len(chosen) < n:
                    at = self._inputs_of(np.array([architecture]))
                    model = model.condition_on_observations(at, model.posterior(at).mean.detach())
        return np.array(chosen, self.space.index_type)

    def _inputs_of(self, architectures: Architectures) -> Any:
        """Return the inputs of the model, a tensor of shape (n, n_varied)."""
        import torch

        codes = self.space.codes_of(architectures)[:, self._varied]
        columns = [places[column] for places, column in zip(self._places, codes.T, strict=True)]
        return torch.tensor(np.stack(columns, axis=1), dtype=torch.double)

    def _fitted(self) -> tuple[Any, float]:
        """Return the fitted model and the best value."""
        import torch
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import MixedSingleTaskGP, SingleTaskGP
        from botorch.models.transforms import Standardize
        from gpytorch.mlls import ExactMarginalLogLikelihood

        architectures, values = self._labelled()
        x, y = self._inputs_of(architectures), torch.tensor(values, dtype=torch.double)[:, None]
        scaled: Any = Standardize(m=1)
        if self._categories:
            model = MixedSingleTaskGP(x, y, cat_dims=self._categories, outcome_transform=scaled)
        else:
            model = SingleTaskGP(x, y, outcome_transform=scaled)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        return model, float(values.max())

    def _most_promising(self, model: Any, best: float) -> int:
        """Return the open architecture with the highest acquisition."""
        from botorch.acquisition import LogExpectedImprovement
        from botorch.optim import optimize_acqf_discrete

        acquisition = LogExpectedImprovement(model, best_f=best)
        if self.space.is_large:
            candidates, optimum = (
                self.space.sample(1_000, self.rng, replace=True),
                self._rounded_optimum(acquisition),
            )
            if optimum >= 0:
                candidates = np.concatenate([[optimum], self.space.neighbours(optimum), candidates])
            open_ = candidates[self._open[candidates]]
        else:
            open_ = np.flatnonzero(self._open)
        inputs = self._inputs_of(open_)
        best_inputs, _ = optimize_acqf_discrete(acquisition, 1, inputs)
        return int(open_[(inputs == best_inputs).all(dim=1).nonzero()[0, 0]])

    def _rounded_optimum(self, acquisition: Any) -> int:
        """Return the architecture nearest to the acquisition function's optimum; -1 if it is invalid."""
        import torch
        from botorch.optim import optimize_acqf_mixed_alternating

        numbers = {i: places.tolist() for i, places in enumerate(self._places)}
        bounds = torch.tensor(
            [[0.0, places[-1]] for places in numbers.values()], dtype=torch.double
        ).T
        categories = {i: numbers.pop(i) for i in self._categories}
        best, _ = optimize_acqf_mixed_alternating(
            acquisition, bounds, discrete_dims=numbers, cat_dims=categories
        )
        codes = np.zeros(self.space.n_positions, np.int64)
        codes[self._varied] = [
            np.abs(p - x).argmin() for p, x in zip(self._places, best[0].tolist(), strict=True)
        ]
        return int(self.space.find(codes @ self.space.place_values))
