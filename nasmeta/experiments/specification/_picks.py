"""What the runs of a specification picked."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nasmeta.errors import SettingError
from nasmeta.experiments.specification._specification import Specification
from nasmeta.tasks import get_task


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
        values = table.column(c.dataset, c.metric, c.split, c.epochs, c.seed, c.release, c.epoch)
        picks[c.address] = values[picks["cell"].to_numpy()].astype(np.float64)
    return picks


def summarise_picks(frame: pd.DataFrame, specification: Specification) -> pd.DataFrame:
    """Sum up what the runs of each (task, searcher) picked.

    Returns
    -------
    DataFrame, one row a (task, searcher)
        ``task, searcher``, and for each address of the report its mean over the runs under the address, and its
        standard deviation with ``_std`` behind it, NaN for one run.

    Raises
    ------
    SettingError
        As in `picks_of`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from nasmeta.experiments import read_specification, run_specification, summarise_picks
    >>> text = '''
    ... tasks = ["nb201/cifar10"]
    ... searchers = ["random", "evolution"]
    ... repeats = 2
    ... report = ["cifar10/accuracy/valid/200/777"]
    ... budget.evaluations = 9
    ... '''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "mine.toml").write_text(text)
    ...     specification = read_specification(f"{folder}/mine.toml")
    >>> summarise_picks(run_specification(specification), specification)["searcher"].tolist()
    ['random', 'evolution']
    """
    picks = picks_of(frame, specification)
    by = picks.groupby(["task", "searcher"], sort=False, observed=True)[[c.address for c in specification.report]]
    return pd.concat([by.mean(), by.std().add_suffix("_std")], axis=1).reset_index()
