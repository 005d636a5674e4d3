"""From an architecture to its performance: encoders and regressors as scikit-learn's, kernels, Gaussian processes.

What needs scikit-learn is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from nasmeta.predictors._acquisition import log_expected_improvement as log_expected_improvement
from nasmeta.predictors._gaussian_process import (
    CellGP as CellGP,
    CellKernel as CellKernel,
    Hyperparameters as Hyperparameters,
    fit_hyperparameters as fit_hyperparameters,
    weak_prior as weak_prior,
)
from nasmeta.predictors._moving import move_to_space
from nasmeta.predictors._registry import PREDICTORS, PredictorEntry as PredictorEntry, make_predictor
from nasmeta.predictors._splits import isomorph_split
from nasmeta.tasks import normal_scores as normal_scores

if TYPE_CHECKING:
    from nasmeta.predictors._encoders import (
        ENCODERS,
        AdjacencyEncoder,
        CellEncoder,
        CellIndices,
        ColumnEncoder,
        CostEncoder,
        CountEncoder,
        GraphEncoder,
        LivePathEncoder,
        OneHotEncoder,
        OperationCountEncoder,
        PathEncoder,
        join,
        make_encoder,
    )
    from nasmeta.predictors._estimators import (
        EnsembleRegressor,
        ForestRegressor,
        GPRegressor,
        RidgeRegressor,
        ScaledRegressor,
        XGBoostRegressor,
    )
    from nasmeta.predictors._learning_curves import CURVE_METHODS as CURVE_METHODS, LearningCurveRegressor
    from nasmeta.predictors._neural import CellTransformer, GraphNetwork, MLPEnsemble
    from nasmeta.predictors._storage import load_predictor, save_predictor

__all__ = [
    "ENCODERS",
    "PREDICTORS",
    "AdjacencyEncoder",
    "CellEncoder",
    "CellIndices",
    "CellTransformer",
    "ColumnEncoder",
    "CostEncoder",
    "CountEncoder",
    "EnsembleRegressor",
    "ForestRegressor",
    "GPRegressor",
    "GraphEncoder",
    "GraphNetwork",
    "LearningCurveRegressor",
    "LivePathEncoder",
    "MLPEnsemble",
    "OneHotEncoder",
    "OperationCountEncoder",
    "PathEncoder",
    "RidgeRegressor",
    "ScaledRegressor",
    "XGBoostRegressor",
    "isomorph_split",
    "join",
    "load_predictor",
    "make_encoder",
    "make_predictor",
    "move_to_space",
    "save_predictor",
]

_LAZY = {name: "_estimators" for name in __all__ if name.endswith("Regressor")}
_LAZY |= {name: "_encoders" for name in __all__ if "Encoder" in name}
_LAZY |= dict.fromkeys(("ENCODERS", "CellIndices", "join", "make_encoder"), "_encoders")
_LAZY |= dict.fromkeys(("CURVE_METHODS", "LearningCurveRegressor"), "_learning_curves")
_LAZY |= dict.fromkeys(("CellTransformer", "GraphNetwork", "MLPEnsemble"), "_neural")
_LAZY |= dict.fromkeys(("load_predictor", "save_predictor"), "_storage")


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
