"""scikit-learn transformers from architectures to features."""

from nasmeta.predictors._encoders._base import ENCODERS, CellEncoder, CellIndices
from nasmeta.predictors._encoders._graph import GraphEncoder
from nasmeta.predictors._encoders._join import default_encoder, join, make_encoder
from nasmeta.predictors._encoders._structure import (
    AdjacencyEncoder,
    CountEncoder,
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
    "CountEncoder",
    "GraphEncoder",
    "LivePathEncoder",
    "OneHotEncoder",
    "OperationCountEncoder",
    "PathEncoder",
    "default_encoder",
    "join",
    "make_encoder",
]
