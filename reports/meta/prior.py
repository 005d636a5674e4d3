"""What meta-learners expect before they read any value of the target: the prior alone, as an order of the cells.

    python reports/meta/prior.py [--targets nb201,tnb101] [--methods meta-gp,maml] [--write-only]

Each learner is meta-trained once for each target, with seed 0, on the family without all that the target holds out. Its
prior orders the cells; nothing of the target is told. Rows are appended to prior.csv as they are measured, so a killed
run goes on; README.md and the figure are written anew at the end.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from folding import folded  # beside this file
from gp import goal_of

import nasmeta as nm
from nasmeta.analysis import save_figure, to_markdown
from nasmeta.meta import META_PREDICTORS, SavedMetaModel
from nasmeta.searchers import SEARCHERS
from nasmeta.tasks import Task
from nasmeta.threads import one_thread

HERE = Path(__file__).parent / "prior"
COLUMNS = ("target", "method", "tau", "spearman", "position", "train_cpu_seconds")
FAMILIES = ("nb201", "tnb101")
NAS = ("meta-nas, search network", "meta-nas, prediction network")
SEARCHING = {  # multi-task-gp and rgpe have the same joint process
    "source-order": "source-order",
    "meta-gp": "meta-gp",
    "multi-task-gp and rgpe": "multi-task-gp",
}
LEARNERS = (*SEARCHING, "meta-linear", "meta-dkl", "meta-np", "maml", "anil", "reptile")
METHODS = (*LEARNERS, *NAS)


def sources_of(task: Task) -> list[Task]:
    """Return the tasks of both families of the task's space, without all that the target holds out."""
    families = {"nb201": ("nb201", "nb201/12ep"), "tnb101": ("tnb101", "tnb101/train")}[task.name.split("/")[0]]
    found = [other for family in families for other in nm.task_distribution(family)]
    held_out = {name.lower() for name in task.held_out}
    return [other for other in found if held_out.isdisjoint(name.lower() for name in other.held_out)]


def learnt(method: str, task: Task, sources: list[Task]) -> dict[str, Any]:
    """Return the scores that a learner expects of all cells, by the name of the row."""
    space = task.space
    cells, nothing, values = np.arange(space.size), np.zeros(0, np.int32), np.zeros(0)
    first = [source for source in sources if "@12ep" not in source.name and not source.name.endswith("/train")]
    if method in SEARCHING:
        model = SEARCHERS[SEARCHING[method]](space, np.random.default_rng(0)).meta_fit(first).meta_model_
        return {method: model if method == "source-order" else model.mean}
    if method in NAS:
        searcher = SEARCHERS["meta-nas"](space, np.random.default_rng(0))
        model = searcher.meta_fit(first).meta_model_
        predicted, _ = model.predict(cells, nothing, values)
        return dict(zip(NAS, (model.log_probabilities(nothing, values), predicted), strict=True))
    return {method: META_PREDICTORS[method](space).meta_fit(sources).prior()[0]}


def scored(task: Task, expected: Any) -> tuple[float, float, int]:
    """Return Kendall's τ-b and Spearman's ρ with the signal, and where in the order the first of the best cells is."""
    from scipy.stats import kendalltau, spearmanr

    utilities, expected = task.sign * task.values, np.asarray(expected, dtype=np.float64)
    order = np.argsort(-expected, kind="stable")
    position = 1 + int(np.flatnonzero(np.isin(order, list(goal_of(task))))[0])
    return kendalltau(expected, utilities)[0], spearmanr(expected, utilities)[0], position


def measure(families: list[str], methods: list[str]) -> None:
    """Append what is not measured yet."""
    HERE.mkdir(parents=True, exist_ok=True)
    path = HERE / "prior.csv"
    if not path.exists():
        path.write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
    with path.open(newline="", encoding="utf-8") as lines:
        there = {(row["target"], row["method"]) for row in csv.DictReader(lines)}
    for method in methods:
        for task in [task for family in families for task in nm.task_distribution(family)]:
            if (task.name, method) in there:
                continue
            start = time.process_time()
            found = learnt(method, task, sources_of(task))
            seconds = time.process_time() - start
            for name, expected in found.items():
                tau, spearman, position = scored(task, expected)
                line = (task.name, name, f"{tau:.4f}", f"{spearman:.4f}", position, f"{seconds:.1f}")
                with path.open("a", newline="", encoding="utf-8") as lines:
                    csv.writer(lines, lineterminator="\n").writerow(line)
                there.add((task.name, name))
                print(*line, flush=True)


