"""Neural regressors: ensembles of networks trained side by side; imported only where PyTorch is wanted."""

from nasmeta.errors import NasmetaError

try:
    import safetensors  # noqa: F401
    import torch  # noqa: F401
except ImportError as reason:
    raise NasmetaError(
        f'Neural predictors need {reason.name}, which is not installed: pip install "nasmeta[torch]".'
    ) from reason

from nasmeta.predictors._neural._cell_transformer import CellTransformer as CellTransformer
from nasmeta.predictors._neural._graph_network import GraphNetwork as GraphNetwork
from nasmeta.predictors._neural._mlp import MLPEnsemble as MLPEnsemble
