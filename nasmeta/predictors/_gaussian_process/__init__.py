"""The one core of Gaussian processes: kernels, marginal likelihoods with gradients, posteriors of whole spaces."""

from nasmeta.predictors._gaussian_process._kernel import CellKernel, ChainRule, Hyperparameters, SumKernel
from nasmeta.predictors._gaussian_process._likelihood import (
    Prior,
    fit_hyperparameters,
    maximise_posterior,
    negative_log_likelihood,
    negative_log_posterior,
    weak_prior,
)
from nasmeta.predictors._gaussian_process._posterior import JITTER, CellGP, ExactPosterior, posterior_weights

__all__ = [
    "JITTER",
    "CellGP",
    "CellKernel",
    "ChainRule",
    "ExactPosterior",
    "Hyperparameters",
    "Prior",
    "SumKernel",
    "fit_hyperparameters",
    "maximise_posterior",
    "negative_log_likelihood",
    "negative_log_posterior",
    "posterior_weights",
    "weak_prior",
]
