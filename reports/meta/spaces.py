"""Measure learned search spaces and warm starts; the sources exclude the target's dataset and device.

Run ``python reports/meta/spaces.py``. It writes CSV files, a figure and README.md to ``reports/meta/spaces``. Each part
appends rows to its CSV file, so an interrupted run resumes. ``--parts ""`` only rewrites the page.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

sys.path.insert(0, str(Path(__file__).parent.parent))

from drawing import dot_plot, in_order

import nasmeta as nm
from nasmeta.analysis import bootstrap_interval, save_figure, to_markdown
from nasmeta.errors import NasmetaError
from nasmeta.meta import LearnedSpace
from nasmeta.pictures import task_title
from nasmeta.tasks import Task, TaskDistribution, default_sources
from nasmeta.threads import one_thread

HERE = Path(__file__).parent / "spaces"
DATE = "2026-11-25 (`gp`: 2026-11-29)"  # of the CSV files
PARTS = ("kept", "calibration", "inside", "warm")
FRACTIONS = (0.05, 0.1, 0.2)
CURVE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
AGREE = 0.8  # sources agree if their mean rank correlation is at least this
TOP = {"nb201": 1, "tnb101": 4}  # a search has succeeded with one of the best: the optimum, or the best 0.1 %
COLUMNS = (
    "searcher", "space", "warm_start", "task", "label", "seed", "evaluations", "seconds", "regret_10", "regret_20",
    "regret_50",
)  # fmt: skip
MOST = 1500  # evaluations of a run of evolution
NB201, TNB101 = nm.task_distribution("nb201"), nm.task_distribution("tnb101")


# -- rows of a CSV file, kept as they come ---------------------------------------------------------------------------
class Rows:
    """A CSV file and the keys of its rows."""

    cpu_seconds = float("inf")

    def __init__(self, path: Path, keys: list[str]) -> None:
        self.path, self.keys = path, keys
        there = pd.read_csv(path, keep_default_na=True, dtype={"warm_start": str}) if path.exists() else None
        self.done = set() if there is None else set(map(tuple, there[keys].astype(str).to_numpy().tolist()))

    def add(self, rows: Iterable[dict[str, object]]) -> None:
        """Append rows; stop if the time limit is reached."""
        frame = pd.DataFrame(list(rows))
        frame.to_csv(self.path, mode="a", header=not self.path.exists(), index=False, float_format="%.6g")
        self.done |= set(map(tuple, frame[self.keys].astype(str).to_numpy().tolist()))
        if time.process_time() > Rows.cpu_seconds:
            raise SystemExit(75)

    def has(self, *key: object) -> bool:
        """Whether the file has a row with this key."""
        return tuple(map(str, key)) in self.done


# -- does a fraction keep the best cell of the target? ---------------------------------------------------------------
def cases() -> Iterator[tuple[str, Task, TaskDistribution]]:
    """Yield group, target and sources; no source shares the target's dataset or device."""
    for dataset in ("cifar10", "cifar100", "imagenet16-120"):
        for form in ("", "#777", "#888", "#999", "@12ep"):
            task = nm.get_task(f"nb201/{dataset}{form}")
            yield ("nb201, 12 epochs" if "@" in form else "nb201, seeds" if form else "nb201"), task, sources_of(task)
    for task in nm.task_distribution("nb201/tradeoff"):
        yield "tradeoff", task, sources_of(task)
    for family in ("tnb101", "nb201/latency", "nb201/energy", "nb201/within"):
        for _, sources, target in nm.task_distribution(family).splits(by="task"):
            yield family.removeprefix("nb201/"), target[0], sources
    for task in nm.task_distribution("nb201/robust"):
        yield "robust", task, sources_of(task)


def sources_of(task: Task) -> TaskDistribution:
    """Return the sources of a target by default."""
    return default_sources(task)


def agreement(sources: TaskDistribution) -> float:
    """Return the mean rank correlation between the sources, on cells that all have labelled."""
    values = np.stack([source.sign * source.values for source in sources])
    ranks = rankdata(values[:, ~np.isnan(values).any(axis=0)], axis=1)
    correlation = np.corrcoef(ranks)[np.triu_indices(len(ranks), 1)] if len(ranks) > 1 else np.array([np.nan])
    return float(correlation.mean())


