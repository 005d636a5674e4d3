"""From a cell to its performance: features of cells, kernels on them, and Gaussian processes over a whole space."""

from nasmeta.predictors._acquisition import log_expected_improvement, normal_scores
from nasmeta.predictors._cell_features import edge_one_hot, live_path_counts, operation_counts
from nasmeta.predictors._cell_gp import CellGP, fit_hyperparameters, weak_prior
from nasmeta.predictors._cell_kernel import FEATURES, CellKernel, Hyperparameters

__all__ = [
    "FEATURES",
    "CellGP",
    "CellKernel",
    "Hyperparameters",
    "edge_one_hot",
    "fit_hyperparameters",
    "live_path_counts",
    "log_expected_improvement",
    "normal_scores",
    "operation_counts",
    "weak_prior",
]
