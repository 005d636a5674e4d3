"""A LaTeX table of searchers × tasks: one measure, the best in bold, tests against one searcher."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd

from nasmeta.analysis._frame import FloatArray, Runs, read_runs
from nasmeta.analysis._paired_tests import holm, wilcoxon_p
from nasmeta.analysis._tables import in_latex
from nasmeta.analysis._units import column_of, digits_of
from nasmeta.checks import check_choice
from nasmeta.errors import SettingError, UnknownNameError

Measure = Literal["value", "regret", "evaluations"]
_LEVEL = 0.05


def latex_comparison(
    frame: pd.DataFrame,
    measure: Measure = "value",
    at: int | None = None,
    reference: str | None = None,
    *,
    std: bool = True,
) -> str:
    r"""Write a table of searchers × tasks in LaTeX that fits a column of a two-column paper.

    Parameters
    ----------
    frame : DataFrame (rows,)
        A results frame.
    measure : {"value", "regret", "evaluations"}
        The mean of the best value or of the regret after `at` evaluations, or of the evaluations until the
        optimum; a dash if a run did not find it.
    at : int, optional
        Number of evaluations; by default at the end of the runs.
    reference : str, optional
        The searcher to test against: a plus marks searchers that are better, a minus those that are worse, at the level
        0.05 by Wilcoxon's signed rank test on the runs of equal seeds, with Holm's correction over the searchers of a
        task. A run that did not find the optimum is treated as slower than all that did.
    std : bool, default True
        Show the standard deviation over the runs in small letters.

    Returns
    -------
    str
        A tabular for ``\input``; the preamble needs ``\usepackage{booktabs}``. The first line is a comment for the
        caption.

    Raises
    ------
    SettingError
        If the frame or the measure is not valid.
    UnknownNameError
        If the frame does not have the reference.

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
    check_choice("measure", measure, get_args(Measure))
    runs = read_runs(frame, "incumbent_value") if measure == "value" else read_runs(frame)
    if reference is not None and reference not in runs.searchers:
        raise UnknownNameError.of("searcher", reference, runs.searchers)
    loss = runs.to_optimum if measure == "evaluations" else _at(runs, "regret", at)
    shown = _at(runs, "incumbent_value", at) if measure == "value" else loss
    names = np.array(runs.searchers, dtype=object)
    table = pd.DataFrame({"searcher": names[runs.searcher], "seed": runs.seed, "loss": loss, "shown": shown})
    rows = {name: [in_latex(name)] for name in runs.searchers}
    for position, task in enumerate(runs.tasks):
        column = column_of(task)
        digits = 1
        if measure != "evaluations":
            digits = digits_of(frame[frame["task"] == task], "" if column is None else column.unit)
        of_task = table[runs.task == position]
        signs = {} if reference is None else _signs(of_task, reference)
        for name, cell in _column(of_task, runs.searchers, signs, digits, std).items():
            rows[name].append(cell)
    prefix = os.path.commonpath([os.path.dirname(task) for task in runs.tasks])
    head = ["", *(in_latex(task.removeprefix(f"{prefix}/")) for task in runs.tasks)]
    lines = [" & ".join(row) + r" \\" for row in (head, *rows.values())]
    tests = "" if reference is None else f"; +/-: better/worse than {reference} ({_LEVEL:g})"
    return "\n".join(
        [
            f"% {_caption(table, measure, at, std, len(runs.tasks))}{tests}.",
            r"{\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"\begin{{tabular}}{{l{'r' * len(runs.tasks)}}}",
            r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule",
            r"\end{tabular}}", "",
        ]
    )  # fmt: skip


def _at(runs: Runs, name: str, at: int | None) -> FloatArray:
    """Return a column of each run after so many evaluations, or at its end, float64 (runs,)."""
    found = runs.columns[name][runs.start + runs.length - 1] if at is None else runs.at(name, [at])[:, 0]
    if np.isnan(found).any():
        raise SettingError("at", at, "a number of evaluations that all runs without the optimum reach")
    return np.asarray(found)


def _signs(rows: pd.DataFrame, reference: str) -> dict[str, str]:
    """Return a plus or minus for each searcher that differs from the reference on a task."""
    losses = rows.pivot(index="seed", columns="searcher", values="loss")
    if losses.isna().any(axis=None):
        raise SettingError("The tests need a run of every searcher for every (task, seed).")
    slower = 1 + losses.to_numpy()[np.isfinite(losses)].max(initial=0)  # than all runs that found the optimum
    losses = losses.where(np.isfinite(losses), slower)
    differences = losses.drop(columns=reference).sub(losses[reference], axis=0)
    p_values = holm([wilcoxon_p(differences[name].to_numpy()) for name in differences])
    signs = {}
    for name, p in zip(differences, p_values, strict=True):
        middle = differences[name].median() or differences[name].mean()
        if p < _LEVEL:
            signs[str(name)] = "+" if middle < 0 else "-"
    return signs


def _column(
    rows: pd.DataFrame, searchers: Sequence[str], signs: Mapping[str, str], digits: int, std: bool
) -> dict[str, str]:
    """Return the cells of a task by searcher; bold if equal to the best as printed."""
    of_searcher = rows.groupby("searcher")
    means, deviations = of_searcher["shown"].agg(lambda values: values.to_numpy().mean()), of_searcher["shown"].std()
    best = f"{means[str(of_searcher['loss'].mean().idxmin())]:,.{digits}f}"
    cells = {}
    for name in searchers:
        text = f"{means[name]:,.{digits}f}" if np.isfinite(means.get(name, np.nan)) else "--"
        sign = signs.get(name, r"\phantom{+}" if signs else "")
        cell = rf"\textbf{{{text}}}" if text == best else text
        cell += rf"$^{{{sign}}}$" if sign else ""
        if std and text != "--" and np.isfinite(deviations[name]):
            cell += rf" {{\tiny$\pm${deviations[name]:,.{digits}f}}}"
        cells[name] = cell
    return cells


def _caption(table: pd.DataFrame, measure: Measure, at: int | None, std: bool, n_tasks: int) -> str:
    what = {"value": "Best value", "regret": "Regret", "evaluations": "Evaluations until the optimum"}[measure]
    when = "" if measure == "evaluations" else " at the end of the runs" if at is None else f" after {at} evaluations"
    counts = sorted(set(table["searcher"].value_counts() // n_tasks))
    several = " to ".join(str(count) for count in (counts[0], counts[-1])[: len(counts)])
    return f"{what}{when}, mean{' and standard deviation' if std else ''} of {several} runs"
