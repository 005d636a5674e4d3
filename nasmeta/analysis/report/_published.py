"""Published values next to measured ones."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nasmeta.pages import Section, number_or_dash, spread

_MANY = 10  # runs whose deviation is known well enough


def with_differences(table: pd.DataFrame, published_runs: float) -> pd.DataFrame:
    """Add the columns difference, standard_errors and verdict to published and measured means.

    The standard error of the difference contains both deviations. Without a published deviation, it
    contains only the measured one, and the number of standard errors is an upper bound. The
    deviation of fewer than ten runs is at least the published one. "agrees" means within two
    standard errors, or as many as Student's distribution has for few runs.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"published": [1.0], "published_std": [2.0], "measured": [2.0], "measured_std": [1.0]})
    >>> row = with_differences(table.assign(runs=3), published_runs=4).iloc[0]
    >>> row["difference"], round(row["standard_errors"], 3), row["verdict"]
    (np.float64(1.0), np.float64(0.655), 'agrees')
    """
    from scipy.stats import norm, t

    n = table["runs"]
    theirs = (table["published_std"] ** 2 / published_runs).fillna(0.0)
    ours = table["measured_std"].where(
        n >= _MANY, np.fmax(table["measured_std"], table["published_std"])
    )
    error = np.sqrt(theirs + ours**2 / n)
    difference = table["measured"] - table["published"]
    errors = (difference / error).where(error > 0)
    limit = np.where(n >= _MANY, 2, t.isf(norm.sf(2), np.maximum(n - 1, 1)))
    verdict = np.select(
        [errors > limit, errors < -limit, errors.notna()], ["higher", "lower", "agrees"], "–"
    )
    return table.assign(difference=difference, standard_errors=errors, verdict=verdict)


def published_texts(table: pd.DataFrame) -> pd.DataFrame:
    """Return the texts of a table of `nasmeta.reproduce`, for one published table."""
    largest = table["measured"].abs().max()
    digits = 3 if largest <= 1 else 2 if largest < 100 else 1
    texts = table[["method", "on"]]
    if (table["here"] != table["method"]).any():
        texts["method here"] = table["here"]
    for name in ("published", "measured"):
        pairs = zip(table[name], table[f"{name}_std"], strict=True)
        texts[name] = [spread(mean, deviation, digits) for mean, deviation in pairs]
    if table["published"].isna().all():
        return texts.drop(columns="published")
    texts["difference"] = [number_or_dash(value, f"+.{digits}f") for value in table["difference"]]
    texts["standard errors"] = [number_or_dash(value, "+.1f") for value in table["standard_errors"]]
    return texts.assign(verdict=table["verdict"])


def published_section(table: pd.DataFrame) -> Section:
    """Return a section with a table of `nasmeta.reproduce`."""
    note = f"Values are means ± standard deviations. Number of runs here: {table['runs'].max()}."
    if (known := (table["verdict"] != "–").sum()) > 0:
        note = (
            f"{(table['verdict'] == 'agrees').sum()} of {known} means agree with the published ones within two "
            f"standard errors. {note} Standard errors: the difference over its standard error, an upper bound if the "
            "published deviation is unknown."
        )
    return Section(
        "Published and measured values", "", published_texts(table), note=note, name="published"
    )
