"""Published values next to measured ones."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nasmeta.analysis._tables import number_or_dash, spread
from nasmeta.analysis.report._sections import Section


def with_differences(table: pd.DataFrame, published_runs: float) -> pd.DataFrame:
    """Add the columns difference, standard_errors and verdict to published and measured means.

    The standard error of the difference contains both deviations. Without a published deviation, it contains only the
    measured one, and the number of standard errors is an upper bound. "agrees" means within two standard errors, or as
    many as Student's distribution has for few runs.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"published": [1.0], "published_std": [2.0], "measured": [2.0], "measured_std": [1.0]})
    >>> found = with_differences(table.assign(runs=3), published_runs=4).iloc[0]
    >>> found["difference"], round(found["standard_errors"], 3), found["verdict"]
    (np.float64(1.0), np.float64(0.866), 'agrees')
    """
    from scipy.stats import norm, t

    theirs = (table["published_std"] ** 2 / published_runs).fillna(0.0)
    error = np.sqrt(theirs + (table["measured_std"] ** 2 / table["runs"]).fillna(0.0))
    difference = table["measured"] - table["published"]
    errors = (difference / error).where((error > 0) & (table["runs"] > 1))
    limit = t.isf(norm.sf(2), table["runs"] - 1)  # two standard errors of many runs
    verdict = np.select([errors > limit, errors < -limit, errors.notna()], ["higher", "lower", "agrees"], "–")
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
    texts["difference"] = [number_or_dash(one, f"+.{digits}f") for one in table["difference"]]
    texts["standard errors"] = [number_or_dash(one, "+.1f") for one in table["standard_errors"]]
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
    return Section("Published and measured values", "", published_texts(table), note=note, name="published")
