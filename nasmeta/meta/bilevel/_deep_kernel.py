"""A Gaussian process with a mean and a deep kernel learned over tasks."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import gpytorch
import torch
from torch import Tensor, nn

from nasmeta.checks import check_int
from nasmeta.meta._network_learner import Batch, NetworkLearner, NetworkModel
from nasmeta.meta._source_matrix import SourceMatrix
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask

_JITTER = 1e-4
_FROM = 4  # groups of sources from which on a mean and kernels on single sources are learned
_STEPS, _RATE = 600, 8e-3  # with so many groups, because logarithms of variances converge slowly
_TRUST = 0.5  # weight of the prior mean in the label scale, with so many groups
_N_VIEWS = 2  # of each source: ranks and standardised values


class DeepKernel(nn.Module):
    """Mean network, feature network with kernels on the features and on the inputs, and noise.

    Only kernels read the last `n_each` inputs, the views of single sources: a sum over sources can omit one of them, a
    network cannot.
    """

    def __init__(self, n_inputs: int, width: int, n_features: int, learn_mean: bool, n_each: int) -> None:
        super().__init__()
        n_inputs -= n_each
        self._n_inputs = n_inputs
        self.mean = nn.Sequential(nn.Linear(n_inputs, width), nn.SiLU(), nn.Linear(width, 1))
        self.features = nn.Sequential(nn.Linear(n_inputs, width), nn.SiLU(), nn.Linear(width, n_features))
        rough, smooth = gpytorch.kernels.MaternKernel(nu=0.5), gpytorch.kernels.MaternKernel(nu=1.5)
        self.rough = gpytorch.kernels.ScaleKernel(rough)
        self.smooth = gpytorch.kernels.ScaleKernel(smooth)
        self.linear = gpytorch.kernels.LinearKernel()
        self.likelihood = gpytorch.likelihoods.GaussianLikelihood()
        n_views = _N_VIEWS if n_each else 0
        linear = [gpytorch.kernels.LinearKernel() for _ in range(n_views)]
        self.deviations = nn.ModuleList(linear)
        alike = [gpytorch.kernels.ScaleKernel(gpytorch.kernels.MaternKernel(nu=0.5)) for _ in range(n_views)]
        self.alike = nn.ModuleList(alike)
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
        for kernel in alike:
            kernel.outputscale = 0.05
        for kernel in linear:
            kernel.variance = 0.3

    def mean_of(self, points: Tensor) -> Tensor:
        """Return the mean of the residuals at inputs (n, d), shape (n,)."""
        out: Tensor = self.mean(points[:, : self._n_inputs])[:, 0]
        return out

    def features_of(self, points: Tensor) -> Tensor:
        """Return the features of inputs (n, d), shape (n, f)."""
        out: Tensor = self.features(points[:, : self._n_inputs])
        return out

    def _parts(self, points: Tensor, features: Tensor) -> list[tuple[Any, Tensor]]:
        """Return the kernels, each with its inputs."""
        parts = [(self.smooth, features), (self.linear, features), (self.rough, points[:, : self._n_inputs])]
        blocks = points[:, self._n_inputs :].chunk(2 * len(self.alike), dim=1) if len(self.alike) else ()
        kernels = [kernel for pair in zip(self.deviations, self.alike, strict=True) for kernel in pair]
        return [*parts, *zip(kernels, blocks, strict=True)]

    def covariance(self, left: tuple[Tensor, Tensor], right: tuple[Tensor, Tensor]) -> Tensor:
        """Return the covariance, shape (n, m); each side is a pair of inputs (n, d) and features (n, f)."""
        pairs = zip(self._parts(*left), self._parts(*right), strict=True)
        out: Tensor = sum(kernel(one, other).to_dense() for (kernel, one), (_, other) in pairs)
        return out

    def variance(self, points: Tensor, features: Tensor) -> Tensor:
        """Return the prior variance, shape (n,)."""
        out: Tensor = sum(kernel(one, diag=True) for kernel, one in self._parts(points, features))
        return out


def _factor(module: Any, points: Tensor, features: Tensor) -> Tensor:
    """Return the lower Cholesky factor of the covariance of labels, noise included, shape (n, n)."""
    covariance = module.covariance((points, features), (points, features))
    factor: Tensor = torch.linalg.cholesky(
        covariance + (module.likelihood.noise + _JITTER) * torch.eye(len(points), device=points.device)
    )
    return factor


def log_marginal_likelihood(module: Any, points: Tensor, scores: Tensor) -> Tensor:
    """Return the log marginal likelihood of scores (n,) at inputs (n, d), without the constant n / 2 log 2π."""
    factor = _factor(module, points, module.features_of(points))
    residual = (scores - module.mean_of(points))[:, None]
    alpha = torch.cholesky_solve(residual, factor)
    out: Tensor = -0.5 * (residual * alpha).sum() - factor.diagonal().log().sum()
    return out


def posterior(module: Any, support: Tensor, scores: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and deviation, noise included, at the query (q, d) given scores (k,) at the support (k, d)."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", gpytorch.utils.warnings.GPInputWarning)
        asked = query, module.features_of(query)
        mean, variance = module.mean_of(query), module.variance(*asked)
        if len(scores):
            known = support, module.features_of(support)
            cross, factor = module.covariance(known, asked), _factor(module, *known)
            residual = (scores - module.mean_of(support))[:, None]
            mean = mean + (cross.T @ torch.cholesky_solve(residual, factor))[:, 0]
            half = torch.linalg.solve_triangular(factor, cross, upper=False)
            variance = variance - half.square().sum(dim=0)
        return mean, (variance.clamp(min=1e-8) + module.likelihood.noise).sqrt()


@dataclass(eq=False, repr=False)
class DeepKernelGP(NetworkLearner):
    """Deep-kernel Gaussian process: the marginal likelihood, summed over tasks, trains mean and kernel.

    Kernels from GPyTorch: Matérn 3/2 and linear on the features of a network, Matérn 1/2 on its inputs. Patacchiola et
    al., "Bayesian meta-learning for the few-shot setting via deep kernels", NeurIPS 2020; Wistuba and Grabocka,
    "Few-shot Bayesian optimization with deep kernel surrogates", ICLR 2021. A target's labels condition the process in
    closed form. With at least four groups of sources, a mean network and kernels on the scores of single sources are
    added: a linear kernel on deviations from the sources' mean, and Matérn 1/2 on the scores, each for ranks and for
    standardised values.

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"
    width : int, default 64
    n_features : int, default 16
    steps : int, optional
        Steps of the outer loop; by default 100, with at least four groups of sources 600.
    noise : float, default 0.1
        Standard deviation of the noise added to the sources' scores.
    device : str, default "cpu"
    seed : int, default 0
    blends : bool, default True
        See `MetaPredictor`.

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

    batch, default_steps, validates = 4, 100, False

    space: str | SearchSpace = "nb201"
    _: KW_ONLY
    width: int = 64
    n_features: int = 16
    steps: int | None = None
    noise: float = 0.1
    device: str = "cpu"
    seed: int = 0
    blends: bool = True

    def _views(self, sources: list[SourceTask], matrix: SourceMatrix) -> Sequence[SourceMatrix]:
        return [matrix, SourceMatrix.of(self.cell_space, sources, "unit")] if matrix.n_groups >= _FROM else ()

    def _schedule(self, n_groups: int) -> tuple[int, float]:
        return (_STEPS, _RATE) if n_groups >= _FROM else super()._schedule(n_groups)

    def _trust(self, learned: NetworkModel) -> float:
        return _TRUST if len(learned.summary.each) else 1.0

    def _module(self, n_inputs: int, n_groups: int, n_each: int) -> nn.Module:
        check_int("n_features", self.n_features, most=4096)
        return DeepKernel(n_inputs, self.width, self.n_features, n_groups >= _FROM, n_each)

    def _loss(self, module: nn.Module, batch: Batch) -> Tensor:
        points, scores = batch.together()
        return -log_marginal_likelihood(module, points, scores) / len(scores)

    def _posterior(self, module: nn.Module, support: Tensor, scores: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
        return posterior(module, support, scores, query)
