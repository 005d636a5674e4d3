"""Surrogate benchmarks: what a table would answer, from a small file, for every architecture of a space."""

from nasmeta.surrogates._features import (
    FEATURE_SETS as FEATURE_SETS,
    class_features as class_features,
    feature_sets as feature_sets,
    network_classes as network_classes,
)
from nasmeta.surrogates._fit import (
    fit_surrogate,
    score_predictions as score_predictions,
    score_surrogate,
)
from nasmeta.surrogates._noise import SeedNoise as SeedNoise
from nasmeta.surrogates._surrogate import Surrogate, load_surrogate, shipped_surrogates

__all__ = [
    "Surrogate",
    "fit_surrogate",
    "load_surrogate",
    "score_surrogate",
    "shipped_surrogates",
]
