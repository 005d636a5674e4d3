"""The six families that the package brings beside NAS-Bench-201: what their numbers mean, and a search on them.

Run with ``python reports/families/run.py``; writes README.md, search.csv and search.png beside this file, and keeps its
journals in a temporary folder, or in the one that ``--folder`` names (so that a killed run goes on). The families
tnb101-macro, nbmacro and graphgym need ``nasmeta data fetch transnas-macro nas-bench-macro graphgym``.
"""

from __future__ import annotations

import argparse
import tempfile
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import spearmanr

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.tables import list_sources
from nasmeta.tasks import task_distribution

HERE = Path(__file__).parent
SEARCHERS = ("random", "evolution", "gp")
# What the features of `gp` were chosen on, and what is reported: the others.
CHOSEN_ON = ("graph/citeseer", "graph/photo", "graph/pubmed", "graph/arxiv", "hpobench-mlp/car", "hpobench-mlp/kc1",
             "hpobench-mlp/phoneme", "hpobench-mlp/vehicle", "fcnet/naval_propulsion",
             "fcnet/protein_structure")  # fmt: skip
REPORTED = ("graph/cora", "graph/cs", "graph/physics", "graph/computers", "hpobench-mlp/australian",
            "hpobench-mlp/blood_transfusion", "hpobench-mlp/credit_g", "hpobench-mlp/segment",
            "fcnet/parkinsons_telemonitoring", "fcnet/slice_localization")  # fmt: skip
TOP = 1000  # one in so many architectures is one of the best
FAMILIES = {  # table: (family of tasks, heading)
    "graph": ("graph", "NAS-Bench-Graph"),
    "tnb101-macro": ("tnb101-macro", "TransNAS-Bench-101, macro space"),
    "nbmacro": ("nbmacro/test", "NAS-Bench-Macro"),
    "graphgym": ("graphgym", "GraphGym's grid"),
    "hpobench-mlp": ("hpobench-mlp", "HPOBench's multilayer perceptrons"),
    "fcnet": ("fcnet", "FCNet"),
}
SUMMARY = """\
* Six families of tables, beside NAS-Bench-201: what their numbers mean, what they were tested against, and what they
  cannot tell. Numbers that the tests reproduce are in `tests/tables/sources/test_families.py` and
  `tests/spaces/test_families.py`.
* NAS-Bench-Macro has no validation split, and GraphGym, HPOBench and FCNet have no test values: a search there does not
  show how a network generalises.
* Seeds are averaged or not named in most of them, so small differences may be noise.
* In the search at the end, `gp` needs the fewest evaluations in the mean on {won} of {count} tasks, which took no part
  in choosing its features. The runs are few, so single tasks decide little."""
