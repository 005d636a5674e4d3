"""Tables as Markdown, LaTeX or HTML, with numbers rounded by their uncertainty."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from html import escape
from numbers import Real
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from nasmeta.checks import decimals_for

_ROUNDING = 1e-8  # smaller numbers are treated as 0
_SMALLEST = 1e-9  # relative to a number; a smaller uncertainty is a rounding error
_MISSING = "–"
Goals = Mapping[str, Literal["min", "max"]]

_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
        "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "−": "$-$", "±": r"$\pm$", "∞": r"$\infty$",
        "τ": r"$\tau$", "<": "$<$", ">": "$>$", "≥": r"$\geq$", "×": r"$\times$",
    }
)  # fmt: skip
# Backslashes, code and emphasis; tags; entities; links after a bracket; underscores at the ends of words.
_MARKUP = re.compile(r"[\\`*]|<(?=[a-zA-Z/!?])|&(?=#?\w+;)|(?<=\])[(\[:]|(?<![^\W_])_|_(?![^\W_])")


def in_markdown(text: str) -> str:
    r"""Return a text in one line that Markdown shows as it is, without markup, links and images.

    >>> print(in_markdown("<b>my_searcher</b> [a](b): p < 0.001"))
    \<b>my_searcher\</b> [a]\(b): p < 0.001
    """
    return _MARKUP.sub(r"\\\g<0>", " ".join(text.split()))


def to_markdown(
    table: pd.DataFrame,
    headers: Mapping[str, str] | None = None,
    decimals: Mapping[str, int] | None = None,
) -> str:
    """Write a table as Markdown, with intervals and deviations next to their numbers.

    Columns ``x, x_low, x_high`` become one, "22.1 [20.3, 24.0]"; columns ``x, x_std`` become "91.42
    ± 0.19". All numbers of a column have the same decimals: two digits of the largest uncertainty,
    or four digits of the largest number, and at most 4 decimals; a column of small numbers has
    three digits of the largest. NaN is written "–", infinity "∞".

    Parameters
    ----------
    table : DataFrame
        For example from `nasmeta.analysis.summarise`. The index is not written.
    headers : mapping of str to str, optional
        Headings of columns; by default their names with spaces for underscores.
    decimals : mapping of str to int, optional
        Decimals for columns without an uncertainty.

    Returns
    -------
    str
        The table, ending in a line break.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"searcher": ["gp", "random"], "mean": [22.134, float("nan")],
    ...                       "mean_low": [20.31, float("nan")], "mean_high": [24.02, float("nan")]})
    >>> print(to_markdown(table, headers={"mean": "evaluations"}), end="")
    | searcher | evaluations |
    | :--- | ---: |
    | gp | 22.1 [20.3, 24.0] |
    | random | – |
    """
    text = texts_of(table, headers, decimals=decimals)
    lines = [_markdown_row(text.headings)]
    lines.append(_markdown_row(_by_column(text, number="---:", other=":---")))
    lines += map(_markdown_row, text.rows)
    return "".join(lines)


def _markdown_row(cells: Sequence[str]) -> str:
    escaped = [cell.replace("|", "\\|").replace("\n", " ") for cell in cells]
    return f"| {' | '.join(escaped)} |\n"


def to_latex(
    table: pd.DataFrame,
    headers: Mapping[str, str] | None = None,
    best: Goals | None = None,
    decimals: Mapping[str, int] | None = None,
) -> str:
    r"""Write a table as a LaTeX tabular with booktabs' rules, rounded as in `to_markdown`.

    Parameters
    ----------
    table, headers, decimals
        As in `to_markdown`.
    best : mapping of column to {"min", "max"}, optional
        Columns in which the best number, as it is written, is bold.

    Returns
    -------
    str
        A text for ``\input``; the preamble needs ``\usepackage{booktabs}``.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"searcher": ["meta_gp", "random"], "regret": [0.5, 2.0], "regret_std": [0.1, 0.3]})
    >>> print(to_latex(table, best={"regret": "min"}), end="")
    \begin{tabular}{lr}
    \toprule
    searcher & regret \\
    \midrule
    meta\_gp & \textbf{0.50 $\pm$ 0.10} \\
    random & 2.00 $\pm$ 0.30 \\
    \bottomrule
    \end{tabular}
    """
    text = texts_of(table, headers, best, decimals)
    columns = "".join(_by_column(text, number="r", other="l"))
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule"]
    lines.append(_latex_row(map(_in_latex, text.headings)))
    lines.append(r"\midrule")
    lines += map(_latex_row, _marked(text, _in_latex, r"\textbf{{{}}}"))
    lines += [r"\bottomrule", r"\end{tabular}"]
    return "\n".join(lines) + "\n"


def _latex_row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _in_latex(text: str) -> str:
    return " ".join(text.split()).translate(_LATEX)


def _by_column(text: _Texts, number: str, other: str) -> list[str]:
    """Return one text for each column: `number` for a column of numbers, else `other`."""
    return [number if right else other for right in text.right]


def _marked(text: _Texts, write: Callable[[str], str], mark: str) -> list[list[str]]:
    """Return the rows in a language, with the best cells inside a mark."""
    rows = [list(map(write, row)) for row in text.rows]
    for row, column in text.best:
        rows[row][column] = mark.format(rows[row][column])
    return rows


def to_html(
    table: pd.DataFrame,
    headers: Mapping[str, str] | None = None,
    best: Goals | None = None,
    decimals: Mapping[str, int] | None = None,
) -> str:
    """Write a table as HTML, rounded as in `to_markdown`.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"searcher": ["a & b"], "regret": [0.5]})
    >>> '<td class="num">0.5000</td>' in to_html(table)
    True
    """
    text = texts_of(table, headers, best, decimals)
    kinds = _by_column(text, number=' class="num"', other="")
    head = ""
    for name, kind in zip(text.headings, kinds, strict=True):
        head += f'<th scope="col"{kind}>{escape(name)}</th>'
    body = ""
    # The first cell of a row is its heading.
    for first, *others in _marked(text, escape, "<strong>{}</strong>"):
        body += f'<tr><th scope="row">{first}</th>'
        for cell, kind in zip(others, kinds[1:], strict=True):
            body += f"<td{kind}>{cell}</td>"
        body += "</tr>"
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def interval_columns(name: str, value: Any, bounds: Sequence[Any]) -> dict[str, Any]:
    """Return a number and its interval as three columns of a table."""
    low, high = bounds
    return {name: float(value), f"{name}_low": float(low), f"{name}_high": float(high)}


def number_or_dash(value: float, form: str = ".2f") -> str:
    """Write a number; NaN is a dash."""
    if np.isnan(value):
        return _MISSING
    return format(value, form)


def range_text(numbers: Collection[float], form: str = "") -> str:
    """Write the range of numbers, "2 to 30"; one number if all are equal."""
    ends = sorted({min(numbers), max(numbers)})
    return " to ".join(format(number, form) for number in ends)


def spread(mean: float, deviation: float, digits: int = 2) -> str:
    """Write a mean and its standard deviation, if they are known.

    >>> spread(90.123, 0.4), spread(7e-05, 1.234e-06, 6), spread(0.0, 0.0)
    ('90.12 ± 0.40', '0.000070 ± 0.000001', '0.00 ± 0.00')
    """
    form = f".{digits}f"
    if np.isnan(mean) or np.isnan(deviation):
        return number_or_dash(mean, form)
    return f"{mean:{form}} ± {deviation:{form}}"


class _Texts(NamedTuple):
    """A formatted table."""

    headings: list[str]
    right: list[bool]  # whether a column contains numbers
    rows: list[list[str]]
    best: set[tuple[int, int]]  # (row, column) of the best cells


def texts_of(
    table: pd.DataFrame,
    headers: Mapping[str, str] | None,
    best: Goals | None = None,
    decimals: Mapping[str, int] | None = None,
) -> _Texts:
    """Return a formatted table; `best` lists the columns in which to mark the best cells."""
    table = table.set_axis(table.columns.map(str), axis=1)
    headers, best, decimals = headers or {}, best or {}, decimals or {}
    records = table.to_dict("records")
    # One list per row; each column appends its cells.
    text = _Texts(headings=[], right=[], rows=[[] for _ in records], best=set())
    for column, name in enumerate(_shown_columns(table)):
        digits = _decimals(records, name, decimals.get(name))
        cells = [_cell(record, name, digits) for record in records]
        for row, cell in zip(text.rows, cells, strict=True):
            row.append(cell)
        if name in best:
            rows = _best_rows(table[name], cells, best[name])
            text.best.update((row, column) for row in rows)
        text.headings.append(headers.get(name, name.replace("_", " ")))
        text.right.append(all(isinstance(value, Real) for value in table[name]))
    return text


def _shown_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns that are not the bounds or the deviation of another one."""
    names = table.columns.tolist()
    hidden = set[str]()
    for name in names:
        hidden |= {f"{name}_low", f"{name}_high", f"{name}_std"}
    return [name for name in names if name not in hidden]