def table(frame: pd.DataFrame, family: str, column: str, digits: int) -> str:
    """Return learners × targets."""
    own = frame[frame.target.str.startswith(f"{family}/")]
    wide = own.pivot(index="method", columns="target", values=column)
    wide = wide.reindex(index=[m for m in METHODS if m in wide.index], columns=list(own.target.unique()))
    shown = wide.map(lambda value: "–" if np.isnan(value) else f"{value:,.{digits}f}")
    shown.columns = [name.split("/")[1] for name in shown.columns]
    return to_markdown(shown.rename_axis("prior alone").reset_index())


def write() -> None:
    """Write the page and the figure from prior.csv."""
    frame = pd.read_csv(HERE / "prior.csv").sort_values("target", key=lambda names: names.map(_place), kind="stable")
    with tempfile.TemporaryDirectory() as folder:
        nm.meta_train("meta-gp", leave_out="cifar10", out=Path(folder) / "model.npz")
        figure = SavedMetaModel.load(Path(folder) / "model.npz").plot()
    save_figure(figure, HERE / "meta_gp", formats=("png",))
    absent = [f"`{method}`" for method in METHODS if method not in set(frame.method)]
    missing = f"Not measured here: {', '.join(absent)}." if absent else ""
    runs = pd.read_csv(HERE.parent / "gp" / "runs.csv").query("part == 'transnas' and searcher == 'meta-gp'")
    needed = runs.set_index("task").evaluations
    alone = frame[frame.method == "meta-gp"].set_index("target").position.reindex(needed.index)
    fewer, more = ([task.split("/")[1] for task in needed.index[which]] for which in (needed < alone, needed > alone))
    read = (
        f"`meta-gp`, which reads them, needs fewer evaluations than its prior alone on {', '.join(fewer) or 'no task'}"
        f", and more on {', '.join(more) or 'no task'}."
    )
    tables = {f"{column}_{family}": table(frame, family, column, digits)
              for family in FAMILIES for column, digits in (("tau", 3), ("position", 0))}  # fmt: skip
    text = TEXT.format(missing=missing, read=read, **tables)
    (HERE / "README.md").write_text(folded(text).rstrip() + "\n", encoding="utf-8")


def _place(name: str) -> int:
    return [task.name for family in FAMILIES for task in nm.task_distribution(family)].index(name)


TEXT = """## Prior alone: no value of the target read

What each learner expects of the cells before the first value of the target, with all labels of the sources: the other
two data sets of NAS-Bench-201, or the other six tasks of TransNAS-Bench-101. Meta-predictors also see the sources after
12 epochs or on training images. One meta-training each, seed 0, with today's defaults.
Kendall's τ-b is that with the searcher's signal over all cells. {missing}

### Kendall's τ-b on TransNAS-Bench-101

{tau_tnb101}

### Position of the first of the best four cells on TransNAS-Bench-101

The number of evaluations that the order alone would need: compare it with the tables of the searchers, which read each
value. Among 4,096 cells a random order has it at 819 on average. {read}

{position_tnb101}

### NAS-Bench-201

Kendall's τ-b:

{tau_nb201}

Position of the optimum:

{position_nb201}

### What `meta-gp` has learnt without CIFAR-10

![Lengthscales by feature, and effect of each choice on the prior mean](meta_gp.png)

Above: how far the target may deviate from the prior mean, in normal scores, and over how many differences in edges,
live paths and operation counts such a deviation reaches. Below: how far the mean score of the cells with an operation
on an edge lies from that of all. `SavedMetaModel.plot` draws it for any model that has these.

Regenerate: `python reports/meta/prior.py`.
"""


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", default=",".join(FAMILIES), help="families, separated by commas")
    parser.add_argument("--methods", default="", help="only these, separated by semicolons")
    parser.add_argument("--write-only", action="store_true", help="write page and figure of what is measured")
    asked = parser.parse_args()
    methods = [name.strip() for name in asked.methods.split(";") if name.strip()] or [*LEARNERS, NAS[0]]
    if unknown := sorted(set(methods) - set(METHODS)):
        parser.error(f"unknown method {unknown[0]!r}; possible: {'; '.join(METHODS)}")
    with one_thread():
        if not asked.write_only:
            measure(asked.targets.split(","), methods)
        write()


if __name__ == "__main__":
    main()
