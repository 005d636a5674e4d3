"""A Gaussian process whose mean and deep kernel are learnt over tasks."""

from __future__ import annotations

import warnings
from typing import Any

import gpytorch
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nasmeta.checks import checked_whole
from nasmeta.meta.bilevel._inputs import Batch, EpisodeInputs
from nasmeta.meta.bilevel._learner import NetworkLearner, NetworkModel
from nasmeta.tasks import Episode

__all__ = ["DeepKernelGP"]

_JITTER = 1e-4
_MEAN_FROM = 4  # groups of sources: of two, each deviates from the other in the opposite direction


class _DeepKernel(nn.Module):
    """Mean network, feature network with kernels on the features and on the summary, and noise."""

    def __init__(self, n_inputs: int, width: int, n_features: int, learn_mean: bool) -> None:
        super().__init__()
        self.mean = nn.Sequential(nn.Linear(n_inputs, width), nn.SiLU(), nn.Linear(width, 1))
        self.features = nn.Sequential(nn.Linear(n_inputs, width), nn.SiLU(), nn.Linear(width, n_features))
        rough, smooth = gpytorch.kernels.MaternKernel(nu=0.5), gpytorch.kernels.MaternKernel(nu=1.5)
        self.rough = gpytorch.kernels.ScaleKernel(rough)
        self.smooth = gpytorch.kernels.ScaleKernel(smooth)
        self.linear = gpytorch.kernels.LinearKernel()
        self.likelihood = gpytorch.likelihoods.GaussianLikelihood()
        with torch.no_grad():
            last = self.mean[2]
            assert isinstance(last, nn.Linear)
            last.weight.mul_(0.1)
            last.bias.zero_()
            if not learn_mean:
                for parameter in self.mean.parameters():
                    parameter.zero_().requires_grad_(False)
        self.rough.base_kernel.lengthscale, self.rough.outputscale = 5.0, 0.05
        self.smooth.base_kernel.lengthscale, self.smooth.outputscale = 2.0, 0.05
        self.linear.variance = 0.02
        self.likelihood.noise = 0.05

    def covariance(self, left: Tensor, right: Tensor, inputs: tuple[Tensor, Tensor]) -> Tensor:
        """Return the covariance of features (n, f) and (m, f), and of raw inputs, shape (n, m)."""
        total = self.smooth(left, right).to_dense() + self.linear(left, right).to_dense()
        out: Tensor = total + self.rough(*inputs).to_dense()
        return out


class DeepKernelGP(NetworkLearner):
    """Deep-kernel Gaussian process: the marginal likelihood, summed over tasks, trains mean and kernel.

    Kernels from GPyTorch: Matérn 3/2 and linear on the features of a network, Matérn 1/2 on its inputs. Patacchiola et
    al., "Bayesian meta-learning for the few-shot setting via deep kernels", NeurIPS 2020; Wistuba and Grabocka,
    "Few-shot Bayesian optimization with deep kernel surrogates", ICLR 2021. A target's labels then condition the
    process in closed form. With fewer than four groups of sources no mean is learnt beyond the sources' own.

    Parameters
    ----------
    space : str, default "nb201"
    width : int, default 64
    n_features : int, default 16
    steps : int, optional
        Of the outer loop; by default 100.
    noise : float, default 0.1
        Deviation of the noise that is added to the sources' scores.
    device : str, default "cpu"
    seed : int, default 0

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> from nasmeta.meta import META_PREDICTORS
    >>> source, target = nm.task_distribution("nb201").leave_out("cifar100")
    >>> predictor = META_PREDICTORS["meta-dkl"](steps=5).meta_fit(source.as_sources(300, np.random.default_rng(0)))
    >>> predictor.fit([3, 500], target[0].values[[3, 500]]).predict([6111]).shape
    (1,)
    """

    batch, default_steps = 4, 100

    def __init__(
        self,
        space: str = "nb201",
        *,
        width: int = 64,
        n_features: int = 16,
        steps: int | None = None,
        noise: float = 0.1,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        super().__init__(space, steps=steps, noise=noise, device=device, seed=seed)
        self.width, self.n_features = width, n_features

    def _module(self, n_inputs: int, n_groups: int) -> nn.Module:
        width = checked_whole("width", self.width, most=4096)
        n_features = checked_whole("n_features", self.n_features, most=4096)
        return _DeepKernel(n_inputs, width, n_features, learn_mean=n_groups >= _MEAN_FROM)

    def _loss(self, module: nn.Module, inputs: EpisodeInputs, episode: Episode) -> Tensor:
        batch = inputs(episode)
        points = torch.cat([batch.support, batch.query])
        scores = torch.cat([batch.support_scores, batch.query_scores])
        return -self._log_marginal_likelihood(module, points, scores) / len(scores)

    def _log_marginal_likelihood(self, module: Any, points: Tensor, scores: Tensor) -> Tensor:
        features = module.features(points)
        covariance = module.covariance(features, features, (points, points))
        covariance = covariance + (module.likelihood.noise + _JITTER) * torch.eye(len(points), device=points.device)
        factor = torch.linalg.cholesky(covariance)
        residual = (scores - module.mean(points)[:, 0])[:, None]
        alpha = torch.cholesky_solve(residual, factor)
        out: Tensor = -0.5 * (residual * alpha).sum() - factor.diagonal().log().sum()
        return out

    def _posterior(self, module: Any, support: Tensor, scores: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore", gpytorch.utils.warnings.GPInputWarning)
            features = module.features(query)
            mean = module.mean(query)[:, 0]
            variance = module.smooth(features, diag=True) + module.linear(features, diag=True)
            variance = variance + module.rough(query, diag=True)
            noise = module.likelihood.noise
            if len(scores):
                known = module.features(support)
                cross = module.covariance(known, features, (support, query))
                among = module.covariance(known, known, (support, support))
                factor = torch.linalg.cholesky(among + (noise + _JITTER) * torch.eye(len(scores)))
                residual = (scores - module.mean(support)[:, 0])[:, None]
                mean = mean + (cross.T @ torch.cholesky_solve(residual, factor))[:, 0]
                half = torch.linalg.solve_triangular(factor, cross, upper=False)
                variance = variance - half.square().sum(dim=0)
            return mean, (variance.clamp(min=1e-8) + noise).sqrt()

    def _squared_error(self, module: nn.Module, batch: Batch) -> float:
        mean, _ = self._posterior(module, batch.support, batch.support_scores, batch.query)
        return float((mean - batch.query_scores).square().mean())

    def _predicted(
        self, learnt: NetworkModel, rows: NDArray[np.int64], scores: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        support = learnt.inputs[torch.from_numpy(rows)]
        mean, deviation = self._posterior(learnt.module, support, torch.from_numpy(scores).float(), learnt.inputs)
        return mean.double().numpy(), deviation.double().numpy()
