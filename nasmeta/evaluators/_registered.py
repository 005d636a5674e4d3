"""The registry of evaluators, and its table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasmeta.evaluators._evaluator import Evaluator
from nasmeta.evaluators._function import Measure
from nasmeta.evaluators._surrogate import SurrogateEvaluator
from nasmeta.evaluators._table import UNKNOWN_FEASIBILITY, TableEvaluator
from nasmeta.evaluators._training import TrainingEvaluator
from nasmeta.registry import Registry, listed

if TYPE_CHECKING:
    import pandas as pd


def _accepted(entry: Any) -> Measure | Evaluator | None:
    if isinstance(entry, Evaluator) or (callable(entry) and not isinstance(entry, type)):
        return entry
    return None


# Functions and evaluators of other packages, by entry point or as package.module:Name.
EVALUATORS: Registry[Measure | Evaluator] = Registry(
    "evaluator",
    group="nasmeta.evaluators",
    accepts=_accepted,
    wanted="a function of an architecture's choices, or an Evaluator",
)


def list_evaluators() -> pd.DataFrame:
    """Return the registered evaluators; files of surrogates and functions are evaluators, too.

    Returns
    -------
    DataFrame
        One row per evaluator: ``evaluator`` (its name), ``summary`` (one line), ``data`` (whether
        it needs images, see `nasmeta.list_images`) and ``extra`` (the extra of this package with
        its dependencies, or empty).

    Examples
    --------
    >>> import nasmeta as nm
    >>> nm.list_evaluators()["evaluator"].to_list()
    ['surrogate', 'table', 'training', 'unknown-feasibility']
    """
    of_table = "Evaluate by a look-up in the task's table; architectures without a value can be proposed, and fail."
    built_in: dict[str, Any] = {
        "table": TableEvaluator,
        UNKNOWN_FEASIBILITY: of_table,
        "surrogate": SurrogateEvaluator,
        TrainingEvaluator.name: TrainingEvaluator,
    }
    return listed(
        "evaluator",
        [built_in, EVALUATORS],
        lambda name, _: {"data": name == TrainingEvaluator.name},
        {"data": False},
        extras={TrainingEvaluator.name: "torch"},
    )
