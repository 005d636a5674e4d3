"""Measure transfer with natural and with misleading sources: the speed-up of each searcher over ``gp``.

Run ``python reports/transfer/run.py``. It writes README.md, results.csv and gains.png. Each run is
appended to results.csv, so an interrupted report resumes. ``--draws`` sets the number of draws and
``--family`` selects families. ``--quick`` is a trial of minutes; give it a small number of draws
and another folder with ``--out``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from nasmeta.searchers import SEARCHERS
from reports.common import SHARED, Rows, page_parser, run_to, teach
from reports.transfer.cases import FEWEST_TIES, HALVES, STRESS, Case, cases, draw_sources
from reports.transfer.page import write_page

HERE = Path(__file__).parent
CAP = 100  # evaluations
LABELS = ("400", "100", "all")  # per source; the last two are for the default searcher only
DRAWS = range(10, 20)  # no setting was chosen on these
PLAIN = ("gp", "random", "evolution")
META = ("meta", "rgpe", "multi-task-gp", "source-order")
FAMILIES = tuple(family for half in HALVES.values() for family in half)
STRESSED = {  # targets with stress sources
    "tnb101": ("class_scene", "room_layout", "normal"),
    "tnb101-macro": ("class_object", "segmentsemantic"),
    "hpobench-mlp": ("car",),
    "nb201": ("cifar100", "imagenet16-120"),
    "graph": ("citeseer", "arxiv"),
}
COLUMNS = ("family", "target", "sources", "labels", "searcher", "draw", "evaluations")


def questions(families: Sequence[str]) -> Iterator[tuple[Case, str]]:
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


def run(
    rows: Rows,
    asked: list[tuple[Case, str]],
    draws: Sequence[int],
    searchers: Sequence[str],
    labels: int | None,
) -> None:
    """Append the missing runs to the results."""
    for draw, (case, stress) in product(draws, asked):
        task = case.target
        models: dict[str, object] = {}
        for name in searchers:
            sources = ("-", "-") if name in PLAIN else (stress, labels or "all")
            key = (case.family, task.name, *sources, name, draw)
            if rows.has(*key):
                continue
            searcher = SEARCHERS[name](task.space, np.random.default_rng([draw, 41]))
            if name in META:
                if not searcher.crosses_spaces and case.sources[0].space != task.space:
                    continue
                drawn = partial(draw_sources, case, stress, labels, draw)
                teach(searcher, models, SHARED.get(name, name), drawn)
            if len(task.measured) == task.space.size or searcher.restrict(task.measured):
                evaluations, _ = run_to(searcher, task, case.least_of_best, CAP)
                rows.add(*key, evaluations=evaluations)


def main() -> None:
    """Run, and write the report."""
    parser = page_parser(__doc__)
    parser.add_argument("--draws", type=int, default=len(DRAWS), help="runs of each searcher")
    parser.add_argument("--family", action="append", choices=FAMILIES, help="a family; repeatable")
    parser.add_argument("--labels", default=LABELS[0], help="labels per source: a number, or 'all'")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of results and page")
    parser.add_argument("--quick", action="store_true", help="few searchers, sources and families")
    chosen = parser.parse_args()
    searchers, families, kinds = PLAIN + META, FAMILIES, ("natural", "unlike", *STRESS)
    if chosen.quick:
        searchers, families, kinds = ("gp", "rgpe", "meta"), ("tnb101", "nb201"), kinds[:3]
    if chosen.labels != LABELS[0]:
        searchers, kinds = ("meta",), ("natural",)
    if not chosen.page:
        asked = [pair for pair in questions(chosen.family or families) if pair[1] in kinds]
        labels = None if chosen.labels == "all" else int(chosen.labels)
        rows = Rows(chosen.out / "results.csv", COLUMNS, 6)
        run(rows, asked, DRAWS[: chosen.draws], searchers, labels)
    write_page(chosen.out)


if __name__ == "__main__":
    main()
