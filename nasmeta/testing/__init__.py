"""Contract tests that classes written elsewhere can inherit, and synthetic functions; they need pytest."""

from nasmeta.testing._meta_predictors import MetaPredictorContract
from nasmeta.testing._searchers import (
    MultiObjectiveContract,
    SearcherContract,
    made_up_values as made_up_values,
)
from nasmeta.testing._spaces import (
    OnSpaces as OnSpaces,
    generators_left_alone as generators_left_alone,
)
from nasmeta.testing._synthetic import synthetic_values

__all__ = [
    "MetaPredictorContract",
    "MultiObjectiveContract",
    "SearcherContract",
    "synthetic_values",
]
