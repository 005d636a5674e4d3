"""Shared parts of the published comparisons: cached measurements, differences to published figures, and the frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest

import nasmeta as nm


def measured(folder: Path, name: str, measure: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of a measurement, from the folder if they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = folder / f"{name}.parquet"
    if not rows.is_file():
        print(f"{name}: measuring", flush=True)
        measure().to_parquet(rows)
    return pd.read_parquet(rows)


def against(
    values: pd.Series, published: float, deviation: float | None, runs: int | None, digits: int
) -> dict[str, str]:
    """Compare a published mean with a measured one.

    The standard error of the difference includes both deviations. Without a published deviation or number of runs, it
    includes only the measured mean, and the quotient is an upper bound.
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
    """Mean ± standard deviation; without it for a single value."""
    return f"{values.mean():.{digits}f}" + (f" ± {values.std():.{digits}f}" if len(values) > 1 else "")


def within_two(table: pd.DataFrame) -> str:
    """Return how many of the compared means agree, with the exact 95 % interval of the share."""
    errors = pd.to_numeric(table["standard errors"], errors="coerce").dropna().abs()
    agree = int((errors <= 2).sum())
    interval = binomtest(agree, len(errors)).proportion_ci(method="exact")
    share = f"95 % interval {100 * interval.low:.0f} to {100 * interval.high:.0f} %"
    return f"{agree} of {len(errors)} means agree with the published ones within two standard errors ({share})"


def write_page(output: Path, name: str, question: str, body: str, setup: str, limits: list[str]) -> None:
    """Write a page: the question, the answer with its table, the setup and the limits."""
    listed = "\n".join(f"* {limit}" for limit in limits)
    text = (
        f"# {question}\n\n{body.strip()}\n\n## How it was run\n\n`python reports/published/run.py --only {name}` with "
        f"nasmeta {nm.__version__}. {setup}\n`{name}.csv` has the table; `--page` rewrites this page from it.\n\n"
        f"## Limits\n\n{listed}\n"
    )
    (output / f"{name}.md").write_text(text, encoding="utf-8")
