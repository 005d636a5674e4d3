"""Few-shot prediction of the in-context learner on families that its weights have not seen, next to other learners.

Run with ``python reports/meta/in_context.py``; writes in_context/README.md and its rows. The protocol, the draws and
the other learners' rows are those of reports/transfer/few_shot.py. An interrupted run resumes; ``--page`` only rewrites
the page.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path += [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "transfer")]

from common import Rows, page_only
from few_shot import KEYS, TARGETS, measure, questions
from in_context_page import write_page

HERE = Path(__file__).parent / "in_context"
FIELDS = (*KEYS, "own", "blended")
DRAWS = 3


def main() -> None:
    """Measure and write."""
    if not page_only(__doc__):
        asked = questions(list(TARGETS))
        measure(Rows(HERE / "few_shot.csv", FIELDS, len(KEYS)), ("in-context",), asked, DRAWS)
    write_page(HERE)


if __name__ == "__main__":
    main()
