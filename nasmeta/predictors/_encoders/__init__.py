"""scikit-learn transformers from architectures to features."""

from nasmeta.predictors._encoders._base import (
    ENCODERS as ENCODERS,
    CellEncoder as CellEncoder,
    CellIndices as CellIndices,
    default_encoder as default_encoder,
    make_encoder as make_encoder,
)
from nasmeta.predictors._encoders._structure import (
    AdjacencyEncoder as AdjacencyEncoder,
    CountEncoder as CountEncoder,
    GraphEncoder as GraphEncoder,
    LivePathEncoder as LivePathEncoder,
    OneHotEncoder as OneHotEncoder,
    OperationCountEncoder as OperationCountEncoder,
    PathEncoder as PathEncoder,
)
from nasmeta.predictors._encoders._values import ColumnEncoder as ColumnEncoder, CostEncoder as CostEncoder
