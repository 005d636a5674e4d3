"""Benchmarks of predictors: the order of cells from n labels, and the extrapolation of learning curves."""

from nasmeta.prediction._curves_benchmark import learning_curve_benchmark
from nasmeta.prediction._listing import list_encoders, list_predictors
from nasmeta.prediction._predict import SIZES as SIZES, PredictorComparison as PredictorComparison, predict

__all__ = [
    "learning_curve_benchmark",
    "list_encoders",
    "list_predictors",
    "predict",
]
