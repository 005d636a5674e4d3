"""Compare the searchers that propose with the transformer, and withhold parts of what it reads.

Run with ``python reports/meta/in_context_compare.py``; writes search.md and search.png in in_context/. Rows are
appended to in_context/search_runs.csv one at a time, so an interrupted run resumes; ``--page`` only rewrites the page.
Weights have not seen the target's group of families. The fallback is off.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "transfer"))

from cases import Case, cases, draw_sources
from common import Rows, page_only
from drawing import dot_plot, in_order, save_png
from in_context_network import TrainedNetwork

from nasmeta.analysis import bootstrap_interval, to_markdown
from nasmeta.meta.in_context import InContextModel, InContextNetwork
from nasmeta.meta.in_context._searcher import ContextSearch
from nasmeta.pictures import task_title
from nasmeta.searchers import SEARCHERS, Searcher

HERE = Path(__file__).parent / "in_context"
CAP = 100
LABELS = 100  # of each source
SEEDS = range(5)
TARGETS = {
    "nb201": ("cifar10", "imagenet16-120"),
    "latency": ("pixel3",),
    "robust": ("pgd@0.5",),
    "tnb101": ("class_scene", "jigsaw"),
    "tnb101-macro": ("class_object",),
    "graph": ("citeseer", "arxiv"),
    "hpobench-mlp": ("car", "vehicle"),
    "fcnet": ("slice_localization",),
}
CHOSEN_ON = ("nb201/cifar10", "tnb101/class_scene", "tnb101/jigsaw")  # a setting was chosen on these
STRESS = ("natural", "reversed", "wrong at the top")
KEYS = ("target", "sources", "searcher", "seed")
PROCESSES = ("meta", "multi-task-gp", "rgpe")
LEARNED = ("meta-np", "meta-nas", "meta-rl")
WITHHELD = {
    "meta-nas, untrained": "random weights",
    "meta-nas, no labels": "the transformer and its experts read no observation",
    "meta-nas, shuffled labels": "values of the observations in random order",
    "meta-nas, no sources": "a constant in place of the sources",
}
ROWS = ("evolution", "gp", "source-order", *PROCESSES, *LEARNED, *WITHHELD)


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

    def _propose(self, n: int) -> Any:
        if self.withheld != "shuffled labels":
            return super()._propose(n)
        kept = self._state._values
        self._state._values = self.rng.permutation(kept).tolist()
        proposed = super()._propose(n)
        self._state._values = kept
        return proposed


def made(name: str, case: Case, sources: str, seed: int) -> Searcher:
    """Return a searcher that has read its sources."""
    rng, space = np.random.default_rng([seed, 91]), case.target.space
    if name in ("gp", "evolution"):
        return SEARCHERS[name](space, rng)
    if name in WITHHELD:
        searcher = Ablated(space, rng, name.removeprefix("meta-nas, "))
    else:
        searcher = SEARCHERS[name](space, rng, **({"falls_back": False} if name in LEARNED else {}))
    searcher.avoid = tuple(case.target.held_out)
    searcher.meta_fit(draw_sources(case, sources, LABELS, seed))
    return searcher


def needed(searcher: Searcher, utilities: np.ndarray, best: float) -> int:
    """Return how many distinct architectures it takes to find one of the best 0.1 %; CAP if it does not."""
    seen: set[int] = set()
    for _ in range(20 * CAP):
        cells = searcher.ask()
        searcher.tell(cells, utilities[cells])
        seen.add(int(cells[0]))
        if utilities[cells[0]] >= best or len(seen) == CAP:
            break
    return len(seen)


def combinations() -> Iterator[tuple[Case, str, str, int]]:
    """Yield case, sources, searcher and seed; all searchers of a case in turn."""
    chosen = [
        case
        for family, names in TARGETS.items()
        for case in cases(family)
        if any(case.target.name.endswith(f"/{name}") for name in names)
    ]
    for seed in SEEDS:
        for case in chosen:
            for name in ROWS:
                stress = STRESS[:1] if name in ("gp", "evolution") or name in WITHHELD else STRESS
                yield from ((case, sources, name, seed) for sources in stress)


def measure() -> None:
    """Append the missing rows."""
    rows = Rows(HERE / "search_runs.csv", (*KEYS, "evaluations"), len(KEYS))
    for case, sources, name, seed in combinations():
        key = (case.target.name, sources, name, seed)
        if not rows.has(*key):
            utilities = np.nan_to_num(case.target.sign * case.target.values, nan=-np.inf)
            evaluations = needed(made(name, case, sources, seed), utilities, case.least_of_best)
            rows.add(*key, evaluations=evaluations)


def ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """Return evaluations of `gp` divided by those of each searcher, by case, without targets of `CHOSEN_ON`."""
    rows = rows[~rows["target"].isin(CHOSEN_ON)]
    natural = rows[rows["sources"] == "natural"]
    plain = natural[natural["searcher"] == "gp"].set_index(["target", "seed"])["evaluations"].rename("gp")
    joined = rows.join(plain, on=["target", "seed"], how="inner")
    means = joined.groupby(["searcher", "sources", "target"])[["evaluations", "gp"]].mean().reset_index()
    means["ratio"] = means["gp"] / means["evaluations"]
    return means


def summary(means: pd.DataFrame) -> pd.DataFrame:
    """Return geometric means over cases with 95 % intervals of a bootstrap over cases, and the worst case."""
    table = []
    for name in ROWS:
        for sources in STRESS:
            found = np.log(means[(means["searcher"] == name) & (means["sources"] == sources)]["ratio"].to_numpy())
            if len(found) and name != "gp":
                table.append(
                    {
                        "searcher": f"`{name.split(',')[0]}`{name[len(name.split(',')[0]) :]}",
                        "sources": sources if name not in ("evolution",) else "–",
                        "speed-up over `gp`": interval(found),
                        "worst case": f"×{np.exp(found.min()):.2f}",
                    }
                )
    return pd.DataFrame(table)


def interval(logarithms: np.ndarray) -> str:
    """Return the geometric mean of ratios with a 95 % interval of a bootstrap over cases."""
    low, high = np.exp(bootstrap_interval(logarithms, n_resamples=4000))
    return f"×{np.exp(logarithms.mean()):.2f} [{low:.2f}, {high:.2f}]"


def picture(means: pd.DataFrame, path: Path) -> None:
    """Draw the speed-up of each case: a panel per searcher, a style per kind of sources."""
    shown = means[means["searcher"].isin(LEARNED)].set_index("searcher").loc[[*LEARNED]].reset_index()
    rows = [f"{task_title(target)} ({target.partition('/')[0]})" for target in shown["target"]]
    frame = pd.DataFrame({"panel": shown["searcher"], "row": rows, "name": shown["sources"], "mean": shown["ratio"]})
    x = "speed-up over gp"
    figure = dot_plot(frame, x, looks=in_order(STRESS), log=True, line=1, title="sources", ticks=(0.25, 0.5, 1, 2, 4))
    save_png(figure, path)


def write_page(rows: pd.DataFrame) -> None:
    """Write search.md and search.png."""
    rows = rows.astype({"evaluations": int})
    means = ratios(rows)
    picture(means, HERE / "search")
    table = summary(means)
    seeds = rows.groupby(["target", "sources", "searcher"])["seed"].nunique()
    natural = table.set_index(["searcher", "sources"])["speed-up over `gp`"]
    cost = means[means["sources"] == "natural"].pivot(index="target", columns="searcher", values="evaluations")
    values = {
        "natural": natural["`meta-nas`", "natural"].removeprefix("×"),
        "reversed": natural["`meta-nas`", "reversed"].removeprefix("×"),
        "cases": len(cost),
        **{
            name: interval(np.log(cost[other] / cost["meta-nas"]).to_numpy()).removeprefix("×")
            for name, other in (
                ("emptied", "meta-nas, no labels"),
                ("shuffled", "meta-nas, shuffled labels"),
                ("untrained", "meta-nas, untrained"),
                ("likelihood", "meta-np"),
                ("processes", "meta"),
                ("reward", "meta-rl"),
            )
        },
        "table": to_markdown(table).rstrip(),
        "withheld": "; ".join(f"*{name.removeprefix('meta-nas, ')}*, {what}" for name, what in WITHHELD.items()),
        "cap": CAP,
        "labels": LABELS,
        "seeds": seeds.min(),
    }
    text = "\n\n".join(filled(part) for part in PAGE.format(**values).split("\n\n"))
    (HERE / "search.md").write_text(text + "\n", encoding="utf-8")


def filled(part: str) -> str:
    """Return a paragraph in lines of at most 119 characters; a title, table or picture as it is."""
    return part if part.startswith(("#", "|", "!")) else textwrap.fill(part, 119)


PAGE = """# Does the transformer find good architectures sooner than a Gaussian process?

