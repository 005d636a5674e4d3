"""Searchers × tasks as a table for a paper's column: one measure, the best in bold, tests against one searcher."""

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
from nasmeta.errors import SettingError, UnknownNameError

Measure = Literal["value", "regret", "evaluations"]


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
        The mean of the best value or of the regret after `at` evaluations, or of the evaluations until the
        optimum; a dash if a run did not find it.
    at : int, optional
        After how many evaluations; by default at the end of the runs.
    reference : str, optional
        The searcher to test against: if another one differs from it by Wilcoxon's signed rank test on the runs of
        equal seeds, with Holm's correction over the searchers on a task, a plus marks the better ones and a minus the
        worse ones. A run that did not find the optimum is treated as slower than all that did.
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
        A tabular, to be put in by ``\input``; the preamble needs ``\usepackage{booktabs}``. The first line is a
        comment for the caption.

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
    runs = read_runs(frame, "incumbent_value") if measure == "value" else read_runs(frame)
    if reference is not None and reference not in runs.searchers:
        raise UnknownNameError.of("searcher", reference, runs.searchers)
    loss = runs.to_optimum if measure == "evaluations" else _at(runs, "regret", at)
    shown = _at(runs, "incumbent_value", at) if measure == "value" else loss
    names = np.array(runs.searchers, dtype=object)
    table = pd.DataFrame({"searcher": names[runs.searcher], "seed": runs.seed, "loss": loss, "shown": shown})
    columns = []
    for position, task in enumerate(runs.tasks):
        digits = 1 if measure == "evaluations" else digits_of(frame[frame["task"] == task], _unit(task))
        rows = table[runs.task == position]
        signs = {} if reference is None else _signs(rows, reference, level)
        columns.append(_column(rows, runs.searchers, signs, digits if decimals is None else decimals, std))
    prefix = os.path.commonpath([os.path.dirname(task) for task in runs.tasks])
    heads = [in_latex(task.removeprefix(f"{prefix}/")) for task in runs.tasks]
    body = [[in_latex(name), *cells] for name, *cells in zip(runs.searchers, *columns, strict=True)]
    lines = [" & ".join(row) + r" \\" for row in (["", *heads], *body)]
    return "\n".join(
        [
            f"% {_caption(table, measure, at, std, len(runs.tasks))}"
            + ("." if reference is None else f"; +/-: better/worse than {reference} ({level:g})."),
            r"{\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"\begin{{tabular}}{{l{'r' * len(columns)}}}",
            r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule",
            r"\end{tabular}}", "",
        ]
    )  # fmt: skip


def _unit(task: str) -> str:
    column = column_of(task)
    return "" if column is None else column.unit


def _at(runs: Runs, name: str, at: int | None) -> FloatArray:
    """Return a column of each run after so many evaluations, or at its end, float64 (runs,)."""
    found = runs.columns[name][runs.start + runs.length - 1] if at is None else runs.at(name, [at])[:, 0]
    if np.isnan(found).any():
        raise SettingError(f"Not all runs have {at} evaluations; the shortest without the optimum ends before.")
    return np.asarray(found)


def _signs(rows: pd.DataFrame, reference: str, level: float) -> dict[str, str]:
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
        if p < level:
            signs[str(name)] = "+" if middle < 0 else "-"
    return signs


def _column(
    rows: pd.DataFrame, searchers: Sequence[str], signs: Mapping[str, str], digits: int, std: bool
) -> list[str]:
    """Return the cells of a task, one per searcher; bold if equal to the best as printed."""
    groups = {str(name): group for name, group in rows.groupby("searcher") if np.isfinite(group["shown"]).all()}
    texts = {name: f"{group['shown'].to_numpy().mean():,.{digits}f}" for name, group in groups.items()}
    best = texts[min(groups, key=lambda name: groups[name]["loss"].mean())] if groups else ""
    cells = []
    for name in searchers:
        text, spread = texts.get(name, "--"), groups[name]["shown"].std() if name in groups else np.nan
        sign = signs.get(name, r"\phantom{+}" if signs else "")
        cell = rf"\textbf{{{text}}}" if text == best else text
        cell += rf"$^{{{sign}}}$" if sign else ""
        cells.append(cell + (rf" {{\tiny$\pm${spread:,.{digits}f}}}" if std and np.isfinite(spread) else ""))
    return cells


def _caption(table: pd.DataFrame, measure: Measure, at: int | None, std: bool, n_tasks: int) -> str:
    what = {"value": "Best value", "regret": "Regret", "evaluations": "Evaluations until the optimum"}[measure]
    when = "" if measure == "evaluations" else " at the end of the runs" if at is None else f" after {at} evaluations"
    counts = sorted(set(table["searcher"].value_counts() // n_tasks))
    several = " to ".join(str(count) for count in (counts[0], counts[-1])[: len(counts)])
    return f"{what}{when}, mean{' and standard deviation' if std else ''} of {several} runs"
