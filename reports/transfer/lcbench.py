"""Measure transfer between the 34 datasets of LCBench, whose orders of configurations disagree.

Run ``nasmeta data fetch lcbench``, then ``python reports/transfer/lcbench.py``; it needs the extra
``onnx``. It appends each run to lcbench.csv, so an interrupted command resumes, and writes
lcbench.md.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.arrays import Floats
from nasmeta.runs import SearcherSpec
from nasmeta.tasks import SourceTask, Task, default_sources
from nasmeta.threads import one_thread
from reports.common import Rows, report, with_interval

HERE = Path(__file__).parent
SEARCHERS = ("random", "gp", "source-order", "rgpe", "meta")
TARGETS = nm.task_distribution("lcbench").names[::6]
LABELS, DRAWS, EVALUATIONS = 400, 5, 30
AT = (1, 10, EVALUATIONS)
COLUMNS = ("target", "searcher", "draw", *(f"regret_{n}" for n in AT))


def sources_of(task: Task, draw: int) -> list[SourceTask]:
    """Return random configurations, the same ones on all other datasets."""
    return [
        source.as_source(LABELS, np.random.default_rng([draw, 53]))
        for source in default_sources(task)
    ]


@one_thread()
def measure() -> None:
    """Append the missing runs."""
    rows = Rows(HERE / "lcbench.csv", COLUMNS, 3)
    for draw in range(DRAWS):
        for task in map(nm.get_task, TARGETS):
            for name in SEARCHERS:
                if rows.has(task.name, name, draw):
                    continue
                sources = sources_of(task, draw) if SearcherSpec.of(name).is_meta else None
                history = nm.search(name, task, evaluations=EVALUATIONS, seed=draw, sources=sources)
                assert task.best_known is not None
                regrets = task.sign * task.best_known - np.maximum.accumulate(
                    task.sign * history.values
                )
                rows.add(
                    task.name, name, draw, **{f"regret_{n}": float(regrets[n - 1]) for n in AT}
                )


def correlations() -> Floats:
    """Return the rank correlations between all pairs of datasets, on the same random configurations."""
    labels = pd.DataFrame(
        {task.name: task.as_source().utilities for task in nm.task_distribution("lcbench")}
    )
    return labels.corr("spearman").to_numpy()[np.triu_indices(labels.shape[1], 1)]


def page() -> str:
    """Return the text of lcbench.md, from the draws that all searchers have."""
    frame = pd.read_csv(HERE / "lcbench.csv")
    runs = frame.groupby("draw")["searcher"].transform("size") == len(TARGETS) * len(SEARCHERS)
    frame = frame[runs].assign(target=frame["target"].str.partition("/")[2])
    means = frame.groupby(["searcher", "target"], sort=False)[[f"regret_{n}" for n in AT]].mean()
    last = means[f"regret_{EVALUATIONS}"].unstack().loc[[*SEARCHERS]]
    rows = [
        {"searcher": f"`{name}`"}
        | {f"after {n}": with_interval(means.loc[name, f"regret_{n}"], ".1f") for n in AT}
        for name in SEARCHERS
    ]
    between = correlations()
    better = (last.loc["meta"] < last.loc["gp"]).sum()
    first = means["regret_1"].groupby(level="searcher").mean()
    return f"""# Does transfer help if datasets disagree? LCBench

At the start: after one evaluation, the mean regret of `meta` is {first["meta"]:.1f}, that of `gp` {first["gp"]:.1f}.
After {EVALUATIONS}, `meta` is lower on {better} of {len(TARGETS)} datasets. Rank correlations between the 34 datasets
range from {between.min():.2f} to {between.max():.2f} (median {np.median(between):.2f}).

{to_markdown(pd.DataFrame(rows))}
Regret: percentage points of validation accuracy below the best known value, means over targets with 95 % intervals.
Sources: the same {LABELS} random configurations on the 33 other datasets.
Targets: every sixth dataset. `python reports/transfer/lcbench.py`, draws 0 to {frame["draw"].max()}.
"""


if __name__ == "__main__":
    report(__doc__, HERE / "lcbench.md", page, measure)
