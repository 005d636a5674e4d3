"""A benchmark of predictors: the order of architectures from n labels."""

from nasmeta.prediction._listing import list_encoders, list_predictors
from nasmeta.prediction._models import (
    SourcePredictor as SourcePredictor,
    label_free_names as label_free_names,
    models_of as models_of,
    published_proxies as published_proxies,
    source_predictor as source_predictor,
)
from nasmeta.prediction._predict import (
    SIZES as SIZES,
    BenchmarkJournal as BenchmarkJournal,
    PredictorComparison as PredictorComparison,
    predict,
    splits_of as splits_of,
)
from nasmeta.prediction._summary import (
    SCOPES as SCOPES,
    plot_calibration,
    plot_predictions,
    summarise_predictions as summarise_predictions,
)

__all__ = [
    "list_encoders",
    "list_predictors",
    "plot_calibration",
    "plot_predictions",
    "predict",
]
