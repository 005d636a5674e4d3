"""Measure transfer with natural and with misleading sources: the speed-up of each searcher over ``gp``.

Run ``python reports/transfer/run.py``. It writes README.md, results.csv and gains.png. Each run is
appended to results.csv, so an interrupted report resumes. ``--draws`` sets the number of draws and
``--family`` selects families. ``--quick`` is a trial of minutes; give it another folder with
``--out``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np

from nasmeta.evaluators import TableEvaluator
from nasmeta.runs import run_loop
from nasmeta.searchers import SEARCHERS, MetaSearcher, Searcher
from reports.common import Rows
from reports.transfer.cases import FEWEST_TIES, HALVES, STRESS, Case, cases, draw_sources
from reports.transfer.page import write_page

HERE = Path(__file__).parent
CAP = 100  # evaluations
LABELS = ("400", "100", "all")  # per source; the last two are for the default searcher only
DRAWS = range(10, 20)  # no setting was chosen on these
PLAIN = ("gp", "random", "evolution")
META = ("meta", "rgpe", "multi-task-gp", "source-order")
SHARED = {"multi-task-gp": "rgpe"}  # searchers with equal meta-models
FAMILIES = tuple(family for half in HALVES.values() for family in half)
STRESSED = {  # targets with stress sources
    "tnb101": ("class_scene", "room_layout", "normal"),
    "tnb101-macro": ("class_object", "segmentsemantic"),
    "hpobench-mlp": ("car",),
    "nb201": ("cifar100", "imagenet16-120"),
    "graph": ("citeseer", "arxiv"),
}
COLUMNS = ("family", "target", "sources", "labels", "searcher", "draw", "evaluations")


def questions(families: list[str]) -> Iterator[tuple[Case, str]]:
    """Yield cases and kinds of sources, natural sources first."""
    for family in families:
        for case in cases(family):
            if case.ties > FEWEST_TIES:
                print(
                    f"{case.target.name} is left out: {case.ties:.0f} times as many cells as 0.1 % tie."
                )
                continue
            stressed = case.target.name.rpartition("/")[2] in STRESSED.get(family, ())
            for stress in (case.kind, *(STRESS if stressed else ())):
                yield case, stress


def evaluations_of(searcher: Searcher, case: Case, cap: int) -> int:
    """Return the number of evaluations to one of the best 0.1 %, or the cap."""
    task = case.target
    cap = min(cap, len(task.measured))
    history = run_loop(
        searcher, TableEvaluator(task), evaluations=cap, sign=task.sign, target=case.least_of_best
    )
    reached = task.sign * history.values >= case.least_of_best
    return int(reached.argmax()) + 1 if reached.any() else cap


def run(
    rows: Rows,
    asked: list[tuple[Case, str]],
    draws: Sequence[int],
    searchers: Sequence[str],
    labels: int | None,
) -> None:
    """Append the missing runs to the results."""
    for draw, (case, stress) in product(draws, asked):
        models: dict[str, object] = {}
        for name in searchers:
            sources = ("-", "-") if name in PLAIN else (stress, labels or "all")
            key = (case.family, case.target.name, *sources, name, draw)
            if rows.has(*key):
                continue
            searcher = SEARCHERS[name](case.target.space, np.random.default_rng([draw, 41]))
            if isinstance(searcher, MetaSearcher):
                if not searcher.crosses_spaces and case.sources[0].space != case.target.space:
                    continue
                model = SHARED.get(name, name)
                if model not in models:
                    models[model] = searcher.meta_fit(
                        draw_sources(case, stress, labels, draw)
                    ).meta_model_
                searcher.meta_model_ = models[model]
            task = case.target
            if len(task.measured) == task.space.size or searcher.restrict(task.measured):
                rows.add(*key, evaluations=evaluations_of(searcher, case, CAP))


def main() -> None:
    """Run, and write the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--draws", type=int, default=len(DRAWS), help="runs of each searcher on each case"
    )
    parser.add_argument("--family", action="append", choices=FAMILIES, help="a family; repeatable")
    parser.add_argument(
        "--searcher", action="append", choices=PLAIN + META, help="a searcher; repeatable"
    )
    parser.add_argument("--labels", default=LABELS[0], help="labels per source: a number, or 'all'")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of results and page")
    parser.add_argument(
        "--quick", action="store_true", help="two draws of two families, few searchers and sources"
    )
    parser.add_argument("--page", action="store_true", help="only rewrite the page")
    chosen = parser.parse_args()
    searchers, families, draws = (
        chosen.searcher or PLAIN + META,
        chosen.family or list(FAMILIES),
        chosen.draws,
    )
    if chosen.quick:
        searchers, families, draws = (
            ("gp", "rgpe", "meta"),
            chosen.family or ["tnb101", "nb201"],
            min(draws, 2),
        )
    if not chosen.page:
        kinds = ("natural", "unlike", STRESS[0]) if chosen.quick else ("natural", "unlike", *STRESS)
        kinds = kinds if chosen.labels == LABELS[0] else ("natural",)
        asked = [(case, kind) for case, kind in questions(families) if kind in kinds]
        searchers = searchers if chosen.labels == LABELS[0] else ("meta",)
        labels = None if chosen.labels == "all" else int(chosen.labels)
        run(Rows(chosen.out / "results.csv", COLUMNS, 6), asked, DRAWS[:draws], searchers, labels)
    write_page(chosen.out)


if __name__ == "__main__":
    main()
