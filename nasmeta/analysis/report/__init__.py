"""The report of a comparison: Markdown, figures, LaTeX tables, and one HTML page that works without a network."""

from nasmeta.analysis.report._write import write_report

__all__ = ["write_report"]
