"""Evaluators: one interface to the performance of architectures, by table, surrogate, training or function."""

from nasmeta.evaluators._evaluator import Evaluation, Evaluator, SupportsEvaluate, evaluate_or_fail
from nasmeta.evaluators._function import FunctionEvaluator, Measure
from nasmeta.evaluators._multi_objective import MultiObjectiveEvaluator
from nasmeta.evaluators._published import PublishedSurrogateEvaluator
from nasmeta.evaluators._registered import EVALUATORS, list_evaluators
from nasmeta.evaluators._surrogate import SurrogateEvaluator
from nasmeta.evaluators._table import UNKNOWN_FEASIBILITY, TableEvaluator
from nasmeta.evaluators._training import TrainingEvaluator

__all__ = [
    "EVALUATORS",
    "UNKNOWN_FEASIBILITY",
    "Evaluation",
    "Evaluator",
    "FunctionEvaluator",
    "Measure",
    "MultiObjectiveEvaluator",
    "PublishedSurrogateEvaluator",
    "SupportsEvaluate",
    "SurrogateEvaluator",
    "TableEvaluator",
    "TrainingEvaluator",
    "evaluate_or_fail",
    "list_evaluators",
]
