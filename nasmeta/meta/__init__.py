"""Learning across tasks: Gaussian processes with sources, and the interface of meta-learners.

The subpackages are ``bilevel`` and ``in_context``.
"""

from nasmeta.meta._learned_space import LearnedSpace, labelled_in
from nasmeta.meta._meta_predictor import META_PREDICTORS, MetaPredictor, is_meta_predictor
from nasmeta.meta._meta_train import build_learner, meta_train
from nasmeta.meta._network_inputs import proxy_scores as proxy_scores
from nasmeta.meta._saved_model import SavedMetaModel, kind_of, training_digest
from nasmeta.meta._source_scores import SourceMatrix
from nasmeta.meta._target_checks import meta_model_for, warn_of_other_metric
from nasmeta.meta._warm_start import warm_start_architectures

__all__ = [
    "META_PREDICTORS",
    "LearnedSpace",
    "MetaPredictor",
    "SavedMetaModel",
    "SourceMatrix",
    "build_learner",
    "is_meta_predictor",
    "kind_of",
    "labelled_in",
    "meta_model_for",
    "meta_train",
    "training_digest",
    "warm_start_architectures",
    "warn_of_other_metric",
]
