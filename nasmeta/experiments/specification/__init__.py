"""Comparisons as files: read, checked, run, gone on with; and those that the package brings."""

from nasmeta.experiments.specification._provenance import (
    picks_of as picks_of,
    provenance_of as provenance_of,
    summarise_picks as summarise_picks,
)
from nasmeta.experiments.specification._read import list_specifications, read_specification
from nasmeta.experiments.specification._run import run_specification
from nasmeta.experiments.specification._specification import Specification, ready_specifications as ready_specifications

__all__ = [
    "Specification",
    "list_specifications",
    "read_specification",
    "run_specification",
]
