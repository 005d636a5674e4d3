"""Evaluators: one interface to the performance of architectures, by table, surrogate, training or function."""

from nasmeta.evaluators._evaluator import (
    Evaluation,
    Evaluator,
    SupportsEvaluate as SupportsEvaluate,
    evaluate_or_fail as evaluate_or_fail,
)
from nasmeta.evaluators._function import EVALUATORS as EVALUATORS, FunctionEvaluator, Measure as Measure
from nasmeta.evaluators._listing import list_evaluators
from nasmeta.evaluators._multi_objective import MultiObjectiveEvaluator as MultiObjectiveEvaluator
from nasmeta.evaluators._surrogate import SurrogateEvaluator
from nasmeta.evaluators._table import UNKNOWN_FEASIBILITY as UNKNOWN_FEASIBILITY, TableEvaluator as TableEvaluator
from nasmeta.evaluators._training import TrainingEvaluator
from nasmeta.training import Trainer as Trainer, require_torch as require_torch

__all__ = [
    "Evaluation",
    "Evaluator",
    "FunctionEvaluator",
    "SurrogateEvaluator",
    "TrainingEvaluator",
    "list_evaluators",
]