Not significantly: with natural sources, `meta-nas` is {natural} times as fast as `gp` (geometric mean over {cases}
targets of families unseen by its weights, 95 % interval over targets), and with reversed sources {reversed} times.
With natural sources, Gaussian processes that read the same sources (`meta`) need {processes} times as many evaluations
as `meta-nas`. Training with rewards adds no significant speed: without it, `meta-np` needs {likelihood} times as many.

![Speed-up over gp by target, for meta-np, meta-nas and meta-rl](search.png)

{table}

Evaluations until one of the best 0.1 % is found, at most {cap}. Sources have {labels} labels each and nothing of the
target's dataset. *Reversed*: sources with negated values. *Wrong at the top*: the best tenth of each source exchanged
with the tenth above its median. `meta`, `multi-task-gp` and `rgpe` are Gaussian processes with sources. `meta-np`
maximises expected improvement under weights trained on the likelihood of predictions; `meta-nas` continues their
training with rewards of searches and the likelihood of candidates; `meta-rl` has rewards alone, from random weights.

Withheld from `meta-nas`: {withheld}. With natural sources it then needs, paired by target, {untrained} (untrained),
{emptied} (no labels) and {shuffled} (shuffled labels) times as many evaluations; `meta-rl` needs {reward}.

**How it was run.** `python reports/meta/in_context_search.py` for both objectives
([learning curves](search_training.csv)), then `python reports/meta/in_context_compare.py`; {seeds} paired seeds per
case ([all runs](search_runs.csv)), without fallback.

**Limits.** A run that finds nothing counts as {cap}, which understates differences. The targets belong to the transfer
benchmark, some of which was seen while the network was designed. The number of architectures drawn in each step was
chosen on four tasks, of which CIFAR-10, class_scene and jigsaw are in the CSV file but in no figure here. The
transformer reads zero-cost proxies on the targets of NAS-Bench-201; `gp` does not. In
training, a search has 12 evaluations among 800 architectures, after 0 to 55 random labels. Results differ between
trainings: an earlier one, with two kernels and an error in the policy's update, gave 1.49 [1.08, 2.29] with natural
sources and 1.16 [0.72, 1.95] with reversed ones on the same seeds.
Ties between equivalent architectures were broken by rounding errors.
"""


def main() -> None:
    """Measure, then write the page."""
    torch.set_num_threads(1)
    if not page_only(__doc__):
        measure()
    write_page(pd.read_csv(HERE / "search_runs.csv"))


if __name__ == "__main__":
    main()
