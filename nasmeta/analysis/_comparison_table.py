"""Searchers × tasks as a table for a paper's column: one measure, the best in bold, tests against one searcher."""

from __future__ import annotations

import os
from typing import Literal, get_args

import numpy as np
import pandas as pd

from nasmeta.analysis._frame import FloatArray, Runs, read_runs
from nasmeta.analysis._losses import place_of_runs
from nasmeta.analysis._paired_tests import holm, wilcoxon_p
from nasmeta.analysis._tables import in_latex
from nasmeta.analysis._units import column_of, digits_of
from nasmeta.checks import check_int, check_number, checked_types
from nasmeta.errors import SettingError, UnknownNameError

Measure = Literal["value", "regret", "evaluations"]


@checked_types
def latex_comparison(
    frame: pd.DataFrame,
    measure: Measure = "value",
    at: int | None = None,
    reference: str | None = None,
    *,
    std: bool = True,
    decimals: int | None = None,
    level: float = 0.05,
) -> str:
    r"""Write a table of searchers × tasks in LaTeX that fits a column of a two-column paper.

    Parameters
    ----------
    frame : DataFrame (rows,)
        A results frame.
    measure : {"value", "regret", "evaluations"}
        The mean of the best value or of the regret after `at` evaluations, or of the evaluations until the optimum; of
        these a dash stands where a run did not find it.
    at : int, optional
        After how many evaluations; at the end of the runs where left out.
    reference : str, optional
        The searcher to test against: where another one differs from it by Wilcoxon's signed rank test on the runs of
        equal seeds, with Holm's correction over the searchers on a task, a plus says that it is better, and a minus
        that it is worse. A run that did not find the optimum counts as slower than all that did.
    std : bool, default True
        Whether the standard deviation over the runs follows in small letters.
    decimals : int, optional
        Of all numbers; by default 2, of evaluations 1, and more on a task whose values differ by little (in another
        unit than percent).
    level : float, default 0.05
        Of the tests.

    Returns
    -------
    str
        A tabular, to be put in by ``\input``; the preamble needs ``\usepackage{booktabs}``. The first line, a comment,
        says what it shows, for the caption.

    Raises
    ------
    SettingError
        The frame is not valid, or a setting is not possible.
    UnknownNameError
        A measure or a reference that is not there.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "task": "nb201/cifar10", "searcher": ["gp"] * 6 + ["random"] * 6, "seed": [*range(6)] * 2, "evaluation": 1,
    ...     "incumbent_value": [91.0, 91.2, 91.1, 91.3, 91.1, 91.2, 90.0, 90.1, 89.0, 90.2, 90.3, 90.4],
    ...     "regret": [0.5, 0.3, 0.4, 0.2, 0.4, 0.3, 1.5, 1.4, 2.5, 1.3, 1.2, 1.1]})
    >>> print(latex_comparison(frame, reference="random"), end="")
    % Best value at the end of the runs, mean and standard deviation of 6 runs; +/-: better/worse than random (0.05).
    {\footnotesize\setlength{\tabcolsep}{3pt}
    \begin{tabular}{lr}
    \toprule
     & cifar10 \\
    \midrule
    gp & \textbf{91.15}$^{+}$ {\tiny$\pm$0.10} \\
    random & 90.00$^{\phantom{+}}$ {\tiny$\pm$0.51} \\
    \bottomrule
    \end{tabular}}
    """
    if measure not in get_args(Measure):
        raise UnknownNameError.of("measure", measure, get_args(Measure))
    if not 0 < check_number("level", level) < 1:
        raise SettingError(f"The level of the tests is a number between 0 and 1, not {level!r:.80}.")
    runs = read_runs(frame, "incumbent_value") if measure == "value" else read_runs(frame)
    if reference is not None and reference not in runs.searchers:
        raise UnknownNameError.of("searcher", reference, runs.searchers)
    if decimals is not None:
        digits = [check_int("decimals", decimals, 0, 20)] * len(runs.tasks)
    elif measure == "evaluations":
        digits = [1] * len(runs.tasks)
    else:
        units = [getattr(column_of(task), "unit", "") for task in runs.tasks]
        digits = [digits_of(frame[frame["task"] == task], unit) for task, unit in zip(runs.tasks, units, strict=True)]
    losses = _losses(runs, measure, at)
    shown = losses if measure != "value" else _at(runs, "incumbent_value", at)
    signs = {} if reference is None else _signs(runs, losses, runs.searchers.index(reference), level)
    columns = [_column(runs, task, losses, shown, signs, digits[task], std) for task in range(len(runs.tasks))]
    prefix = os.path.commonpath(runs.tasks) + "/" if len({task.partition("/")[0] for task in runs.tasks}) == 1 else ""
    prefix = f"{runs.tasks[0].partition('/')[0]}/" if len(runs.tasks) == 1 else prefix
    head = ["", *(in_latex(task.removeprefix(prefix)) for task in runs.tasks)]
    body = [[in_latex(name), *(column[code] for column in columns)] for code, name in enumerate(runs.searchers)]
    lines = [" & ".join(row) + r" \\" for row in (head, *body)]
    return "\n".join(
        [
            _about(runs, measure, at, reference, std, level),
            r"{\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"\begin{{tabular}}{{l{'r' * len(columns)}}}",
            r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule",
            r"\end{tabular}}", "",
        ]
    )  # fmt: skip


