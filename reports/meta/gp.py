"""Measure meta-searchers on Gaussian processes: label budgets, tasks that disagree, and sources of other spaces.

``python reports/meta/gp.py`` writes ``reports/meta/gp/``: runs.csv with one line per run, so that an interrupted report
resumes, the figures and README.md. ``--parts`` and ``--runs`` select runs; ``--parts none`` only writes the page.
TransNAS-Bench-101 needs ``nasmeta data fetch transnas``. Each part starts at a draw on which no setting was chosen.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from time import process_time
from typing import NamedTuple

import numpy as np

import nasmeta as nm
from nasmeta.meta import SourceOrder
from nasmeta.searchers import SEARCHERS, MetaSearcher
from nasmeta.threads import one_thread

HERE = Path(__file__).parent / "gp"
PARTS = ("full", "labels", "transnas", "cross")
CAP = 300
GRID = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300)
COLUMNS = (
    "part", "task", "searcher", "labels", "run", "evaluations", "found",
    "meta_cpu_seconds", "step_cpu_milliseconds", "slowest_step_cpu_milliseconds", "regret",
)  # fmt: skip
SEED = 20_000  # with the draw's number
FIRST_OF_LABELS = {100: 20, 400: 16, 25: 6}  # first draw by labels per source
FIRST = {"full": 24, "transnas": 10, "cross": 5}  # first draw of the other parts


class Case(NamedTuple):
    """One run: its task, searcher and number of labels per source (0: none, -1: all)."""

    part: str
    task: str
    searcher: str
    labels: int
    run: int


def cases(part: str, runs: int) -> Iterator[Case]:
    """Yield the runs of a part, draw by draw over all tasks."""
    nb201 = [f"nb201/{name}" for name in ("cifar10", "cifar100", "imagenet16-120")]
    tnb101 = list(nm.task_distribution("tnb101").names) if part in ("transnas", "cross") else []
    fixed = {  # with all labels nothing is drawn at random
        "full": (nb201, ("meta-gp", "source-order", "multi-task-gp")),
        "transnas": (tnb101, ("source-order", "meta-gp")),
    }
    yield from (Case(part, task, searcher, -1, 0) for task, searcher in product(*fixed.get(part, ((), ()))))
    if part == "labels":
        searchers = ("source-order", "multi-task-gp", "rgpe")
        for labels, first in FIRST_OF_LABELS.items():
            for run, task, searcher in product(range(first, first + runs), nb201, searchers):
                yield Case(part, task, searcher, labels, run)
        return
    guided = {"multi-task-gp": 2048, "rgpe": 2048}  # labels of a source
    drawn = {
        "full": (nb201, {"rgpe": -1}),
        "transnas": (tnb101, {"evolution": 0, "local-search": 0, "gp": 0, **guided}),
        "cross": (nb201 + tnb101, guided),
    }
    tasks, labels_of = drawn[part]
    for run, task, searcher in product(range(FIRST[part], FIRST[part] + runs), tasks, labels_of):
        yield Case(part, task, searcher, labels_of[searcher], run)


def goal_of(task: nm.tasks.Task) -> set[int]:
    """Return the cells that end a run: the best of NAS-Bench-201, the best 0.1 % of TransNAS-Bench-101."""
    if task.name.startswith("nb201"):
        return set(task.optimal_cells.tolist())
    utilities = task.sign * task.values
    return set(np.flatnonzero(utilities >= np.sort(utilities)[-4]).tolist())


def sources_of(case: Case, task: nm.tasks.Task) -> list[nm.tasks.SourceTask]:
    """Return the labelled cells of the sources; no source shares what the target holds out."""
    family = task.name.split("/")[0]
    if case.part == "cross":
        family = {"nb201": "tnb101", "tnb101": "nb201"}[family]
    tasks = [other for other in nm.task_distribution(family) if set(other.held_out).isdisjoint(task.held_out)]
    rng = np.random.default_rng([SEED, case.run])
    return [other.as_source(case.labels if case.labels > 0 else None, rng) for other in tasks]


class Learner:
    """Reuse meta-trained models in successive runs with equal sources."""

    def __init__(self, keep: int = 12) -> None:
        self.keep = keep
        self._models: dict[tuple[object, ...], object] = {}

    def teach(self, searcher: MetaSearcher, case: Case, task: nm.tasks.Task) -> None:
        """Meta-train the searcher on the sources of the case."""
        sources = sources_of(case, task)
        key = (type(searcher)._learn.__qualname__, task.space.name, *((s.name, s.sha256) for s in sources))
        if key not in self._models:
            self._models[key] = searcher.meta_fit(sources).meta_model_
            while len(self._models) > self.keep:
                del self._models[next(iter(self._models))]
        searcher.meta_model_ = self._models[key]


def measure(case: Case, learner: Learner) -> list[object]:
    """Run one case and return its line."""
    task = nm.get_task(case.task)
    goal, utilities = goal_of(task), task.sign * task.values
    searcher = SEARCHERS[case.searcher](task.space, np.random.default_rng([SEED, case.run, 1]))
    start = process_time()
    if isinstance(searcher, MetaSearcher):
        learner.teach(searcher, case, task)
    learning = process_time() - start
    seen: list[int] = []
    steps: list[float] = []
    cap = task.space.n_cells if isinstance(searcher, SourceOrder) else CAP
    while len(seen) < cap:
        start = process_time()
        cell = searcher.ask()
        if int(cell[0]) not in seen:
            seen.append(int(cell[0]))
            if seen[-1] in goal:
                break
        searcher.tell(cell, utilities[cell])
        steps.append(1e3 * (process_time() - start))
    found = seen[-1] in goal
    regrets = utilities.max() - np.maximum.accumulate(utilities[seen])
    curve = ";".join(f"{regrets[min(n, len(seen)) - 1]:.6g}" for n in GRID)
    later = steps[1:] or [float("nan")]
    figures = [f"{learning:.2f}", f"{np.median(later):.2f}", f"{max(later):.1f}", curve]
    return [*case, len(seen), int(found), *figures]


def run(parts: list[str], runs: int, searchers: list[str], labels: int | None) -> None:
    """Run the cases that runs.csv lacks; append one line per run."""
    HERE.mkdir(parents=True, exist_ok=True)
    path = HERE / "runs.csv"
    done: set[tuple[str, ...]] = set()
    if path.exists():
        with path.open(newline="", encoding="utf-8") as lines:
            done = {tuple(line[:5]) for line in csv.reader(lines)}
    else:
        path.write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
    learner = Learner()
    for part in parts:
        for case in cases(part, runs):
            if tuple(map(str, case)) in done or (searchers and case.searcher not in searchers):
                continue
            if labels not in (None, case.labels):
                continue
            with one_thread():
                line = measure(case, learner)
            with path.open("a", newline="", encoding="utf-8") as lines:
                csv.writer(lines, lineterminator="\n").writerow(line)
            print(*line[:7], file=sys.stderr, flush=True)


def main() -> None:
    """Run, then write figures and page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}; or none")
    parser.add_argument("--runs", type=int, default=100, help="draws of each part")
    parser.add_argument("--searchers", default="", help="only these, separated by commas")
    parser.add_argument("--labels", type=int, help="only runs with this number of labels per source")
    parser.add_argument("--no-page", action="store_true", help="only add runs")
    arguments = parser.parse_args()
    parts = [part for part in arguments.parts.split(",") if part != "none"]
    if unknown := sorted(set(parts) - set(PARTS)):
        parser.error(f"unknown part {unknown[0]!r}; possible: {', '.join(PARTS)}, none")
    searchers = [name for name in arguments.searchers.split(",") if name]
    run(parts, arguments.runs, searchers, arguments.labels)
    if not arguments.no_page:
        from gp_page import write_page

        write_page(HERE)


if __name__ == "__main__":
    main()
