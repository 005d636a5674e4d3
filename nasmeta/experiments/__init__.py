"""Comparisons: searchers × tasks × repeats, in parallel and resumable, by arguments or by a specification."""

from nasmeta.experiments._compare import compare
from nasmeta.experiments._plan import plan
from nasmeta.experiments._report import Report as Report, report
from nasmeta.experiments._reproduce import (
    compare_searches as compare_searches,
    data_of as data_of,
    list_published,
    published_page as published_page,
    reproduce,
)
from nasmeta.experiments._specification import (
    Specification as Specification,
    list_specifications,
    missing_data as missing_data,
    picks_of as picks_of,
    provenance_of as provenance_of,
    read_specification as read_specification,
    ready_specifications as ready_specifications,
    run_specification,
    specification_to_run as specification_to_run,
)
from nasmeta.experiments._workers import Workers

__all__ = [
    "Workers",
    "compare",
    "list_published",
    "list_specifications",
    "plan",
    "report",
    "reproduce",
    "run_specification",
]
