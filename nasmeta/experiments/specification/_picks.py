"""What the runs of a specification picked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasmeta.errors import SettingError
from nasmeta.experiments.specification._specification import Specification
from nasmeta.tasks import get_task

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["picks_of"]


def picks_of(frame: pd.DataFrame, specification: Specification) -> pd.DataFrame:
    """Return what each run picked, and what the specification's columns say about it.

    Returns
    -------
    DataFrame
        One row a run: task, searcher, seed, evaluations, simulated_seconds, cell, value, and a column for each address
        of the report, NaN where it was not measured for the cell.

    Raises
    ------
    SettingError
        Where the specification reports nothing.
    """
    if not specification.report:
        raise SettingError(
            f'{specification.name} reports no column: give report = ["DATASET/METRIC/SPLIT/EPOCHS/SEED"].'
        )
    last = frame.groupby(["task", "searcher", "seed"], sort=False, observed=True).tail(1)
    picks = last[["task", "searcher", "seed", "evaluation", "simulated_seconds", "incumbent", "incumbent_value"]]
    picks = picks.rename(columns={"evaluation": "evaluations", "incumbent": "cell", "incumbent_value": "value"})
    picks = picks.reset_index(drop=True)
    table = get_task(specification.tasks[0]).table
    for c in specification.report:
        values = table.column(c.dataset, c.metric, c.split, c.epochs, c.seed, c.release)
        picks[c.address] = values[picks["cell"].to_numpy()].astype(np.float64)
    return picks
