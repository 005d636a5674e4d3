"""Measure learned search spaces and warm starts; the sources exclude the target's dataset and device.

Run ``python reports/meta/spaces.py``. It writes CSV files, a figure and README.md to
``reports/meta/spaces``. Each part appends rows to its CSV file, so an interrupted run resumes.
``--page`` only rewrites the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

import nasmeta as nm
from nasmeta.analysis import bootstrap_interval, to_markdown
from nasmeta.meta import LearnedSpace
from nasmeta.plotting import task_title
from nasmeta.tasks import Task, TaskDistribution, default_sources
from nasmeta.threads import one_thread
from reports.common import Rows, report
from reports.drawing import dot_plot, in_order, save_png

HERE = Path(__file__).parent / "spaces"
DATE = "2026-11-25 (`gp`: 2026-11-29)"  # of the CSV files
FRACTIONS = (0.05, 0.1, 0.2)
AGREE = 0.8  # sources agree if their mean rank correlation is at least this
# a search has succeeded with one of the best: the optimum, or the best 0.1 %
TOP = {
    "nb201": 1,
    "tnb101": 4,
}
MOST = {"evolution": 1500, "gp": 300}  # evaluations of a run
NB201, TNB101 = nm.task_distribution("nb201"), nm.task_distribution("tnb101")


# -- does a fraction keep the best cell of the target?
def cases() -> Iterator[tuple[str, Task, TaskDistribution]]:
    """Yield group, target and sources; no source shares the target's dataset or device."""
    for dataset in ("cifar10", "cifar100", "imagenet16-120"):
        for form in ("", "#777", "#888", "#999", "@12ep"):
            task = nm.get_task(f"nb201/{dataset}{form}")
            yield (
                ("nb201, 12 epochs" if "@" in form else "nb201, seeds" if form else "nb201"),
                task,
                default_sources(task),
            )
    for task in nm.task_distribution("nb201/tradeoff"):
        yield "tradeoff", task, default_sources(task)
    for family in ("tnb101", "nb201/latency", "nb201/energy", "nb201/within"):
        for _, sources, target in nm.task_distribution(family).splits(by="task"):
            yield family.removeprefix("nb201/"), target[0], sources
    for task in nm.task_distribution("nb201/robust"):
        yield "robust", task, default_sources(task)


def agreement(sources: TaskDistribution) -> float:
    """Return the mean rank correlation between the sources, on cells that all have labelled."""
    values = pd.DataFrame({source.name: source.sign * source.values for source in sources}).dropna()
    return float(
        pd.Series(values.corr("spearman").to_numpy()[np.triu_indices(len(sources), 1)]).mean()
    )


def position_of_best(learned: LearnedSpace, target: Task) -> float:
    """Return the relative position of the first best cell of the target in the learned order."""
    ranks = np.flatnonzero(np.isin(learned.order, target.optimal_architectures))
    return float(ranks[0] + 1) / target.space.n_architectures


def measure_kept() -> None:
    """Learn a space for every target; record the position of its best cell."""
    rows = Rows(HERE / "kept.csv", ("target", "group", "agreement", "position"), 1)
    for group, target, sources in cases():
        if not rows.has(target.name):
            position = position_of_best(LearnedSpace.learn(target.space, sources), target)
            rows.add(target.name, group=group, agreement=agreement(sources), position=position)


# -- searches
def best_architectures(task: Task) -> np.ndarray:
    """Return the best cells; a run succeeds with any of them."""
    utilities = task.sign * task.values
    return np.flatnonzero(utilities >= np.sort(utilities)[-TOP[task.table_name]])


def holds_none(task: Task, fraction: float | None) -> bool:
    """Whether a learned space lacks all best cells, so that its runs cannot succeed."""
    if fraction is None:
        return False
    learned = LearnedSpace.learn(task.space, default_sources(task), fraction)
    return not np.isin(best_architectures(task), learned.architectures).any()


