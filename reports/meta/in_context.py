"""Few-shot prediction of the in-context learner on families that its weights have not seen, next to other learners.

Run with ``python reports/meta/in_context.py``; writes in_context/README.md and its rows. The protocol, the draws and
the other learners' rows are those of reports/transfer/few_shot.py; searches are compared with those of
reports/transfer/run.py on the same seeds. An interrupted run resumes; ``--page`` only rewrites the page.
"""

from __future__ import annotations

import sys
import time
from itertools import product
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "transfer"))

from cases import Case, draw_sources
from common import Rows, page_only
from few_shot import KEYS, SOURCE_LABELS, TARGETS, measure, questions
from in_context_page import SEARCHED, write_page
from run import evaluations_of

from nasmeta.searchers import SEARCHERS

HERE = Path(__file__).parent / "in_context"
FIELDS = (*KEYS, "own", "blended")
DRAWS, SEARCH_DRAWS = 3, 2
SEARCHER = "in-context-ucb"
SETTINGS = {
    "β 0.5": {"beta": 0.5, "falls_back": False},
    "β 2": {"beta": 2.0, "falls_back": False},
    "β 0.5, falls back": {"beta": 0.5, "falls_back": True},
}
SEARCH_FIELDS = ("family", "target", "sources", "settings", "draw", "evaluations", "seconds")


def search(rows: Rows, asked: list[tuple[Case, str]]) -> None:
    """Append the searches that are missing: on the seeds, and with the sources, of reports/transfer/run.py."""
    for draw, (name, settings), (case, kind) in product(range(SEARCH_DRAWS), SETTINGS.items(), asked):
        key = (case.family, case.target.name, kind, name, draw)
        if rows.has(*key):
            continue
        searcher = SEARCHERS[SEARCHER](case.target.space, np.random.default_rng([draw, 41]), **settings)
        searcher.meta_fit(draw_sources(case, kind, SOURCE_LABELS, draw))
        began = time.monotonic()
        evaluations = evaluations_of(searcher, case, SEARCHED)
        rows.add(*key, evaluations=evaluations, seconds=time.monotonic() - began)


def main() -> None:
    """Measure and write."""
    if not page_only(__doc__):
        asked = questions(list(TARGETS))
        measure(Rows(HERE / "few_shot.csv", FIELDS, len(KEYS)), ("in-context",), asked, DRAWS)
        search(Rows(HERE / "search.csv", SEARCH_FIELDS, 5), asked)
    write_page(HERE)


if __name__ == "__main__":
    main()
