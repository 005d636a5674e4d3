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

    `MixedSingleTaskGP` with one categorical parameter per position; ordered positions are numbers between 0 and 1.
    Values are standardised, hyperparameters are refitted before each proposal, and all other settings are BoTorch's
    defaults. `SingleTaskGP` is used if all positions are ordered. `optimize_acqf_discrete` maximises
    `LogExpectedImprovement` over all open architectures. In a batch, earlier proposals have their predicted mean.
    Needs the extra ``botorch``.

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

    def __init__(self, space: SearchSpace, rng: Generator, *, n_initial: int = 10) -> None:
        super().__init__(space, rng)
        self.n_initial = n_initial
        load_peer("botorch", "botorch", "botorch")
        import torch

        choices = np.array(space.n_choices)
        ordered = np.array([position.ordered for position in space.positions])
        places = space.codes / np.where(ordered, np.maximum(choices - 1, 1), 1)
        varied = np.flatnonzero(choices > 1)
        self._inputs = torch.tensor(places[:, varied], dtype=torch.double)
        self._categories = np.flatnonzero(~ordered[varied]).tolist()
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
                    at = self._inputs[[architecture]]
                    model = model.condition_on_observations(at, model.posterior(at).mean.detach())
        return np.array(chosen, np.int32)

    def _fitted(self) -> tuple[Any, float]:
        """Return the fitted model and the best value."""
        import torch
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import MixedSingleTaskGP, SingleTaskGP
        from botorch.models.transforms import Standardize
        from gpytorch.mlls import ExactMarginalLogLikelihood

        architectures, values = self._labelled()
        x, y = self._inputs[architectures], torch.tensor(values, dtype=torch.double)[:, None]
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

        open_ = np.flatnonzero(self._open)
        best_inputs, _ = optimize_acqf_discrete(LogExpectedImprovement(model, best_f=best), 1, self._inputs[open_])
        return int(open_[(self._inputs[open_] == best_inputs).all(dim=1).nonzero()[0, 0]])