def measure_searches(name: str, plans: Iterable[tuple[Task, str, int, float | None, str]]) -> None:
    """Record the evaluations of each run until a best cell: of task, searcher, number of runs, fraction, warm start."""
    rows = Rows(
        HERE / f"{name}.csv", ("searcher", "space", "warm_start", "task", "seed", "evaluations"), 4
    )
    for task, searcher, runs, fraction, warm_start in plans:
        key = (
            searcher,
            "all" if fraction is None else f"learned:{fraction:g}",
            warm_start,
            task.name,
        )
        if rows.has(*key):
            continue
        hit_at = pd.Series(np.nan, range(runs))
        if not holds_none(task, fraction):
            options = {"prune_space": fraction, "warm_start": warm_start}
            budget = min(MOST.get(searcher, task.space.n_architectures), task.space.n_architectures)
            frame = nm.compare(
                {" ".join(key[:3]): (searcher, options)},
                task,
                repeats=runs,
                evaluations=budget,
                stop_at_optimum=True,
            )
            hits = frame[frame["cell"].isin(best_architectures(task))]
            hit_at = hits.groupby("seed")["evaluation"].min().reindex(range(runs))
        for seed, evaluations in hit_at.items():
            rows.add(*key, seed=seed, evaluations=evaluations)


def plans_inside() -> Iterator[tuple[Task, str, int, float | None, str]]:
    """Random search and evolution, outside and inside three fractions."""
    yield from product((*NB201, *TNB101), ("random", "evolution"), (100,), (None, *FRACTIONS), "0")


def plans_warm() -> Iterator[tuple[Task, str, int, float | None, str]]:
    """Evolution with 0, 5 and 10 first cells and 5 chosen per second; gp with 0 and 5."""
    yield from product(
        (*NB201, *TNB101), ("evolution",), (100,), (None,), ("0", "5", "10", "5/second")
    )
    yield from product(NB201, ("gp",), (30,), (None,), ("0", "5"))


# -- tables and figures
def percent(values: pd.Series) -> str:
    """Return a share and its counts."""
    return f"{100 * values.mean():.0f} % ({int(values.sum())} of {len(values)})"


def table_kept(kept: pd.DataFrame) -> pd.DataFrame:
    """Return one row per group of targets."""
    attacked, agree = kept["group"] == "robust", kept["agreement"] >= AGREE
    groups = [(group, kept["group"] == group) for group in ("nb201", "tnb101", "robust")]
    groups.append((f"sources agree (≥ {AGREE:g}), without robust", agree & ~attacked))
    groups.append((f"sources agree (≥ {AGREE:g})", agree))
    groups.append(("all", kept["group"] != ""))
    rows = []
    for group, chosen in groups:
        part = kept[chosen]
        rows.append(
            {
                "targets": group,
                "agreement of sources": f"{part['agreement'].min():.2f} to {part['agreement'].max():.2f}",
                "kept by 10 %": percent(part["position"] <= 0.1),
            }
        )
    return pd.DataFrame(rows)


def read_searches(part: str) -> pd.DataFrame:
    """Return runs with the table of their task; one without a best cell has the size of the space as evaluations."""
    runs = pd.read_csv(HERE / f"{part}.csv", dtype={"warm_start": str})
    whole = runs["task"].map(lambda name: nm.get_task(name).space.n_architectures)
    return runs.assign(
        needed=runs["evaluations"].fillna(whole), tasks=runs["task"].str.partition("/")[0]
    )


def speed_ups(searches: pd.DataFrame, by: str, base: str) -> pd.DataFrame:
    """Return the geometric mean over tasks of mean evaluations without over with, and bootstrap intervals over runs."""
    rng, rows = np.random.default_rng(0), []
    for (tasks, searcher), part in searches.groupby(["tasks", "searcher"], sort=False):
        row = {"tasks": tasks, "searcher": searcher}
        for value in part[by].unique():
            if value == base:
                continue
            logs = []
            for task in part.loc[part[by] == value, "task"].unique():
                means = []
                for which in (base, value):
                    values = part[(part["task"] == task) & (part[by] == which)]["needed"].to_numpy()
                    draws = rng.integers(len(values), size=(1000, len(values)))
                    draws[0] = np.arange(len(values))
                    means.append(values[draws].mean(axis=1))
                logs.append(np.log(means[0] / means[1]))
            ratio = np.exp(np.mean(logs, axis=0))
            low, high = np.quantile(ratio[1:], [0.025, 0.975])
            row[str(value)] = f"{ratio[0]:.2f} [{low:.2f}, {high:.2f}]"
        rows.append(row)
    return pd.DataFrame(rows)


