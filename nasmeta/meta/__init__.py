"""Learning across tasks: what source tasks teach a searcher before it meets the target."""

from nasmeta.meta._chance import ChanceOfBest
from nasmeta.meta._default import DefaultMetaSearch, Pick, choose_meta_searcher
from nasmeta.meta._guided import GuidedSearch
from nasmeta.meta._identity import training_digest
from nasmeta.meta._learned_space import LearnedSpace
from nasmeta.meta._meta_gp import MetaGP, MetaGPSearch, learn_meta_gp
from nasmeta.meta._meta_linear import MetaLinear
from nasmeta.meta._meta_predictor import MetaPredictor
from nasmeta.meta._model_file import SavedMetaModel, save_meta_model
from nasmeta.meta._monitor import Monitor
from nasmeta.meta._multi_task_gp import MultiTaskGPSearch
from nasmeta.meta._other_metric import warn_of_other_metric
from nasmeta.meta._predictor_search import MetaPredictorSearch
from nasmeta.meta._registry import META_PREDICTORS
from nasmeta.meta._rgpe import RGPESearch
from nasmeta.meta._shipped import load_meta_model, meta_model_for, shipped_meta_models
from nasmeta.meta._source_matrix import SourceMatrix
from nasmeta.meta._source_models import SourceModels, learn_source_models
from nasmeta.meta._source_order import SourceOrder
from nasmeta.meta._warm_start import warm_start_cells
from nasmeta.meta.meta_nas import MetaNASSearch
from nasmeta.meta.neural_process import MetaNPSearch
from nasmeta.meta.rl import MetaRLSearch, PPOSearch

__all__ = [
    "META_PREDICTORS",
    "ChanceOfBest",
    "DefaultMetaSearch",
    "GuidedSearch",
    "LearnedSpace",
    "MetaGP",
    "MetaGPSearch",
    "MetaLinear",
    "MetaNASSearch",
    "MetaNPSearch",
    "MetaPredictor",
    "MetaPredictorSearch",
    "MetaRLSearch",
    "Monitor",
    "MultiTaskGPSearch",
    "PPOSearch",
    "Pick",
    "RGPESearch",
    "SavedMetaModel",
    "SourceMatrix",
    "SourceModels",
    "SourceOrder",
    "choose_meta_searcher",
    "learn_meta_gp",
    "learn_source_models",
    "load_meta_model",
    "meta_model_for",
    "save_meta_model",
    "shipped_meta_models",
    "training_digest",
    "warm_start_cells",
    "warn_of_other_metric",
]
