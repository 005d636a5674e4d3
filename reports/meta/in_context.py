"""Few-shot prediction of the in-context learner on families that its weights have not seen, beside other learners.

Run with ``python reports/meta/in_context.py``; writes in_context/README.md and its rows. The protocol, the draws and
the other learners' rows are those of reports/transfer/few_shot.py; searches are compared with those of
reports/transfer/run.py on the same seeds. A killed run goes on; ``--minutes`` ends it sooner.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from itertools import product
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "transfer"))

from cases import Case, draw_sources
from few_shot import FEWEST_SCORED, KEYS, LABELS, SCORED, SOURCE_LABELS, TARGETS, questions, tau
from in_context_page import SEARCHED, write_page

from nasmeta.evaluators import TableEvaluator
from nasmeta.meta import META_PREDICTORS
from nasmeta.runs import run_loop
from nasmeta.searchers import SEARCHERS

HERE = Path(__file__).parent
FIELDS = (*KEYS, "own", "blended", "weight_adapted", "weight_alone", "fit_seconds")
DRAWS, SEARCH_DRAWS = 3, 2
METHOD, SEARCHER = "in-context", "in-context-ucb"
SETTINGS = {
    "β 0.5": {"beta": 0.5, "falls_back": False},
    "β 2": {"beta": 2.0, "falls_back": False},
    "β 0.5, falls back": {"beta": 0.5, "falls_back": True},
}
SEARCH_FIELDS = ("family", "target", "sources", "settings", "draw", "evaluations", "found", "rank", "seconds")


def rows_in(path: Path, n_keys: int) -> set[tuple[str, ...]]:
    """Return the keys of the rows that are there."""
    if not path.is_file():
        return set()
    os.truncate(path, path.read_bytes().rfind(b"\n") + 1)  # without the line that a kill has cut off
    with path.open(newline="") as file:
        return {tuple(row[:n_keys]) for row in csv.reader(file)}


def measure(path: Path, asked: list[tuple[Case, str]], until: float) -> None:
    """Append what is missing."""
    done = rows_in(path, len(KEYS))
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            writer.writerow(FIELDS)
        for case, kind in asked:
            task, measured = case.target, case.target.measured
            rows = [
                (case.family, task.name, kind, METHOD, str(n), str(draw))
                for n in (0, *LABELS)
                for draw in range(DRAWS)
                if (n or not draw) and n + FEWEST_SCORED <= len(measured)
            ]
            left = [row for row in rows if row not in done]
            if not left or time.monotonic() > until:
                continue
            learner = META_PREDICTORS[METHOD](task.space)
            learner.meta_fit(draw_sources(case, kind, SOURCE_LABELS, 0))
            if case.family in learner.meta_model_.weights.card["families"]:
                raise RuntimeError(f"The weights have seen {case.family}.")
            utilities = task.sign * task.values
            for row in left:
                n, draw = int(row[4]), int(row[5])
                order = np.random.default_rng([draw, n, 57]).permutation(measured)  # the same for every method
                known, rest = np.sort(order[:n]), order[n : n + SCORED]
                truth = utilities[rest]
                if not n:
                    writer.writerow([*row, tau(learner.prior()[0][rest], truth), "", "", "", ""])
                    continue
                learner.blends, began = False, time.monotonic()
                own = learner.fit(known, utilities[known]).predict(rest)
                seconds = time.monotonic() - began
                learner.blends = True
                blended = learner.fit(known, utilities[known]).predict(rest)
                weights = [f"{learner.weights_.get(part, 0.0):.3f}" for part in ("adapted", "alone")]
                writer.writerow([*row, tau(own, truth), tau(blended, truth), *weights, f"{seconds:.2f}"])
                file.flush()
            print(f"{task.name}, {kind} sources", flush=True)


def search(path: Path, asked: list[tuple[Case, str]], until: float) -> None:
    """Append the searches that are missing: on the seeds, and with the sources, of reports/transfer/run.py."""
    done = rows_in(path, 5)
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            writer.writerow(SEARCH_FIELDS)
        for draw in range(SEARCH_DRAWS):
            for (name, settings), (case, kind) in product(SETTINGS.items(), asked):
                task, row = case.target, (case.family, case.target.name, kind, name, str(draw))
                cap = min(SEARCHED, len(task.measured))
                if row in done or time.monotonic() > until:
                    continue
                searcher = SEARCHERS[SEARCHER](task.space, np.random.default_rng([draw, 41]), **settings)
                searcher.meta_fit(draw_sources(case, kind, SOURCE_LABELS, draw))
                if len(task.measured) < task.space.size:
                    searcher.restrict(task.measured)
                utilities = task.sign * task.values[task.measured]
                began = time.monotonic()
                history = run_loop(
                    searcher, TableEvaluator(task), evaluations=cap, sign=task.sign, target=utilities.max()
                )
                seconds = time.monotonic() - began
                incumbents = np.maximum.accumulate(task.sign * history.values)
                found = incumbents >= case.best()
                needed = int(found.argmax()) + 1 if found.any() else cap
                rank = float((utilities > incumbents[-1]).mean())
                writer.writerow([*row, needed, int(found.any()), f"{rank:.6g}", f"{seconds:.2f}"])
                file.flush()
            print(f"searches of draw {draw}", flush=True)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=np.inf, help="begin nothing new after so long")
    parser.add_argument("--family", action="append", choices=list(TARGETS), help="may be given several times")
    parser.add_argument("--out", type=Path, default=HERE / "in_context", help="where rows and page are written")
    parser.add_argument("--no-search", action="store_true", help="only predict")
    parser.add_argument("--no-page", action="store_true", help="only measure")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    asked, until = questions(chosen.family or list(TARGETS)), time.monotonic() + 60 * chosen.minutes
    measure(chosen.out / "few_shot.csv", asked, until)
    if not chosen.no_search:
        search(chosen.out / "search.csv", asked, until)
    if not chosen.no_page:
        write_page(chosen.out)


if __name__ == "__main__":
    main()
