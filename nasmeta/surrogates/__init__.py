"""Surrogate benchmarks: predictions for all architectures of a space, from a small file."""

from nasmeta.surrogates._features import FEATURE_SETS, class_features, feature_sets
from nasmeta.surrogates._fit import fit_surrogate
from nasmeta.surrogates._noise import SeedNoise
from nasmeta.surrogates._scores import score_predictions
from nasmeta.surrogates._surrogate import Surrogate

__all__ = [
    "FEATURE_SETS",
    "SeedNoise",
    "Surrogate",
    "class_features",
    "feature_sets",
    "fit_surrogate",
    "score_predictions",
]
