"""Neural regressors: ensembles of networks trained side by side; imported only where PyTorch is wanted."""

from nasmeta.errors import needing

with needing("A neural predictor", "torch"):
    import safetensors  # noqa: F401
    import torch  # noqa: F401

from nasmeta.predictors._neural._cell_transformer import CellTransformer as CellTransformer
from nasmeta.predictors._neural._graph_network import GraphNetwork as GraphNetwork
from nasmeta.predictors._neural._mlp import MLPEnsemble as MLPEnsemble
