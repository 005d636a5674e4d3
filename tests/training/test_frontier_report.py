"""The report on short trainings on a CPU: its figures by hand, and the command at a small size."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from scripts import load_script

import nasmeta as nm

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow  # of a report, not of the package


@pytest.fixture(scope="module")
def frontier() -> ModuleType:
    return load_script("reports/training/frontier.py")


def test_cells_are_the_best_and_spread_ones_of_different_classes(frontier: ModuleType) -> None:
    values, space = nm.get_task("nb201/cifar10").values, nm.get_space("nb201")
    chosen = frontier.cells(values)
    classes = [int(space.canonical(cell)) for cell in chosen]
    assert len(set(classes)) == len(chosen) == frontier.SPREAD + frontier.BEST
    best = [cell for cell, group in chosen.items() if group == "best"]
    spread = [cell for cell, group in chosen.items() if group == "spread"]
    assert best[0] == 6111
    assert values[best].min() > values[spread].max()
    parts = (
        np.argsort(np.argsort(values, kind="stable"), kind="stable")[spread]
        * len(spread)
        // len(values)
    )
    # one of each equal part of the ranks
    assert np.ptp(np.bincount(parts, minlength=len(spread))) <= 1
    some = list(chosen.values())[:12]
    assert min(some.count("best"), some.count("spread")) >= 3  # both groups grow together


def test_agreement_is_what_one_counts_by_hand() -> None:
    page = load_script("reports/training/frontier_page.py")
    table = np.array([1.0, 2.0, 3.0, 4.0, 9.0, 9.5])
    measured = np.array([1.0, 3.0, 2.0, 4.0, 3.5, 5.0])
    best = np.array([False] * 4 + [True] * 2)
    found = page.agreement(table, measured, best)
    assert found["tau"] == pytest.approx((5 - 1) / 6)
    assert found["auc"] == pytest.approx((3 + 4) / 8)
    each = np.array([(2 - 1) / 3, 1.0, 1.0, (2 - 1) / 3])  # one of three pairs is swapped, or none
    assert found["tau_error"] == pytest.approx(np.sqrt(3 / 4 * ((each - each.mean()) ** 2).sum()))


def test_the_page_is_written_of_the_results_alone(frontier: ModuleType, tmp_path: Path) -> None:
    results = ROOT / "reports" / "training" / "frontier" / "results.csv"
    (tmp_path / "results.csv").write_bytes(results.read_bytes())
    frontier.main(["--page", "--output", str(tmp_path)])
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert (tmp_path / "frontier.png").is_file()
    measured = set(pd.read_csv(results)["recipe"])
    assert all(f"| {name} |" in page for name in measured)
    assert "JPEG" in page


def test_it_runs_at_a_small_size(tmp_path: Path) -> None:
    command = [sys.executable, "reports/training/frontier.py", "--smoke", "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no figure means anything" in (tmp_path / "smoke.md").read_text(encoding="utf-8")