def position_of_best(learned: LearnedSpace, target: Task) -> float:
    """Return the relative position of the first best cell of the target in the learned order."""
    ranks = np.flatnonzero(np.isin(learned.order, target.optimal_cells))
    return float(ranks[0] + 1) / target.space.n_cells


def run_kept() -> None:
    """Learn a space for every target; record the position of its best cell."""
    rows = Rows(HERE / "kept.csv", ["target"])
    for group, target, sources in cases():
        if rows.has(target.name):
            continue
        learned = LearnedSpace.learn(target.space, sources)
        rows.add(
            [
                {
                    "group": group,
                    "target": target.name,
                    "sources": len(sources),
                    "labels": learned.labels,
                    "agreement": agreement(sources),
                    "position": position_of_best(learned, target),
                    **{f"chance_{fraction:g}": learned.chance.at(fraction) for fraction in FRACTIONS},
                }
            ]
        )
        print(group, target.name, flush=True)


def run_calibration(subsets: int) -> None:
    """Learn from random subsets of the sources; record the estimated chance and the outcome."""
    rows = Rows(HERE / "calibration.csv", ["target", "subset"])
    for group, target, sources in cases():
        if group == "robust" or "#" in target.name:
            continue
        for subset in range(1 if len(sources) < 3 else subsets if group == "tnb101" else max(1, subsets // 5)):
            if rows.has(target.name, subset):
                continue
            rng = np.random.default_rng([subset, len(target.name)])
            size = len(sources) if len(sources) < 3 else int(rng.integers(2, min(len(sources), 8)))
            some = TaskDistribution(sources.sample(size, rng, replace=False))
            learned = LearnedSpace.learn(target.space, some)
            position = position_of_best(learned, target)
            rows.add(
                {
                    "group": group,
                    "target": target.name,
                    "subset": subset,
                    "sources": size,
                    "fraction": fraction,
                    "chance": learned.chance.at(fraction),
                    "kept": int(position <= fraction),
                }
                for fraction in CURVE
            )
        print(group, target.name, flush=True)


# -- searches ---------------------------------------------------------------------------------------------------------
def best_cells(task: Task) -> np.ndarray:
    """Return the best cells; a run succeeds with any of them."""
    utilities = task.sign * task.values
    return np.flatnonzero(utilities >= np.sort(utilities)[-TOP[task.table_name]])


def holds_none(task: Task, fraction: float | None) -> bool:
    """Whether a learned space lacks all best cells, so that its runs cannot succeed."""
    if fraction is None:
        return False
    learned = LearnedSpace.learn(task.space, sources_of(task), fraction)
    return not np.isin(best_cells(task), learned.cells).any()


def evaluations_needed(frame: pd.DataFrame, task: Task) -> list[dict[str, object]]:
    """Return one row per run: evaluations and seconds until a best cell, and regrets."""
    best, found = best_cells(task), []
    for (searcher, seed), run in frame.groupby(["searcher", "seed"], observed=True):
        hits = np.flatnonzero(run["cell"].isin(best))
        at = {n: run["regret"].to_numpy()[min(n, len(run)) - 1] for n in (10, 20, 50)}
        found.append(
            {
                "task": task.name,
                "label": searcher,
                "seed": seed,
                "evaluations": hits[0] + 1 if len(hits) else np.nan,
                "seconds": run["simulated_seconds"].iloc[hits[0]] if len(hits) else np.nan,
                **{f"regret_{n}": regret for n, regret in at.items()},
            }
        )
    return found


def run_searches(name: str, plans: Iterable[tuple[Task, str, int, int, dict[str, Any]]]) -> None:
    """Run each plan of (task, searcher, runs, budget, options)."""
    rows = Rows(HERE / f"{name}.csv", ["task", "label"])
    for task, searcher, runs, budget, options in plans:
        fraction = options["prune_space"]
        space = "all" if fraction is None else f"learned:{fraction:g}"
        label = f"{searcher} {space} {options['warm_start']}"
        if rows.has(task.name, label):
            continue
        if name == "warm" and options["warm_start"] == "0" and (HERE / "inside.csv").exists():
            same = pd.read_csv(HERE / "inside.csv", dtype={"warm_start": str})  # the same runs
            same = same[(same["task"] == task.name) & (same["label"] == label)]
            if len(same) == runs:
                rows.add(same.to_dict("records"))
                continue
        if holds_none(task, fraction):
            found: list[dict[str, object]] = [{"task": task.name, "label": label, "seed": seed} for seed in range(runs)]
        else:
            frame = nm.compare(
                {label: (searcher, options)}, task, repeats=runs, evaluations=budget, stop_at_optimum=True
            )
            found = evaluations_needed(frame, task)
        rows.add(
            dict.fromkeys(COLUMNS) | {"searcher": searcher, "space": space, "warm_start": options["warm_start"]} | row
            for row in found
        )
        print(task.name, label, flush=True)


def plans_inside(runs: int) -> Iterator[tuple[Task, str, int, int, dict[str, Any]]]:
    """Random search and evolution, outside and inside three fractions."""
    for task in (*NB201, *TNB101):
        for searcher in ("random", "evolution"):
            for fraction in (None, *FRACTIONS):
                budget = task.space.n_cells if searcher == "random" else MOST
                yield task, searcher, runs, budget, {"prune_space": fraction, "warm_start": "0"}


def plans_warm(runs: int, slow_runs: int) -> Iterator[tuple[Task, str, int, int, dict[str, Any]]]:
    """Evolution with 0, 5 and 10 first cells and 5 chosen per second; gp with 0 and 5."""
    for searcher, budget, tasks in (
        ("evolution", MOST, (*NB201, *TNB101)), ("gp", 300, NB201),
    ):  # fmt: skip
        for task in tasks:
            n = slow_runs if searcher == "gp" else runs
            for warm_start in ("0", "5") if searcher == "gp" else ("0", "5", "10", "5/second"):
                most = min(budget, task.space.n_cells)
                yield task, searcher, n, most, {"prune_space": None, "warm_start": warm_start}


# -- tables and figures ----------------------------------------------------------------------------------------------
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


def brier(calibration: pd.DataFrame) -> tuple[float, float]:
    """Return the mean squared errors of the estimated chance and of the share kept on all other targets."""
    base = pd.Series(np.nan, index=calibration.index)
    for target in calibration["target"].unique():
        is_target = calibration["target"] == target
        shares = calibration[~is_target].groupby("fraction")["kept"].mean()
        base[is_target] = calibration["fraction"][is_target].map(shares)
    kept = calibration["kept"]
    return float(((calibration["chance"] - kept) ** 2).mean()), float(((base - kept) ** 2).mean())


def needed(searches: pd.DataFrame) -> pd.Series:
    """Return evaluations; a run without one of the best cells gets the size of the space."""
    whole = searches["task"].map(lambda name: nm.get_task(name).space.n_cells)
    return searches["evaluations"].fillna(whole)


def speed_ups(searches: pd.DataFrame, by: str, base: str, unusual: Iterable[str] = ()) -> pd.DataFrame:
    """Return the geometric mean over tasks of mean evaluations without over with, and bootstrap intervals over runs.

    Additional rows exclude each unusual task of NAS-Bench-201.
    """
    searches = searches.assign(needed=needed(searches))
    rng = np.random.default_rng(0)
    rows = []
    groups = searches.groupby([searches["task"].str.partition("/")[0], "searcher"], sort=False)
    parts = [(str(table), searcher, part) for (table, searcher), part in groups]
    for without in unusual:
        parts += [(f"{t}, without {without}", s, p[p["task"] != f"{t}/{without}"]) for t, s, p in parts if t == "nb201"]
    for tasks, searcher, part in parts:
        row = {"tasks": tasks, "searcher": searcher}
        for value in part[by].unique():
            if value == base:
                continue
            logs = []
            for task in part.loc[part[by] == value, "task"].unique():
                means = []
                for which in (base, value):
                    values = part[(part["task"] == task) & (part[by] == which)]["needed"].to_numpy(dtype=float)
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
    searches = searches.assign(needed=needed(searches))
    rows = []
    for (searcher, value, task), part in searches.groupby(["searcher", by, "task"], sort=False):
        low, high = bootstrap_interval(part["needed"].to_numpy(dtype=float))
        rows.append((searcher, task_title(task), names[value], part["needed"].mean(), float(low), float(high)))
    frame = pd.DataFrame(rows, columns=["panel", "row", "name", "mean", "low", "high"])
    figure = dot_plot(
        frame, "evaluations until one of the best, log scale", looks=in_order(names.values()), log=True,
        title="mean and 95 % interval over runs", ticks=(1, 10, 100, 1000, 10_000),
    )  # fmt: skip
    save_figure(figure, HERE / file, formats=("png",))


def write_page() -> None:
    """Write the figure and README.md from the CSV files."""
    kept, calibration, inside, warm = (pd.read_csv(HERE / f"{part}.csv", dtype={"warm_start": str}) for part in PARTS)
    estimated, constant = brier(calibration)
    draw(inside, "space", {"all": "whole space", "learned:0.05": "5 %", "learned:0.1": "10 %", "learned:0.2": "20 %"})
    names = {"0": "none", "5": "5 cells", "10": "10 cells", "5/second": "5 cells, by gain per second"}
    draw(warm[warm["searcher"] == "evolution"], "warm_start", names, "warm")
    speed = speed_ups(inside, "space", "all").rename(columns=lambda name: name.replace("learned:", "space of "))
    evolution = speed.set_index(["tasks", "searcher"]).loc[("nb201", "evolution"), "space of 0.05"]
    text = f"""# Does a space learned from other tasks speed up search?

A learned space of 5 % of NAS-Bench-201 makes evolution {evolution} times as fast (95 % interval over
runs), but it can exclude the best architecture of a target.

![Evaluations until a best architecture, in the whole space and in learned spaces](inside.png)

`prune_space=0.1` keeps 10 % of the architectures, ranked by a distribution that is fitted to the best architectures of
the sources. `warm_start=5` first evaluates five architectures that cover the best ones of the sources.

Speed-up of learned spaces, by the fraction kept:

{to_markdown(speed)}
Speed-up of [warm starts](warm.png), by the number of initial architectures (`5/second`: chosen by gain per training
second):

{to_markdown(speed_ups(warm, "warm_start", "0", ("cifar100",)).fillna("–"))}
How often the space keeps the best architecture of a target that no source shares a dataset or device with:

{to_markdown(table_kept(kept))}
The agreement is the mean rank correlation between the sources. `robust` is accuracy under attack, and its sources are
accuracies without attack, so a search warns (`OtherMetricWarning`).

## How it was run

`python reports/meta/spaces.py` on {DATE} with nasmeta {nm.__version__}, seeds 0, 1, 2, …; 100 runs per task, 30 for
`gp`. Sources are the default sources of each target. A run succeeds with the optimum (NAS-Bench-201) or one of the
best four architectures
(TransNAS-Bench-101); otherwise its evaluations are the size of the space. The speed-up is the geometric mean over tasks
of the ratio of mean evaluations.

## Limits

* The chance that `LearnedSpace` reports is not better than a constant: its Brier score is {estimated:.3f}; the share
  kept on the other targets scores {constant:.3f}.
* Targets share datasets and devices.
* Two settings were chosen on these targets: the weights of the trade-off sources and the number of rejected proposals
  in evolution.
"""
    (HERE / "README.md").write_text(text, encoding="utf-8")


def main() -> None:
    """Run the parts, then write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--slow-runs", type=int, default=30, help="runs of gp")
    parser.add_argument("--subsets", type=int, default=20, help="for TransNAS-Bench-101; a fifth elsewhere")
    parser.add_argument("--cpu-seconds", type=float, help="stop with status 75 after this time; the next call resumes")
    arguments = parser.parse_args()
    Rows.cpu_seconds = arguments.cpu_seconds or Rows.cpu_seconds
    HERE.mkdir(parents=True, exist_ok=True)
    parts = [part for part in arguments.parts.split(",") if part]
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        raise NasmetaError(f"There is no part {unknown[0]!r}. Possible: {', '.join(PARTS)}.")
    with one_thread():
        if "kept" in parts:
            run_kept()
        if "calibration" in parts:
            run_calibration(arguments.subsets)
        if "inside" in parts:
            run_searches("inside", plans_inside(arguments.runs))
        if "warm" in parts:
            run_searches("warm", plans_warm(arguments.runs, arguments.slow_runs))
    write_page()


if __name__ == "__main__":
    main()
