"""Comparisons as files: read, checked, run, gone on with; and those that the package brings."""

from nasmeta.experiments.specification._picks import picks_of as picks_of, summarise_picks as summarise_picks
from nasmeta.experiments.specification._provenance import provenance_of as provenance_of
from nasmeta.experiments.specification._read import list_specifications, read_specification
from nasmeta.experiments.specification._run import run_specification
from nasmeta.experiments.specification._specification import Specification, ready_specifications as ready_specifications

__all__ = [
    "Specification",
    "list_specifications",
    "read_specification",
    "run_specification",
]
