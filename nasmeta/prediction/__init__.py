"""A benchmark of predictors: the order of architectures from n labels."""

from nasmeta.prediction._listing import list_encoders, list_predictors
from nasmeta.prediction._models import published_proxies as published_proxies
from nasmeta.prediction._predict import PredictorComparison, predict
from nasmeta.prediction._summary import (
    SCOPES,
    plot_calibration,
    plot_predictions,
    summarise_predictions,
)

__all__ = [
    "SCOPES",
    "PredictorComparison",
    "list_encoders",
    "list_predictors",
    "plot_calibration",
    "plot_predictions",
    "predict",
    "summarise_predictions",
]
