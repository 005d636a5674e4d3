"""From an architecture to its performance: encoders and regressors as scikit-learn's, kernels, Gaussian processes.

What needs scikit-learn is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from nasmeta.predictors._gaussian_process import (
    CellGP as CellGP,
    CellKernel as CellKernel,
    Hyperparameters as Hyperparameters,
    TrendGP as TrendGP,
    fit_hyperparameters as fit_hyperparameters,
    weak_prior as weak_prior,
)
from nasmeta.predictors._labels import log_expected_improvement as log_expected_improvement
from nasmeta.predictors._registry import (
    PREDICTORS as PREDICTORS,
    PredictorEntry as PredictorEntry,
    fit_predictor as fit_predictor,
    knows_deviation as knows_deviation,
    label_of as label_of,
    make_predictor,
    move_to_space as move_to_space,
)
from nasmeta.predictors._splits import isomorph_split
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
    from nasmeta.predictors._learning_curves import (
        CURVE_METHODS as CURVE_METHODS,
        LearningCurveRegressor as LearningCurveRegressor,
    )
    from nasmeta.predictors._neural import (
        CellTransformer as CellTransformer,
        GraphNetwork as GraphNetwork,
        MLPEnsemble as MLPEnsemble,
    )
    from nasmeta.predictors._storage import load_predictor, save_predictor

__all__ = [
    "CellEncoder",
    "isomorph_split",
    "load_predictor",
    "make_encoder",
    "make_predictor",
    "save_predictor",
]

_LAZY = {
    name: f"_{module}"
    for module, names in {
        "encoders": "ENCODERS AdjacencyEncoder CellEncoder CellIndices ColumnEncoder CostEncoder CountEncoder "
        "GraphEncoder LivePathEncoder OneHotEncoder OperationCountEncoder PathEncoder make_encoder",
        "estimators": "EnsembleRegressor ForestRegressor GPRegressor RidgeRegressor ScaledRegressor XGBoostRegressor",
        "learning_curves": "CURVE_METHODS LearningCurveRegressor",
        "neural": "CellTransformer GraphNetwork MLPEnsemble",
        "storage": "load_predictor save_predictor",
    }.items()
    for name in names.split()
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
