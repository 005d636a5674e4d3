"""Measure how often level 2 of `nasmeta audit` rejects honest and selected seeds, and audit honest files.

Run ``python reports/audit/run.py``. It writes results.csv and README.md; an interrupted command
resumes. ``--page`` rewrites README.md from results.csv.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.publishing import FRESH_RUNS as FRESH, Audit, compare_ranks
from nasmeta.searchers import SEARCHERS, MultiFidelitySearcher
from reports.common import Rows, report

HERE = Path(__file__).parent
TASK, EVALUATIONS = "nb201/cifar10", 60
POOL = {"random": 600, "evolution": 600}  # runs of each searcher
DESIGNS = ((5, 5), (5, 10), (15, 15), (15, 30))  # published runs, and the number of seeds
TRIALS = {True: 500, False: 200}  # files with honest and with selected seeds
CLOCKS = (None, {"repeats": "charged"}, {"workers": 4})
N_HONEST = 200
LEFT_OUT = ("command", "meta-predictor", "predictor")  # need a setting
# one file each
SLOW = (
    "botorch",
    "ehvi",
    "meta",
    "meta-gp",
    "meta-nas",
    "meta-rl",
    "multi-task-gp",
    "rgpe",
    "rgpe-vanilla",
    "smac",
    "syne-tune-bore",
    "syne-tune-cqr",
    "syne-tune-gp",
    "syne-tune-kde",
    "syne-tune-quantile-copula",
)


def pool() -> dict[str, list[Any]]:
    """Return many runs of each searcher, reduced to the regrets that the rank test reads."""
    frame = nm.compare(list(POOL), TASK, repeats=max(POOL.values()), evaluations=EVALUATIONS)
    runs: dict[str, list[Any]] = {}
    for (searcher, _), run in frame.groupby(["searcher", "seed"], observed=True):
        regrets = run[["regret"]]
        runs.setdefault(str(searcher), []).append(
            SimpleNamespace(frame=lambda regrets=regrets: regrets)
        )
    return runs


def rejected(runs: dict[str, list[Any]], n: int, n_seeds: int, rng: np.random.Generator) -> bool:
    """Return whether level 2 rejects a file with the best n of n_seeds seeds of the first searcher."""
    pairs = []
    for label, of_searcher in runs.items():
        drawn = [of_searcher[i] for i in rng.permutation(len(of_searcher))[: n_seeds + FRESH]]
        published, fresh = drawn[:n_seeds], drawn[n_seeds:]
        if not pairs:
            published.sort(key=lambda run: run.frame()["regret"].iloc[-1])
        pairs.append(
            SimpleNamespace(
                config=SimpleNamespace(label=label), histories=published[:n], run=fresh.__getitem__
            )
        )
    done = Audit("", 2)
    compare_ranks(pairs, done, np.tile(np.arange(FRESH), (len(pairs), 1)))
    return bool(done.reasons)


def audit_honest(name: str, file: int) -> str:
    """Publish honest runs of a searcher, and return the verdict and its reasons."""
    kind = SEARCHERS[name]
    is_exact = kind.traces == "exact"
    task = f"{TASK}+train_seconds" if kind.objectives == "several" else TASK
    seeds = range(5 * file, 5 * file + 5) if is_exact else range(3 * file, 3 * file + 3)
    clock = CLOCKS[file % len(CLOCKS)] if is_exact else None
    settings = {"epochs": [200]} if issubclass(kind, MultiFidelitySearcher) else {}
    with tempfile.TemporaryDirectory() as home:
        nm.compare(
            {name: (name, settings)}, task, repeats=seeds, evaluations=15, clock=clock, folder=home
        )
        published = nm.publish(home, f"{home}/file.json.gz")
        audit = nm.audit(
            published, level=1 if is_exact else 2, runs=2 if is_exact else 9, seed=file
        )
    return (
        audit.verdict if audit.verdict == "verified" else "; ".join([audit.verdict, *audit.reasons])
    )


def measure() -> None:
    """Append the missing rows to results.csv."""
    rows, runs = (
        Rows(HERE / "results.csv", ["what", "n", "of", "files", "rejected", "verdict"], 3),
        pool(),
    )
    for n, n_seeds in DESIGNS:
        if not rows.has("seeds", n, n_seeds):
            rng = np.random.default_rng([n, n_seeds])
            trials = TRIALS[n == n_seeds]
            rows.add(
                "seeds",
                n,
                n_seeds,
                files=trials,
                rejected=sum(rejected(runs, n, n_seeds, rng) for _ in range(trials)),
            )
    fast = [name for name in sorted(SEARCHERS) if name not in (*LEFT_OUT, *SLOW)]
    for i in range(N_HONEST):
        file, place = divmod(i, len(fast))
        name = fast[place] if i < N_HONEST - len(SLOW) else SLOW[i - N_HONEST]
        if not rows.has(name, file, "honest"):
            verdict = audit_honest(name, file)
            rows.add(
                name, file, "honest", files=1, rejected=int(verdict != "verified"), verdict=verdict
            )


def page() -> str:
    """Return the text of README.md."""
    table = pd.read_csv(HERE / "results.csv")
    honest = table[table["what"] != "seeds"]
    seeds = table[table["what"] == "seeds"].astype({"n": int, "of": int}).sort_values(["n", "of"])
    seeds = seeds.assign(
        share=[f"{100 * row.rejected / row.files:.1f} %" for row in seeds.itertuples()]
    )
    shown = pd.DataFrame(
        {
            "published": seeds["n"],
            "best of": seeds["of"].where(seeds["of"] > seeds["n"], "not selected"),
            "files": seeds["files"],
            "rejected": seeds["share"],
        }
    )
    missing = [name for name in sorted(SEARCHERS) if name not in {*LEFT_OUT, *honest["what"]}]
    traces = honest["what"].map(lambda name: SEARCHERS[name].traces)
    return f"""# Audit: rejected files with honest and with selected seeds

Level 2 of `nasmeta audit` compares {FRESH} fresh runs with the published ones. Each file has runs of random search and
of evolution on `{TASK}` with {EVALUATIONS} evaluations; the seeds of evolution are those with the
lowest regret after the last evaluation, or not selected.

{to_markdown(shown)}
Of {len(honest)} honest files of {honest["what"].nunique()} searchers, {(honest["rejected"] == 0).sum()} were verified:
{(traces == "exact").sum()} with exact traces at level 1, including charged repeats and four workers, and
{(traces == "statistical").sum()} with statistical traces at level 2. Not measured: {", ".join(missing) or "none"}.
"""


if __name__ == "__main__":
    report(__doc__, HERE / "README.md", page, measure)
