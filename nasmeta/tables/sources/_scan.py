"""ScAn-Bench: random configurations of language, vision-language and tabular models, and their losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasmeta.spaces import SearchSpace
from nasmeta.tables.sources._base import Files
from nasmeta.tables.sources._registry import READERS, FetchedSource, Listed

if TYPE_CHECKING:
    import pandas as pd


@READERS.register("scan")
def read_scan(source: FetchedSource, space: None, files: Files) -> Listed:
    """Return the last evaluation of each training; its configuration and its length are an architecture."""
    last = scan_evaluations(source, files).drop_duplicates("config_id", keep="last")
    return SearchSpace.from_frame(last, [*source.positions], source.table, source.scales), last


def scan_evaluations(source: FetchedSource, files: Files) -> pd.DataFrame:
    """Return all evaluations of all trainings, each training in the order of time.

    Parameters
    ----------
    source : FetchedSource
        One of scan-llm, scan-vlm and scan-tabpfn.
    files : mapping of str to Path
        The raw files by key.

    Returns
    -------
    DataFrame
        The columns of the files, those of positions under their names, ``file`` (its key) and
        ``diverged``.
    """
    import pandas as pd

    frames = []
    for key, path in files.items():
        frames.append(pd.read_csv(path, low_memory=False).assign(file=key))
    rows = pd.concat(frames, ignore_index=True).sort_values(source.rows["moment"], kind="stable")
    rows = rows.rename(columns={column: name for name, column in source.positions.items()})
    for name in source.positions:
        if (rows[name] % 1 == 0).all():
            rows[name] = rows[name].astype("int64")
    rows["diverged"] = rows.eval(source.rows.get("diverged", "False"))
    is_capped = np.asarray(rows.eval(source.rows.get("capped", "False")))  # shape (n,) or ()
    for measure in source.measures:
        if measure["metric"] == "loss":
            losses = rows[measure["field"]]
            rows[measure["field"]] = np.where(is_capped, np.nan, losses)
    return rows
