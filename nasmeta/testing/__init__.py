"""Contract tests that classes written elsewhere can inherit, and synthetic functions; they need pytest."""

from nasmeta.testing._meta_predictors import MetaPredictorContract
from nasmeta.testing._predictors import PredictorContract
from nasmeta.testing._searchers import (
    MultiFidelityContract,
    MultiObjectiveContract,
    SearcherContract,
    made_up_values as made_up_values,
)
from nasmeta.testing._spaces import EXAMPLE_SPACES as EXAMPLE_SPACES, example_space
from nasmeta.testing._synthetic import synthetic_values

__all__ = [
    "MetaPredictorContract",
    "MultiFidelityContract",
    "MultiObjectiveContract",
    "PredictorContract",
    "SearcherContract",
    "example_space",
    "synthetic_values",
]
