"""Measure whether trainings at other scales predict the learning rate and batch size of a language model.

Run ``nasmeta data fetch step-law hw-gpt-s hw-gpt-m hw-gpt-l``, then ``python
reports/scales/run.py``. It writes README.md and evaluations.png. Each run is appended to a CSV
file, so an interrupted report resumes.
"""

from __future__ import annotations

from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

import nasmeta as nm
from nasmeta.analysis import bootstrap_interval, to_markdown
from nasmeta.arrays import Floats, Integers
from nasmeta.searchers import SEARCHERS as REGISTERED, Searcher
from nasmeta.tasks import Task, at_scale, default_sources
from reports.common import SHARED, Rows, least_of_best, report, run_to, teach, with_interval
from reports.drawing import dot_plot, save_png

HERE = Path(__file__).parent
DATE = "2026-12-02"
NEAR = 0.002  # nats
DRAWS = 10
SEARCHERS = ("random", "tpe", "gp", "source-order", "rgpe", "multi-task-gp", "meta")
UNMOVED = {f"{name}, sources unmoved": name for name in ("source-order", "rgpe", "meta")}
PUBLISHED, REFIT, SMALLER = (
    "power law, published",
    "power law, other sizes",
    "power law, smaller sizes",
)
NEAREST, MEAN = "best of the nearest scale", "mean of all best"
RULES = (PUBLISHED, REFIT, SMALLER, NEAREST, MEAN)
TOKENS_A_SEQUENCE = 2048
COLUMNS = ("target", "searcher", "draw", "evaluations")
SUPERNETS = ("gpt-m", "gpt-l")
OF_SUPERNETS = ("random", "gp", "rgpe", "multi-task-gp", "meta")
FEW = 100  # labels of the small supernet


def settings_of(task: Task, architectures: Integers) -> Floats:
    """Return the logarithms to base 2 of learning rate and batch size, shape (n, 2)."""
    choices = [np.array(position.choices, dtype=float) for position in task.space.positions]
    codes = task.space.codes[architectures]
    return np.log2(np.stack([own[codes[:, i]] for i, own in enumerate(choices)], axis=1))


def published(parameters: float, tokens: float) -> Floats:
    """Return the published optimum (Li et al., 2025, equation 1), fitted by the authors of these trainings."""
    rate = 1.79 * parameters**-0.713 * tokens**0.307
    return np.log2([rate, 0.58 * tokens**0.571 / TOKENS_A_SEQUENCE])


def rules(target: Task) -> dict[str, Floats]:
    """Return the setting that each rule proposes for a target, from the best settings of its sources."""
    at = np.log2([*target.scale.values()])
    sources = list(default_sources(target))
    scales = np.log2([[*task.scale.values()] for task in sources])
    best = np.concatenate([settings_of(task, task.optimal_architectures[:1]) for task in sources])
    smaller = scales[:, 0] < at[0]
    return {
        PUBLISHED: published(*2**at),
        REFIT: refitted(scales, best, at),
        SMALLER: refitted(scales[smaller], best[smaller], at),
        NEAREST: best[np.linalg.norm(scales - at, axis=1).argmin()],
        MEAN: best.mean(axis=0),
    }


def refitted(scales: Floats, best: Floats, at: Floats) -> Floats:
    """Return the optimum at a scale by the law's form, fitted to best settings by least squares."""
    scales, at = np.insert(scales, 0, 1, axis=1), np.insert(at, 0, 1)
    rate = np.linalg.lstsq(scales, best[:, 0], rcond=None)[0] @ at
    batch = np.linalg.lstsq(scales[:, [0, 2]], best[:, 1], rcond=None)[0] @ at[[0, 2]]
    return np.array([rate, batch])


def evaluations_by_rule(task: Task, setting: Floats) -> int:
    """Return the evaluations until a near-optimal setting, if those closest to a rule's are tried first."""
    distances = np.linalg.norm(settings_of(task, task.measured) - setting, axis=1)
    losses = task.values[task.measured[np.argsort(distances, kind="stable")]]
    return int(np.argmax(losses <= task.optimum + NEAR)) + 1


def run() -> None:
    """Append the missing runs to the results."""
    rows = Rows(HERE / "results.csv", COLUMNS, 3)
    for task in nm.task_distribution("step-law/dense"):
        target, goal = task.signal.dataset, task.sign * (task.optimum + NEAR)
        for rule, setting in rules(task).items():
            if not rows.has(target, rule, 0):
                rows.add(target, rule, 0, evaluations=evaluations_by_rule(task, setting))
        models: dict[str, object] = {}
        unmoved = list(default_sources(task))
        for draw, name in product(range(DRAWS), (*SEARCHERS, *UNMOVED)):
            if rows.has(target, name, draw):
                continue
            searcher = searcher_of(UNMOVED.get(name, name), task, draw)
            move = list if name in UNMOVED else partial(at_scale, task)
            teach(searcher, models, SHARED.get(name, name), partial(move, unmoved))
            evaluations, _ = run_to(searcher, task, goal, task.space.size)
            rows.add(target, name, draw, evaluations=evaluations)


def searcher_of(name: str, task: Task, draw: int) -> Searcher:
    """Return a searcher on the measured settings."""
    searcher = REGISTERED[name](task.space, np.random.default_rng([draw, 51]))
    searcher.restrict(task.measured)
    return searcher


