"""Comparisons as files: read, checked, run, gone on with; and those that the package brings."""

from nasmeta.experiments.specification._provenance import (
    picks_of as picks_of,
    provenance_of as provenance_of,
    summarise_picks as summarise_picks,
)
from nasmeta.experiments.specification._read import (
    list_specifications as list_specifications,
    read_specification as read_specification,
)
from nasmeta.experiments.specification._run import run_specification as run_specification
from nasmeta.experiments.specification._specification import (
    Specification as Specification,
    ready_specifications as ready_specifications,
)

__all__: list[str] = []  # `nasmeta.experiments` hands on what is public
