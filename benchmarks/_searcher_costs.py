"""What the runs of every searcher cost: the ready comparison of all of them, from a few runs each."""

from __future__ import annotations

import statistics
from dataclasses import replace
from time import process_time

from _measure import Row

from nasmeta.experiments import Specification, read_specification, run_specification

CORES = 2
LEAST = 0.01  # seconds of the searchers that have a row


def all_searchers(rounds: int) -> list[Row]:
    """CPU seconds of one run of each searcher, and what the ready comparison takes from them, on two cores."""
    specification = read_specification("all-searchers")
    rows, totals = [], [0.0] * rounds
    n_tasks, n_runs = len(specification.tasks), len(specification.seeds)
    for label in specification.searchers:
        one = replace(
            specification,
            searchers={label: specification.searchers[label]},
            sources={key: own for key, own in specification.sources.items() if key == label},
            tasks=specification.tasks[:1],
        )
        seconds(one, 1)  # what is imported and computed once in a process
        runs = []
        for i in range(rounds):
            few, many = seconds(one, 1), seconds(one, 4)
            runs.append(max(many - few, 0.0) / 3)
            totals[i] += n_tasks * (max(few - runs[-1], 0.0) + n_runs * runs[-1])
        rows.append(Row("all_searchers", f"`{label}`", "CPU s", runs))
    rows.sort(key=lambda row: statistics.median(row.ours))
    shown = [row for row in rows if statistics.median(row.ours) >= LEAST]
    text = f"all {len(rows)}: {n_runs} runs on {n_tasks} datasets, on {CORES} cores"
    minutes = [total / CORES / 60 for total in totals]
    return [Row("all_searchers", text, "min", minutes), *shown]


def seconds(specification: Specification, runs: int) -> float:
    """CPU seconds of so many runs in this process, with what is learnt before them."""
    start = process_time()
    run_specification(replace(specification, seeds=specification.seeds[:runs]))
    return process_time() - start
