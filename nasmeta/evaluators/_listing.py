"""All evaluators that have a name, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasmeta.evaluators._function import EVALUATORS
from nasmeta.evaluators._known import UNKNOWN_FEASIBILITY, SurrogateEvaluator, TableEvaluator
from nasmeta.evaluators._supernet import TRAINED
from nasmeta.registry import listed

if TYPE_CHECKING:
    import pandas as pd


def list_evaluators() -> pd.DataFrame:
    """Return the evaluators that have a name; the file of a surrogate, and a function, are others.

    Returns
    -------
    DataFrame
        One row an evaluator: ``evaluator`` (its name), ``summary`` (one line), ``data`` (whether it needs images, as
        `nasmeta.list_images` has them) and ``extra`` (of this package that brings what it needs; empty for none).

    Examples
    --------
    >>> import nasmeta as nm
    >>> nm.list_evaluators()["evaluator"].to_list()
    ['supernet', 'surrogate', 'table', 'training', 'unknown-feasibility']
    """
    of_table = "Answer from a task's table; an evaluation of what it lacks fails, which nobody knows beforehand."
    own: dict[str, Any] = {"table": TableEvaluator, UNKNOWN_FEASIBILITY: of_table, "surrogate": SurrogateEvaluator}
    own |= TRAINED
    extras, mappings = dict.fromkeys(TRAINED, "torch"), [own, EVALUATORS]
    return listed("evaluator", mappings, lambda name, _: {"data": name in TRAINED}, {"data": False}, extras=extras)
