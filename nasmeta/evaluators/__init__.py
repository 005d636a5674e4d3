"""The one door to performance: evaluate cells, whatever stands behind."""

from nasmeta.evaluators._base import Evaluation, Evaluator
from nasmeta.evaluators._surrogate import SurrogateEvaluator
from nasmeta.evaluators._table import TableEvaluator

__all__ = ["Evaluation", "Evaluator", "SurrogateEvaluator", "TableEvaluator"]
