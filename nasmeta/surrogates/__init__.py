"""Surrogate benchmarks: what a table would answer, from a small file, for every architecture of a space."""

from nasmeta.surrogates._features import (
    FEATURE_SETS as FEATURE_SETS,
    class_features as class_features,
    feature_sets as feature_sets,
    network_classes as network_classes,
)
from nasmeta.surrogates._fit import fit_surrogate
from nasmeta.surrogates._noise import SeedNoise as SeedNoise
from nasmeta.surrogates._scores import score_predictions as score_predictions
from nasmeta.surrogates._surrogate import Surrogate

__all__ = [
    "Surrogate",
    "fit_surrogate",
]
