"""Gaussian processes over architectures: kernels as data, one fit, exact posteriors, acquisition."""

from nasmeta.gaussian_process._acquisition import log_expected_improvement
from nasmeta.gaussian_process._exact import JITTER, Conditioned, Factored
from nasmeta.gaussian_process._fit import (
    Objective,
    Prior,
    fit,
    inverse_of,
    negative_log_likelihood,
    weak_prior,
)
from nasmeta.gaussian_process._inputs import Dimension, Inputs, Pairs
from nasmeta.gaussian_process._kernels import (
    EXPONENTIAL,
    MATERN_52,
    Hyperparameters,
    Kernel,
    Matern,
    sum_of_exponentials,
)
from nasmeta.gaussian_process._posterior import (
    FunctionPrior,
    GaussianProcess,
    GridPosterior,
    KernelPrior,
)
from nasmeta.gaussian_process._spaces import (
    Model,
    count_model,
    has_position_model,
    position_model,
    trend_model,
)

__all__ = [
    "EXPONENTIAL",
    "JITTER",
    "MATERN_52",
    "Conditioned",
    "Dimension",
    "Factored",
    "FunctionPrior",
    "GaussianProcess",
    "GridPosterior",
    "Hyperparameters",
    "Inputs",
    "Kernel",
    "KernelPrior",
    "Matern",
    "Model",
    "Objective",
    "Pairs",
    "Prior",
    "count_model",
    "fit",
    "has_position_model",
    "inverse_of",
    "log_expected_improvement",
    "negative_log_likelihood",
    "position_model",
    "sum_of_exponentials",
    "trend_model",
    "weak_prior",
]
