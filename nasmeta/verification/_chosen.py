"""The cells of a verification: the best of finished searches, and random ones."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nasmeta.arrays import Facts
from nasmeta.errors import JournalError, SettingError
from nasmeta.registry import names_from_file
from nasmeta.runs import recorded_prediction, require_journal
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import Task, get_task

_SAME = ("task", "column", "release", "evaluator")


@dataclass(frozen=True)
class ChosenArchitecture:
    """A cell to train."""

    cell: int
    role: str  # pick, random (of the whole space) or worst (evaluated)
    searched_value: float | None  # in percent; None if the search did not evaluate it


@dataclass(frozen=True)
class Searches:
    """The evaluations in the journals of runs on one task."""

    task: Task
    values: Mapping[int, float]  # of each successfully evaluated cell, in percent
    searchers: tuple[str, ...]
    evaluator: Facts | None  # identity of the evaluator; None for the table
    prediction: Facts  # source of predicted values; empty if they are not predictions


def read_searches(journals: Sequence[str | os.PathLike[str]]) -> Searches:
    """Read the journals of one or more runs on one task. Failed and shortened trainings have no value."""
    if not journals:
        raise SettingError("Name at least one journal of `nasmeta search … --journal run.jsonl`.")
    runs = [(Path(journal), *require_journal(Path(journal))) for journal in journals]
    path, first, _ = runs[0]
    values: dict[int, float] = {}
    for other, header, history in runs:
        for key in _SAME:
            if header.get(key) != first.get(key):
                expected = f"{first.get(key)!r} as in {path}"
                raise SettingError(f"{key} of {other}", header.get(key), expected)
        full_epochs = _full_epochs(header)
        for row in range(len(history)):
            architecture, value, _, details = history.row(row)
            if "failure" in details:
                continue
            if full_epochs is None or details.get("epochs", full_epochs) >= full_epochs:
                values[architecture] = value
    task = _task_of(first, path)
    if not values:
        raise JournalError(
            f"{path}: no cell was evaluated successfully. Give the search a larger budget."
        )
    return Searches(
        task=task,
        values=values,
        searchers=tuple(dict.fromkeys(str(header.get("searcher")) for _, header, _ in runs)),
        evaluator=first.get("evaluator"),
        prediction=recorded_prediction(first),
    )


def _full_epochs(header: Facts) -> int | None:
    """Return the epochs of a full training, from the column in a journal's header; None if it lacks them."""
    address = str(header.get("column")).split("/")  # dataset, metric, split, epochs, seed
    if len(address) > 3 and address[-2].isdecimal():
        return int(address[-2])
    return None


@names_from_file()
def _task_of(header: Facts, path: Path) -> Task:
    task = get_task(str(header.get("task")))
    if task.signal.metric != "accuracy":
        raise SettingError(f"metric in {path}", task.signal.metric, "accuracy")
    return task


def choose(
    searches: Searches, top: int = 3, controls: int = 3, worst: int = 0, seed: int = 0
) -> tuple[ChosenArchitecture, ...]:
    """Choose the best cells, random ones, and the worst ones; no two are isomorphic."""
    space = searches.task.space
    values = searches.values
    best_first = sorted(values, key=lambda architecture: (-values[architecture], architecture))
    drawn = np.random.default_rng(seed).permutation(space.size).tolist()
    taken = set[int]()
    # The worst cells are taken before the random ones, but listed after them.
    picks = _distinct(best_first, top, space, taken)
    worst_cells = _distinct(best_first[::-1], worst, space, taken)
    random_cells = _distinct(drawn, controls, space, taken)
    roles = {"pick": picks, "random": random_cells, "worst": worst_cells}
    chosen = []
    for role, architectures in roles.items():
        for architecture in architectures:
            value = values.get(architecture)
            chosen.append(ChosenArchitecture(architecture, role, value))
    return tuple(chosen)


def _distinct(
    architectures: Sequence[int], n: int, space: SearchSpace, taken: set[int]
) -> list[int]:
    """Return the first n cells of isomorphism classes that are not taken yet, and take these."""
    distinct: list[int] = []
    for architecture in architectures:
        if len(distinct) == n:
            break
        representative = int(space.canonical(architecture))
        if representative not in taken:
            taken.add(representative)
            distinct.append(architecture)
    return distinct
