"""A Gaussian process with a mean and a deep kernel learned over tasks."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import gpytorch
import torch
from torch import Tensor, nn

from nasmeta.meta._network_predictor import Batch, NetworkLearner, NetworkModel
from nasmeta.meta._source_scores import SourceMatrix
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask

# ``reports/transfer/few_shot`` has results with these settings.
_JITTER = 1e-4
_N_FEATURES = 16
_MANY_GROUPS = 4  # of sources from which on a mean and kernels on single sources are learned
_STEPS, _RATE = 600, 8e-3  # with so many groups, because logarithms of variances converge slowly
_TRUST = 0.5  # weight of the prior mean in the label scale, with so many groups
_N_VIEWS = 2  # of each source: ranks and standardised values


def _matern(nu: float) -> Any:
    kernel = gpytorch.kernels.ScaleKernel(gpytorch.kernels.MaternKernel(nu=nu))
    kernel.outputscale = 0.05
    return kernel


def _linear(variance: float) -> Any:
    kernel = gpytorch.kernels.LinearKernel()
    kernel.variance = variance
    return kernel


class DeepKernel(nn.Module):
    """Mean network, feature network with kernels on the features and on the inputs, and noise.

    Only kernels read the last `n_each` inputs, the views of single sources: a sum over sources can omit one of them, a
    network cannot.
    """

    def __init__(self, n_inputs: int, width: int, n_features: int, learn_mean: bool, n_each: int) -> None:
        """Initialise the weights.

        Parameters
        ----------
        n_inputs : int
            Number of inputs per architecture, views included.
        width, n_features : int
            Sizes of the hidden layers and of the output of the feature network.
        learn_mean : bool
            Whether the mean network is trained; otherwise it returns 0.
        n_each : int
            Number of the last inputs, which are views of single sources.
        """
        super().__init__()
        self._n_inputs = n_inputs - n_each
        first, last = nn.Linear(self._n_inputs, width), nn.Linear(width, 1)
        self.mean = nn.Sequential(first, nn.SiLU(), last)
        self.features = nn.Sequential(nn.Linear(self._n_inputs, width), nn.SiLU(), nn.Linear(width, n_features))
        self.rough, self.smooth, self.linear = _matern(0.5), _matern(1.5), _linear(0.02)
        self.rough.base_kernel.lengthscale, self.smooth.base_kernel.lengthscale = 5.0, 2.0
        self.likelihood = gpytorch.likelihoods.GaussianLikelihood()
        self.likelihood.noise = 0.05
        n_views = _N_VIEWS if n_each else 0
        self.deviations = nn.ModuleList(_linear(0.3) for _ in range(n_views))
        self.alike = nn.ModuleList(_matern(0.5) for _ in range(n_views))
        with torch.no_grad():
            last.weight.mul_(0.1)
            last.bias.zero_()
            if not learn_mean:
                for parameter in self.mean.parameters():
                    parameter.zero_().requires_grad_(False)

    def mean_of(self, points: Tensor) -> Tensor:
        """Return the mean of the residuals at inputs (n, d), shape (n,)."""
        out: Tensor = self.mean(points[:, : self._n_inputs])[:, 0]
        return out

    def features_of(self, points: Tensor) -> Tensor:
        """Return the features of inputs (n, d), shape (n, f)."""
        out: Tensor = self.features(points[:, : self._n_inputs])
        return out

    def _parts(self, points: Tensor, features: Tensor) -> list[tuple[Any, Tensor]]:
        """Return the kernels, each with its columns of inputs (n, d) or features (n, f)."""
        parts = [(self.smooth, features), (self.linear, features), (self.rough, points[:, : self._n_inputs])]
        blocks = points[:, self._n_inputs :].chunk(2 * len(self.alike), dim=1) if len(self.alike) else ()
        kernels = [kernel for pair in zip(self.deviations, self.alike, strict=True) for kernel in pair]
        return [*parts, *zip(kernels, blocks, strict=True)]

    def covariance(self, left: tuple[Tensor, Tensor], right: tuple[Tensor, Tensor]) -> Tensor:
        """Return the covariance, shape (n, m); each side is a pair of inputs (n, d) and features (n, f)."""
        pairs = zip(self._parts(*left), self._parts(*right), strict=True)
        out: Tensor = sum(kernel(rows, columns).to_dense() for (kernel, rows), (_, columns) in pairs)
        return out

    def variance(self, points: Tensor, features: Tensor) -> Tensor:
        """Return the prior variance, shape (n,)."""
        out: Tensor = sum(kernel(inputs, diag=True) for kernel, inputs in self._parts(points, features))
        return out


def _factor(module: Any, points: Tensor, features: Tensor) -> Tensor:
    """Return the lower Cholesky factor of the covariance of labels, noise included, shape (n, n)."""
    covariance = module.covariance((points, features), (points, features))
    factor: Tensor = torch.linalg.cholesky(covariance + (module.likelihood.noise + _JITTER) * torch.eye(len(points)))
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
    steps : int, optional
        Steps of the outer loop; by default 100, with at least four groups of sources 600.
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
    steps: int | None = None
    seed: int = 0
    blends: bool = True

    def _views(self, sources: list[SourceTask], matrix: SourceMatrix) -> Sequence[SourceMatrix]:
        return [matrix, SourceMatrix.of(self.cell_space, sources, "unit")] if matrix.n_groups >= _MANY_GROUPS else ()

    def _schedule(self, n_groups: int) -> tuple[int, float]:
        return (_STEPS, _RATE) if n_groups >= _MANY_GROUPS else super()._schedule(n_groups)

    def _trust(self, learned: NetworkModel) -> float:
        return _TRUST if len(learned.summary.each) else 1.0

    def _module(self, n_inputs: int, n_groups: int, n_each: int) -> nn.Module:
        return DeepKernel(n_inputs, self.width, _N_FEATURES, n_groups >= _MANY_GROUPS, n_each)

    def _loss(self, module: nn.Module, batch: Batch) -> Tensor:
        """Return the negative log marginal likelihood per label of support and query together."""
        points = torch.cat([batch.support, batch.query])
        scores = torch.cat([batch.support_scores, batch.query_scores])
        return -log_marginal_likelihood(module, points, scores) / len(scores)

    def _posterior(self, module: nn.Module, support: Tensor, scores: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
        return posterior(module, support, scores, query)
