"""scikit-learn regressors on feature matrices."""

from nasmeta.predictors._estimators._base import ScaledRegressor
from nasmeta.predictors._estimators._ensemble import EnsembleRegressor
from nasmeta.predictors._estimators._forest import ForestRegressor
from nasmeta.predictors._estimators._gp import GPRegressor
from nasmeta.predictors._estimators._ridge import RidgeRegressor
from nasmeta.predictors._estimators._xgboost import XGBoostRegressor

__all__ = [
    "EnsembleRegressor",
    "ForestRegressor",
    "GPRegressor",
    "RidgeRegressor",
    "ScaledRegressor",
    "XGBoostRegressor",
]
