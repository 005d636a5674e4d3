"""Compare the searchers that propose with the transformer, and withhold parts of what it reads.

Run with ``python reports/meta/in_context_compare.py``; writes search.md and search.png in in_context/. Rows are
appended to in_context/search_runs.csv one at a time, so an interrupted run resumes; ``--page`` only rewrites the page.
Weights have not seen the target's group of families.
"""

from __future__ import annotations

import sys
import textwrap
from dataclasses import replace
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
from nasmeta.meta.in_context._network import InContextNetwork
from nasmeta.meta.in_context._predictor import InContextModel
from nasmeta.meta.in_context._searcher import (
    SEARCH,
    MetaNASSearch,
)
from nasmeta.searchers import SEARCHERS

HERE = Path(__file__).parent / "in_context"
TRANSFER = Path(__file__).parents[1] / "transfer" / "results.csv"
LABELS = 100  # of each source
DRAWS = range(10)
STRESS = ("natural", "reversed", "wrong at the top")
KEYS = ("target", "sources", "searcher", "draw")
LIKELIHOOD = "meta-nas, likelihood"
LEARNED = (LIKELIHOOD, "meta-nas", "meta-rl")
ABLATIONS = {
    "untrained": "random network weights",
    "no labels": "no observations, no neighbours",
    "shuffled labels": "observed values in random order",
    "no sources": "constant source values",
}
TOGETHER = tuple(f"meta-nas, {what}" for what in ("untrained", "no sources"))
ALONE = ("meta-nas, alone, likelihood", "meta-nas, alone", "meta-rl, alone")
WITHHELD = tuple(f"meta-nas, alone, {what}" for what in ABLATIONS)
MEASURED = ("source-order", *LEARNED, *TOGETHER, *ALONE, *WITHHELD)
ROWS = ("evolution", "meta", *MEASURED)
PANELS = ("meta", "meta-nas", "meta-nas, alone")
DRAWN, NEAR = 2000, 5  # candidates of `Alone`: random architectures, and neighbours of the best observations
BEST = 64  # of each expert
START = 5
UNTRAINED = "meta-nas, alone, untrained"


class Ablated(MetaNASSearch):
    """`meta-nas` with a part of its context withheld."""

    withheld = ""

    def _learn(self, sources: Any) -> Any:
        model = super()._learn(sources)
        reader = model.reader
        if self.withheld == "no sources":
            reader = InContextModel(np.zeros_like(reader.scores[:1]), reader.weights)
        elif self.withheld == "untrained":
            torch.manual_seed(0)
            weights = {name: value.detach().numpy() for name, value in TrainedNetwork().named_parameters()}
            reader.__dict__["network"] = InContextNetwork(weights)
        return replace(model, reader=reader)


class Together(Ablated):
    """The transformer and the processes of `meta`; without sources, only ``gp``."""

    def __init__(self, space: Any, rng: np.random.Generator, **settings: Any) -> None:
        super().__init__(space, rng, **settings)
        if self.withheld == "no sources":
            self.members = ()

    def _best_by_sources(self) -> int:
        if self.withheld != "no sources":
            return super()._best_by_sources()
        return self._take_best(np.zeros(self.space.size))  # ties are broken at random


class Alone(Ablated):
    """The transformer without the processes of `meta`, with random architectures and neighbours as candidates."""

    def ask(self, n: int = 1) -> Any:
        is_left = self._open
        if self._n_asked < START and self._n_asked % 2:
            architecture = int(self.rng.choice(np.flatnonzero(is_left)))
        else:
            architecture = self._propose(np.flatnonzero(is_left))
        self._mark(architecture)
        return np.array([architecture], dtype=np.int32)

    def _propose(self, left: Any) -> int:
        state, kept = self._state, self._state._values
        if self.withheld == "shuffled labels":
            state._values = self.rng.permutation(kept).tolist()
        drawn = self.rng.choice(left, min(DRAWN, len(left)), replace=False)
        best = state.known[np.argsort(-np.array(state._values), kind="stable")[:NEAR]]
        near = self.space.neighbours(best).ravel()
        screened = np.union1d(drawn, near[(near >= 0) & self._open[near]])
        columns, reading = state.candidates(screened, BEST, SEARCH.candidates, self.rng)
        scores = self.meta_model_.reader.network.search_scores(reading, state.labels)
        state._values = kept
        return int(columns[scores.round(SEARCH.decimals).argmax()])

    def tell(self, architectures: Any, values: Any) -> None:
        if self.withheld != "no labels":
            self._state.observe(architectures, values)


