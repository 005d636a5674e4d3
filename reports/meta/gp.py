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
from nasmeta.searchers import SEARCHERS
from nasmeta.threads import one_thread
from reports.common import NB201, SHARED, Rows, least_of_best, report, run_to, teach
from reports.meta.gp_page import page

HERE = Path(__file__).parent / "gp"
PARTS = ("full", "labels", "transnas", "cross")
CAP = 300  # evaluations
MOST_MODELS = 12  # that are kept for later runs
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


def measure(case: Case, models: dict[object, object]) -> tuple[int, bool]:
    """Run one case; return its distinct evaluations, and whether the last one is a best architecture."""
    task = nm.get_task(case.task)
    searcher = SEARCHERS[case.searcher](task.space, np.random.default_rng([SEED, case.run, 1]))
    name = SHARED.get(case.searcher, case.searcher)
    key = case._replace(searcher=name, run=case.run if case.labels > 0 else 0)
    teach(searcher, models, key, lambda: sources_of(case, task))
    goal = task.sign * task.optimum if task.name.startswith("nb201") else least_of_best(task)
    return run_to(searcher, task, goal, task.space.size if case.searcher == "source-order" else CAP)


@one_thread()
def measure_missing() -> None:
    """Append the missing runs; those of the same draw and task share meta-models."""
    rows = Rows(HERE / "runs.csv", (*Case._fields, "evaluations", "found"), len(Case._fields))
    models: dict[object, object] = {}
    for case in (case for part in PARTS for case in cases(part, RUNS)):
        if not rows.has(*case):
            evaluations, found = measure(case, models)
            rows.add(*case, evaluations=evaluations, found=int(found))
            while len(models) > MOST_MODELS:
                del models[next(iter(models))]


if __name__ == "__main__":
    report(__doc__, HERE / "README.md", lambda: page(HERE), measure_missing)
