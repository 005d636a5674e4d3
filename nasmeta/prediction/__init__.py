"""A benchmark of predictors: the order of architectures from n labels."""

from nasmeta.prediction._listing import list_encoders, list_predictors
from nasmeta.prediction._models import SourcePredictor, label_free_names, models_of, published_proxies, source_predictor
from nasmeta.prediction._predict import PredictorComparison, predict, splits_of
from nasmeta.prediction._summary import SCOPES, plot_calibration, plot_predictions, summarise_predictions

__all__ = [
    "SCOPES",
    "PredictorComparison",
    "SourcePredictor",
    "label_free_names",
    "list_encoders",
    "list_predictors",
    "models_of",
    "plot_calibration",
    "plot_predictions",
    "predict",
    "published_proxies",
    "source_predictor",
    "splits_of",
    "summarise_predictions",
]
