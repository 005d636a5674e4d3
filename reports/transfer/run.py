"""Measure transfer with natural and with misleading sources: the speed-up of each searcher over ``gp``.

Run ``python reports/transfer/run.py``. It writes README.md, results.csv and gains.png. Each run is appended to
results.csv, so an interrupted report resumes. ``--draws`` sets the number of draws, ``--minutes`` limits the time and
``--family`` selects families. ``--quick`` is a trial of minutes; give it another folder with ``--out``.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from cases import FEWEST_TIES, HALVES, STRESS, Case, cases, draw_sources
from page import write_page

from nasmeta.evaluators import TableEvaluator
from nasmeta.runs import run_loop
from nasmeta.searchers import SEARCHERS, MetaSearcher

HERE = Path(__file__).parent
CAP = 100  # evaluations
BUDGETS = (10, 25, 50, 100)
DRAWS = 4
PLAIN = ("gp", "random", "evolution")
META = ("rgpe", "multi-task-gp", "meta-gp", "source-order")
SHARED = {"multi-task-gp": "rgpe"}  # searchers with equal meta-models
# Variants of the default: the number of random initial evaluations, and the members.
CANDIDATES = {
    "meta": {},
    "meta, none at random": {"n_random": 0},
    "meta, one at random": {"n_random": 1},
    "meta, only rgpe": {"members": ["rgpe"]},
    "meta, only multi-task-gp": {"members": ["multi-task-gp"]},
}
FAMILIES = tuple(family for half in HALVES.values() for family in half)
STRESSED = {  # targets with stress sources
    "tnb101": ("class_scene", "room_layout", "normal"),
    "tnb101-macro": ("class_object", "segmentsemantic"),
    "hpobench-mlp": ("car",),
    "nb201": ("cifar100", "imagenet16-120"),
    "robust": ("square@1", "pgd@0.5"),
    "graph": ("citeseer", "arxiv"),
}
COLUMNS = ("family", "target", "sources", "labels", "searcher", "draw", "evaluations", "found")
FIELDS = (*COLUMNS, *(f"rank_{budget}" for budget in BUDGETS))


class Question(NamedTuple):
    """A target, its kind of sources, and the labels per source (None: all)."""

    case: Case
    stress: str
    labels: int | None


def questions(families: list[str], budgets: list[int | None]) -> Iterator[Question]:
    """Yield the questions, natural sources first."""
    for family in families:
        for case in cases(family):
            if case.ties() > FEWEST_TIES:
                print(
                    f"{case.target.name} is left out: {case.ties():.0f} times as many cells as 0.1 % tie.", flush=True
                )
                continue
            stressed = case.target.name.rpartition("/")[2] in STRESSED.get(family, ())
            for labels in budgets:
                for stress in ("natural", *(STRESS if stressed else ())):
                    yield Question(case, stress, labels)


def one_run(searcher: object, case: Case, seed: int) -> list[object]:
    """Return evaluations to one of the best 0.1 %, whether one was found, and the rank after each budget."""
    task, best = case.target, case.best()
    if len(task.measured) < task.space.size:
        searcher.restrict(task.measured)
    cap = min(CAP, len(task.measured))
    utilities = task.sign * task.values[task.measured]
    history = run_loop(searcher, TableEvaluator(task), evaluations=cap, sign=task.sign, target=utilities.max())
    incumbents = np.maximum.accumulate(task.sign * history.values)
    found = incumbents >= best
    needed = int(found.argmax()) + 1 if found.any() else cap
    ranks = [float((utilities > incumbents[min(budget, len(incumbents)) - 1]).mean()) for budget in BUDGETS]
    return [needed, int(found.any()), *(f"{rank:.6g}" for rank in ranks)]


def run(path: Path, asked: list[Question], draws: int, until: float, searchers: dict[str, dict]) -> None:
    """Append the missing runs to the results, draw by draw, until the time is over."""
    done = set()
    if path.is_file():
        os.truncate(path, path.read_bytes().rfind(b"\n") + 1)  # drop an incomplete last line
        with path.open(newline="") as file:
            done = {tuple(row[:6]) for row in csv.reader(file)}
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if not done:
            writer.writerow(FIELDS)
        for draw in range(draws):
            for question in asked:
                case, stress, labels = question
                models: dict[str, object] = {}
                for name, settings in searchers.items():
                    kind = name.partition(",")[0]
                    plain = kind in PLAIN
                    if plain and (stress != "natural" or labels != asked[0].labels):
                        continue
                    key = ("-", "-") if plain else (stress, "all" if labels is None else str(labels))
                    row = (case.family, case.target.name, *key, name, str(draw))
                    if row in done:
                        continue
                    if time.monotonic() > until:
                        print("The time is over.", flush=True)
                        return
                    searcher = SEARCHERS[kind](case.target.space, np.random.default_rng([draw, 41]), **settings)
                    if isinstance(searcher, MetaSearcher):
                        model = SHARED.get(kind, kind)
                        if model not in models:
                            models[model] = searcher.meta_fit(draw_sources(case, stress, labels, draw)).meta_model_
                        searcher.meta_model_ = models[model]
                    writer.writerow([*row, *one_run(searcher, case, draw)])
                    file.flush()
            print(f"draw {draw} is finished", flush=True)


def main() -> None:
    """Run, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=DRAWS, help="runs of each searcher on each case")
    parser.add_argument("--minutes", type=float, default=np.inf, help="start no run after this time")
    parser.add_argument("--family", action="append", choices=FAMILIES, help="a family; repeatable")
    parser.add_argument("--searcher", action="append", help="a searcher; repeatable")
    parser.add_argument("--labels", action="append", help="labels per source, or all; repeatable")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of results and page")
    parser.add_argument("--quick", action="store_true", help="two draws of two families, few searchers")
    parser.add_argument("--no-page", action="store_true", help="only run")
    chosen = parser.parse_args()
    searchers = {name: {} for name in PLAIN + META} | CANDIDATES
    families, draws = chosen.family or list(FAMILIES), chosen.draws
    if chosen.quick:
        searchers = {name: settings for name, settings in searchers.items() if name in ("gp", "rgpe", "meta")}
        families, draws = chosen.family or ["tnb101", "nb201"], min(draws, 2)
    if chosen.searcher:
        searchers = {name: searchers[name] for name in chosen.searcher}
    chosen.out.mkdir(parents=True, exist_ok=True)
    budgets = [None if text == "all" else int(text) for text in chosen.labels or ["400"]]
    asked = list(questions(families, budgets))
    run(chosen.out / "results.csv", asked, draws, time.monotonic() + 60 * chosen.minutes, searchers)
    if not chosen.no_page:
        write_page(chosen.out)


if __name__ == "__main__":
    main()
