"""Compare the searchers that propose with the transformer, and withhold parts of what it reads.

Run with ``python reports/meta/in_context_compare.py``; writes search.md and search.png in in_context/. Rows are
appended to in_context/search_runs.csv one at a time, so an interrupted run resumes; ``--page`` only rewrites the page.
Weights have not seen the target's group of families.
"""

from __future__ import annotations

import sys
import textwrap
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "transfer"))

from cases import draw_sources
from common import Rows, page_only
from drawing import dot_plot, in_order, save_png
from in_context_network import TrainedNetwork
from run import CAP, FAMILIES, evaluations_of, questions

from nasmeta.analysis import bootstrap_interval, to_markdown
from nasmeta.meta.in_context import InContextModel, InContextNetwork
from nasmeta.meta.in_context._searcher import ContextSearch
from nasmeta.searchers import SEARCHERS

HERE = Path(__file__).parent / "in_context"
TRANSFER = Path(__file__).parents[1] / "transfer" / "results.csv"
LABELS = 100  # of each source
DRAWS = range(10)
STRESS = ("natural", "reversed", "wrong at the top")
KEYS = ("target", "sources", "searcher", "draw")
LEARNED = ("meta-np", "meta-nas", "meta-rl")
UNTRAINED = "meta-nas, untrained"
WITHHELD = {
    UNTRAINED: "initial weights, almost equal for all experts",
    "meta-nas, no labels": "no observations and no neighbours",
    "meta-nas, shuffled labels": "observed values in random order",
    "meta-nas, no sources": "a constant instead",
}
HEDGED = "meta-nas, with fallback"
TRAININGS = {"untrained": UNTRAINED, "likelihood": "meta-np"}
MEASURED = ("source-order", *LEARNED, HEDGED, *WITHHELD)
ROWS = ("evolution", "meta", *MEASURED)


class Ablated(ContextSearch):
    """`meta-nas` with a part of its context withheld."""

    objective = "joint"

    def __init__(self, space: Any, rng: np.random.Generator, withheld: str) -> None:
        super().__init__(space, rng, falls_back=False)
        self.withheld = withheld

    def _learn(self, sources: Any) -> InContextModel:
        model = super()._learn(sources)
        if self.withheld == "no sources":
            return InContextModel(np.zeros_like(model.scores[:1]), model.weights)
        if self.withheld == "untrained":
            torch.manual_seed(0)
            weights = {name: value.detach().numpy() for name, value in TrainedNetwork().named_parameters()}
            model.__dict__["network"] = InContextNetwork(weights)
        return model

    def _observe(self, cells: Any, values: Any) -> None:
        if self.withheld == "no labels":
            self._taken[cells] = True
        else:
            super()._observe(cells, values)

    def _propose(self) -> int:
        if self.withheld != "shuffled labels":
            return super()._propose()
        kept = self._state._values
        self._state._values = self.rng.permutation(kept).tolist()
        proposed = super()._propose()
        self._state._values = kept
        return proposed


def measure() -> None:
    """Append the missing rows."""
    rows = Rows(HERE / "search_runs.csv", (*KEYS, "evaluations"), len(KEYS))
    asked = [(case, sources) for case, sources in questions(list(FAMILIES)) if sources in STRESS]
    for draw, (case, sources), name in product(DRAWS, asked, MEASURED):
        key = (case.target.name, sources, name, draw)
        if rows.has(*key) or (sources != "natural" and name in WITHHELD and name != UNTRAINED):
            continue
        rng, space = np.random.default_rng([draw, 41]), case.target.space
        if name in WITHHELD:
            searcher = Ablated(space, rng, name.removeprefix("meta-nas, "))
        else:
            settings = {"falls_back": False} if name in LEARNED else {}
            searcher = SEARCHERS[name.partition(",")[0]](space, rng, **settings)
        searcher.avoid = tuple(case.target.held_out)
        searcher.meta_fit(draw_sources(case, sources, LABELS, draw))
        if len(case.target.measured) < space.size:
            searcher.restrict(case.target.measured)
        rows.add(*key, evaluations=evaluations_of(searcher, case, CAP))


