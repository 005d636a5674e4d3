"""Benchmarks of predictors: how well the order of cells is known from n labels, or from a part of a learning curve."""

from nasmeta.prediction._benchmark import benchmark_predictors
from nasmeta.prediction._curves_benchmark import learning_curve_benchmark
from nasmeta.prediction._models import label_free_names
from nasmeta.prediction._predict import PredictorComparison, predict
from nasmeta.prediction._protocols import PROTOCOLS, SCOPES, SIZES

__all__ = [
    "PROTOCOLS",
    "SCOPES",
    "SIZES",
    "PredictorComparison",
    "benchmark_predictors",
    "label_free_names",
    "learning_curve_benchmark",
    "predict",
]
