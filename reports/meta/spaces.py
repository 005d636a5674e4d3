"""Learned search spaces and warm starts, every target left out of its sources.

Run with ``python reports/meta/spaces.py``; writes CSV files, figures and README.md into ``reports/meta/spaces``. Each
part adds its rows to its CSV file as they come, so a killed run goes on; ``--parts`` names some of them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from folding import folded  # beside this file
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from scipy.stats import binomtest, rankdata

import nasmeta as nm
from nasmeta.analysis import bootstrap_interval, save_figure, to_markdown
from nasmeta.errors import NasmetaError
from nasmeta.meta import LearnedSpace
from nasmeta.tasks import Task, TaskDistribution, default_sources
from nasmeta.threads import one_thread

HERE = Path(__file__).parent / "spaces"
PARTS = ("kept", "calibration", "inside", "warm")
FRACTIONS = (0.05, 0.1, 0.2)
CURVE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
AGREE = (0.7, 0.8, 0.9)  # sources agree where their mean rank correlation is at least this; known without the target
BINS = (0.2, 0.4, 0.6, 0.8, 0.9)  # borders of the estimated chance
TOP = {"nb201": 1, "tnb101": 4}  # a search has succeeded with one of the best: the optimum, or the best 0.1 %
COLUMNS = (
    "searcher", "space", "warm_start", "task", "label", "seed", "evaluations", "seconds", "regret_10", "regret_20",
    "regret_50",
)  # fmt: skip
MOST = 1500  # evaluations of a run of evolution
NB201, TNB101 = nm.task_distribution("nb201"), nm.task_distribution("tnb101")


# -- rows of a CSV file, kept as they come ---------------------------------------------------------------------------
class Rows:
    """A CSV file that knows which keys it has."""

    cpu_seconds = float("inf")

    def __init__(self, path: Path, keys: list[str]) -> None:
        self.path, self.keys = path, keys
        there = pd.read_csv(path, keep_default_na=True, dtype={"warm_start": str}) if path.exists() else None
        self.done = set() if there is None else set(map(tuple, there[keys].astype(str).to_numpy().tolist()))

    def add(self, rows: Iterable[dict[str, object]]) -> None:
        """Append rows; stop where the time that was given is used up."""
        frame = pd.DataFrame(list(rows))
        frame.to_csv(self.path, mode="a", header=not self.path.exists(), index=False, float_format="%.6g")
        self.done |= set(map(tuple, frame[self.keys].astype(str).to_numpy().tolist()))
        if time.process_time() > Rows.cpu_seconds:
            raise SystemExit(75)

    def has(self, *key: object) -> bool:
        """Tell whether there is a row of this key."""
        return tuple(map(str, key)) in self.done


# -- does a fraction keep the best cell of the target? ---------------------------------------------------------------
def cases() -> Iterator[tuple[str, Task, TaskDistribution]]:
    """Yield (group, target, its sources): whatever the target holds out is in no source."""
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


def position_of_best(learnt: LearnedSpace, target: Task) -> float:
    """Return at which fraction of the learnt order the first of the target's best cells stands."""
    ranks = np.flatnonzero(np.isin(learnt.order, target.optimal_cells))
    return float(ranks[0] + 1) / target.space.n_cells


def run_kept() -> None:
    """Learn a space for every target; see where its best cell stands."""
    rows = Rows(HERE / "kept.csv", ["target"])
    for group, target, sources in cases():
        if rows.has(target.name):
            continue
        learnt = LearnedSpace.learn(target.space, sources)
        rows.add(
            [
                {
                    "group": group,
                    "target": target.name,
                    "sources": len(sources),
                    "labels": learnt.labels,
                    "agreement": agreement(sources),
                    "position": position_of_best(learnt, target),
                    **{f"chance_{fraction:g}": learnt.chance.at(fraction) for fraction in FRACTIONS},
                }
            ]
        )
        print(group, target.name, flush=True)


