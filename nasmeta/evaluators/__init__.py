"""The one door to performance: evaluate architectures, whatever stands behind."""

from nasmeta.evaluators._base import Evaluation, Evaluator, SupportsEvaluate
from nasmeta.evaluators._function import EVALUATORS, FunctionEvaluator, Measure
from nasmeta.evaluators._surrogate import SurrogateEvaluator
from nasmeta.evaluators._table import TableEvaluator
from nasmeta.evaluators._trainer import Trainer, require_torch
from nasmeta.evaluators._training import TrainingEvaluator
from nasmeta.training import default_split

__all__ = [
    "EVALUATORS",
    "Evaluation",
    "Evaluator",
    "FunctionEvaluator",
    "Measure",
    "SupportsEvaluate",
    "SurrogateEvaluator",
    "TableEvaluator",
    "Trainer",
    "TrainingEvaluator",
    "default_split",
    "require_torch",
]
