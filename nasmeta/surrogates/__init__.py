"""Surrogate benchmarks: what a table would answer, from a small file, for every architecture of a space."""

from nasmeta.surrogates._features import FEATURE_SETS, class_features, feature_sets, network_classes
from nasmeta.surrogates._fit import fit_surrogate, score_surrogate
from nasmeta.surrogates._noise import SeedNoise
from nasmeta.surrogates._process import Process
from nasmeta.surrogates._scores import Scores, score_predictions
from nasmeta.surrogates._shipped import load_surrogate, shipped_surrogates
from nasmeta.surrogates._surrogate import Surrogate

__all__ = [
    "FEATURE_SETS",
    "Process",
    "Scores",
    "SeedNoise",
    "Surrogate",
    "class_features",
    "feature_sets",
    "fit_surrogate",
    "load_surrogate",
    "network_classes",
    "score_predictions",
    "score_surrogate",
    "shipped_surrogates",
]
