"""All pairs of searchers on a task as one table: the difference, and whether it is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from nasmeta.analysis.report._words import p_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["matrix_caption", "pair_matrix"]

_LEVEL = 0.05


def pair_matrix(table: pd.DataFrame, searchers: Sequence[str]) -> str:
    """Return an HTML table of searchers by searchers.

    Parameters
    ----------
    table : DataFrame, one row a pair
        From `paired_tests`, of one task.
    searchers : sequence of str
    """
    cells: dict[tuple[str, str], Any] = {}
    for row in table.to_dict("records"):
        one, other, counts = str(row["searcher"]), str(row["other"]), (row["better"], row["ties"], row["worse"])
        cells[one, other] = (row["difference"], *counts, row["p_holm"])
        cells[other, one] = (-row["difference"], *counts[::-1], row["p_holm"])
    present = [name for name in searchers if any(name in pair for pair in cells)]
    head = "".join(f'<th scope="col" class="num">{escape(name)}</th>' for name in present)
    body = []
    for one in present:
        line = [f'<th scope="row">{escape(one)}</th>']
        for other in present:
            if one == other:
                line.append('<td class="self"></td>')
                continue
            difference, better, ties, worse, p = cells[one, other]
            kind = "even" if p >= _LEVEL else "better" if difference < 0 else "worse"
            sign = {"better": "▲ ", "worse": "▼ ", "even": ""}[kind]
            number = f"{difference:+.2f}".replace("-", "−") if round(difference, 2) else "0.00"
            shown = sign + number
            about = (
                f"{one} − {other}: {difference:+.4g}; better {better}, equal {ties}, worse {worse}; "
                f"p {'' if p < 0.001 else '= '}{p_text(p)}"
            )
            line.append(f'<td class="num {kind}" title="{escape(about)}">{shown}<small>p {p_text(p)}</small></td>')
        body.append(f"<tr>{''.join(line)}</tr>")
    return f'<table class="matrix"><thead><tr><td></td>{head}</tr></thead><tbody>{"".join(body)}</tbody></table>'


def matrix_caption(unit: str) -> str:
    """Return what stands above the table; the unit is that of the differences."""
    return (
        f"Mean difference of regrets, row minus column, in {unit or 'the unit of the signal'}. ▲ the row is better, "
        f"▼ it is worse, at the level of {_LEVEL}; the others may be chance."
    )
