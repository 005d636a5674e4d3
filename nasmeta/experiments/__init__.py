"""Comparisons: searchers × tasks × repeats, in parallel and resumable, by arguments or by a specification."""

from nasmeta.experiments._compare import compare
from nasmeta.experiments._folder import (
    ComparisonFolder as ComparisonFolder,
    results_in as results_in,
)
from nasmeta.experiments._plan import plan
from nasmeta.experiments._published import (
    BASELINES as BASELINES,
    PUBLISHED_FORMAT as PUBLISHED_FORMAT,
    read_published as read_published,
    replayed as replayed,
)
from nasmeta.experiments._report import Report, report
from nasmeta.experiments._reproduce import list_published, published_page, reproduce
from nasmeta.experiments._specification import (
    Specification,
    list_specifications,
    read_specification,
    run_specification,
)
from nasmeta.experiments._workers import Workers

__all__ = [
    "Report",
    "Specification",
    "Workers",
    "compare",
    "list_published",
    "list_specifications",
    "plan",
    "published_page",
    "read_specification",
    "report",
    "reproduce",
    "run_specification",
]
