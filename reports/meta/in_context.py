"""Compare the searchers that propose with the transformer to `meta`, and trained with random weights.

Run with ``python reports/meta/in_context.py``; writes README.md in in_context/. Rows are appended
to in_context/search_runs.csv one at a time, so an interrupted run resumes; ``--page`` only rewrites
the page.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from nasmeta.analysis import bootstrap_interval, to_markdown
from nasmeta.meta.in_context import InContextNetwork
from nasmeta.searchers import SEARCHERS
from reports.common import Rows, report, run_to
from reports.meta.in_context_network import TrainedNetwork
from reports.transfer.cases import draw_sources
from reports.transfer.run import CAP, FAMILIES, questions

HERE = Path(__file__).parent / "in_context"
TRANSFER = Path(__file__).parents[1] / "transfer" / "results.csv"
LABELS = 100  # of each source
DRAWS = 10
KINDS = ("natural", "reversed", "wrong at the top")
KEYS = ("target", "sources", "searcher", "draw")
UNTRAINED = "meta-nas, untrained"
MEASURED = ("source-order", "meta-nas", "meta-rl", UNTRAINED)
ROWS = ("evolution", "meta", *MEASURED)


class Untrained(SEARCHERS["meta-nas"]):
    """`meta-nas` with random weights."""

    def _learn(self, sources: Any) -> Any:
        model = super()._learn(sources)
        torch.manual_seed(0)
        model.reader.__dict__["network"] = InContextNetwork(TrainedNetwork().weights())
        return model


def measure() -> None:
    """Append the missing rows."""
    rows = Rows(HERE / "search_runs.csv", (*KEYS, "evaluations"), len(KEYS))
    asked = [(case, sources) for case, sources in questions(FAMILIES) if sources in KINDS]
    for draw, (case, sources), name in product(range(DRAWS), asked, MEASURED):
        key = (case.target.name, sources, name, draw)
        if rows.has(*key):
            continue
        kind = Untrained if name == UNTRAINED else SEARCHERS[name]
        searcher = kind(case.target.space, np.random.default_rng([draw, 41]))
        searcher.avoid = tuple(case.target.held_out)
        searcher.meta_fit(draw_sources(case, sources, LABELS, draw))
        if len(case.target.measured) < case.target.space.size:
            searcher.restrict(case.target.measured)
        evaluations, _ = run_to(searcher, case.target, case.least_of_best, CAP)
        rows.add(*key, evaluations=evaluations)


def means_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return mean evaluations by searcher, kind of sources and target, and those of ``gp`` in the same draws."""
    others = pd.read_csv(TRANSFER, dtype={"labels": str})
    plain = others[others["searcher"].isin(["gp", "evolution"])].assign(sources="natural")
    meta = others[
        (others["searcher"] == "meta")
        & (others["labels"] == str(LABELS))
        & others["sources"].isin(KINDS)
    ]
    every = pd.concat([rows, plain[list(rows)], meta[list(rows)]])
    every = every[every["draw"].isin(rows["draw"])]
    gp = every[every["searcher"] == "gp"].set_index(["target", "draw"])["evaluations"].rename("gp")
    paired = every.join(gp, on=["target", "draw"], how="inner")
    return paired.groupby(["searcher", "sources", "target"])[["evaluations", "gp"]].mean()


def ratio(means: pd.DataFrame, name: str, kind: str, base: str | None = None) -> np.ndarray:
    """Return the speed-up over ``gp``, or evaluations relative to another searcher, of each target."""
    of_name = means.loc[(name, kind)]
    if base is None:
        return (of_name["gp"] / of_name["evaluations"]).to_numpy()
    return (of_name["evaluations"] / means.loc[(base, kind)]["evaluations"]).dropna().to_numpy()


def interval(ratios: np.ndarray) -> str:
    """Return the geometric mean of ratios with a 95 % interval of a bootstrap over targets."""
    low, high = np.exp(bootstrap_interval(np.log(ratios), n_resamples=4000))
    return f"{np.exp(np.log(ratios).mean()):.2f} [{low:.2f}, {high:.2f}]"


def table(means: pd.DataFrame) -> str:
    """Return speed-ups by searcher and kind of sources; searchers that ignore values have one kind."""
    rows = []
    for name in ROWS:
        kinds = KINDS[:1] if name in ("evolution", "source-order") else KINDS
        kind, comma, withheld = name.partition(",")
        ratios = {kind: ratio(means, name, kind) for kind in kinds}
        row = {"searcher": f"`{kind}`{comma}{withheld}"}
        row |= {kind: f"×{interval(ratios[kind])}" if kind in ratios else "–" for kind in KINDS}
        slow = ", ".join(f"{(one < 1 / 1.2).sum()}/{len(one)}" for one in ratios.values())
        rows.append(row | {"slower by over 20 %": slow})
    return to_markdown(pd.DataFrame(rows))


def page() -> str:
    """Return the text of README.md."""
    means = means_of(pd.read_csv(HERE / "search_runs.csv"))
    of_meta, of_untrained = (
        ", ".join(interval(ratio(means, name, kind, "meta-nas")) for kind in KINDS)
        for name in ("meta", UNTRAINED)
    )
    return f"""# Does a transformer improve the search of `meta`?

No: with natural sources, reversed ones and ones wrong at the top, `meta` needs {of_meta}
times as many evaluations as `meta-nas` (geometric mean over targets, 95 % interval). With an untrained transformer,
`meta-nas` needs {of_untrained} times as many.

{table(means)}
Columns 2 to 4: speed-up over `gp` in evaluations to one of the best 0.1 %, censored at {CAP}. Sources have {LABELS}
labels each and nothing of the target's dataset; sources and draws are those of the
[transfer benchmark](../../transfer/README.md). The transformer's weights have not seen the target's families. It scores
the 512 architectures that `meta` prefers; the expected improvements of both are averaged. `meta-nas` was trained on the
likelihood of predictions, then also on rewards of searches; `meta-rl` on rewards alone, from random weights.

**How it was run.** `python reports/meta/in_context_train.py`, `python reports/meta/in_context_search.py` (also with
`--objective reward`), `python reports/transfer/run.py` for `gp`, `evolution` and `meta`, then
`python reports/meta/in_context.py`; {DRAWS} draws per target ([all runs](search_runs.csv)).

**Limits.** These runs precede the turns of `meta`. The network and `meta` were designed on some of these targets.
`evolution` cannot skip the missing values of one target. Only the transformer reads zero-cost proxies on NAS-Bench-201.
Each objective was trained once.
"""


if __name__ == "__main__":
    torch.set_num_threads(1)
    report(__doc__, HERE / "README.md", page, measure)
