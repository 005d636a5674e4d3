"""The findings of a comparison, and their renderings: summary, Markdown, figures, LaTeX tables, and an HTML page."""

from nasmeta.analysis._curves import XAxis as XAxis
from nasmeta.analysis.report._findings import (
    Findings as Findings,
    find as find,
    summarise_comparison as summarise_comparison,
)
from nasmeta.analysis.report._write import (
    latex_tables as latex_tables,
    markdown as markdown,
    title_of as title_of,
    write_findings as write_findings,
    write_summary as write_summary,
)

__all__ = []
