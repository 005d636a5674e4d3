"""Differences of paired runs in the report on other packages' optimisers."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

REPORTS = Path(__file__).parents[2] / "reports"


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.syspath_prepend(str(REPORTS))
    return SimpleNamespace(**runpy.run_path(str(REPORTS / "peers" / "page.py")))


def test_runs_of_the_same_seed_are_compared(page: SimpleNamespace, tmp_path: Path) -> None:
    rows = []
    for seed in range(10):
        rows += [
            ("a", "gp", seed, 10 + seed, 1.0),
            ("a", "slow", seed, 11 + seed, 1.0),
            ("a", "fast", seed, 9, 1.0),
        ]
        rows += [
            ("a", "as fast", seed, 7 + seed + 5 * (seed % 2), 1.0),
            ("b", "as fast", seed, 0, 1.0),
        ]
        # 0: none found
        rows += [
            ("b", "gp", seed, 0, 1.0),
            ("b", "slow", seed, 0, 1.0),
            ("b", "fast", seed, 30, 1.0),
        ]
    pd.DataFrame(rows, columns=["task", "searcher", "seed", "needed", "ms"]).to_csv(
        tmp_path / "runs.csv", index=False
    )
    runs = page.read(tmp_path / "runs.csv", cap=40)
    assert page.differences(runs, "gp", "fast").mean(axis=1).to_dict() == {"a": -5.5, "b": -11.0}
    assert page.behind(runs, "gp", ("slow", "fast", "as fast")) == {"a": ["fast"], "b": ["fast"]}
    assert page.behind(runs, "fast", ("gp", "slow")) == {"a": [], "b": []}