def draw(searches: pd.DataFrame, by: str, names: dict[str, str], file: str = "inside") -> None:
    """Draw mean evaluations with intervals: a panel per searcher, a style per value of `by`."""
    rows = []
    for (searcher, value, task), part in searches.groupby(["searcher", by, "task"], sort=False):
        low, high = bootstrap_interval(part["needed"].to_numpy())
        rows.append(
            (
                searcher,
                task_title(task),
                names[value],
                part["needed"].mean(),
                float(low),
                float(high),
            )
        )
    frame = pd.DataFrame(rows, columns=["panel", "row", "name", "mean", "low", "high"])
    figure = dot_plot(
        frame, "evaluations until one of the best, log scale", looks=in_order(names.values()), log=True,
        title="mean and 95 % interval over runs", ticks=(1, 10, 100, 1000, 10_000),
    )  # fmt: skip
    save_png(figure, HERE / file)


@one_thread()
def measure() -> None:
    """Append all missing rows."""
    measure_kept()
    measure_searches("inside", plans_inside())
    measure_searches("warm", plans_warm())


def page() -> str:
    """Draw the figures; return the text of README.md."""
    inside, warm = read_searches("inside"), read_searches("warm")
    usual = warm[(warm["tasks"] == "nb201") & (warm["task"] != "nb201/cifar100")]
    warm = pd.concat([warm, usual.assign(tasks="nb201, without cifar100")])
    draw(
        inside,
        "space",
        {"all": "whole space", "learned:0.05": "5 %", "learned:0.1": "10 %", "learned:0.2": "20 %"},
    )
    names = {
        "0": "none",
        "5": "5 cells",
        "10": "10 cells",
        "5/second": "5 cells, by gain per second",
    }
    draw(
        warm[(warm["searcher"] == "evolution") & ~warm["tasks"].str.contains("without")],
        "warm_start",
        names,
        "warm",
    )
    speed = speed_ups(inside, "space", "all").rename(
        columns=lambda name: name.replace("learned:", "space of ")
    )
    evolution = speed.set_index(["tasks", "searcher"]).loc[("nb201", "evolution"), "space of 0.05"]
    return f"""# Does a space learned from other tasks speed up search?

A learned space of 5 % of NAS-Bench-201 makes evolution {evolution} times as fast (95 % interval over
runs), but it can exclude the best architecture of a target.

![Evaluations until a best architecture, in the whole space and in learned spaces](inside.png)

`prune_space=0.1` keeps 10 % of the architectures, ranked by a distribution that is fitted to the best architectures of
the sources. `warm_start=5` first evaluates five architectures that cover the best ones of the sources.

Speed-up of learned spaces, by the fraction kept:

{to_markdown(speed)}
Speed-up of [warm starts](warm.png), by the number of initial architectures (`5/second`: chosen by gain per training
second):

{to_markdown(speed_ups(warm, "warm_start", "0").fillna("–"))}
How often the space keeps the best architecture of a target that no source shares a dataset or device with:

{to_markdown(table_kept(pd.read_csv(HERE / "kept.csv")))}
The agreement is the mean rank correlation between the sources. `robust` is accuracy under attack, and its sources are
accuracies without attack, so a search warns (`OtherMetricWarning`).

## How it was run

`python reports/meta/spaces.py` on {DATE} with nasmeta {nm.__version__}, seeds 0, 1, 2, …; 100 runs per task, 30 for
`gp`. Sources are the default sources of each target. A run succeeds with the optimum (NAS-Bench-201) or one of the
best four architectures
(TransNAS-Bench-101); otherwise its evaluations are the size of the space. The speed-up is the geometric mean over tasks
of the ratio of mean evaluations.

## Limits

* Targets share datasets and devices.
* Two settings were chosen on these targets: the weights of the trade-off sources and the number of rejected proposals
  in evolution.
"""


if __name__ == "__main__":
    report(__doc__, HERE / "README.md", page, measure)