def _best_rows(values: pd.Series[Any], cells: Sequence[str], goal: str) -> list[int]:
    """Return the rows whose number, as it is written, is the best; none if all are equal."""
    if not np.isfinite(values).any():
        return []
    best = np.nanargmin(values) if goal == "min" else np.nanargmax(values)
    numbers = [cell.split(" ")[0] for cell in cells]  # without their uncertainties
    # Numbers that are written alike are equally good, so all of them are marked.
    winner = numbers[int(best)]
    if set(numbers) - {_MISSING} == {winner}:
        return []
    return [row for row, number in enumerate(numbers) if number == winner]


def _decimals(records: Sequence[Mapping[Any, Any]], name: str, fixed: int | None) -> int:
    """Return the decimals of a column: two digits of the largest uncertainty, or three if others are far smaller.

    Columns without an uncertainty have the `fixed` decimals, or four digits of the largest number
    and at least one of the smallest.
    """
    sizes = list[float]()
    spreads = list[float]()
    for record in records:
        value = record[name]
        if isinstance(value, Real) and np.isfinite(float(value)):
            size = abs(float(value))
            sizes.append(size)
            spread = _spread(record, name)
            if spread > _SMALLEST * size:
                spreads.append(spread)
    # Rounding errors around 0 would add needless decimals.
    large = [size for size in sizes if size > _ROUNDING]
    most = decimals_for(max(large, default=0.0), 4)
    if spreads:
        widest = _magnitude(max(spreads))
        narrowest = _magnitude(min(spreads))
        wanted = 1 - widest  # the second digit
        if widest - narrowest > 1:
            wanted += 1
    elif fixed is not None:
        return fixed
    elif all(size == round(size) for size in sizes):
        wanted = 0
    elif large:
        # The fourth digit of the largest number, or the first digit of the smallest.
        wanted = max(3 - _magnitude(max(large)), -_magnitude(min(large)))
    else:
        wanted = most
    return min(max(wanted, 0), most)