def run_supernets() -> None:
    """Append the missing runs on the larger supernets, whose source is the small one."""
    rows = Rows(HERE / "supernets.csv", COLUMNS, 3)
    small = nm.get_task("hw-gpt-s/gpt-s")
    with_few = [f"{name}, {FEW} labels" for name in OF_SUPERNETS[2:]]
    for target in SUPERNETS:
        task = nm.get_task(f"hw-{target}/{target}")
        models: dict[object, object] = {}
        for draw, name in product(range(DRAWS), (*OF_SUPERNETS, *with_few)):
            if rows.has(target, name, draw):
                continue
            source, key = small, (name, "all labels")
            if name in with_few:
                source, key = small.as_source(FEW, np.random.default_rng([draw, 52])), (name, draw)
            searcher = searcher_of(name.partition(",")[0], task, draw)
            teach(searcher, models, key, lambda source=source: [source])
            evaluations, _ = run_to(searcher, task, least_of_best(task), task.space.size)
            rows.add(target, name, draw, evaluations=evaluations)


def measure() -> None:
    """Append all missing runs."""
    run()
    run_supernets()


def _shown(name: str) -> str:
    searcher, comma, rest = name.partition(",")
    return f"`{searcher}`{comma}{rest}" if searcher in SEARCHERS else name


def supernets_table() -> str:
    """Return a table of mean evaluations on the larger supernets."""
    frame = pd.read_csv(HERE / "supernets.csv")
    rows = (
        frame.groupby(["searcher", "target"], sort=False)["evaluations"]
        .apply(with_interval, ".1f")
        .unstack()
    )
    rows = rows.loc[frame["searcher"].unique(), list(SUPERNETS)].reset_index()
    return to_markdown(rows.assign(searcher=rows["searcher"].map(_shown)))


def page() -> str:
    """Draw the picture; return the text of README.md."""
    frame = pd.read_csv(HERE / "results.csv")
    wide = frame.pivot_table(index="target", columns="searcher", values="evaluations", sort=False)
    names = [*RULES, *SEARCHERS, *UNMOVED]
    rows = []
    for name in names:
        own, ratio = wide[name], wide["gp"] / wide[name]
        rows.append(
            {
                "method": _shown(name),
                "median over targets": f"{own.median():.1f}",
                "mean": with_interval(own, ".1f"),
                "speed relative to `gp`": f"{np.exp(np.log(ratio).mean()):.2f}",
                "slowest": f"{ratio.min():.2f} ({ratio.idxmin()})",
            }
        )
    dots = pd.DataFrame(
        {"panel": "", "row": names, "name": names, "mean": wide[names].mean().to_numpy()}
    )
    dots[["low", "high"]] = [bootstrap_interval(wide[name]) for name in names]
    cases = (
        wide[names]
        .melt(var_name="name", value_name="value")
        .assign(panel="", row=lambda one: one["name"])
    )
    x = f"evaluations until a loss within {NEAR} nats of the best"
    save_png(dot_plot(dots, x, log=True, cases=cases, ticks=(1, 2, 5, 10, 20, 50)),
             HERE / "evaluations")  # fmt: skip
    by = {name: wide[name].median() for name in names}
    return f"""# Do trainings at other scales predict the learning rate and batch size of a language model?

Yes. `meta` proposes a setting within {NEAR} nats of the best loss after {by["meta"]:.0f} evaluations in the median of
{len(wide)} targets, `gp`, which has no sources, after {by["gp"]:.1f}. A power law fitted to other model sizes needs
{by[REFIT]:.0f}; fitted only to smaller ones, it needs {by[SMALLER]:.0f}.

Knowledge of the scale helps: before the search, the sources' labels are moved to the scale of the target along a
fitted power law (`nasmeta.tasks.at_scale`). Without this step, `meta` needs {by["meta, sources unmoved"]:.1f}
evaluations and `source-order` a mean of {wide["source-order, sources unmoved"].mean():.1f} instead of
{wide["source-order"].mean():.1f}. With it, `meta` is faster than `gp` on {(wide["meta"] < wide["gp"]).sum()} of
{len(wide)} targets, and needs {wide["meta"]["1.07b-20b"]:.0f} and {wide["meta"]["1.07b-100b"]:.0f} on the two of the
largest size, whose sources are all smaller.

![Evaluations until a near-optimal setting](evaluations.png)

{to_markdown(pd.DataFrame(rows))}
Speed is the geometric mean of the ratios of evaluations; the last column has the smallest ratio, with its target
(parameters without embeddings, tokens).

## From a small to larger GPT supernets

Evaluations until one of the best 0.1 % in perplexity among the measured sub-networks. The source is `hw-gpt-s`: all
10,000 labels, or {FEW} random ones. Positions are matched by name and relative level
(`nasmeta.spaces.codes_by_level`); intervals resample draws.

{supernets_table()}
With {FEW} random labels of the source, no searcher is faster than `gp` beyond chance.

## What is compared

A target is one pair of parameters and tokens; its architectures are the pairs of learning rate and batch size that were
trained. The {len(wide)} of 42 pairs with 88 or more trainings are targets. Sources are tasks with *other* numbers of
parameters. The joint process of `rgpe`, `multi-task-gp` and `meta` uses at most 1,200 labels.

A rule proposes the trained setting closest to its own on logarithmic scales, then the next closest. Power laws have the
published form, learning rate = a N^b D^c and batch size = d D^e, fitted by least squares to the best setting of each
source. The published one was fitted to these trainings, targets included, so it is not a forecast.

No setting of a searcher was chosen on these targets. The share of a source's labels that `at_scale` treats as its best,
10 %, was chosen among 1, 5, 10 and 20 % on the other 25 pairs, with two draws. That power laws work on the targets was
known before.

## How it was run

`python reports/scales/run.py` on {DATE}, draws 0 to {DRAWS - 1}, nasmeta {nm.__version__}. Intervals resample targets.

## Limits

* Each setting was trained once, so the noise of a training is unknown.
* Targets of one size share data and code, so the targets are not independent.
* The searchers compare choices by their position in the list, the rules by their logarithm.
"""


if __name__ == "__main__":
    report(__doc__, HERE / "README.md", page, measure)
