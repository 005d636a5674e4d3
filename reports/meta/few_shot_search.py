"""Searches with the shipped neural processes: evaluations until the optimum, each dataset left out."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import nasmeta as nm
from nasmeta.meta import META_PREDICTORS, SavedMetaModel

COLUMNS = ("target", "seed", "evaluations", "step_milliseconds")
RUNS = 5  # alike but for ties: nothing else is drawn
MOST = 300


def measure_search(path: Path, runs: int = RUNS, seconds: float = float("inf")) -> bool:
    """Append the runs that are missing; return whether all are there before processor time is used up."""
    assert "meta-np" in META_PREDICTORS
    there = set()
    if path.exists():
        with path.open(newline="") as file:
            there = {(row["target"], int(row["seed"])) for row in csv.DictReader(file)}
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if file.tell() == 0:
            writer.writerow(COLUMNS)
        for task in nm.task_distribution("nb201"):
            if f"meta-np-nb201-without-{task.dataset}" not in SavedMetaModel.shipped():
                continue
            model = SavedMetaModel.load(f"meta-np-nb201-without-{task.dataset}")
            for seed in range(runs):
                if (task.name, seed) in there:
                    continue
                if time.process_time() > seconds:
                    return False
                start = time.process_time()
                run = nm.search(
                    "meta-np", task, evaluations=MOST, seed=seed, sources=model, settings={"falls_back": False},
                    stop_at_optimum=True,
                )  # fmt: skip
                found = len(run) if run.stopped == "optimum" else MOST + 1
                writer.writerow((task.name, seed, found, f"{1000 * (time.process_time() - start) / len(run):.1f}"))
                file.flush()
    return True