def run_calibration(subsets: int) -> None:
    """Learn from random subsets of the sources: does the estimated chance come true?"""
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
            learnt = LearnedSpace.learn(target.space, some)
            position = position_of_best(learnt, target)
            rows.add(
                {
                    "group": group,
                    "target": target.name,
                    "subset": subset,
                    "sources": size,
                    "fraction": fraction,
                    "chance": learnt.chance.at(fraction),
                    "kept": int(position <= fraction),
                }
                for fraction in CURVE
            )
        print(group, target.name, flush=True)


# -- searches ---------------------------------------------------------------------------------------------------------
def best_cells(task: Task) -> np.ndarray:
    """Return the cells of which a search must find one."""
    utilities = task.sign * task.values
    return np.flatnonzero(utilities >= np.sort(utilities)[-TOP[task.table_name]])


def holds_none(task: Task, fraction: float | None) -> bool:
    """Tell whether a learned space holds none of the best cells: no run need be made to know its outcome."""
    if fraction is None:
        return False
    learnt = LearnedSpace.learn(task.space, sources_of(task), fraction)
    return not np.isin(best_cells(task), learnt.cells).any()


def evaluations_needed(frame: pd.DataFrame, task: Task) -> list[dict[str, object]]:
    """Return one row a run: evaluations and seconds until one of the best cells, and regret on the way."""
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
    """Return a share with the number behind it."""
    return f"{100 * values.mean():.0f} % ({int(values.sum())} of {len(values)})"


def table_kept(kept: pd.DataFrame) -> pd.DataFrame:
    """One row a group of targets."""
    kept = kept.assign(on=[nm.get_task(name).held_out[0] for name in kept["target"]])  # data set or device
    attacked = kept["group"] == "robust"
    groups = [*((group, kept["group"] == group) for group in dict.fromkeys(kept["group"]))]
    for least in AGREE:
        agree = kept["agreement"] >= least
        groups.append((f"**sources agree (≥ {least:g}), accuracy under attack left out**", agree & ~attacked))
        groups.append((f"**sources agree (≥ {least:g}), all**", agree))
    groups.append(("all but robust", ~attacked))
    groups.append(("all", kept["group"] != ""))
    rows = []
    for group, chosen in groups:
        part = kept[chosen]
        whole = (part["position"] <= 0.1).groupby(part["on"]).all()
        rows.append(
            {
                "targets": group,
                "cases": len(part),
                "agreement of sources": f"{part['agreement'].min():.2f} to {part['agreement'].max():.2f}",
                **{f"kept by {100 * f:g} %": percent(part["position"] <= f) for f in FRACTIONS},
                "data sets or devices of which 10 % keep all cases": of_all(int(whole.sum()), len(whole)),
                "mean estimated chance at 10 %": f"{part['chance_0.1'].mean():.2f}",
                "worst position": f"{100 * part['position'].max():.1f} %",
            }
        )
    return pd.DataFrame(rows)


def of_all(count: int, n: int) -> str:
    """Return a count of independent targets with the exact 95 % interval of the share."""
    interval = binomtest(count, n).proportion_ci(method="exact")
    return f"{count} of {n} [{100 * interval.low:.0f} to {100 * interval.high:.0f} %]"


def table_bins(calibration: pd.DataFrame) -> pd.DataFrame:
    """One row a group of targets, one column a range of the estimated chance: mean chance, share kept, cases."""
    edges = (0, *BINS, 1)
    rows = []
    for group in ("tnb101", "latency", "within", "tradeoff"):
        part = calibration[calibration["group"] == group]
        bins = np.digitize(part["chance"], BINS)
        row = {"targets": group}
        for b in range(len(edges) - 1):
            some = part[bins == b]
            said = f"{some['chance'].mean():.2f} → {some['kept'].mean():.2f} ({len(some)})" if len(some) else "–"
            row[f"{edges[b]:g} to {edges[b + 1]:g}"] = said
        rows.append(row)
    return pd.DataFrame(rows)


