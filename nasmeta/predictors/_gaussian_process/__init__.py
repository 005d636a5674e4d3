"""The one core of Gaussian processes: kernels, marginal likelihoods with gradients, posteriors of whole spaces."""

from nasmeta.predictors._gaussian_process._kernel import (
    CellKernel as CellKernel,
    ChainRule as ChainRule,
    Hyperparameters as Hyperparameters,
    PositionKernel as PositionKernel,
    Prior as Prior,
    ProductKernel as ProductKernel,
    SumKernel as SumKernel,
    weak_prior as weak_prior,
)
from nasmeta.predictors._gaussian_process._likelihood import (
    fit_hyperparameters as fit_hyperparameters,
    inverse_of as inverse_of,
    maximise_posterior as maximise_posterior,
    negative_log_likelihood as negative_log_likelihood,
    negative_log_posterior as negative_log_posterior,
)
from nasmeta.predictors._gaussian_process._posterior import (
    JITTER as JITTER,
    CellGP as CellGP,
    ExactPosterior as ExactPosterior,
    TrendGP as TrendGP,
    posterior_weights as posterior_weights,
)
