"""Runs of two searchers on the same task with the same seed: who needs fewer evaluations, and where none can tell."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeAlias

import numpy as np
import pandas as pd

from nasmeta.analysis import bootstrap_interval

ALWAYS_THE_SAME = ("syne-tune-zero-shot",)  # whatever the seed, where the sources are complete: run once
Lead: TypeAlias = "tuple[str, np.ndarray]"  # a peer, and how many evaluations fewer it needs in each paired run
FEW_RUNS = 5  # fewer than these have no interval and decide nothing
NEARLY = 0.9  # who needs at least this share of another's evaluations does hardly better
VERDICTS = ("won", "tied", "lost", "neither found one")
HELP = {  # a searcher that does as well, and whether it does better
    ("random", False): "the model hardly helps", ("random", True): "the model does not help",
    ("gp", False): "the sources hardly help", ("gp", True): "the sources do not help",
}  # fmt: skip


def paired(runs: pd.DataFrame, own: str, peer: str) -> pd.DataFrame:
    """Return the runs that both have: evaluations of each, counted as the smaller budget where nothing was found."""
    by = ["task"] if peer in ALWAYS_THE_SAME else ["task", "seed"]
    both = runs[runs["searcher"] == own].merge(runs[runs["searcher"] == peer], on=by, suffixes=("", "_p"))
    cap = both[["cap", "cap_p"]].min(axis=1)
    for name, needed in (("own", both["needed"]), ("peer", both["needed_p"])):
        both[name], both[f"{name}_open"] = needed.clip(upper=cap), needed > cap
    return both


def leads(both: pd.DataFrame) -> np.ndarray:
    """Return what the peer needs more in each paired run, float64, shape (n,).

    Here a run that found nothing counts as one evaluation more than the budget, so that it loses to one that found
    something with the last evaluation.
    """
    return (both["peer"] + both["peer_open"] - both["own"] - both["own_open"]).to_numpy(float)


def verdict(both: pd.DataFrame) -> tuple[str, float]:
    """Return one of the verdicts on the paired runs of a task, and what the peer needs more, in the mean."""
    if (both["own_open"] & both["peer_open"]).all():
        return "neither found one", 0.0
    more = float(leads(both).mean())
    return "won" if more > 0 else "lost" if more < 0 else "tied", more


def counts(both: pd.DataFrame) -> dict[str, int]:
    """Return the number of tasks of each verdict."""
    found = [verdict(of_task)[0] for _, of_task in both.groupby("task")]
    return {name: found.count(name) for name in VERDICTS}


def standings(runs: pd.DataFrame, own: str, peers: list[str]) -> tuple[dict[str, list[str]], dict[str, Lead]]:
    """Return the tasks of each verdict against all peers, and for each that is lost which peer is ahead, run by run.

    Lost to one is lost; else tied with one is tied; else won against one is won.
    """
    tasks: dict[str, list[str]] = {name: [] for name in VERDICTS}
    ahead: dict[str, Lead] = {}
    for task, of_task in runs.groupby("task", sort=False):
        pairs = {peer: paired(of_task, own, peer) for peer in peers}
        each = {peer: verdict(both) for peer, both in pairs.items() if len(both)}
        if not each:
            continue
        there = {name for name, _ in each.values()}
        tasks[next(name for name in ("lost", "tied", "won", "neither found one") if name in there)].append(str(task))
        best = min(each, key=lambda peer: each[peer][1])
        if each[best][0] == "lost":
            ahead[str(task)] = best, -leads(pairs[best])
    return tasks, ahead


def told(ahead: dict[str, Lead]) -> list[str]:
    """Say which peer is ahead where, by how much, with a 95 % bootstrap interval, and in how many runs."""
    lines = []
    for task, (peer, lead) in ahead.items():
        within = ""
        if len(lead) >= FEW_RUNS:
            low, high = bootstrap_interval(lead)
            within = f" [{float(low):.1f}, {float(high):.1f}]"
        lines.append(f"`{peer}` on {task} by {lead.mean():.1f}{within} (runs: {len(lead)})")
    return lines


def sure(ahead: dict[str, Lead]) -> list[str]:
    """Return the tasks on which the interval of a lead leaves out 0."""
    return [task for task, (_, lead) in ahead.items() if len(lead) >= FEW_RUNS and bootstrap_interval(lead)[0] > 0]


def share_held(tasks: dict[str, list[str]], but: Collection[str] = ()) -> float:
    """Return the share of the decided tasks that are won or tied, without some."""
    kept = {name: [task for task in of if task not in but] for name, of in tasks.items()}
    held = len(kept["won"]) + len(kept["tied"])
    return held / max(1, held + len(kept["lost"]))


def reasons(runs: pd.DataFrame, own: str, ahead: dict[str, Lead]) -> list[str]:
    """Tell of tasks that are lost whether chance, or a search without sources, does as well as the own searcher there.

    Means of the evaluations on the same seeds; a run that found nothing counts as the smaller budget.
    """
    lines = []
    for task, (_, lead) in ahead.items():
        means = {}
        for other in ("random", "gp"):
            both = paired(runs[runs["task"] == task], own, other)
            if other != own and len(both):
                means[other] = both["own"].mean(), both["peer"].mean()
        even = [other for other, (mine, theirs) in means.items() if theirs * NEARLY <= mine]
        if len(lead) < FEW_RUNS:
            lines.append(f"on {task} few runs are paired ({len(lead)}), so it may be chance")
        elif even:
            mine, theirs = means[even[0]]
            what = HELP[even[0], theirs <= mine]
            lines.append(f"on {task} {what}, `{even[0]}` needs {theirs:.1f} and `{own}` {mine:.1f}")
        elif means:
            compared = " and ".join(f"`{other}` {theirs:.1f}" for other, (_, theirs) in means.items())
            mine = next(iter(means.values()))[0]
            lines.append(f"on {task} `{own}` needs {mine:.1f} ({compared}): it learns, but later than the peer")
    return lines


def unpaired(runs: pd.DataFrame, own: str, peers: list[str], tasks: list[str]) -> list[str]:
    """Tell which peers found one with seeds that the own searcher has not, on tasks where no pair found one."""
    told = []
    for task in tasks:
        of_task = runs[runs["task"] == task]
        mine = of_task[of_task["searcher"] == own]
        for peer in peers:
            theirs = of_task[of_task["searcher"] == peer]
            others = theirs[~theirs["seed"].isin(mine["seed"])]
            if hits := int(np.isfinite(others["needed"]).sum()):
                own_hits = int(np.isfinite(mine["needed"]).sum())
                told.append(
                    f"`{peer}` found one on {task} in {hits} of {len(others)} runs with seeds that `{own}` was not run "
                    f"with (`{own}` in {own_hits} of its {len(mine)})"
                )
    return told


def behind(runs: pd.DataFrame, than: str, peers: list[str], at: int) -> list[str]:
    """Tell which peers have more regret than a searcher after so many evaluations, on the same runs."""
    told, column = [], f"regret_{at}"
    for peer in peers:
        both = paired(runs, than, peer).dropna(subset=[column, f"{column}_p"])
        mine, theirs = both.groupby("task")[[column, f"{column}_p"]].mean().mean()
        if theirs > mine:
            seeds = both["seed"].unique()
            which = f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds"
            told.append(f"`{peer}` {theirs:.1f} against {mine:.1f} ({both['task'].nunique()} tasks, {which})")
    return told