def brier(calibration: pd.DataFrame) -> pd.DataFrame:
    """Mean squared error of the estimated chance, beside constants."""
    rows = []
    for group, part in [*calibration.groupby("group", sort=False), ("all", calibration)]:
        base = np.empty(len(part))
        for target in part["target"].unique():  # the constant is that of the other targets, per fraction
            own = (part["target"] == target).to_numpy()
            rest = part[~own] if (~own).any() else part
            base[own] = part["fraction"][own].map(rest.groupby("fraction")["kept"].mean())
        rows.append(
            {
                "targets": group,
                "cases": part.groupby(["target", "subset"]).ngroups,
                "estimated chance": f"{((part['chance'] - part['kept']) ** 2).mean():.3f}",
                "share kept on the other targets": f"{((base - part['kept']) ** 2).mean():.3f}",
                "always one half": f"{((0.5 - part['kept']) ** 2).mean():.3f}",
                "mean chance": f"{part['chance'].mean():.2f}",
                "kept": f"{part['kept'].mean():.2f}",
            }
        )
    return pd.DataFrame(rows)


def plot_chance(calibration: pd.DataFrame) -> plt.Figure:
    """Draw the share kept against the estimated chance; intervals by drawing targets anew."""
    figure, axis = plt.subplots(figsize=(5.4, 5.6), layout="constrained")
    axis.plot([0, 1], [0, 1], color="0.6", lw=1, ls="--", label="calibrated")
    kind = calibration["group"].map({"tnb101": "TransNAS-Bench-101", "within": "budgets", "tradeoff": "trade-offs"})
    kind = kind.fillna("accuracy, latency, energy of NAS-Bench-201")
    for k, (name, cases) in enumerate(calibration.groupby(kind, sort=False)):
        bins = np.digitize(cases["chance"], BINS)
        for b in range(len(BINS) + 1):
            part = cases[bins == b]
            if len(part) < 10:
                continue
            by_target = part.groupby("target")["kept"].agg(["sum", "count"])
            sums, counts = by_target["sum"].to_numpy(), by_target["count"].to_numpy()
            draws = np.random.default_rng(0).integers(len(sums), size=(2000, len(sums)))
            low, high = np.quantile(sums[draws].sum(axis=1) / counts[draws].sum(axis=1), [0.025, 0.975])
            x, y = part["chance"].mean() + 0.006 * (2 * k - 3), part["kept"].mean()
            label = name if b == len(BINS) else None
            axis.errorbar(
                x, y, yerr=[[max(y - low, 0)], [max(high - y, 0)]], fmt="os^D"[k], color=f"C{k}", capsize=3, label=label
            )
    axis.set(
        xlabel="estimated chance that the best cell is kept", ylabel="share of cases where it was",
        xlim=(0, 1.02), ylim=(-0.02, 1.02),
    )  # fmt: skip
    figure.legend(frameon=False, loc="outside lower center", ncols=2, fontsize="small")
    return figure


def needed(searches: pd.DataFrame) -> pd.Series:
    """Return evaluations; a run that did not find one of the best counts as the whole space."""
    whole = searches["task"].map(lambda name: nm.get_task(name).space.n_cells)
    return searches["evaluations"].fillna(whole)


def cell_of(part: pd.DataFrame, column: pd.Series) -> str:
    """Return mean, interval and, where some runs failed, the share that succeeded."""
    values = column[part.index].to_numpy(dtype=float)
    low, high = bootstrap_interval(values)
    failed = part["evaluations"].isna().mean()
    return f"{values.mean():,.0f} [{low:,.0f}, {high:,.0f}]" + (
        f", found by {100 * (1 - failed):.0f} %" if failed else ""
    )


def table_of(searches: pd.DataFrame, by: str) -> pd.DataFrame:
    """One row a task and searcher, one column a value of `by`."""
    column = needed(searches)
    rows = []
    for (task, searcher), part in searches.groupby(["task", "searcher"], sort=False):
        row = {"task": task, "searcher": searcher, "runs": int(part["seed"].nunique())}
        for value, some in part.groupby(by, sort=False):
            row[str(value)] = cell_of(some, column)
        rows.append(row)
    return pd.DataFrame(rows).fillna("–")


