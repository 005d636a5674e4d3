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
    published = table["published_std"]
    measured = table["measured_std"]
    measured = measured.where(n >= _MANY, np.fmax(measured, published))
    # error² = published_std² / published_runs + measured_std² / n, as in Welch's test
    published_variance = (published**2 / published_runs).fillna(0.0)
    error = np.sqrt(published_variance + measured**2 / n)
    difference = table["measured"] - table["published"]
    errors = (difference / error).where(error > 0)
    # The quantile of Student's distribution with the tail of two standard errors of a normal one.
    few_runs_limit = t.isf(norm.sf(2), np.maximum(n - 1, 1))
    limit = np.where(n >= _MANY, 2, few_runs_limit)
    cases = [errors > limit, errors < -limit, errors.notna()]
    verdict = np.select(cases, ["higher", "lower", "agrees"], "–")
    return table.assign(difference=difference, standard_errors=errors, verdict=verdict)


def published_texts(table: pd.DataFrame) -> pd.DataFrame:
    """Return the texts of a table of `nasmeta.reproduce`, for one published table."""
    largest = table["measured"].abs().max()
    digits = 1
    if largest <= 1:
        digits = 3
    elif largest < 100:
        digits = 2
    texts = table[["method", "on"]]
    if (table["here"] != table["method"]).any():
        texts["method here"] = table["here"]
    for name in ("published", "measured"):
        pairs = zip(table[name], table[f"{name}_std"], strict=True)
        texts[name] = [spread(mean, deviation, digits) for mean, deviation in pairs]
    if table["published"].isna().all():
        return texts.drop(columns="published")
    signed = f"+.{digits}f"
    texts["difference"] = [number_or_dash(value, signed) for value in table["difference"]]
    texts["standard errors"] = [number_or_dash(value, "+.1f") for value in table["standard_errors"]]
    return texts.assign(verdict=table["verdict"])


def published_section(table: pd.DataFrame) -> Section:
    """Return a section with a table of `nasmeta.reproduce`."""
    note = f"Values are means ± standard deviations. Number of runs here: {table['runs'].max()}."
    n_known = (table["verdict"] != "–").sum()
    n_agree = (table["verdict"] == "agrees").sum()
    if n_known > 0:
        note = (
            f"{n_agree} of {n_known} means agree with the published ones within two standard errors. {note} "
            "Standard errors: the difference over its standard error, an upper bound if the published deviation is "
            "unknown."
        )
    title = "Published and measured values"
    return Section(title, table=published_texts(table), note=note, name="published")
