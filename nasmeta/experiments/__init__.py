"""Comparisons: searchers × tasks × repeats, in parallel and resumable, by arguments or by a specification."""

from nasmeta.experiments._compare import compare
from nasmeta.experiments._report import Report as Report, report
from nasmeta.experiments.specification._read import list_specifications, read_specification as read_specification
from nasmeta.experiments.specification._run import (
    picks_of as picks_of,
    provenance_of as provenance_of,
    run_specification,
    summarise_picks as summarise_picks,
)
from nasmeta.experiments.specification._specification import (
    Specification as Specification,
    ready_specifications as ready_specifications,
)

__all__ = ["compare", "list_specifications", "report", "run_specification"]
