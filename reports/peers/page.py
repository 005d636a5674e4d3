"""The page on other packages' optimisers, from one row per run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from common import with_interval
from drawing import curves, save_png

from nasmeta.analysis import bootstrap_interval, to_markdown

PEERS = ("botorch-features", "botorch", "syne-tune-cqr", "smac", "syne-tune-bore", "optuna-tpe", "syne-tune-kde")
PLAIN = ("gp", "gp-positions", "random", *PEERS)
SCHEDULERS = ("syne-tune-zero-shot", "syne-tune-rush", "syne-tune-bounding-box", "syne-tune-quantile-copula")
TRANSFER = ("meta", "rgpe", "rgpe-vanilla", *SCHEDULERS)
PACKAGES = ("numpy", "torch", "botorch", "gpytorch", "optuna", "smac", "ConfigSpace", "syne-tune", "xgboost")
VERDICTS = ("more", "no difference", "fewer")


def read(path: Path, cap: int) -> pd.DataFrame:
    """Read the runs; one that found none of the best has one evaluation more than the budget."""
    runs = pd.read_csv(path)
    return runs.assign(needed=runs["needed"].where(runs["needed"] > 0, cap + 1))


def differences(runs: pd.DataFrame, own: str, peer: str) -> pd.DataFrame:
    """Return the evaluations of a peer minus the own ones: a row per task, a column per seed."""
    table = runs.pivot(index="task", columns=["searcher", "seed"], values="needed")
    return (table[peer] - table[own]).dropna(how="all")


def verdict(more: Any) -> str:
    """Return whether a peer needs more or fewer evaluations beyond the 95 % interval over seeds."""
    low, high = bootstrap_interval(more)
    return VERDICTS[0] if low > 0 else VERDICTS[2] if high < 0 else VERDICTS[1]


def verdicts(runs: pd.DataFrame, own: str, peer: str) -> dict[str, str]:
    """Return the verdict of each task."""
    return {str(task): verdict(more.dropna()) for task, more in differences(runs, own, peer).iterrows()}


def against(runs: pd.DataFrame, owns: tuple[str, ...], peers: tuple[str, ...]) -> str:
    """Return a table with one row per peer: evaluations, differences, tasks of each verdict, and the time."""
    rows = []
    for peer in peers:
        of_peer = runs[runs["searcher"] == peer]
        row = {"peer": f"`{peer}`", "evaluations": f"{of_peer['needed'].mean():.1f}"}
        for own in owns:
            found = [*verdicts(runs, own, peer).values()]
            row[f"minus `{own}`"] = with_interval(differences(runs, own, peer).mean(axis=1), ".1f")
            row[f"tasks (`{own}`)"] = "/".join(str(found.count(v)) for v in VERDICTS)
        row["ms per step"] = f"{of_peer['ms'].median():.0f}"
        rows.append(row)
    return to_markdown(pd.DataFrame(rows))


def behind(runs: pd.DataFrame, own: str, peers: tuple[str, ...]) -> dict[str, list[str]]:
    """Return the peers that need fewer evaluations than a searcher beyond the interval, by task."""
    found: dict[str, list[str]] = {str(task): [] for task in runs["task"].unique()}
    for peer in peers:
        for task, text in verdicts(runs, own, peer).items():
            found[task] += [peer] if text == VERDICTS[2] else []
    return found


def sentence(runs: pd.DataFrame, own: str, peers: tuple[str, ...]) -> str:
    """Return on how many tasks no peer is better than a searcher, and where one is."""
    lost = behind(runs, own, peers)
    where = "; ".join(f"{task} ({', '.join(f'`{p}`' for p in better)})" for task, better in lost.items() if better)
    kept = sum(not better for better in lost.values())
    return f"On {kept} of {len(lost)} tasks, no peer needs fewer evaluations than `{own}` beyond the 95 % interval" + (
        f"; the others: {where}." if where else "."
    )


def draw(parts: dict[str, pd.DataFrame], path: Path) -> None:
    """Draw the share of the runs that have found one of the best, by evaluations."""
    lines = []
    for panel, runs in parts.items():
        x = np.arange(1, int(runs["needed"].max()))
        for name, needed in runs.groupby("searcher")["needed"]:
            y = 100 * (needed.to_numpy()[:, None] <= x).mean(axis=0)
            lines.append(pd.DataFrame({"panel": panel, "name": name, "x": x, "y": y}))
    figure = curves(pd.concat(lines), "evaluations", y="runs that found one of the best 0.1 % (%)", ends=True)
    save_png(figure, path)


def write_page(folder: Path, caps: dict[str, int]) -> None:
    """Write README.md and found.png from the runs."""
    plain, transfer = (read(folder / file, cap) for file, cap in caps.items())
    draw({"without sources": plain, "with sources": transfer}, folder / "found")
    cap, with_sources = caps.values()
    seeds = plain.groupby(["task", "searcher"])["seed"].nunique()
    assert seeds.nunique() == 1, "All searchers need the same seeds."
    mean = plain.groupby("searcher")["needed"].mean()
    tasks, on_positions = plain["task"].unique(), tuple(peer for peer in PEERS if peer != "botorch-features")
    families = {task.rpartition("/")[0] for task in tasks}
    runs = transfer.groupby("searcher")["seed"].nunique()
    few = "".join(f" (`{name}`: {n})" for name, n in runs[runs < runs.max()].items())
    text = f"""# How do other packages' optimisers compare with nasmeta's?

