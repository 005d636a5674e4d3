"""Meta-NAS: its two networks together and alone, leave-one-out: python reports/meta/nas.py.

Parts: ``pairs`` (how the settings were chosen: one source, another dataset searched), ``full`` (NAS-Bench-201, both
other datasets as sources), ``transnas`` (the six other tasks as sources). Every finished run is a row of the csv files
beside README.md in ``nas/``, and every training a file in ``--folder``, so that a killed report goes on.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pandas as pd

import nasmeta as nm
from nasmeta.evaluators import TableEvaluator
from nasmeta.experiments import one_thread, run_loop
from nasmeta.meta import MetaNASSearch, load_meta_model, save_meta_model
from nasmeta.searchers import SEARCHERS, Searcher
from nasmeta.tasks import Task

HERE = Path(__file__).parent
OUT = HERE / "nas"
CAP = {"pairs": 150, "full": 1000, "transnas": 300}
BEST_CELLS = 4  # of TransNAS-Bench-101: the top 0.1 %
ALONE: dict[str, dict[str, Any]] = {
    "meta-nas": {},
    "search network alone, drawn": {"screening": False, "temperature": 1.0},
    "search network alone, most probable": {"screening": False, "temperature": 0.0},
    "prediction network alone, uniform candidates": {"proposals": "uniform", "candidates": 64},
    "prediction network alone, all cells": {"proposals": "all"},
}
FEWER = {"search network alone, drawn": 5, "prediction network alone, uniform candidates": 5}  # long runs: a fifth
CHOICES: dict[str, dict[str, Any]] = {
    f"candidates {n}, prior weight {w:g}": {"candidates": n, "prior_weight": w, "temperature": 0.0}
    for n in (16, 64)
    for w in (0.0, 0.5, 1.0, 2.0, 4.0)
} | {
    "candidates 64, prior weight 2, drawn": {"candidates": 64, "prior_weight": 2.0, "temperature": 1.0},
    "search network alone": {"screening": False, "temperature": 0.0},
    "prediction network alone": {"proposals": "all"},
}


class Rows:
    """A csv file that grows by a row a result, and knows which are there."""

    def __init__(self, path: Path, keys: tuple[str, ...]) -> None:
        self.path, self.keys = path, keys
        self.frame = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=[*keys])

    def __contains__(self, key: tuple[Any, ...]) -> bool:
        return bool((self.frame[list(self.keys)].astype(str) == [str(part) for part in key]).all(axis=1).any())

    def add(self, **row: Any) -> None:
        """Write a row at once."""
        new = not self.path.exists()
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)
        self.frame = pd.read_csv(self.path)


def trained(folder: Path, target: Task, sources: Iterable[Task], training: int, log: Rows) -> MetaNASSearch:
    """Return a searcher that was meta-trained on the sources: from the folder, or now."""
    sources = list(sources)
    name = f"{target.name if len(sources) > 1 else sources[0].name + '-alone'}-{training}".replace("/", "-")
    searcher = MetaNASSearch(target.space, np.random.default_rng([training, 0]))
    path = folder / f"{name}.npz"
    if path.exists():
        return load_meta_model(path).restore(searcher)
    print(f"meta-training {name}", flush=True)
    wall, cpu = perf_counter(), process_time()
    searcher.meta_fit(sources)
    log.add(
        training=name,
        wall_seconds=round(perf_counter() - wall, 1),
        cpu_seconds=round(process_time() - cpu, 1),
        labels=searcher.meta_model_.labels,
    )
    save_meta_model(path, searcher)
    np.savetxt(folder / f"{name}.log.csv", searcher.meta_model_.log, delimiter=",", fmt="%.5g")
    return searcher


def needed(searcher: Searcher, task: Task, cap: int, best_cells: int = 1) -> tuple[float, float]:
    """Return evaluations until one of the best cells is evaluated (NaN beyond the cap), and seconds an evaluation."""
    utilities = np.sort(task.sign * task.values)
    with one_thread():
        trace = run_loop(
            searcher, TableEvaluator(task), evaluations=cap, sign=task.sign, target=float(utilities[-best_cells])
        )
    found = len(trace.cells) if trace.stopped == "optimum" else np.nan
    return found, trace.searcher_seconds / len(trace.cells)


def variant(learnt: MetaNASSearch, seed: int, settings: dict[str, Any]) -> MetaNASSearch:
    """Return a new searcher with other settings of the search and the same networks."""
    searcher = MetaNASSearch(learnt.space, np.random.default_rng([seed, 1]), **settings)
    searcher.meta_model_ = learnt.meta_model_
    return searcher


def is_random(settings: dict[str, Any]) -> bool:
    """Say whether runs of one training differ."""
    searcher = MetaNASSearch(nm.get_space("nb201"), np.random.default_rng(0), **settings)
    return searcher.proposals == "uniform" or (searcher.proposals == "network" and searcher.temperature > 0)


def pairs(folder: Path, log: Rows, trainings: int, runs: int, only: str | None) -> None:
    """One dataset as the only source, another searched: what settings are chosen by."""
    rows = Rows(OUT / "pairs.csv", ("source", "target", "training", "choice"))
    tasks = nm.task_distribution("nb201")
    for training in range(trainings):
        for source in chosen(tasks, only):
            for target in tasks:
                for choice, settings in CHOICES.items():
                    if target is source or (source.dataset, target.dataset, training, choice) in rows:
                        continue
                    learnt = trained(folder, target, [source], training, log)
                    repeats = 5 if is_random(settings) else 1
                    found = [needed(variant(learnt, r, settings), target, CAP["pairs"])[0] for r in range(repeats)]
                    rows.add(
                        source=source.dataset,
                        target=target.dataset,
                        training=training,
                        choice=choice,
                        evaluations=np.mean(found),
                    )


def full(folder: Path, log: Rows, trainings: int, runs: int, only: str | None) -> None:
    """Both other datasets as sources."""
    leave_one_out(folder, log, trainings, runs, only, "full", 1, {})


def transnas(folder: Path, log: Rows, trainings: int, runs: int, only: str | None) -> None:
    """The six other tasks as sources; `gp` beside."""
    leave_one_out(
        folder,
        log,
        1,
        max(1, runs // 10),
        "transnas",
        BEST_CELLS,
        {"gp": lambda task, rng: SEARCHERS["gp"](task.space, rng)},
    )


def chosen(tasks: Iterable[Task], only: str | None) -> list[Task]:
    """Return the tasks that are asked for."""
    return [task for task in tasks if only is None or task.dataset in only.split(",")]


def leave_one_out(
    folder: Path,
    log: Rows,
    trainings: int,
    runs: int,
    only: str | None,
    part: str,
    best_cells: int,
    others: dict[str, Callable[[Task, np.random.Generator], Searcher]],
) -> None:
    """Search each task of a family with networks that were meta-trained on the others."""
    rows = Rows(OUT / f"{part}.csv", ("task", "searcher", "training", "run"))
    tasks = nm.task_distribution("nb201" if part == "full" else "tnb101")
    for training in range(trainings):
        for held_out in chosen(tasks, only):
            sources, (target,) = tasks.leave_out(held_out.dataset)
            learnt = trained(folder, target, sources, training, log)
            for name, settings in ALONE.items():
                # Each run is one of the training's share; where nothing is random they would all be alike.
                share = max(1, runs // FEWER.get(name, 1))
                for run in range(training, share, trainings) if is_random(settings) else (training,):
                    if (target.name, name, training, run) not in rows:
                        found, seconds = needed(variant(learnt, run, settings), target, CAP[part], best_cells)
                        row(rows, target, name, training, run, found, seconds)
            for name, make in others.items():
                for run in range(runs):
                    if (target.name, name, 0, run) not in rows:
                        found, seconds = needed(make(target, np.random.default_rng(run)), target, CAP[part], best_cells)
                        row(rows, target, name, 0, run, found, seconds)


def row(rows: Rows, target: Task, name: str, training: int, run: int, found: float, seconds: float) -> None:
    """Write the result of a run."""
    rows.add(
        task=target.name,
        searcher=name,
        training=training,
        run=run,
        evaluations=found,
        milliseconds=round(1000 * seconds, 2),
    )


PARTS = {"pairs": pairs, "full": full, "transnas": transnas}


def main() -> None:
    """Run, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="pairs,full,transnas", help="which; all where left out")
    parser.add_argument("--only", help="do just these targets, in the part pairs these sources; separated by commas")
    parser.add_argument("--trainings", type=int, default=3)
    parser.add_argument(
        "--runs", type=int, default=100, help="of each searcher on each dataset, all trainings together"
    )
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "nasmeta-meta-nas")
    arguments = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    log = Rows(OUT / "trainings.csv", ("training",))
    for part in arguments.parts.split(","):
        if part:
            PARTS[part](arguments.folder, log, arguments.trainings, arguments.runs, arguments.only)


if __name__ == "__main__":
    main()