def _magnitude(size: float) -> int:
    """Return the power of ten of the first digit."""
    return math.floor(math.log10(size))


def _spread(record: Mapping[Any, Any], name: str) -> float:
    """Return the width of the interval of a number, else its deviation; NaN if it has neither."""
    low, high, deviation = _uncertainty(record, name)
    width = high - low  # NaN without an interval, infinite with an open end
    return width if np.isfinite(width) else deviation


def _uncertainty(record: Mapping[Any, Any], name: str) -> tuple[float, float, float]:
    """Return the bounds of the interval of a number, and its deviation; NaN where there is none."""
    low, high, std = [record.get(f"{name}{end}", np.nan) for end in ("_low", "_high", "_std")]
    return float(low), float(high), float(std)


def _cell(record: Mapping[Any, Any], name: str, digits: int) -> str:
    value = record[name]
    if not isinstance(value, Real):
        return str(value)
    text = _number(value, digits)
    low, high, deviation = _uncertainty(record, name)
    if np.isfinite(high - low):
        if high - low > _SMALLEST * abs(float(value)):  # not for equal values
            text += f" [{_number(low, digits)}, {_number(high, digits)}]"
    elif np.isfinite(deviation):
        text += f" ± {_number(deviation, digits)}"
    return text


def _number(value: Any, decimals: int) -> str:
    if np.isnan(value):
        return _MISSING
    if np.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:,.{decimals}f}"
    if not text.strip("-0."):  # "-0.00"
        return text.removeprefix("-")
    return text
