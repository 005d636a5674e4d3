"""Neural regressors: ensembles of networks that are trained side by side."""

from nasmeta.errors import needing

with needing("A neural predictor", "torch"):
    import safetensors  # noqa: F401
    import torch  # noqa: F401

from nasmeta.predictors._neural._base import MLPEnsemble as MLPEnsemble
from nasmeta.predictors._neural._cells import GraphNetwork as GraphNetwork
