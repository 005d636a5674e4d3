"""The findings of a comparison, and their renderings: summary, Markdown, figures, LaTeX tables, and an HTML page."""

from nasmeta.analysis._curves import XAxis as XAxis
from nasmeta.analysis.report._facts import TaskFacts as TaskFacts, TestColumn as TestColumn, facts_of as facts_of
from nasmeta.analysis.report._findings import (
    Findings as Findings,
    find as find,
    summarise_comparison as summarise_comparison,
)
from nasmeta.analysis.report._page import (
    asset as asset,
    filled as filled,
    page_data as page_data,
    rounded as rounded,
)
from nasmeta.analysis.report._published import (
    published_section as published_section,
    published_texts as published_texts,
    with_differences as with_differences,
)
from nasmeta.analysis.report._remarks import deterministic_runs as deterministic_runs, run_remarks as run_remarks
from nasmeta.analysis.report._sections import (
    Section as Section,
    as_markdown as as_markdown,
    column_notes as column_notes,
    latex_tables as latex_tables,
    report_sections as report_sections,
    runs_text as runs_text,
    size_sentence as size_sentence,
    summary_sections as summary_sections,
)
from nasmeta.analysis.report._write import (
    title_of as title_of,
    write_findings as write_findings,
    write_summary as write_summary,
)

__all__ = []
