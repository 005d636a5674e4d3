"""Learning across tasks: Gaussian processes with sources, and the interface of meta-learners.

The subpackages are ``bilevel`` and ``in_context``.
"""

from importlib import import_module

from nasmeta.meta._blend import predictive_weights as predictive_weights
from nasmeta.meta._default import DefaultMetaSearch as DefaultMetaSearch
from nasmeta.meta._learned_space import (
    ChanceOfBest as ChanceOfBest,
    LearnedSpace as LearnedSpace,
    labelled_in as labelled_in,
)
from nasmeta.meta._meta_gp import MetaGP as MetaGP, MetaGPSearch as MetaGPSearch
from nasmeta.meta._meta_model_for import (
    meta_model_for as meta_model_for,
    warn_of_other_metric as warn_of_other_metric,
)
from nasmeta.meta._meta_predictor import META_PREDICTORS, MetaPredictor, is_meta_predictor as is_meta_predictor
from nasmeta.meta._meta_train import TrainingFiles as TrainingFiles, build_learner as build_learner, meta_train
from nasmeta.meta._model_file import SavedMetaModel, kind_of as kind_of, training_digest as training_digest
from nasmeta.meta._monitor import Monitor as Monitor
from nasmeta.meta._multi_task_gp import MultiTaskGPSearch as MultiTaskGPSearch
from nasmeta.meta._predictor_search import MetaPredictorSearch as MetaPredictorSearch
from nasmeta.meta._rgpe import RGPESearch as RGPESearch, VanillaRGPESearch as VanillaRGPESearch
from nasmeta.meta._source_matrix import SourceMatrix as SourceMatrix
from nasmeta.meta._source_models import SourceModels as SourceModels
from nasmeta.meta._source_order import SourceOrder as SourceOrder
from nasmeta.meta._warm_start import warm_start_architectures as warm_start_architectures

__all__ = [
    "META_PREDICTORS",
    "MetaPredictor",
    "SavedMetaModel",
    "meta_train",
]

_SUBPACKAGES = ("bilevel", "in_context")


def __getattr__(name: str) -> object:
    """Import a subpackage on first use."""
    if name not in _SUBPACKAGES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")
