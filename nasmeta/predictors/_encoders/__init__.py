"""scikit-learn transformers from cells to features."""

from nasmeta.predictors._encoders._base import ENCODERS, CellEncoder, CellIndices
from nasmeta.predictors._encoders._graph import GraphEncoder
from nasmeta.predictors._encoders._join import join, make_encoder
from nasmeta.predictors._encoders._structure import (
    AdjacencyEncoder,
    LivePathEncoder,
    OneHotEncoder,
    OperationCountEncoder,
    PathEncoder,
)
from nasmeta.predictors._encoders._values import ColumnEncoder, CostEncoder

__all__ = [
    "ENCODERS",
    "AdjacencyEncoder",
    "CellEncoder",
    "CellIndices",
    "ColumnEncoder",
    "CostEncoder",
    "GraphEncoder",
    "LivePathEncoder",
    "OneHotEncoder",
    "OperationCountEncoder",
    "PathEncoder",
    "join",
    "make_encoder",
]
