"""What several reports share: rows that are measured once, searches, options, intervals as text, and pages."""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nasmeta.analysis import bootstrap_interval
from nasmeta.evaluators import TableEvaluator
from nasmeta.runs import run_loop
from nasmeta.searchers import MetaSearcher, Searcher
from nasmeta.tasks import SourceTask, Task

SHARED = {"multi-task-gp": "rgpe"}  # searchers with equal meta-models
TOP = 1000  # one in so many architectures is one of the best
NB201 = {
    "nb201/cifar10": "CIFAR-10",
    "nb201/cifar100": "CIFAR-100",
    "nb201/imagenet16-120": "ImageNet16-120",
}


class Rows:
    """A CSV file to which a measurement appends rows, so that an interrupted command resumes.

    The first `n_keys` columns identify a row.
    """

    def __init__(self, path: Path, columns: Sequence[str], n_keys: int) -> None:
        self.path, self.n_keys = path, n_keys
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        # without the line that a kill has cut off
        os.truncate(path, path.read_bytes().rfind(b"\n") + 1)
        with path.open("a+", newline="", encoding="utf-8") as file:
            if not file.tell():
                file.write(",".join(columns) + "\n")
            file.seek(0)
            self.columns, *rows = csv.reader(file)
        self._done = {tuple(row[:n_keys]) for row in rows}

    def has(self, *key: object) -> bool:
        """Whether the file has a row with this key."""
        return tuple(map(str, key)) in self._done

    def add(self, *key: Any, **values: Any) -> None:
        """Append a row: its key and the values of columns; numbers have six significant digits."""
        values_of = dict(zip(self.columns, key, strict=False)) | values
        row = [values_of.get(column, "") for column in self.columns]
        row = [f"{value:.6g}" if isinstance(value, float) else value for value in row]
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerow(row)
        self._done.add(tuple(map(str, row[: self.n_keys])))
        print(*row, flush=True)


def page_parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser with the option that all reports have."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--page", action="store_true", help="only rewrite the page and its pictures"
    )
    return parser


def report(
    doc: str | None, path: Path, page: Callable[[], str], measure: Callable[..., None], *names: str
) -> None:
    """Read the command line, measure unless only the page is to be rewritten, and write the page.

    `names` are the options that are passed to `measure`: folder, workers.
    """
    parser = page_parser(doc)
    if "folder" in names:
        folder = Path("report-runs") / path.parent.name
        parser.add_argument("--folder", type=Path, default=folder, help="folder of the runs")
    if "workers" in names:
        parser.add_argument("--workers", type=int, default=1, help="number of processes")
    options = vars(parser.parse_args())
    if not options.pop("page"):
        measure(**options)
    path.write_text(page(), encoding="utf-8")


def in_processes(
    measure: Callable[..., Any], todo: Sequence[tuple[Any, ...]], workers: int
) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield the arguments of each measurement with its result, in order."""
    if todo:
        with ProcessPoolExecutor(workers) as pool:
            yield from zip(todo, pool.map(measure, *zip(*todo, strict=True)), strict=True)


def with_interval(values: Any, form: str = ".2f", seed: int | np.random.Generator = 0) -> str:
    """Return the mean of some values with its 95 % bootstrap interval, such as ``1.20 [1.05, 1.33]``.

    For equal values, only the mean is returned.
    """
    mean, low, high = (f"{value:{form}}" for value in mean_and_interval(values, seed))
    return f"{mean} [{low}, {high}]" if np.ptp(values) else mean


def mean_and_interval(
    values: Any, seed: int | np.random.Generator = 0
) -> tuple[float, float, float]:
    """Return the mean of some values, and both ends of its 95 % bootstrap interval."""
    low, high = bootstrap_interval(values, seed=seed)
    return float(np.mean(values)), float(low), float(high)


def least_of_best(task: Task) -> float:
    """Return the smallest utility of the best 0.1 % of the measured architectures."""
    utilities = np.sort(task.sign * task.values[task.measured])[::-1]
    return float(utilities[max(1, round(len(utilities) / TOP)) - 1])


def evaluations_to_best(runs: pd.DataFrame, task: Task) -> pd.Series:
    """Return by seed the evaluations until one of the best 0.1 %, NaN if none is found."""
    best = runs[task.sign * runs["value"] >= least_of_best(task)]
    return best.groupby("seed")["evaluation"].min().reindex(runs["seed"].unique())


def run_to(searcher: Searcher, task: Task, goal: float, most: int) -> tuple[int, bool]:
    """Return the evaluations until a utility or until there are `most`, and whether it is reached."""
    run = run_loop(
        searcher,
        TableEvaluator(task),
        evaluations=min(most, len(task.measured)),
        sign=task.sign,
        target=goal,
    )
    return len(run), bool((task.sign * run.values >= goal).any())


def teach(
    searcher: Searcher,
    models: dict[Any, object],
    key: Any,
    sources: Callable[[], Sequence[SourceTask | Task]],
) -> None:
    """Give a searcher that learns from sources its meta-model, which is learned once for each key."""
    if isinstance(searcher, MetaSearcher):
        if key not in models:
            models[key] = searcher.meta_fit(sources()).meta_model_
        searcher.meta_model_ = models[key]


def screenshot(address: str, picture: Path, size: str) -> None:
    """Save a picture of a page, such as of 1280,920 pixels, if Chromium is installed."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return
    flags = "--headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run --disable-background-networking"
    options = [f"--window-size={size}", "--virtual-time-budget=20000", f"--screenshot={picture}"]
    subprocess.run(
        [chromium, *flags.split(), *options, address], check=True, stderr=subprocess.DEVNULL
    )