PROSE = {
    "graph": """\
**Space.** Graph neural networks of four nodes. A macro of nine says which earlier node, or the input, feeds each
node; each node has one of nine operations; what feeds no node goes to the output. 9 · 9⁴ = 59,049 combinations are
26,206 networks and one that does nothing, which is none: skips that only hand on are taken out, siblings are sorted.
An architecture is written `0012:gat,fc,sage,cheb`; the benchmark's own key (`30743`) is read, too.

**Numbers.** Accuracy in percent (a fraction in the file; on proteins the metric is ROC-AUC) on validation and test
after the last epoch, mean of three seeds; seconds of latency, on a device that the package does not name; parameters.
No learning curves, no single seeds, no training seconds: an evaluation has no cost, and a budget is a number of
evaluations. `proteins` has the 2,021 networks of gcn, sage, arma, fc and skip; the column is empty elsewhere.

**Tested against.** The best validation value of each dataset, its network, its test value and the best test value;
the number of keys, each of which the space has once and in order; rank correlations between datasets of .01 to .62;
where the mean order of the other seven datasets finds one of the best 26.

**What it cannot tell.** Whether a difference of a tenth of a percent is real: values on few nodes tie often (pubmed,
with 500 nodes, has 191 different ones; as doubles of the file 223, which differ in rounding) and seeds are averaged.
How a network does at a smaller number of epochs, and what its training costs.""",
    "tnb101-macro": """\
**Space.** Networks of four to six layers, written as digits: 1 plain, 2 doubles the channels, 3 halves the
resolution, 4 both. One to three layers widen and one to four shrink: 3,256 networks, in the order of their numbers in
the files. Nobody documents that order; it was inferred, and 48 networks that another file names agree with it.

**Numbers.** The best value over the epochs of each metric on training, validation and test images, each split on its
own: the test value is *not* that of the best validation epoch. One seed, which nobody names. Training seconds are
recorded.

**Tested against.** The optimum of each task and its network.

**What it cannot tell.** Noise between seeds. Whether the best network is best at the last epoch.""",
    "nbmacro": """\
**Space.** Eight layers in stages of two, three and three, each 0 (identity), 1 (inverted residual of expansion 3,
kernel 3) or 2 (expansion 6, kernel 5). The first layer of a stage is strided and counts whatever it is; an identity
after it can be taken out. So 6,561 strings are 3,969 networks; results of the others are copies, which the table
keeps.

**Numbers.** CIFAR-10 **test** accuracy in percent after 50 epochs, of three seeds (0 to 2 is their place in the file)
and their mean, parameters and multiply-adds. **There is no validation split**: the task is called
`nbmacro/cifar10/test`, as a search on it sees the test set, and what it finds is no estimate of how a network
generalises.

**Tested against.** The best network 22212220 with 93.13; 3,969 distinct results, exactly as the rule says.

**What it cannot tell.** Anything about selection: the number that is searched is the number that would be reported.""",
    "graphgym": """\
**Space.** 96 designs: layers before (1, 2), in (2, 4, 6, 8) and after (2, 3) message passing, how layers are joined
(a sum or a concatenation of skips), and aggregation by sum, maximum or mean.

**Numbers.** 32 tasks: twelve real datasets, and two kinds of made-up graphs with what is predicted from which
feature, as `scalefree-pagerank-from-onehot`. Validation accuracy in percent after 400 epochs (mean of the seeds), its
standard deviation, the loss, parameters, seconds of an iteration. No test values, no single seeds, no seconds of a
training.

**Tested against.** 32 complete tasks; rank correlations of -.81 to .99, 39 % of them negative.

**What it cannot tell.** What is best on test. Tasks on the same made-up graphs are tasks of their own here: leaving
one out keeps the others on the same graphs.""",
    "hpobench-mlp": """\
**Space.** Regularisation, batch size, depth, learning rate and width of a multilayer perceptron: 10 · 10 · 3 · 10 ·
10.

**Numbers.** Validation accuracy, precision and F1 in percent (fractions in the file) and training seconds, of five
seeds (0 to 4 is their place in the file, which names none) and their mean. No test values.

**Tested against.** 8 × 30,000 complete records; rank correlations of .86 to .96; the choices are those of the
package.

**What it cannot tell.** Test performance, and fewer epochs or less data: the package has one length of training, and
does not say which; the column has no epochs.""",
    "fcnet": """\
**Space.** Two hidden layers (units, activation, dropout of each), batch size, initial learning rate and schedule:
62,208.

**Numbers.** Validation loss of a regression (lower is better), training seconds, of four seeds (0 to 3 is their place
in the file) and their mean; parameters. Losses run over up to eleven orders of magnitude: search on ranks or
logarithms. No test values.

**Tested against.** 4 × 62,208 complete records; rank correlations of .76 to .90; the choices are those of the
package.

**What it cannot tell.** Test performance; the length of training is not in the package.""",
}


