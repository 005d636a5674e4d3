"""Where transfer does not help, and which of the two searchers needs less; from the runs of ``gp.py`` alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from nasmeta.analysis import bootstrap_interval, to_markdown

FEW = 5  # runs, below which an interval says nothing
SLOWER = 1 / 1.1  # no task should be slower than 1.1 times


def name_of(task: object) -> str:
    """Return a task's name as in the tables."""
    return f"`{str(task).split('/')[-1]}`"


def short(number: float) -> str:
    """Return a number of evaluations, with a decimal where it is small."""
    return f"{number:,.0f}" if number >= 100 or float(number).is_integer() else f"{number:.1f}"


def listed(items: list[str]) -> str:
    """Return them in a row, or that there is none."""
    return ", ".join(items) or "none"


def known(runs: pd.DataFrame) -> str:
    """Return where more than the sources' order is needed although all is known."""
    mean = runs[runs.part == "full"].groupby(["searcher", "task"], sort=False).evaluations.mean()
    order = mean["source-order"]
    worse = [
        f"`{searcher}` on {name_of(task)} ({short(n)} against {short(order[task])})"
        for (searcher, task), n in mean.items()
        if n > order[task]
    ]
    return f"With all labels, more evaluations than the plain order of the sources: {listed(worse)}."


def few(runs: pd.DataFrame, plain: Mapping[str, float]) -> list[str]:
    """Return where few labels do not help, miss half of ``gp``'s evaluations, or more of them do not help."""
    own = runs[(runs.part == "labels") & (runs.searcher != "source-order")]
    mean = own.groupby(["labels", "searcher", "task"], sort=False).evaluations.mean()
    slower = [
        f"`{searcher}` with {labels} on {name_of(task)} ({short(n)} against {plain[task]:.1f})"
        for (labels, searcher, task), n in mean.items()
        if n > plain[task]
    ]
    undecided = []
    for (labels, searcher, task), some in own.groupby(["labels", "searcher", "task"], sort=False):
        if len(some) < FEW:
            continue
        low, high = bootstrap_interval(some.evaluations.to_numpy(float))
        if low <= plain[task] <= high:
            undecided.append(f"`{searcher}` with {labels} on {name_of(task)}")
    half = [
        f"`{searcher}` on {name_of(task)} ({short(n)} against {plain[task] / 2:.1f})"
        for (labels, searcher, task), n in mean.items()
        if labels == 100 and n > plain[task] / 2
    ]
    more = [
        f"`{searcher}` on {name_of(task)} ({short(mean[100, searcher, task])}, with 400 labels {short(n)})"
        for (labels, searcher, task), n in mean.items()
        if labels == 400 and n >= mean[100, searcher, task]
    ]
    order = runs[(runs.part == "labels") & (runs.searcher == "source-order")].evaluations
    lines = [
        f"With few labels, more evaluations than `gp` without sources: {listed(slower)}. Its mean is inside the 95 % "
        f"interval, so that nothing is shown: {listed(undecided)}.",
        f"With 100 labels a source, more than the aim of half of `gp`'s evaluations: {listed(half)}.",
        f"400 labels are no better than 100 in the mean: {listed(more)}.",
    ]
    if len(order):
        lines.append(
            f"The order of 100 random labels without a model is no search at all: {order.mean():,.0f} evaluations "
            "in the mean, as the optimum is rarely among the labelled cells and the others come in random order."
        )
    return lines


def disagreeing(runs: pd.DataFrame) -> str:
    """Return on which tasks of TransNAS-Bench-101 searchers that know all labels need more than ``gp``."""
    own = runs[runs.part == "transnas"]
    mean = own.groupby(["searcher", "task"]).evaluations.mean()
    plain, text = mean["gp"], []
    for searcher in ("source-order", "meta-gp", "meta"):
        if searcher in mean.index.get_level_values(0):
            both = mean[searcher]
            worse = [
                f"{name_of(task)} ({short(n)} against {short(plain[task])})"
                for task, n in both.items()
                if n > plain[task]
            ]
            text.append(f"`{searcher}` on {len(worse)} of {len(both)}: {listed(worse)}")
    return (
        f"On TransNAS-Bench-101 with all labels of the other tasks (one search a task), more evaluations than `gp` "
        f"without sources: {'; '.join(text)}. `autoencoder` is the least like the others, with rank correlations from "
        "0.10 to 0.48."
    )