def with_others(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with those of ``gp``, ``evolution`` and ``meta`` of the transfer benchmark, with equal draws."""
    others = pd.read_csv(TRANSFER, dtype={"labels": str})
    plain = others[others["searcher"].isin(["gp", "evolution"])].assign(sources="natural")
    meta = others[(others["searcher"] == "meta") & (others["labels"] == str(LABELS)) & others["sources"].isin(STRESS)]
    every = pd.concat([rows, plain[list(rows)], meta[list(rows)]])
    return every[every["draw"].isin(rows["draw"])]


def ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """Return mean evaluations of `gp` divided by those of each searcher in the same draws, by case."""
    plain = rows[rows["searcher"] == "gp"].set_index(["target", "draw"])["evaluations"].rename("gp")
    paired = rows.join(plain, on=["target", "draw"], how="inner")
    means = paired.groupby(["searcher", "sources", "target"])[["evaluations", "gp"]].mean().reset_index()
    means["ratio"] = means["gp"] / means["evaluations"]
    means["family"] = means["target"].str.split("/").str[-2]
    return means


def summary(means: pd.DataFrame) -> pd.DataFrame:
    """Return geometric means over cases with 95 % intervals of a bootstrap over cases, and the slow cases."""
    table = []
    for name, sources in product(ROWS, STRESS):
        ratio = means[(means["searcher"] == name) & (means["sources"] == sources)]["ratio"].to_numpy()
        if len(ratio) and (name != "source-order" or sources == "natural"):
            kind, comma, withheld = name.partition(",")
            table.append(
                {
                    "searcher": f"`{kind}`{comma}{withheld}",
                    "sources": "–" if name == "evolution" else sources,
                    "speed-up over `gp`": interval(np.log(ratio)),
                    "slower by more than 20 %": f"{(ratio < 1 / 1.2).sum()}/{len(ratio)}",
                    "worst case": f"×{ratio.min():.2f}",
                }
            )
    return pd.DataFrame(table)


def interval(logarithms: np.ndarray) -> str:
    """Return the geometric mean of ratios with a 95 % interval of a bootstrap over cases."""
    low, high = np.exp(bootstrap_interval(logarithms, n_resamples=4000))
    return f"×{np.exp(logarithms.mean()):.2f} [{low:.2f}, {high:.2f}]"


def interval_by_family(means: pd.DataFrame) -> str:
    """Return the 95 % interval of the geometric mean of ratios if families, instead of cases, are resampled."""
    families, rng = [np.log(one["ratio"].to_numpy()) for _, one in means.groupby("family")], np.random.default_rng(0)
    drawn = rng.integers(len(families), size=(4000, len(families)))
    low, high = np.exp(
        np.quantile([np.concatenate([families[i] for i in some]).mean() for some in drawn], (0.025, 0.975))
    )
    return f"[{low:.2f}, {high:.2f}]"


def cost_of(rows: pd.DataFrame, name: str, sources: str = "natural") -> str:
    """Return the evaluations of a searcher divided by those of `meta-nas` with the same sources, paired by target."""
    some = rows[rows["sources"] == sources]
    wide = some.pivot(index=["target", "draw"], columns="searcher", values="evaluations")[[name, "meta-nas"]]
    means = wide.dropna().groupby("target").mean()
    return interval(np.log(means[name] / means["meta-nas"]).to_numpy()).removeprefix("×")


def picture(means: pd.DataFrame, path: Path) -> None:
    """Draw the speed-up of each family: a panel per searcher, a style per kind of sources, faint points for cases."""
    shown = means[means["searcher"].isin(LEARNED)].rename(
        columns={"searcher": "panel", "family": "row", "sources": "name", "ratio": "value"}
    )
    shown = shown.set_index("panel").loc[[*LEARNED]].reset_index()
    by_family = shown.groupby(["panel", "row", "name"], sort=False)["value"]
    frame = by_family.agg(lambda ratio: np.exp(np.log(ratio).mean())).rename("mean").reset_index()
    looks, x = in_order(STRESS), "speed-up over gp"
    ticks = (0.25, 0.5, 1, 2, 4, 8)
    figure = dot_plot(frame, x, looks=looks, log=True, line=1, cases=shown, title="sources", ticks=ticks)
    save_png(figure, path)


def write_page(rows: pd.DataFrame) -> None:
    """Write search.md and search.png."""
    rows = with_others(rows)
    means = ratios(rows)
    picture(means, HERE / "search")
    table = summary(means)
    speed_ups = table.set_index(["searcher", "sources"])["speed-up over `gp`"].str.removeprefix("×")
    values = {
        "natural": speed_ups["`meta-nas`", "natural"],
        "meta": speed_ups["`meta`", "natural"],
        "reversed": speed_ups["`meta-nas`", "reversed"],
        "top": speed_ups["`meta-nas`", "wrong at the top"],
        "alone": speed_ups["`meta-nas`, no sources", "natural"],
        "by_family": interval_by_family(means[(means["searcher"] == "meta-nas") & (means["sources"] == "natural")]),
        "cases": means["target"].nunique(),
        "n_reversed": means[means["sources"] == "reversed"]["target"].nunique(),
        **{
            name: cost_of(rows, other)
            for name, other in (
                ("emptied", "meta-nas, no labels"),
                ("shuffled", "meta-nas, shuffled labels"),
                ("without", "meta-nas, no sources"),
            )
        },
        **{
            f"{name}_{sources.split()[0]}": cost_of(rows, other, sources)
            for (name, other), sources in product(TRAININGS.items(), STRESS)
        },
        "table": to_markdown(table).rstrip(),
        "withheld": "; ".join(f"*{name.removeprefix('meta-nas, ')}*, {what}" for name, what in WITHHELD.items()),
        "cap": CAP,
        "labels": LABELS,
        "draws": len(DRAWS),
    }
    text = "\n\n".join(filled(part) for part in PAGE.format(**values).split("\n\n"))
    (HERE / "search.md").write_text(text + "\n", encoding="utf-8")


def filled(part: str) -> str:
    """Return a paragraph in lines of at most 119 characters; a title, table or picture as it is."""
    return part if part.startswith(("#", "|", "!")) else textwrap.fill(part, 119)


PAGE = """# Does the transformer find good architectures sooner than a Gaussian process?

With natural sources, the transformer `meta-nas`, without fallback, is {natural} times as fast as `gp` (geometric mean
and 95 % interval over {cases} targets of families unseen by its weights). But `meta`, which consists of Gaussian
processes that read the same sources, is {meta} times as fast. `meta-nas` shows no clear difference from `gp` with
sources that are reversed ({reversed}; {n_reversed} targets) or wrong at the top ({top}), or without sources ({alone}).

With reversed sources, training helps: `meta-nas` with untrained weights needs {untrained_reversed} times as many
evaluations, and `meta-np`, which is not trained by rewards, {likelihood_reversed} times. With sources wrong at the top,
the ratios are {untrained_wrong} and {likelihood_wrong}, with natural ones {untrained_natural} and {likelihood_natural}.

![Speed-up over gp by family, for meta-np, meta-nas and meta-rl](search.png)

{table}

Evaluations until one of the best 0.1 % is found, at most {cap}. Sources have {labels} labels each and nothing of the
target's dataset; kinds of sources and draws are those of the [transfer benchmark](../../transfer/README.md).
`meta-np` maximises expected improvement under weights trained on the likelihood of predictions; `meta-nas`
continues from these weights with rewards of searches and the likelihood of candidates; `meta-rl` is trained by rewards
alone, from random weights. *With fallback*, the default: `gp` competes with the transformer. Two of the first five
architectures of `meta` and of the transformer are random.

Ablations of `meta-nas`: {withheld}. It then needs, with natural sources, {emptied} (no labels),
{shuffled} (shuffled labels) and {without} (no sources) times as many evaluations.

**How it was run.** `python reports/meta/in_context_search.py` ([learning curves](search_training.csv)), `python
reports/transfer/run.py` for `gp`, `evolution` and `meta`, then `python reports/meta/in_context_compare.py`; {draws}
draws per case ([all runs](search_runs.csv)).

**Limits.** Runs that find nothing are censored at {cap}. Resampling families instead of
targets gives {by_family} for `meta-nas` with natural sources. The network and `meta` were designed
on some of these targets. The screening was chosen on other draws, and so was the random start, which earlier results of
these draws had suggested. `evolution` cannot skip the missing values
of one target. Only the transformer reads zero-cost proxies on NAS-Bench-201. Each objective was trained once; results
differ between trainings.
"""


def main() -> None:
    """Measure, then write the page."""
    torch.set_num_threads(1)
    if not page_only(__doc__):
        measure()
    write_page(pd.read_csv(HERE / "search_runs.csv"))


if __name__ == "__main__":
    main()
