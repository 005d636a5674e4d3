"""Comparisons: searchers × tasks × repeats, in parallel and resumable, by arguments or by a specification."""

from nasmeta.experiments._backends import Workers
from nasmeta.experiments._compare import compare
from nasmeta.experiments._plan import plan
from nasmeta.experiments._report import Report as Report, report
from nasmeta.experiments._specification import (
    Specification as Specification,
    list_specifications,
    picks_of as picks_of,
    provenance_of as provenance_of,
    read_specification as read_specification,
    ready_specifications as ready_specifications,
    run_specification,
    summarise_picks as summarise_picks,
)

__all__ = ["Workers", "compare", "list_specifications", "plan", "report", "run_specification"]
