"""Measure meta-searchers on Gaussian processes: label budgets, tasks that disagree, and sources of other spaces.

``python reports/meta/gp.py`` writes ``reports/meta/gp/``: runs.csv with one line per run, so that
an interrupted report resumes, the figures and README.md. ``--page`` only rewrites the page.
TransNAS-Bench-101 needs ``nasmeta data fetch transnas``. Each part starts at a draw on which no
setting was chosen.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

import nasmeta as nm
from nasmeta.searchers import SEARCHERS, MetaSearcher
from nasmeta.threads import one_thread
from reports.common import NB201, Rows, least_of_best, page_only
from reports.meta.gp_page import write_page

HERE = Path(__file__).parent / "gp"
PARTS = ("full", "labels", "transnas", "cross")
CAP = 300  # evaluations
RUNS = 100  # draws of each part
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
    nb201, tnb101 = list(NB201), list(nm.task_distribution("tnb101").names)
    fixed = {  # with all labels nothing is drawn at random
        "full": (nb201, ("meta-gp", "source-order", "multi-task-gp")),
        "transnas": (tnb101, ("source-order", "meta-gp")),
    }
    yield from (
        Case(part, task, searcher, -1, 0) for task, searcher in product(*fixed.get(part, ((), ())))
    )
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
        return set(task.optimal_architectures.tolist())
    return set(np.flatnonzero(task.sign * task.values >= least_of_best(task)).tolist())


def sources_of(case: Case, task: nm.tasks.Task) -> list[nm.tasks.SourceTask]:
    """Return the labelled cells of the sources; no source shares what the target holds out."""
    family = task.name.split("/")[0]
    if case.part == "cross":
        family = {"nb201": "tnb101", "tnb101": "nb201"}[family]
    tasks = [
        other
        for other in nm.task_distribution(family)
        if set(other.held_out).isdisjoint(task.held_out)
    ]
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
        key = (
            type(searcher)._learn.__qualname__,
            task.space.name,
            *((s.name, s.sha256) for s in sources),
        )
        if key not in self._models:
            self._models[key] = searcher.meta_fit(sources).meta_model_
            while len(self._models) > self.keep:
                del self._models[next(iter(self._models))]
        searcher.meta_model_ = self._models[key]


def measure(case: Case, learner: Learner) -> tuple[int, int]:
    """Run one case; return its distinct evaluations, and 1 if the last one is a best architecture."""
    task = nm.get_task(case.task)
    goal, utilities = goal_of(task), task.sign * task.values
    searcher = SEARCHERS[case.searcher](task.space, np.random.default_rng([SEED, case.run, 1]))
    if isinstance(searcher, MetaSearcher):
        learner.teach(searcher, case, task)
    seen: set[int] = set()
    cap = task.space.n_architectures if case.searcher == "source-order" else CAP
    while len(seen) < cap:
        architecture = searcher.ask()
        seen.add(int(architecture[0]))
        if architecture[0] in goal:
            return len(seen), 1
        searcher.tell(architecture, utilities[architecture])
    return cap, 0


def main() -> None:
    """Run, then write figures and page."""
    if not page_only(__doc__):
        rows, learner = (
            Rows(HERE / "runs.csv", (*Case._fields, "evaluations", "found"), len(Case._fields)),
            Learner(),
        )
        with one_thread():
            for case in (case for part in PARTS for case in cases(part, RUNS)):
                if not rows.has(*case):
                    evaluations, found = measure(case, learner)
                    rows.add(*case, evaluations=evaluations, found=found)
    write_page(HERE)


if __name__ == "__main__":
    main()