def searcher_of(name: str, space: Any, rng: np.random.Generator) -> Any:
    """Return the searcher of a row."""
    name, *parts = name.split(", ")
    registered = SEARCHERS[name]
    if not parts:
        return registered(space, rng)
    objective = "likelihood" if parts[-1] == "likelihood" else registered.default_objective
    withheld = parts[-1] if parts[-1] in ABLATIONS else ""
    base = Alone if parts[0] == "alone" else Together
    return type("Kind", (base,), {"withheld": withheld})(space, rng, objective=objective)


def measure() -> None:
    """Append the missing rows."""
    rows = Rows(HERE / "search_runs.csv", (*KEYS, "evaluations"), len(KEYS))
    asked = [(case, sources) for case, sources in questions(list(FAMILIES)) if sources in STRESS]
    for draw, (case, sources), name in product(DRAWS, asked, MEASURED):
        key = (case.target.name, sources, name, draw)
        if rows.has(*key) or (sources != "natural" and ("labels" in name or "no sources" in name)):
            continue
        searcher = searcher_of(name, case.target.space, np.random.default_rng([draw, 41]))
        searcher.avoid = tuple(case.target.held_out)
        searcher.meta_fit(draw_sources(case, sources, LABELS, draw))
        if len(case.target.measured) < case.target.space.size:
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
    for name in ROWS:
        of_name = means[means["searcher"] == name]
        ratios = {kind: of_name[of_name["sources"] == kind]["ratio"].to_numpy() for kind in STRESS}
        if name in ("evolution", "source-order"):
            ratios = {kind: ratio if kind == "natural" else ratio[:0] for kind, ratio in ratios.items()}
        nonempty = [ratio for ratio in ratios.values() if len(ratio)]
        kind, comma, withheld = name.partition(",")
        table.append(
            {
                "searcher": f"`{kind}`{comma}{withheld}",
                **{kind: interval(np.log(ratio)) if len(ratio) else "–" for kind, ratio in ratios.items()},
                "slower by over 20 %": ", ".join(f"{(ratio < 1 / 1.2).sum()}/{len(ratio)}" for ratio in nonempty),
                "worst cases": ", ".join(f"×{ratio.min():.2f}" for ratio in nonempty),
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


def cost_of(rows: pd.DataFrame, name: str, base: str, sources: str = "natural") -> str:
    """Return the evaluations of a searcher divided by those of another with the same sources, paired by target."""
    some = rows[rows["sources"] == sources]
    wide = some.pivot(index=["target", "draw"], columns="searcher", values="evaluations")[[name, base]]
    means = wide.dropna().groupby("target").mean()
    return interval(np.log(means[name] / means[base]).to_numpy()).removeprefix("×")


def picture(means: pd.DataFrame, path: Path) -> None:
    """Draw the speed-up of each family: a panel per searcher, a style per kind of sources, faint points for cases."""
    shown = means[means["searcher"].isin(PANELS)].rename(
        columns={"searcher": "panel", "family": "row", "sources": "name", "ratio": "value"}
    )
    shown = shown.set_index("panel").loc[[*PANELS]].reset_index()
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
    speed_ups = table.set_index("searcher")[[*STRESS]].map(lambda architecture: architecture.removeprefix("×"))
    short = dict(zip(("natural", "reversed", "top"), STRESS, strict=True))
    values = {
        **{key: speed_ups.loc["`meta-nas`", sources] for key, sources in short.items()},
        **{f"meta_{key}": cost_of(rows, "meta", "meta-nas", sources) for key, sources in short.items()},
        **{f"untrained_{key}": cost_of(rows, "meta-nas, untrained", "meta-nas", kind) for key, kind in short.items()},
        **{f"np_{key}": cost_of(rows, LIKELIHOOD, "meta-nas", sources) for key, sources in short.items()},
        **{f"alone_untrained_{key}": cost_of(rows, UNTRAINED, "meta-nas, alone", kind) for key, kind in short.items()},
        "no_labels": cost_of(rows, "meta-nas, alone, no labels", "meta-nas, alone"),
        "without": speed_ups.loc["`meta-nas`, no sources", "natural"],
        "by_family": interval_by_family(means[(means["searcher"] == "meta-nas") & (means["sources"] == "natural")]),
        "cases": means["target"].nunique(),
        "n_reversed": means[means["sources"] == "reversed"]["target"].nunique(),
        "table": to_markdown(table).rstrip(),
        "withheld": " ".join(f"*{name.capitalize()}*: {what}." for name, what in ABLATIONS.items()),
        "cap": CAP,
        "labels": LABELS,
        "draws": len(DRAWS),
    }
    text = "\n\n".join(filled(part) for part in PAGE.format(**values).split("\n\n"))
    (HERE / "search.md").write_text(text + "\n", encoding="utf-8")


def filled(part: str) -> str:
    """Return a paragraph in lines of at most 119 characters; a title, table or picture as it is."""
    return part if part.startswith(("#", "|", "!")) else textwrap.fill(part, 119, break_on_hyphens=False)


PAGE = """# Does a transformer improve the search of `meta`?

`meta-nas` averages the expected improvements of `meta` and of a transformer trained on other families, and adds a
learned score. With natural sources it is {natural} times as fast as `gp` (geometric mean and 95 % interval over {cases}
targets of families unseen by its weights), with reversed ones {reversed} ({n_reversed} targets), with sources wrong at
the top {top}, and without sources {without}. With the three kinds of sources, `meta` needs {meta_natural},
{meta_reversed} and {meta_top} times as many evaluations as `meta-nas`, so the transformer gives no clear gain.

Without `meta`, an untrained transformer needs {alone_untrained_natural}, {alone_untrained_reversed} and
{alone_untrained_top} times as many evaluations as a trained one. With `meta`, training shows no clear effect: the
ratios are {untrained_natural}, {untrained_reversed} and {untrained_top}, and for a training without rewards
{np_natural}, {np_reversed} and {np_top}.

![Speed-up over gp by family, for meta, meta-nas and the transformer alone](search.png)

{table}

Columns 2 to 4: speed-up over `gp` in evaluations to one of the best 0.1 %, censored at {cap}. The last two columns are
in the same order. Sources have {labels} labels each and nothing of the target's dataset; kinds of sources and draws are
as in the [transfer benchmark](../../transfer/README.md). *Likelihood*: trained on the likelihood of predictions.
`meta-nas` continues from its weights, with search rewards and the likelihood of candidates. `meta-rl` starts from
random weights and uses only rewards. All are trained without `meta`.

*Alone*: without `meta`; candidates are random architectures and neighbours of the five best, and two of the first five
proposals are random. {withheld} Without labels, the transformer alone needs {no_labels} times as many evaluations.
Of `meta`, only `gp` remains without sources, after a random initial design.

**How it was run.** `python reports/meta/in_context_search.py` ([learning curves](search_training.csv)), `python
reports/transfer/run.py` for `gp`, `evolution` and `meta`, then `python reports/meta/in_context_compare.py`; {draws}
draws per case ([all runs](search_runs.csv)).

**Limits.** Resampling families instead of targets gives {by_family} for `meta-nas` with natural sources. The network
and `meta` were designed on some of these targets. The average of expected improvements was chosen on other draws of all
targets; random initial proposals also on results of these draws. `evolution` cannot skip the missing values of one
target. Only the transformer reads zero-cost proxies on NAS-Bench-201. Each objective was trained once.
"""


def main() -> None:
    """Measure, then write the page."""
    torch.set_num_threads(1)
    if not page_only(__doc__):
        measure()
    write_page(pd.read_csv(HERE / "search_runs.csv"))


if __name__ == "__main__":
    main()
