"""Predictors of performance from architectures: encoders and regressors with scikit-learn's interface.

scikit-learn is imported on first use.
"""

from typing import TYPE_CHECKING

from nasmeta.lazy import lazy_names
from nasmeta.predictors._registry import PREDICTORS as PREDICTORS, PredictorEntry as PredictorEntry
from nasmeta.tasks import normal_scores as normal_scores

if TYPE_CHECKING:
    from nasmeta.predictors._encoders import (
        ENCODERS as ENCODERS,
        CellEncoder,
        CellIndices as CellIndices,
        ColumnEncoder as ColumnEncoder,
        CostEncoder as CostEncoder,
        CountEncoder as CountEncoder,
        OneHotEncoder as OneHotEncoder,
        make_encoder,
    )
    from nasmeta.predictors._estimators import (
        EnsembleRegressor as EnsembleRegressor,
        ForestRegressor as ForestRegressor,
        GPRegressor as GPRegressor,
        RidgeRegressor as RidgeRegressor,
        ScaledRegressor as ScaledRegressor,
        XGBoostRegressor as XGBoostRegressor,
    )
    from nasmeta.predictors._metrics import (
        LEVELS as LEVELS,
        calibration as calibration,
        rank_correlations as rank_correlations,
    )
    from nasmeta.predictors._neural import (
        GraphNetwork as GraphNetwork,
        MLPEnsemble as MLPEnsemble,
    )
    from nasmeta.predictors._neural._training import cpu_or_cuda as cpu_or_cuda
    from nasmeta.predictors._registry import (
        knows_deviation as knows_deviation,
        label_of as label_of,
        make_predictor,
    )
    from nasmeta.predictors._splits import isomorph_split

__all__ = [
    "CellEncoder",
    "isomorph_split",
    "make_encoder",
    "make_predictor",
]

__getattr__ = lazy_names(
    __name__,
    {
        "_encoders": "ENCODERS AdjacencyEncoder CellEncoder CellIndices ColumnEncoder CostEncoder CountEncoder "
        "GraphEncoder LivePathEncoder OneHotEncoder OperationCountEncoder PathEncoder make_encoder",
        "_estimators": "EnsembleRegressor ForestRegressor GPRegressor RidgeRegressor ScaledRegressor XGBoostRegressor",
        "_metrics": "LEVELS calibration rank_correlations",
        "_neural._training": "cpu_or_cuda",
        "_neural": "GraphNetwork MLPEnsemble",
        "_registry": "knows_deviation label_of make_predictor",
        "_splits": "isomorph_split",
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