def _at(runs: Runs, name: str, at: int | None) -> FloatArray:
    """Return a column of each run after so many evaluations, or at its end, float64 (runs,)."""
    if at is None:
        ends: FloatArray = runs.columns[name][runs.start + runs.length - 1]
        return ends
    found: FloatArray = runs.at(name, [check_int("at", at)])[:, 0]
    if np.isnan(found).any():
        raise SettingError(f"Not all runs have {at} evaluations; the shortest without the optimum ends before.")
    return found


def _losses(runs: Runs, measure: Measure, at: int | None) -> FloatArray:
    """Return what is better where it is lower, float64 (runs,)."""
    return runs.to_optimum if measure == "evaluations" else _at(runs, "regret", at)


def _signs(runs: Runs, losses: FloatArray, reference: int, level: float) -> dict[tuple[int, int], str]:
    """Return by task and searcher how it differs from the reference."""
    place = place_of_runs(runs)
    slowest = np.where(np.isinf(losses), losses[np.isfinite(losses)].max(initial=0) + 1, losses)
    others = [code for code in range(len(runs.searchers)) if code != reference]
    found = {}
    for task in range(len(runs.tasks)):
        of_task = slowest[place[runs.task[place[:, 0]] == task]]
        differences = [of_task[:, code] - of_task[:, reference] for code in others]
        for code, one, p in zip(others, differences, holm([wilcoxon_p(one) for one in differences]), strict=True):
            if p < level:
                found[task, code] = "+" if np.median(one) < 0 or (np.median(one) == 0 and one.mean() < 0) else "-"
    return found


def _column(
    runs: Runs,
    task: int,
    losses: FloatArray,
    shown: FloatArray,
    signs: dict[tuple[int, int], str],
    digits: int,
    std: bool,
) -> list[str]:
    """Return the cells of a task, one a searcher; who is written with the same number as the best is bold, too."""
    means = np.full(len(runs.searchers), np.nan)
    texts, spreads = ["--"] * len(means), [""] * len(means)
    for code in range(len(means)):
        own = (runs.task == task) & (runs.searcher == code)
        if own.any() and np.isfinite(shown[own]).all():
            means[code], texts[code] = losses[own].mean(), f"{shown[own].mean():,.{digits}f}"
            if std and own.sum() > 1:
                spreads[code] = rf" {{\tiny$\pm${shown[own].std(ddof=1):,.{digits}f}}}"
    best = texts[int(np.nanargmin(means))] if np.isfinite(means).any() else ""
    any_sign = any(of == task for of, _ in signs)
    cells = []
    for code, text in enumerate(texts):
        sign = signs.get((task, code), r"\phantom{+}" if any_sign else "")
        bold = rf"\textbf{{{text}}}" if text == best else text
        cells.append(bold + (rf"$^{{{sign}}}$" if sign else "") + spreads[code])
    return cells


def _about(runs: Runs, measure: Measure, at: int | None, reference: str | None, std: bool, level: float) -> str:
    what = {"value": "Best value", "regret": "Regret", "evaluations": "Evaluations until the optimum"}[measure]
    when = "" if measure == "evaluations" else " at the end of the runs" if at is None else f" after {at} evaluations"
    counts = np.bincount(runs.task * len(runs.searchers) + runs.searcher)
    counts = counts[counts > 0]
    several = str(counts.min()) if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
    said = f"% {what}{when}, mean{' and standard deviation' if std else ''} of {several} runs"
    return said + ("." if reference is None else f"; +/-: better/worse than {reference} ({level:g}).")
