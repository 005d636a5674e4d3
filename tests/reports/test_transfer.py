"""The transfer benchmark: its stress sources, and a short run."""

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

import nasmeta as nm
from nasmeta.tasks import SourceTask

FOLDER = Path(__file__).parents[2] / "reports" / "transfer"


@pytest.fixture
def cases(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("cases")


def drawn(cases: ModuleType, stress: str) -> tuple[list[SourceTask], list[SourceTask]]:
    """Return the natural sources of CIFAR-100 and the stress sources made of them."""
    tasks = nm.task_distribution("nb201")
    case = cases.Case("nb201", tasks[1], (tasks[0], tasks[2]))
    return cases.draw_sources(case, "natural", None, 0), cases.draw_sources(case, stress, None, 0)


def test_stress_sources_mislead_as_they_say(cases: ModuleType) -> None:
    natural, reverse = drawn(cases, "reversed")
    np.testing.assert_array_equal(natural[0].utilities, -reverse[0].utilities)
    _, permuted = drawn(cases, "permuted")
    assert abs(np.corrcoef(natural[0].utilities, permuted[0].utilities)[0, 1]) < 0.05
    np.testing.assert_array_equal(np.sort(natural[0].utilities), np.sort(permuted[0].utilities))
    _, wrong = drawn(cases, "wrong at the top")
    order = np.argsort(-natural[0].utilities, kind="stable")
    n = len(order)
    changed = wrong[0].utilities != natural[0].utilities
    assert changed[order[: n // 10]].mean() > 0.99
    assert not changed[order[n // 2 :]].any()
    assert wrong[0].utilities[order[: n // 10]].max() < natural[0].utilities[order[n // 3]]


def test_strangers_have_the_same_values_in_another_order(cases: ModuleType) -> None:
    natural, mixed = drawn(cases, "one sister")
    assert len(mixed) == 1 + cases.STRANGERS
    np.testing.assert_array_equal(mixed[0].utilities, natural[0].utilities)
    stranger = mixed[1]
    other = stranger.utilities[np.argsort(stranger.architectures)]
    assert np.corrcoef(other, natural[0].utilities)[0, 1] < 0.9
    np.testing.assert_allclose(np.sort(other), np.sort(natural[0].utilities))


def test_sources_hold_nothing_of_the_target(cases: ModuleType) -> None:
    for case in cases.cases("nb201"):
        assert all(set(one.held_out).isdisjoint(case.target.held_out) for one in case.sources)


def test_unlike_sources_measure_something_else(cases: ModuleType) -> None:
    for family in ("latency", "nb201-cost"):
        for case in cases.cases(family):
            assert case.kind == "unlike"
            assert case.target.metric_kind not in {one.metric_kind for one in case.sources}


@pytest.mark.slow
def test_a_short_run_writes_its_page_and_goes_on(tmp_path: Path) -> None:
    options = ["--quick", "--family", "nb201", "--draws", "1", "--out", str(tmp_path)]
    command = [sys.executable, str(FOLDER / "run.py"), *options]
    subprocess.run(command, check=True)
    first = pd.read_csv(tmp_path / "results.csv")
    assert set(first["searcher"]) == {"gp", "rgpe", "meta"}
    assert "| `meta` | ×" in (tmp_path / "README.md").read_text()
    assert (tmp_path / "gains.png").is_file()
    subprocess.run(command, check=True)
    pd.testing.assert_frame_equal(first, pd.read_csv(tmp_path / "results.csv"))
