"""The findings of a comparison, and their files: summary, Markdown, figures, LaTeX tables, and an HTML page."""

from nasmeta.analysis.report._facts import TaskFacts, TestColumn, facts_of
from nasmeta.analysis.report._findings import Findings, find, summarise_comparison
from nasmeta.analysis.report._interactive import page_data
from nasmeta.analysis.report._published import published_section, published_texts, with_differences
from nasmeta.analysis.report._remarks import deterministic_runs, run_remarks
from nasmeta.analysis.report._sections import (
    column_notes,
    report_sections,
    runs_text,
    size_sentence,
    summary_sections,
)
from nasmeta.analysis.report._write import title_of, write_findings, write_summary

__all__ = [
    "Findings",
    "TaskFacts",
    "TestColumn",
    "column_notes",
    "deterministic_runs",
    "facts_of",
    "find",
    "page_data",
    "published_section",
    "published_texts",
    "report_sections",
    "run_remarks",
    "runs_text",
    "size_sentence",
    "summarise_comparison",
    "summary_sections",
    "title_of",
    "with_differences",
    "write_findings",
    "write_summary",
]
