"""The page on other packages' optimisers, from one row per run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from nasmeta.analysis import bootstrap_interval, to_markdown
from reports.common import with_interval
from reports.drawing import curves, save_png

PEERS = (
    "botorch-features",
    "botorch",
    "syne-tune-cqr",
    "smac",
    "syne-tune-bore",
    "optuna-tpe",
    "syne-tune-kde",
)
PLAIN = ("gp", "gp-positions", "gp-default", "random", *PEERS)
TRANSFER = ("meta", "rgpe", "rgpe-vanilla", "syne-tune-quantile-copula")
PACKAGES = (
    "numpy",
    "torch",
    "botorch",
    "gpytorch",
    "optuna",
    "smac",
    "ConfigSpace",
    "syne-tune",
    "xgboost",
)


def read(path: Path, cap: int) -> pd.DataFrame:
    """Read the runs; one that found none of the best has one evaluation more than the budget."""
    runs = pd.read_csv(path)
    return runs.assign(needed=runs["needed"].where(runs["needed"] > 0, cap + 1))


def differences(runs: pd.DataFrame, own: str, peer: str) -> pd.DataFrame:
    """Return the evaluations of a peer minus the own ones: a row per task, a column per seed."""
    table = runs.pivot(index="task", columns=["searcher", "seed"], values="needed")
    return (table[peer] - table[own]).dropna(how="all")


def against(runs: pd.DataFrame, owns: tuple[str, ...], peers: tuple[str, ...], cap: int) -> str:
    """Return a table with one row per searcher: runs with success, evaluations, differences, and the time."""
    rows = []
    for name in (*owns, *peers):
        own_runs = runs[runs["searcher"] == name]
        row = {
            "searcher": f"`{name}`",
            "found (%)": f"{100 * (own_runs['needed'] <= cap).mean():.1f}",
        }
        row["evaluations"] = f"{own_runs['needed'].mean():.1f}"
        for own in owns:
            more = differences(runs, own, name).mean(axis=1)
            row[f"minus `{own}`"] = "" if name == own else with_interval(more, ".1f")
        row["ms per step"] = f"{own_runs['ms'].median():.0f}"
        rows.append(row)
    return to_markdown(pd.DataFrame(rows))


def behind(runs: pd.DataFrame, own: str, peers: tuple[str, ...]) -> dict[str, list[str]]:
    """Return the peers that need fewer evaluations than a searcher beyond the 95 % interval over seeds, by task."""
    found: dict[str, list[str]] = {str(task): [] for task in runs["task"].unique()}
    for peer in peers:
        for task, more in differences(runs, own, peer).iterrows():
            found[str(task)] += [peer] if bootstrap_interval(more.dropna())[1] < 0 else []
    return found


def sentence(runs: pd.DataFrame, own: str, peers: tuple[str, ...]) -> str:
    """Return on how many tasks no peer is better than a searcher, and where one is."""
    lost = behind(runs, own, peers)
    where = "; ".join(
        f"{task} ({', '.join(f'`{p}`' for p in better)})" for task, better in lost.items() if better
    )
    kept = sum(not better for better in lost.values())
    text = f"On {kept} of {len(lost)} tasks, no other package needs significantly fewer evaluations than `{own}`"
    return text + (f"; exceptions: {where}." if where else ".")


def draw(parts: dict[str, pd.DataFrame], path: Path) -> None:
    """Draw the share of the runs that have found one of the best, by evaluations."""
    lines = []
    for panel, runs in parts.items():
        x = np.arange(1, int(runs["needed"].max()))
        for name, needed in runs.groupby("searcher")["needed"]:
            y = 100 * (needed.to_numpy()[:, None] <= x).mean(axis=0)
            lines.append(pd.DataFrame({"panel": panel, "name": name, "x": x, "y": y}))
    figure = curves(
        pd.concat(lines), "evaluations", y="runs that found one of the best 0.1 % (%)", ends=True
    )
    save_png(figure, path)


def page(folder: Path, caps: dict[str, int]) -> str:
    """Draw the picture; return the text of README.md."""
    plain, transfer = (read(folder / file, cap) for file, cap in caps.items())
    draw({"without sources": plain, "with sources (gp-default: none)": transfer}, folder / "found")
    cap, with_sources = caps.values()
    seeds = plain["seed"].nunique()
    tasks, on_positions = (
        plain["task"].unique(),
        tuple(peer for peer in PEERS if peer != "botorch-features"),
    )
    families = {task.rpartition("/")[0] for task in tasks}
    found = 100 * (plain["needed"] <= cap).groupby(plain["searcher"]).mean()
    best = found[[*on_positions]].idxmax()
    runs = transfer.groupby("searcher")["seed"].nunique()
    few = "".join(f" (`{name}`: {n})" for name, n in runs[runs < runs.max()].items())
    return f"""# How do other packages' optimisers compare with nasmeta's?

