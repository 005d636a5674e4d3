"""The files of a predictor benchmark: table, summary and pictures."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import pandas as pd

from nasmeta.analysis._plots import save_figure
from nasmeta.analysis._prediction_metrics import summarise_predictions
from nasmeta.analysis._prediction_plots import plot_calibration, plot_predictions
from nasmeta.analysis._tables import to_markdown
from nasmeta.errors import JournalError
from nasmeta.files import writing

SCOPES = {
    "isomorph-disjoint": "cells of which no isomorph gave a label",
    "unseen": "cells that gave no label",
    "all": "all cells, as published work scores",
}


def write_prediction_summary(frame: pd.DataFrame, folder: str | PathLike[str]) -> list[Path]:
    """Write ``results.csv``, ``summary.md`` and the pictures of one task, target and protocol of a benchmark.

    >>> import tempfile
    >>> import nasmeta as nm
    >>> frame = nm.benchmark_predictors(["parameters"], sizes=[50], target="valid", draws=2)
    >>> with tempfile.TemporaryDirectory() as home:
    ...     [file.name for file in write_prediction_summary(frame, home)]
    ['results.csv', 'summary.md']
    """
    table = summarise_predictions(frame)
    parts = [
        "# Comparison of predictors\n",
        f"{frame['task'].iloc[0]}, compared with {frame['target'].iloc[0]}. Mean over the draws, in brackets the 95 % "
        "bootstrap interval. Seconds are medians.\n",
        *(f"**{remark}**\n" for remark in frame.attrs.get("remarks", ())),
    ]
    for scope, title in SCOPES.items():
        rows = table[table["scope"] == scope].drop(columns=["task", "target", "protocol", "scope"])
        if scope != "isomorph-disjoint":  # measured in that scope only
            rows = rows.drop(columns=["crps", *(name for name in rows if str(name).startswith("coverage_"))])
        parts += [f"## Scored on {title}\n", to_markdown(rows)]
    home = Path(folder)
    files = [home / "results.csv", home / "summary.md"]
    with writing(f"Cannot write to {home}", JournalError):
        home.mkdir(parents=True, exist_ok=True)
        frame.to_csv(files[0], index=False, float_format="%.6g")
        files[1].write_text("\n".join(parts), encoding="utf-8")
        if frame["n_train"].nunique() > 1:
            files += save_figure(plot_predictions(frame), home / "kendall_tau")
        if frame["crps"].notna().any():
            files += save_figure(plot_calibration(frame), home / "calibration")
    return files