def facts(table: str) -> str:
    """Return what a table says about itself, as Markdown."""
    family, _ = FAMILIES[table]
    opened, tasks = nm.load_table(table), task_distribution(family)
    source = next(source for source in list_sources(table))
    rows = []
    for task in tasks:
        best = [int(one) for one in task.optimal_cells]
        its_test = [
            value
            for one in best
            for column, value in task.report(one).items()
            if column.split == "test" != task.signal.split and column.metric == task.signal.metric
        ]
        shown_test = (
            " to ".join(f"{value:.5g}" for value in sorted({min(its_test), max(its_test)})) if its_test else "–"
        )
        rows.append(
            {
                "task": task.name,
                "measured": f"{len(task.measured):,}",
                "best": f"{task.optimum:.5g}",
                "architecture": f"`{opened.space.to_string(best[0])}`"
                + (f" and {len(best) - 1} more" if best[1:] else ""),
                "its test": shown_test,
            }
        )
    lines = [
        textwrap.fill(
            f"Source `{source.name}`: {source.holds}. Licence: {source.licence}. Cite: {source.citation}.",
            118,
            break_on_hyphens=False,
        ),
        f"{opened.space.size:,} architectures, {len(opened.columns)} columns, release {source.release}.",
    ]
    whole = [task.values for task in tasks if len(task.measured) == opened.space.size]
    if len(whole) > 1:
        matrix = spearmanr(np.stack(whole, axis=1)).statistic
        between = np.atleast_1d(matrix)[np.triu_indices(len(whole), 1)] if np.ndim(matrix) else np.array([matrix])
        lines.append(f"Rank correlation between tasks: {between.min():.2f} to {between.max():.2f}.")
    shown = pd.DataFrame(rows) if len(rows) <= 12 else pd.DataFrame(rows[:: len(rows) // 8])
    return "\n".join(lines) + "\n\n" + to_markdown(shown)


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Return for each task and searcher how soon one of the best is found, and the regret on the way."""
    rows = []
    for (name, searcher), runs in frame.groupby(["task", "searcher"], sort=False):
        task = nm.get_task(str(name))
        values = np.sort(task.sign * task.values[task.measured])[::-1]
        enough = values[max(1, round(len(values) / TOP)) - 1]
        found, at_50, at_100 = [], [], []
        for _, run in runs.groupby("seed"):
            told = task.sign * run.sort_values("evaluation")["value"].to_numpy()
            hits = np.flatnonzero(told >= enough)
            found.append(int(hits[0]) + 1 if len(hits) else np.inf)
            regret = values[0] - np.maximum.accumulate(told)
            at_50.append(regret[min(50, len(regret)) - 1])
            at_100.append(regret[min(100, len(regret)) - 1])
        budget = int(runs["evaluation"].max())
        rows.append(
            {
                "task": name,
                "searcher": searcher,
                "runs": len(found),
                "mean evaluations": f"{np.minimum(found, budget).mean():.0f}",
                "not found": f"{int(np.isinf(found).sum())}",
                "regret at 50": f"{np.mean(at_50):.3g}",
                "regret at 100": f"{np.mean(at_100):.3g}",
            }
        )
    return pd.DataFrame(rows)


def draw(frame: pd.DataFrame, path: Path) -> None:
    """Draw the mean rank in the table, as a share, of the best that was found so far."""
    names = list(dict.fromkeys(frame["task"]))
    columns = 5
    rows = -(-len(names) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3 * columns, 2.4 * rows), sharey=True, squeeze=False)
    for ax, name in zip(axes.flat, names, strict=False):
        task = nm.get_task(name)
        ordered = np.sort(task.sign * task.values[task.measured])
        for searcher, runs in frame[frame["task"] == name].groupby("searcher", sort=False):
            told = runs.pivot(index="seed", columns="evaluation", values="value").to_numpy() * task.sign
            best = np.maximum.accumulate(told, axis=1)
            above = 1 - np.searchsorted(ordered, best, side="right") / len(ordered) + 1 / len(ordered)
            ax.plot(np.arange(1, best.shape[1] + 1), np.exp(np.log(above).mean(axis=0)), label=str(searcher))
        ax.set_title(name, fontsize=8)
        ax.set_yscale("log")
        ax.set_xlabel("evaluations", fontsize=8)
    axes[0, 0].legend(fontsize=7)
    for ax in axes[:, 0]:
        ax.set_ylabel("share that is better\n(geometric mean)", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", help="where journals are kept")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--evaluations", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        frame = nm.compare(
            SEARCHERS,
            tasks=REPORTED,
            repeats=chosen.repeats,
            evaluations=chosen.evaluations,
            workers=chosen.workers,
            folder=chosen.folder or temporary,
        )
    found = summary(frame)
    found.to_csv(HERE / "search.csv", index=False)
    best = found.pivot(index="task", columns="searcher", values="mean evaluations").astype(int).idxmin(axis=1)
    draw(frame, HERE / "search.png")
    parts = [
        "# Six more families of benchmarks",
        SUMMARY.format(won=(best == "gp").sum(), count=len(best)),
    ]
    parts += [
        f"## {heading}\n\n<details><summary>Space, numbers, tests and limits</summary>\n\n{PROSE[table]}\n\n"
        f"{facts(table).rstrip()}\n\n</details>"
        for table, (_, heading) in FAMILIES.items()
    ]
    parts.append(
        "## A search on those with many architectures\n\n"
        + textwrap.fill(
            f"{chosen.repeats} runs of {chosen.evaluations} evaluations. *Mean evaluations* is until one of the best "
            f"0.1 % is found; runs that find none count as {chosen.evaluations}. What `gp` compares was chosen on "
            f"other tasks ({', '.join(CHOSEN_ON)}): by the rank correlation of its predictions after 80 to 120 random "
            "evaluations, and on citeseer, photo and pubmed by eight searches each, where three sets of features were "
            "about equally good.",
            118,
        )
        + f"\n\n{to_markdown(found)}\n\n![The best that was found so far](search.png)"
    )
    parts.append("Regenerate: `python reports/families/run.py`.")
    (HERE / "README.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
