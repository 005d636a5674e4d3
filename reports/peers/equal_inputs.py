"""Searchers that see what another one sees: `gp` the raw positions, BoTorch the features of `gp`."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from nasmeta.arrays import Architectures
from nasmeta.gaussian_process import GaussianProcess, count_model, position_model
from nasmeta.searchers import SEARCHERS, GPSearch
from nasmeta.spaces import SearchSpace


class GPOnPositions(GPSearch):
    """`gp` with both kernels on the choices of each position, as other optimisers see them."""

    @cached_property
    def _gp(self) -> GaussianProcess:
        known = self.space.feature_names
        feature = next(name for name in ("edges", "levels", "positions") if name in known)
        return GaussianProcess(count_model(self.space, [feature]))

    @cached_property
    def _members(self) -> list[GaussianProcess]:
        return [self._gp, GaussianProcess(position_model(self.space))]


class BoTorchOnFeatures(SEARCHERS["botorch"]):
    """BoTorch's `SingleTaskGP` on the features that `gp` reads, between 0 and 1, instead of the positions.

    A fit ends after 100 steps of L-BFGS, to save time: on ``tnb101/jigsaw`` it takes 0.5 s, without
    this limit 1.5 s.
    """

    def __init__(self, space: SearchSpace, rng: np.random.Generator) -> None:
        super().__init__(space, rng)
        import torch

        counts = np.hstack([space.feature(name).counts for name in space.kernel_features]).astype(
            float
        )
        spread = np.ptp(counts, axis=0)
        scaled = (counts - counts.min(axis=0))[:, spread > 0] / spread[spread > 0]
        self._inputs = torch.tensor(scaled, dtype=torch.double)

    def _inputs_of(self, architectures: Architectures) -> Any:
        return self._inputs[architectures]

    def _fitted(self) -> tuple[Any, float]:
        import torch
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import SingleTaskGP
        from botorch.models.transforms import Standardize
        from gpytorch.mlls import ExactMarginalLogLikelihood

        architectures, values = self._labelled()
        y = torch.tensor(values, dtype=torch.double)[:, None]
        model = SingleTaskGP(self._inputs[architectures], y, outcome_transform=Standardize(m=1))
        likelihood = ExactMarginalLogLikelihood(model.likelihood, model)
        fit_gpytorch_mll(likelihood, optimizer_kwargs={"options": {"maxiter": 100}})
        return model, float(values.max())

    def _most_promising(self, model: Any, best: float) -> int:
        """Return the open architecture with the highest LogEI, as `optimize_acqf_discrete` does in more time."""
        import torch
        from botorch.acquisition.analytic import _log_ei_helper

        open_, scores = np.flatnonzero(self._open), []
        for some in np.array_split(open_, -(-len(open_) // 384)):
            with torch.no_grad():
                posterior = model.posterior(self._inputs[some])
                mean, deviation = posterior.mean[:, 0], posterior.variance[:, 0].sqrt()
                scores.append(_log_ei_helper((mean - best) / deviation) + deviation.log())
        return int(open_[torch.cat(scores).argmax()])
