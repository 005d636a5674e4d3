"""How many decimals a metric's values have wherever they are shown: 2 in percent, more where they differ by little."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.checks import decimals_of, written
from nasmeta.cli._app import app

SPACE = nm.SearchSpace(
    "mlp", {"width": [16, 32, 64, 128], "depth": [1, 2, 3, 4], "rate": [1, 2, 3]}
)


@pytest.fixture
def losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Return a table of losses around 0.003, which is known as ``small``, with one that has diverged."""
    monkeypatch.setenv("NASMETA_CACHE", str(tmp_path / "cache"))
    values = 0.003 + 0.001 * np.random.default_rng(0).random(SPACE.size)
    values[7] = 900.0
    table = pd.DataFrame({"architecture": np.arange(SPACE.size), "loss": values})
    nm.Table.from_frame(table, SPACE, name="small", dataset="x").add()
    return table


@pytest.mark.parametrize(
    ("values", "unit", "digits"),
    [
        ([91.21, 91.22, 91.23], "percent", 2),
        ([0.01, 0.02, 0.03], "percent", 2),
        ([0.01, 0.02], "% of the front's hypervolume", 2),
        ([91.21, 91.22, 91.23], "", 2),
        ([0.91, 0.92, 0.94], "1", 4),
        ([1e-4, 2e-4, 4e-4], "1", 6),
        ([0.0031, 0.0034, 0.0037, 0.0039, 900.0], "1", 6),
        ([1e-4, 1e-4, 1e-4], "1", 6),
        ([0.0, 0.0], "1", 2),
        ([np.nan, np.inf], "1", 2),
        ([], "1", 2),
        ([1e-300, 2e-300], "1", 15),
    ],
)
def test_the_scale_of_the_spread_says_how_many(values: list[float], unit: str, digits: int) -> None:
    assert decimals_of(values, unit) == digits


def test_single_values() -> None:
    assert [written(value) for value in (91.25, 0.05, -0.004123, 0.00041234, 1234.5)] == [
        "91.2500", "0.0500", "-0.004123", "0.0004123", "1234.5000",
    ]  # fmt: skip


def test_small_values_are_told_apart_on_the_command_line_and_on_pages(
    losses: pd.DataFrame, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    best = f"{losses['loss'].min():.6f}"

    def said(*arguments: str) -> str:
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
        return done.output

    compared = said("compare", "--searchers", "random,evolution", "--tasks", "small/x", "--repeats", "6",
                    "--evaluations", "20", "--folder", str(out))  # fmt: skip
    assert f"best architecture {best}" in " ".join(compared.split())
    assert re.search(r"random +(│ +)?0\.003\d{2} ± 0\.000\d{2}", compared), compared
    assert f"best architecture {best}" in (out / "summary.md").read_text("utf-8")
    said("report", str(out), "--output", str(out / "report"), "--formats", "")
    page, pairs = (
        (out / "report" / "report.md").read_text("utf-8"),
        (out / "report" / "index.html").read_text("utf-8"),
    )
    assert f"best architecture {best}." in page
    assert f"best architecture {best}." in pairs
