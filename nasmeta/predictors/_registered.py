"""The registered predictors and encoders: names, places, extras and styles."""

from __future__ import annotations

from typing import Any

from nasmeta.registry import Registry

PREDICTORS: Registry[Any] = Registry(
    "predictor",
    group="nasmeta.predictors",
    accepts=lambda thing: thing if callable(thing) or hasattr(thing, "fit") else None,
    wanted="an estimator with fit and predict, its class, or a function that returns one",
)
for _name, _place, _extra, _style in (
    ("ridge", "_estimators._libraries:RidgeRegressor", None, "wine diamond"),
    ("gp", "_estimators._gaussian_process:GPRegressor", None, None),  # the style of the searcher
    ("random-forest", "_estimators._libraries:ForestRegressor", None, "black cross"),
    ("xgboost", "_estimators._libraries:XGBoostRegressor", None, "orange triangle-up"),
    ("ensemble", "_estimators._ensemble:EnsembleRegressor", None, "vermilion triangle-up"),
    ("mlp", "_estimators._libraries:PerceptronRegressor", None, None),
):
    PREDICTORS.declare(_name, f"nasmeta.predictors.{_place}", _extra, _style)

ENCODERS: Registry[Any] = Registry(
    "encoder",
    group="nasmeta.encoders",
    accepts=lambda thing: (
        thing if isinstance(thing, type) and hasattr(thing, "transform") else None
    ),
    wanted="a class with transform, such as one derived from nasmeta.predictors.CellEncoder",
)
for _name, _place in (
    ("graph", "_structure:GraphEncoder"),
    ("one-hot", "_structure:OneHotEncoder"),
    ("adjacency", "_structure:AdjacencyEncoder"),
    ("paths", "_structure:PathEncoder"),
    ("live-paths", "_structure:LivePathEncoder"),
    ("operation-counts", "_structure:OperationCountEncoder"),
    ("counts", "_structure:CountEncoder"),
    ("columns", "_values:ColumnEncoder"),
):
    ENCODERS.declare(_name, f"nasmeta.predictors._encoders.{_place}")

# Chosen on CIFAR-100 validation labels, as are the regressors' defaults.
DEFAULT_ENCODER = "one-hot+live-paths+operation-counts+graph"
