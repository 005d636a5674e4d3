"""``--json``: the result of a command as one JSON object on stdout."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

from nasmeta.runs import FrontHistory, History

if TYPE_CHECKING:
    from pathlib import Path

    from nasmeta.analysis.report import Findings

_OF_RUN = ("task", "searcher", "seed", "clock", "space", "warm_start", "stopped")  # columns of the results frame


def plain(value: Any) -> Any:
    """Return a value as JSON types: data frames as lists of records, numbers unrounded, missing and infinite ones None.

    >>> import numpy as np, pandas as pd
    >>> plain({"rows": pd.DataFrame({"cell": [7], "value": [np.nan]}), "best": np.float64(91.606)})
    {'rows': [{'cell': 7, 'value': None}], 'best': 91.606}
    """
    if is_dataclass(value):
        return plain(vars(value))
    if hasattr(value, "to_dict"):
        return plain(value.to_dict("records"))
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (str, int)) else str(value)


def run_record(run: History, journal: Path | None) -> dict[str, Any]:
    """Return the result of ``nasmeta search``."""
    frame, space = run.frame(), run.task.space
    record: dict[str, Any] = {
        "task": run.task.name,
        **{name: getattr(run, name) for name in ("searcher", "seed", "settings", "sources", "stopped")},
        "evaluator": run.evaluator.name,
        "journal": journal,
    }
    if isinstance(run, FrontHistory):
        record |= {"columns": run.evaluator.columns, "front": run.front}
    else:
        best, also = run.best, run.report()
        record["column"] = run.evaluator.column
        record["optimum"] = run.evaluator.optimum
        record["best"] = {
            "cell": best.architecture,
            "architecture": space.to_string(best.architecture),
            "value": best.value,
        }
        record["also_measured"] = [{"column": info, "value": value} for info, value in also.items()]
    return record | {"evaluations": frame.drop(columns=[*_OF_RUN])}


def comparison_record(found: Findings, files: Sequence[object]) -> dict[str, Any]:
    """Return the result of ``nasmeta compare``: flat lists with the name of the task in each record."""
    import pandas as pd

    runs = found.frame.groupby(["task", "searcher", "seed"], sort=False, observed=True).tail(1)
    names = ["task", "searcher", "seed", "evaluation", "incumbent", "incumbent_value", "regret", "simulated_seconds"]
    tables, tests = ({}, {}) if found.frame.empty else (found.results, found.tests)
    return {
        "tasks": [{"task": fact.name, "optimum": fact.optimum, "column": fact.column} for fact in found.facts],
        "results": pd.concat(tables, names=["task"]).reset_index("task") if tables else [],
        "tests": pd.concat(tests.values()) if tests else [],
        "runs": runs[[*names, "stopped"]],
        "remarks": found.remarks if tables else [],
        "files": files,
    }
