"""Predictors of performance from architectures: encoders and regressors with scikit-learn's interface.

They are in `PREDICTORS` and `ENCODERS`, by name. scikit-learn is imported on first use.
"""

from typing import TYPE_CHECKING

from nasmeta.lazy import lazy_names
from nasmeta.predictors._registered import ENCODERS, PREDICTORS

if TYPE_CHECKING:
    from nasmeta.predictors._encoders._encoder import CellEncoder, make_encoder
    from nasmeta.predictors._encoders._values import ColumnEncoder
    from nasmeta.predictors._make_predictor import knows_deviation, label_of, make_predictor
    from nasmeta.predictors._metrics import LEVELS, calibration, rank_correlations
    from nasmeta.predictors._splits import isomorph_split

__all__ = [
    "ENCODERS",
    "LEVELS",
    "PREDICTORS",
    "CellEncoder",
    "ColumnEncoder",
    "calibration",
    "isomorph_split",
    "knows_deviation",
    "label_of",
    "make_encoder",
    "make_predictor",
    "rank_correlations",
]

__getattr__ = lazy_names(
    __name__,
    {
        "_encoders._encoder": "CellEncoder make_encoder",
        "_encoders._values": "ColumnEncoder",
        "_make_predictor": "knows_deviation label_of make_predictor",
        "_metrics": "LEVELS calibration rank_correlations",
        "_splits": "isomorph_split",
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
