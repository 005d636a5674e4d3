"""The one door to performance: evaluate architectures, whatever stands behind."""

from nasmeta.evaluators._base import Evaluation, Evaluator, SupportsEvaluate as SupportsEvaluate
from nasmeta.evaluators._failures import evaluate_or_fail as evaluate_or_fail
from nasmeta.evaluators._function import EVALUATORS as EVALUATORS, FunctionEvaluator, Measure as Measure
from nasmeta.evaluators._known import (
    UNKNOWN_FEASIBILITY as UNKNOWN_FEASIBILITY,
    SurrogateEvaluator,
    TableEvaluator as TableEvaluator,
)
from nasmeta.evaluators._listing import list_evaluators
from nasmeta.evaluators._several import SeveralEvaluator as SeveralEvaluator
from nasmeta.evaluators._supernet import TRAINED as TRAINED, SupernetEvaluator as SupernetEvaluator
from nasmeta.evaluators._trainer import Trainer as Trainer, require_torch as require_torch
from nasmeta.evaluators._training import TrainingEvaluator
from nasmeta.training import default_split as default_split

__all__ = [
    "Evaluation",
    "Evaluator",
    "FunctionEvaluator",
    "SurrogateEvaluator",
    "TrainingEvaluator",
    "list_evaluators",
]