Within {cap} evaluations, the first ten at random, `gp` finds one of the best 0.1 % of the architectures in
{found["gp"]:.1f} % of its runs. Optimisers of other packages, which read only positions, do so in
at most {found[best]:.1f} % (`{best}`). With equal inputs the difference is smaller: on positions, `gp` finds one in
{found["gp-positions"]:.1f} %; on the features of `gp`, BoTorch finds one in {found["botorch-features"]:.1f} %.

![Share of the runs that found one of the best architectures](found.png)

## Without sources

{against(plain, ("gp", "gp-positions"), ("gp-default", "random", *PEERS), cap)}
{len(tasks)} tasks of {len(families)} families with {seeds} seeds each. *Evaluations* until one of the best 0.1 %
is found; a run that finds none counts as {cap + 1}. *Minus*: the difference in runs of the same task and seed, with a
95 % interval over tasks; positive if the searcher of the column needs fewer. *Significantly fewer*: the 95 % interval
of this difference over the task's seeds is below 0. Time: median processor milliseconds.

**Inputs**: the other packages read the choice at each position. `gp` reads features, such as edges, paths and operation
counts; `gp-positions` is `gp` with both kernels on positions, and `botorch-features` is BoTorch's `SingleTaskGP` on the
features of `gp`, scaled to [0, 1]. On `hpobench-mlp`, the features are the positions.

**Design**: `gp`, `gp-positions` and BoTorch first evaluate ten random architectures, as Optuna's TPE and SMAC (a Sobol
design) do by default. Three keep their defaults, and are to be compared with each other: five for `gp-default` and
`syne-tune-cqr`, six for `syne-tune-bore`.
`syne-tune-kde` has `num_min_data_points=10` and fits its first model after 17 values (16 on `graph` and
`hpobench-mlp`); with its default, it fits no model within {cap} evaluations.

{sentence(plain, "gp", PEERS)}
{sentence(plain, "gp-positions", on_positions)}

## With sources

{against(transfer, ("meta",), ("gp-default", *TRANSFER[1:]), with_sources)}
{transfer["task"].nunique()} tasks of NAS-Bench-201 and TransNAS-Bench-101, {transfer["seed"].nunique()} seeds{few}, at
most {with_sources} evaluations ({with_sources + 1} if none is found); the sources are the other tasks of the family
with all labels.
{sentence(transfer, "meta", TRANSFER[-1:])}

## How it was run

`python reports/peers/run.py`, one thread per run. Every peer has its default settings, and the budget if it has a
setting for it, except for `syne-tune-kde` (above). Two are limited to save time: a fit of `botorch-features` ends after
100 steps of L-BFGS, and `syne-tune-cqr` is fitted after every fourth value. `setup.json` lists the package versions.

## Limits

* The priors of `gp` were chosen on tasks of all families, with other seeds.
* With {seeds} seeds per task, only large differences on a single task are visible.
* Left out to save time: `syne-tune-gp` and the tasks of `fcnet`, on which BoTorch needs seconds per step.
"""
