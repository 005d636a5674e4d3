"""The predictor benchmark: how well the order of cells is known from n labels."""

from nasmeta.experiments.prediction._benchmark import benchmark_predictors
from nasmeta.experiments.prediction._models import label_free_names
from nasmeta.experiments.prediction._protocols import PROTOCOLS, SCOPES, SIZES

__all__ = ["PROTOCOLS", "SCOPES", "SIZES", "benchmark_predictors", "label_free_names"]
