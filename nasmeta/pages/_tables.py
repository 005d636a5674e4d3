"""Tables as Markdown, LaTeX or HTML, with numbers rounded by their uncertainty."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
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
    lines = [
        [cell.replace("|", "\\|").replace("\n", " ") for cell in row]
        for row in (text.headings, *text.rows)
    ]
    lines.insert(1, ["---:" if right else ":---" for right in text.right])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


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

    columns = "".join("r" if right else "l" for right in text.right)
    rows = [
        [_in_latex(name) for name in text.headings],
        *_marked(text, _in_latex, r"\textbf{{{}}}"),
    ]
    head, *body = [" & ".join(row) + r" \\" for row in rows]
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", head, r"\midrule", *body]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _in_latex(text: str) -> str:
    return " ".join(text.split()).translate(_LATEX)


def _marked(text: _Texts, write: Callable[[str], str], mark: str) -> list[list[str]]:
    """Return the rows in a language, with the best cells inside a mark."""
    rows = [[write(architecture) for architecture in row] for row in text.rows]
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
    kinds = [' class="num"' if right else "" for right in text.right]
    headings = [
        f'<th scope="col"{kind}>{escape(name)}</th>'
        for name, kind in zip(text.headings, kinds, strict=True)
    ]
    body = ""
    for first, *others in _marked(text, escape, "<strong>{}</strong>"):
        numbers = [
            f"<td{kind}>{architecture}</td>"
            for architecture, kind in zip(others, kinds[1:], strict=True)
        ]
        body += f'<tr><th scope="row">{first}</th>{"".join(numbers)}</tr>'
    return f"<table><thead><tr>{''.join(headings)}</tr></thead><tbody>{body}</tbody></table>"


def interval_columns(name: str, value: Any, bounds: Sequence[Any]) -> dict[str, Any]:
    """Return a number and its interval as three columns of a table."""
    low, high = bounds
    return {name: float(value), f"{name}_low": float(low), f"{name}_high": float(high)}


def number_or_dash(value: float, form: str = ".2f") -> str:
    """Write a number; NaN is a dash."""
    return "–" if np.isnan(value) else format(value, form)


def range_text(numbers: Collection[float], form: str = "") -> str:
    """Write the range of numbers, "2 to 30"; one number if all are equal."""
    return " to ".join(format(number, form) for number in sorted({min(numbers), max(numbers)}))


def spread(mean: float, deviation: float, digits: int = 2) -> str:
    """Write a mean and its standard deviation, if they are known.

    >>> spread(90.123, 0.4), spread(7e-05, 1.234e-06, 6), spread(0.0, 0.0)
    ('90.12 ± 0.40', '0.000070 ± 0.000001', '0.00 ± 0.00')
    """
    known = [value for value in (mean, deviation) if not np.isnan(value)]
    form = f".{digits}f"
    return number_or_dash(mean, form) if len(known) < 2 else f"{mean:{form}} ± {deviation:{form}}"


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
    names = [str(name) for name in table.columns]
    table = table.set_axis(names, axis=1)
    parts = {f"{name}{end}" for name in names for end in ("_low", "_high", "_std")}
    shown = [name for name in names if name not in parts]
    digits = {name: _decimals(table, name, (decimals or {}).get(name)) for name in shown}
    rows = [
        [_cell(record, name, digits[name]) for name in shown] for record in table.to_dict("records")
    ]
    winners = set()
    for name, goal in (best or {}).items():
        if name in shown and np.isfinite(table[name]).any():
            column = shown.index(name)
            printed = [row[column].split(" ")[0] for row in rows]
            winner = printed[
                int(np.nanargmin(table[name]) if goal == "min" else np.nanargmax(table[name]))
            ]
            if {*printed} - {_MISSING} != {winner}:  # no cell is marked if all are equal
                winners |= {(row, column) for row, text in enumerate(printed) if text == winner}
    headings = [(headers or {}).get(name, name.replace("_", " ")) for name in shown]
    right = [all(isinstance(value, Real) for value in table[name]) for name in shown]
    return _Texts(headings, right, rows, winners)


def _decimals(table: pd.DataFrame, name: str, fixed: int | None) -> int:
    """Return the decimals of a column: two digits of the largest uncertainty, or three if others are far smaller.

    Columns without an uncertainty have the `fixed` decimals, or four digits of the largest number
    and at least one of the smallest.
    """
    sizes, spreads = [], []
    for record in table.to_dict("records"):
        size = abs(float(record[name])) if isinstance(record[name], Real) else np.nan
        if np.isfinite(size):
            sizes.append(size)
            spreads.append(_spread(record, name))
    known = [
        spread for spread, size in zip(spreads, sizes, strict=True) if spread > _SMALLEST * size
    ]
    large = [size for size in sizes if size > _ROUNDING]
    most = decimals_for(max(large, default=0.0), 4)
    if known:
        least = 1 - _magnitude(max(known))
        wanted = least + (_magnitude(max(known)) - _magnitude(min(known)) > 1)
    elif fixed is not None:
        return fixed
    elif all(size == round(size) for size in sizes):
        wanted = 0
    else:
        wanted = max(3 - _magnitude(max(large)), -_magnitude(min(large))) if large else most
    return min(max(wanted, 0), most)


def _magnitude(size: float) -> int:
    return math.floor(math.log10(size))


def _spread(record: Mapping[Any, Any], name: str) -> float:
    """Return the width of the interval of a number, else its deviation; NaN if it has neither."""
    low, high, std = (record.get(f"{name}{end}", np.nan) for end in ("_low", "_high", "_std"))
    return float(high - low if np.isfinite(high - low) else std)


def _cell(record: Mapping[Any, Any], name: str, digits: int) -> str:
    value = record[name]
    if not isinstance(value, Real):
        return str(value)
    text = _number(value, digits)
    low, high, std = (record.get(f"{name}{end}", np.nan) for end in ("_low", "_high", "_std"))
    if np.isfinite(high - low):
        is_interval = high - low > _SMALLEST * abs(float(value))
        return f"{text} [{_number(low, digits)}, {_number(high, digits)}]" if is_interval else text
    return f"{text} ± {_number(std, digits)}" if np.isfinite(std) else text


def _number(value: Any, decimals: int) -> str:
    if not np.isfinite(value):
        return _MISSING if np.isnan(value) else "∞" if value > 0 else "−∞"
    text = f"{value:,.{decimals}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text
