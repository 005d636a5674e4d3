"""Gaussian processes over architectures: kernels, marginal likelihoods with gradients, posteriors, acquisition."""

from nasmeta.gaussian_process._acquisition import log_expected_improvement
from nasmeta.gaussian_process._kernel import (
    CellKernel,
    ChainRule,
    Hyperparameters,
    PositionKernel,
    Prior,
    ProductKernel,
    SumKernel,
    weak_prior,
)
from nasmeta.gaussian_process._likelihood import (
    fit_hyperparameters,
    inverse_of,
    maximise_posterior,
    negative_log_likelihood,
    negative_log_posterior,
)
from nasmeta.gaussian_process._posterior import JITTER, CellGP, ExactPosterior, TrendGP, posterior_weights

__all__ = [
    "JITTER",
    "CellGP",
    "CellKernel",
    "ChainRule",
    "ExactPosterior",
    "Hyperparameters",
    "PositionKernel",
    "Prior",
    "ProductKernel",
    "SumKernel",
    "TrendGP",
    "fit_hyperparameters",
    "inverse_of",
    "log_expected_improvement",
    "maximise_posterior",
    "negative_log_likelihood",
    "negative_log_posterior",
    "posterior_weights",
    "weak_prior",
]
