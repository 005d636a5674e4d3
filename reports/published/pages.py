"""What the pages that a script makes share: measurements that are kept, differences to published figures, the frame."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from nasmeta.code import versions_of

_PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "xgboost")


def measured(folder: Path, name: str, measure: Callable[[], pd.DataFrame]) -> tuple[pd.DataFrame, float]:
    """Return the rows of a measurement, and the seconds that it took; kept in a folder, so read the second time."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, seconds = folder / f"{name}.parquet", folder / f"{name}.json"
    if not seconds.is_file():
        print(f"{name}: measuring", flush=True)
        start = time.perf_counter()
        measure().to_parquet(rows)
        seconds.write_text(json.dumps(time.perf_counter() - start), encoding="utf-8")
    return pd.read_parquet(rows), float(json.loads(seconds.read_text(encoding="utf-8")))


def against(
    values: pd.Series, published: float, deviation: float | None, runs: int | None, digits: int
) -> dict[str, str]:
    """Return the columns of a published mean beside a measured one.

    The standard error of the difference counts both deviations; without a published deviation or number of runs, that
    of the measured mean only, and then the quotient is an upper bound. Without any spread there is none.
    """
    difference = values.mean() - published
    known = deviation is not None and runs is not None
    theirs = deviation**2 / runs if known else 0.0  # type: ignore[operator]
    error = float(np.sqrt(theirs + (values.var() / len(values) if len(values) > 1 else 0.0)))
    return {
        "published": f"{published:.{digits}f}" + ("" if deviation is None else f" ± {deviation:.{digits}f}"),
        "measured": spread(values, digits),
        "difference": f"{difference:+.{digits}f}",
        "standard errors": "–" if error == 0 else f"{difference / error:+.1f}",
    }


def spread(values: pd.Series, digits: int) -> str:
    """Mean ± standard deviation; without it where there is one value."""
    return f"{values.mean():.{digits}f}" + (f" ± {values.std():.{digits}f}" if len(values) > 1 else "")


def write_page(output: Path, name: str, title: str, body: str, seconds: float, data: str) -> None:
    """Write the page of a script: the body, and how it came about."""
    versions = ", ".join(f"{package} {version}" for package, version in versions_of(_PACKAGES).items())
    text = (
        f"# {title}\n\n{body}\n"
        f"All measurements took {seconds:.0f} s in one process, on a machine with other work.\n\n"
        f"* This page is written by `python reports/published/run.py --only {name}`.\n"
        f"* Data: {data}.\n"
        f"* Versions: {versions}, {platform.machine()}.\n"
    )
    (output / f"{name}.md").write_text(text, encoding="utf-8")