def speed_ups(searches: pd.DataFrame, by: str, base: str, unusual: Iterable[str] = ()) -> pd.DataFrame:
    """Geometric mean over tasks of mean evaluations without over with; intervals by drawing runs anew.

    Tasks of NAS-Bench-201 that are unusual are also left out, in rows of their own.
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


def plot_needed(searches: pd.DataFrame, by: str, searchers: Iterable[str]) -> plt.Figure:
    """Draw mean evaluations with intervals, one panel a searcher, one colour a value of `by`."""
    searchers = list(searchers)
    searches = searches.assign(needed=needed(searches))
    tasks = list(dict.fromkeys(searches["task"]))
    figure, axes = plt.subplots(
        1, len(searchers), figsize=(4.2 * len(searchers), 4.8), layout="constrained", sharey=True, squeeze=False
    )
    values = list(dict.fromkeys(searches[by]))
    for axis, searcher in zip(axes[0], searchers, strict=True):
        for k, value in enumerate(values):
            for y, task in enumerate(tasks):
                part = searches[
                    (searches["searcher"] == searcher) & (searches[by] == value) & (searches["task"] == task)
                ]
                if not len(part):
                    continue
                numbers = part["needed"].to_numpy(dtype=float)
                low, high = bootstrap_interval(numbers)
                mean, at = numbers.mean(), y + (k - (len(values) - 1) / 2) * 0.17
                errors = [[max(mean - float(low), 0)], [max(float(high) - mean, 0)]]
                mark = "x" if part["evaluations"].isna().any() else "o"
                label = str(value) if y == 0 else None
                axis.errorbar(mean, at, xerr=errors, fmt=mark, color=f"C{k}", ms=4, capsize=2, lw=1, label=label)
        axis.set(xscale="log", title=searcher, xlabel="evaluations (mean, 95 % interval)")
        axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.grid(axis="x", color="0.9")
        axis.set_yticks(range(len(tasks)), tasks)
    axes[0][0].invert_yaxis()
    axes[0][0].legend(title=by.replace("_", " "), frameon=False, fontsize=8, title_fontsize=8)
    return figure


def write() -> None:
    """Write tables and figures of the parts that are there."""
    tables: dict[str, str] = {}
    frames = {
        part: pd.read_csv(HERE / f"{part}.csv", dtype={"warm_start": str})
        for part in PARTS
        if (HERE / f"{part}.csv").exists()
    }
    if "kept" in frames:
        tables["kept"] = to_markdown(table_kept(frames["kept"]))
    if "calibration" in frames:
        tables["calibration"] = to_markdown(brier(frames["calibration"]))
        tables["bins"] = to_markdown(table_bins(frames["calibration"]))
        save_figure(plot_chance(frames["calibration"]), HERE / "chance")
    for part, by, base in (("inside", "space", "all"), ("warm", "warm_start", "0")):
        if part in frames:
            tables[part] = to_markdown(table_of(frames[part], by))
            tables[f"{part}_speed"] = to_markdown(
                speed_ups(frames[part], by, base, ("cifar100",) if part == "warm" else ())
            )
            save_figure(plot_needed(frames[part], by, dict.fromkeys(frames[part]["searcher"])), HERE / part)
    template = (HERE.parent / "spaces.md").read_text(encoding="utf-8")
    for part in ("kept", "calibration", "bins", "inside", "inside_speed", "warm", "warm_speed"):
        template = template.replace(f"<!-- {part} -->", tables.get(part, "(not measured)"))
    (HERE / "README.md").write_text(folded(template).rstrip() + "\n", encoding="utf-8")


def main() -> None:
    """Run the parts, then write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--slow-runs", type=int, default=30, help="runs of gp")
    parser.add_argument("--subsets", type=int, default=20, help="for TransNAS-Bench-101; a fifth elsewhere")
    parser.add_argument("--cpu-seconds", type=float, help="stop with status 75 after so long; the next call goes on")
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
    write()


if __name__ == "__main__":
    main()
