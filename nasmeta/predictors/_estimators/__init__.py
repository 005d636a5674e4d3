"""scikit-learn regressors on feature matrices."""

from nasmeta.predictors._estimators._base import ScaledRegressor as ScaledRegressor
from nasmeta.predictors._estimators._ensemble import EnsembleRegressor as EnsembleRegressor
from nasmeta.predictors._estimators._gp import GPRegressor as GPRegressor
from nasmeta.predictors._estimators._libraries import (
    ForestRegressor as ForestRegressor,
    RidgeRegressor as RidgeRegressor,
    XGBoostRegressor as XGBoostRegressor,
)
