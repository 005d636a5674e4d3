"""The report of a comparison: Markdown, figures, LaTeX tables, and one HTML page that works without a network."""

from nasmeta.analysis._curves import XAxis as XAxis
from nasmeta.analysis.report._findings import Findings as Findings, find as find
from nasmeta.analysis.report._write import (
    latex_tables as latex_tables,
    markdown as markdown,
    write_findings as write_findings,
)

__all__ = []