{sentence(plain, "gp", PEERS)}

![Share of the runs that found one of the best architectures](found.png)

## Without sources

{against(plain, ("gp", "gp-positions"), PEERS)}
Evaluations to find one of the best 0.1 % of the architectures, at most {cap}; a run that finds none counts as
{cap + 1}. `gp` needs {mean["gp"]:.1f}, `gp-positions` {mean["gp-positions"]:.1f}, random search {mean["random"]:.1f}.
*Minus*: evaluations of the peer minus those of the searcher, in runs of the same task and seed; mean over {len(tasks)}
tasks of {len(families)} families with a 95 % interval over tasks. *Tasks*: the number of tasks on which the peer needs
more / neither / fewer evaluations; only differences whose 95 % interval over {seeds.max()} seeds excludes zero
count. Time: median processor milliseconds; `gp` {plain.loc[plain["searcher"] == "gp", "ms"].median():.0f}.

**Equal inputs**: the peers read the choice at each position, and so does `gp-positions`, which is `gp` with both
kernels on positions. {sentence(plain, "gp-positions", on_positions)} Conversely, `botorch-features` is BoTorch's
`SingleTaskGP` on the features that `gp` reads (such as edges, paths and operation counts), scaled to [0, 1].

## With sources

{sentence(transfer, "meta", SCHEDULERS)}

{against(transfer, ("meta",), TRANSFER[1:])}
At most {with_sources} evaluations, {transfer["seed"].nunique()} seeds{few}, {transfer["task"].nunique()} tasks; the
sources are the other tasks of the family with all labels.

## How it was run

`python reports/peers/run.py`, one thread per run. Every peer has its own default settings and, if it has such a
setting, the budget. Two are limited because of their time: a fit of `botorch-features` ends after 100 steps of L-BFGS,
and `syne-tune-cqr` is fitted after every fourth value. `setup.json` lists the package versions.

## Limits

* The priors of `gp` were chosen on tasks of all families, with other seeds.
* With {len(tasks)} tasks and {len(PEERS)} peers, some verdicts are due to chance: 2.5 % in each direction if all
  were equal.
* `ax` and `syne-tune-gp` need seconds per step and are left out, as is `fcnet`, where BoTorch does. `syne-tune-rush`
  cannot stop trainings early here, which is its purpose.
"""
    (folder / "README.md").write_text(text, encoding="utf-8")
