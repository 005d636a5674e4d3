"""Compare two searchers by their runs with the same task and seed."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pandas as pd

ALWAYS_THE_SAME = ("syne-tune-zero-shot",)  # deterministic with complete sources: run once
Lead: TypeAlias = "tuple[str, np.ndarray]"  # a peer and its lead in evaluations in each paired run
VERDICTS = ("won", "tied", "lost", "neither found one")


def paired(runs: pd.DataFrame, own: str, peer: str) -> pd.DataFrame:
    """Return the paired runs; a run without success has the smaller budget as its number of evaluations."""
    by = ["task"] if peer in ALWAYS_THE_SAME else ["task", "seed"]
    both = runs[runs["searcher"] == own].merge(runs[runs["searcher"] == peer], on=by, suffixes=("", "_p"))
    cap = both[["cap", "cap_p"]].min(axis=1)
    for name, needed in (("own", both["needed"]), ("peer", both["needed_p"])):
        both[name], both[f"{name}_open"] = needed.clip(upper=cap), needed > cap
    return both


def leads(both: pd.DataFrame) -> np.ndarray:
    """Return the additional evaluations of the peer in each paired run, float64, shape (n,).

    A run without success has one evaluation more than the budget here, so it loses to a success at the last evaluation.
    """
    return (both["peer"] + both["peer_open"] - both["own"] - both["own_open"]).to_numpy(float)


def verdict(both: pd.DataFrame) -> tuple[str, float]:
    """Return the verdict on the paired runs of a task, and the mean number of additional evaluations of the peer."""
    if (both["own_open"] & both["peer_open"]).all():
        return "neither found one", 0.0
    more = float(leads(both).mean())
    return "won" if more > 0 else "lost" if more < 0 else "tied", more


def counts(both: pd.DataFrame) -> dict[str, int]:
    """Return the number of tasks of each verdict."""
    found = [verdict(of_task)[0] for _, of_task in both.groupby("task")]
    return {name: found.count(name) for name in VERDICTS}


def standings(runs: pd.DataFrame, own: str, peers: list[str]) -> tuple[dict[str, list[str]], dict[str, Lead]]:
    """Return the tasks of each verdict against all peers, and the best peer of each lost task with its leads.

    A task is lost if any peer wins it, otherwise tied if any peer ties, otherwise won.
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
