"""What several reports share: rows that are measured once, options, intervals as text, and pictures of pages."""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nasmeta.analysis import bootstrap_interval
from nasmeta.tasks import Task

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


def page_only(doc: str | None) -> bool:
    """Read the command line; return whether only to rewrite the page."""
    page: bool = page_parser(doc).parse_args().page
    return page


def options_of(doc: str | None, name: str) -> argparse.Namespace:
    """Read the command line of a report that keeps its runs in a folder."""
    parser = page_parser(doc)
    parser.add_argument(
        "--folder", type=Path, default=Path("report-runs") / name, help="folder of the runs"
    )
    parser.add_argument("--workers", type=int, default=1, help="number of processes")
    return parser.parse_args()


def with_interval(values: Any, form: str = ".2f", seed: int | np.random.Generator = 0) -> str:
    """Return the mean of some values with its 95 % bootstrap interval, such as ``1.20 [1.05, 1.33]``.

    For equal values, only the mean is returned.
    """
    low, high = bootstrap_interval(values, seed=seed)
    mean = f"{np.mean(values):{form}}"
    return f"{mean} [{low:{form}}, {high:{form}}]" if low < high else mean


def least_of_best(task: Task) -> float:
    """Return the smallest utility of the best 0.1 % of the measured architectures."""
    utilities = np.sort(task.sign * task.values[task.measured])[::-1]
    return float(utilities[max(1, round(len(utilities) / TOP)) - 1])


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
