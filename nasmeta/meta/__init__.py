"""Learning across tasks: what source tasks teach a searcher before it meets the target.

Here are the interface and the processes that sources guide; the sub-rooms are ``bilevel``, ``in_context``,
``meta_nas``, ``neural_process`` and ``rl``.
"""

from importlib import import_module

from nasmeta.meta._chance import ChanceOfBest as ChanceOfBest
from nasmeta.meta._default import DefaultMetaSearch
from nasmeta.meta._guided import GuidedSearch as GuidedSearch
from nasmeta.meta._identity import training_digest as training_digest
from nasmeta.meta._learned_space import LearnedSpace
from nasmeta.meta._meta_gp import MetaGP as MetaGP, MetaGPSearch, learn_meta_gp as learn_meta_gp
from nasmeta.meta._meta_linear import MetaLinear
from nasmeta.meta._meta_predictor import MetaPredictor
from nasmeta.meta._meta_train import meta_train
from nasmeta.meta._model_file import SavedMetaModel, save_meta_model
from nasmeta.meta._monitor import Monitor as Monitor
from nasmeta.meta._multi_task_gp import MultiTaskGPSearch
from nasmeta.meta._other_metric import warn_of_other_metric as warn_of_other_metric
from nasmeta.meta._predictive_weights import predictive_weights
from nasmeta.meta._predictor_search import MetaPredictorSearch
from nasmeta.meta._registry import META_PREDICTORS
from nasmeta.meta._rgpe import RGPESearch
from nasmeta.meta._rgpe_vanilla import VanillaRGPESearch
from nasmeta.meta._shipped import (
    load_meta_model,
    meta_model_for as meta_model_for,
    seen_of as seen_of,
    shipped_meta_models,
)
from nasmeta.meta._source_matrix import SourceMatrix as SourceMatrix
from nasmeta.meta._source_models import SourceModels as SourceModels, learn_source_models as learn_source_models
from nasmeta.meta._source_order import SourceOrder
from nasmeta.meta._syne_tune_transfer import (
    SyneTuneBoundingBox as SyneTuneBoundingBox,
    SyneTuneQuantileCopula as SyneTuneQuantileCopula,
    SyneTuneZeroShot as SyneTuneZeroShot,
)
from nasmeta.meta._training_files import TrainingFiles as TrainingFiles
from nasmeta.meta._warm_start import warm_start_cells
from nasmeta.moved import moved_names

__all__ = [
    "META_PREDICTORS",
    "DefaultMetaSearch",
    "LearnedSpace",
    "MetaGPSearch",
    "MetaLinear",
    "MetaPredictor",
    "MetaPredictorSearch",
    "MultiTaskGPSearch",
    "RGPESearch",
    "SavedMetaModel",
    "SourceOrder",
    "VanillaRGPESearch",
    "load_meta_model",
    "meta_train",
    "predictive_weights",
    "save_meta_model",
    "shipped_meta_models",
    "warm_start_cells",
]

_SUB_ROOMS = ("bilevel", "in_context", "meta_nas", "neural_process", "rl")
_moved = moved_names(
    __name__,
    {
        "MetaNASSearch": "nasmeta.meta.meta_nas",
        "MetaNPSearch": "nasmeta.meta.neural_process",
        "MetaRLSearch": "nasmeta.meta.rl",
        "PPOSearch": "nasmeta.meta.rl",
    },
)


def __getattr__(name: str) -> object:
    """Import a sub-room when it is asked for: nothing here needs one, so that each could be taken away alone."""
    return import_module(f"{__name__}.{name}") if name in _SUB_ROOMS else _moved(name)