def ratios_below(ratios: pd.DataFrame, where: str) -> str:
    """Return which speed-ups are below 1, and of which 1.1 times slower cannot be excluded."""
    own = ratios[ratios.task.str.startswith("tnb101") & (ratios.runs >= FEW)]
    if not len(own):
        return f"{where}: too few runs."
    below = [
        f"`{r.searcher}` on {name_of(r.task)} ×{r.ratio:.2f} [{r.low:.2f}, {r.high:.2f}]"
        for r in own.itertuples()
        if r.ratio < 0.995
    ]
    shown = [f"`{r.searcher}` on {name_of(r.task)}" for r in own.itertuples() if r.low > 1]
    open_ = [f"`{r.searcher}` on {name_of(r.task)}" for r in own.itertuples() if r.low < SLOWER]
    return (
        f"{where}, slower than `gp` in the mean: {listed(below)}. Faster beyond chance (interval above 1): "
        f"{len(shown)} of {len(own)} cases, {listed(shown)}. That it is not slower than 1.1 times is not shown, as "
        f"the interval reaches below 0.91: {listed(open_)}."
    )


def rule_table(runs: pd.DataFrame) -> str:
    """Return evaluations of ``multi-task-gp`` over those of ``rgpe``, geometric mean over tasks, same draws."""
    settings = {
        "NAS-Bench-201, 25 labels": ("labels", 25, "nb201"),
        "NAS-Bench-201, 100 labels": ("labels", 100, "nb201"),
        "NAS-Bench-201, 400 labels": ("labels", 400, "nb201"),
        "TransNAS-Bench-101, 2,048 labels": ("transnas", 2048, "tnb101"),
        "TransNAS-Bench-101 from NAS-Bench-201, 2,048 labels": ("cross", 2048, "tnb101"),
        "NAS-Bench-201 from TransNAS-Bench-101, 2,048 labels": ("cross", 2048, "nb201"),
    }
    rows, rng = [], np.random.default_rng(0)
    for name, (part, labels, family) in settings.items():
        own = runs[(runs.part == part) & (runs.labels == labels) & runs.task.str.startswith(family)]
        logs, draws, least = [], [], 10**9
        for _, some in own.groupby("task"):
            pair = some.pivot(index="run", columns="searcher", values="evaluations")
            pair = pair.reindex(columns=["multi-task-gp", "rgpe"]).dropna().to_numpy(float)
            if not len(pair):
                continue
            chosen = pair[rng.integers(len(pair), size=(2000, len(pair)))].mean(axis=1)
            logs.append(np.log(pair.mean(axis=0)))
            draws.append(np.log(chosen))
            least = min(least, len(pair))
        if not logs:
            continue
        ratio = np.exp(np.subtract(*np.mean(logs, axis=0)))
        low, high = np.exp(np.quantile(np.subtract(*np.mean(draws, axis=0).T), (0.025, 0.975)))
        text = f"{ratio:.2f}" + (f" [{low:.2f}, {high:.2f}]" if least >= FEW else "")
        rows.append({"sources": name, "evaluations, × those of `rgpe`": text, "draws": least})
    return to_markdown(pd.DataFrame(rows)) if rows else "Not measured yet."


def harms(runs: pd.DataFrame, inside: pd.DataFrame, across: pd.DataFrame, plain: Mapping[str, float]) -> str:
    """Return the section as a Markdown list.

    Parameters
    ----------
    runs : pandas.DataFrame
        Of runs.csv.
    inside, across : pandas.DataFrame
        Speed-ups over ``gp``, with sources of the same benchmark and of the other one.
    plain : mapping of str to float
        Evaluations of ``gp`` without sources on the tasks of NAS-Bench-201.
    """
    lines = [known(runs), *few(runs, plain), disagreeing(runs)]
    lines.append(ratios_below(inside, "On TransNAS-Bench-101 with 2,048 labels a source"))
    crossed = runs[runs.part == "cross"].groupby(["searcher", "task"], sort=False).evaluations.mean()
    slower = [
        f"`{searcher}` on {name_of(task)} ({short(n)} against {plain[task]:.1f})"
        for (searcher, task), n in crossed.items()
        if task in plain and n > plain[task]
    ]
    if len(across):
        lines.append(
            ratios_below(across, "With sources of the other space, targets of TransNAS-Bench-101")
            + f" Targets of NAS-Bench-201: {listed(slower)}."
        )
    return "\n".join(f"* {line}" for line in lines)
