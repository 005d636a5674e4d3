"""The tables of the report for a paper."""

from __future__ import annotations

import re

from nasmeta.analysis._tables import to_latex
from nasmeta.analysis.report._findings import SCORE_GOALS, Findings
from nasmeta.analysis.report._markdown import against_best_texts

__all__ = ["latex_tables"]


def latex_tables(found: Findings) -> dict[str, str]:
    """Return the tables by file name without suffix; each is a tabular to be put in by an input command."""
    tables = {}
    for fact in found.facts:
        name = re.sub(r"[^a-z0-9]+", "-", fact.name.lower()).strip("-")
        tables[f"results-{name}"] = to_latex(found.results[fact.name], found.headers, found.goals, found.decimals)
        if fact.name in found.tests:
            tables[f"tests-{name}"] = to_latex(against_best_texts(found, fact.name))
    if found.rank_table is not None:
        tables["ranks"] = to_latex(found.rank_table, best={"mean": "min"}, decimals=found.decimals)
    if found.score_table is not None:
        tables["scores"] = to_latex(found.score_table, headers={"iqm": "IQM"}, best=SCORE_GOALS)
    head = "% Needs \\usepackage{booktabs}. Written by nasmeta report.\n"
    return {name: head + table for name, table in tables.items()}
