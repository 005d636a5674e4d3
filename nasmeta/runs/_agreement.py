"""How well source tasks order the observations of a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from nasmeta.arrays import Architectures, Floats
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, Task

if TYPE_CHECKING:
    import pandas as pd

_EVERY = 10  # observations
_FEWEST = 4  # common observations of an interval


def source_agreement(
    names: Iterable[str],
    sources: Iterable[SourceTask | Task],
    space: SearchSpace,
    architectures: Architectures,
    utilities: Floats,
) -> pd.DataFrame:
    """Return the rank correlation of each source with the observations, see `History.transfer`.

    Architectures and utilities have the shape (n,), in the order of the run; a utility to leave out
    is NaN.
    """
    import pandas as pd

    labels = {}
    for source in sources:
        labelled = source.as_source() if isinstance(source, Task) else source
        if labelled.space == space:
            labels[labelled.name] = pd.Series(labelled.utilities, labelled.architectures)
    observed = pd.Series(utilities, architectures)  # by architecture, in the order of the run
    rows = []
    for n in range(_EVERY, len(architectures) + 1, _EVERY):
        known = observed[:n].dropna().groupby(level=0).last()
        for name in names:
            expected = labels.get(name, known[:0])
            # Labels and utilities of the common architectures, shape (n_common, 2)
            pairs = pd.concat([expected, known], axis=1, join="inner").to_numpy()
            rows.append((n, name, len(pairs), *_rank_correlation(*pairs.T)))
    columns = ["evaluations", "source", "common", "correlation", "low", "high"]
    return pd.DataFrame(rows, columns=columns).set_index("evaluations")


def _rank_correlation(expected: Floats, values: Floats) -> tuple[float, float, float]:
    """Return Spearman's correlation and its 95 % interval; NaN if there are few or equal values."""
    from scipy.stats import spearmanr

    if len(values) < _FEWEST or not np.ptp(expected) or not np.ptp(values):
        return np.nan, np.nan, np.nan
    correlation = float(spearmanr(expected, values).statistic)
    # Fisher's z-transformation, with the variance 1.06 / (n - 3) for ranks (Fieller et al., 1957)
    width = 1.96 * np.sqrt(1.06 / (len(values) - 3))
    centre = np.arctanh(np.clip(correlation, -0.999, 0.999))
    low, high = np.tanh([centre - width, centre + width])
    return correlation, float(low), float(high)
