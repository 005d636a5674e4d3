"""A comparison that is made up, with test values, and the report of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import nasmeta as nm
from nasmeta.analysis.report import TaskFacts, TestColumn

SCALES = {"random": 8.0, "evolution": 3.0, "<b>gp</b>": 1.0}
COLUMN = replace(nm.get_task("nb201/cifar10").column, release="made up v1")


def made_up(
    searchers: dict[str, float], tasks: tuple[str, ...], runs: int, evaluations: int
) -> pd.DataFrame:
    """Make a frame of random regrets; the optimum is 90, a cell is its rank in a table of 1,000 cells."""
    rng = np.random.default_rng(0)
    shape = (len(tasks), len(searchers), runs, evaluations)
    scale = np.array(list(searchers.values()))[:, None, None] / (1 + np.arange(evaluations) / 4)
    regret = np.minimum.accumulate(rng.exponential(scale, size=shape), axis=-1)
    regret[..., 0, -1] = 0  # one run of each finds the optimum at its end
    index = np.indices(shape).reshape(4, -1)
    loss, architecture = regret.ravel(), np.minimum(regret.ravel() * 50, 999).astype(np.int32)
    return pd.DataFrame(
        {
            "task": pd.Categorical.from_codes(index[0], list(tasks)),
            "searcher": pd.Categorical.from_codes(index[1], list(searchers)),
            "seed": index[2],
            "evaluation": index[3] + 1,
            "cell": architecture,
            "value": 90 - loss,
            "cost_seconds": 100.0,
            "simulated_seconds": 100.0 * (index[3] + 1),
            "incumbent": architecture,
            "incumbent_value": 90 - loss,
            "regret": loss,
        }
    )


def facts(frame: pd.DataFrame, tasks: Any, columns: Any = ()) -> list[TaskFacts]:
    """Return facts with a test column that falls with the cell's number."""
    test = TestColumn(
        "accuracy on the test split (release made up v1)", 95.004 - np.arange(1000.0) / 50, "95.00"
    )
    return [
        TaskFacts(str(name), 90.0, 1.0, column=COLUMN, test=test) for name in frame["task"].unique()
    ]


@pytest.fixture(scope="session")
def made_up_frame() -> Callable[..., pd.DataFrame]:
    return made_up


@pytest.fixture(scope="module")
def with_test_values() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nasmeta.analysis.report._findings.facts_of", facts)
        blank = Figure(figsize=(1, 1))
        patch.setattr("nasmeta.analysis.report._write.plot_regret", lambda *_, **__: blank)
        yield


@pytest.fixture(scope="session")
def comparison() -> pd.DataFrame:
    return made_up(SCALES, ("made/one", "made/two"), runs=8, evaluations=40)


@pytest.fixture(scope="module")
def written(
    comparison: pd.DataFrame, with_test_values: None, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return the folder of a report."""
    pytest.importorskip("plotly", reason="Needs the extra report.")
    pytest.importorskip("scikit_posthocs", reason="Needs the extra report.")
    from nasmeta.analysis.report import find, write_findings

    folder = tmp_path_factory.mktemp("report")
    provenance = {"versions": {"nasmeta": "0.0"}, "text": "a = 1\n</script><b>", "nothing": {}}
    write_findings(
        find(comparison), folder, provenance=provenance, title="One & two", formats=["png"]
    )
    return folder
