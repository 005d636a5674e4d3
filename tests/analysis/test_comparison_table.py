"""The table of a comparison for a paper: its numbers, its marks, and that it fits a column."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.stats import wilcoxon

from nasmeta.analysis import holm, latex_comparison
from nasmeta.errors import SettingError, UnknownNameError

TASKS = ("nb201/cifar10", "nb201/cifar100", "nb201/imagenet16-120")
SCALES = {"successive-halving": 3.0, "random": 8.0, "evolution": 2.9, "gp": 1.0}


@pytest.fixture(scope="module")
def frame(make_frame):
    rng = np.random.default_rng(1)
    curves = {
        (task, name): np.round(np.minimum.accumulate(rng.exponential(scale, size=(12, 30)), axis=1), 2)
        for task in TASKS
        for name, scale in SCALES.items()
    }
    return make_frame(curves)


def cells(text):
    rows = [line.removesuffix(r" \\").split(" & ") for line in text.splitlines() if line.endswith(r"\\")]
    return {row[0]: dict(zip(rows[0][1:], row[1:], strict=True)) for row in rows[1:]}


@pytest.mark.parametrize("at", [None, 10])
@pytest.mark.parametrize(
    ("measure", "column"), [("regret", "regret"), pytest.param("value", "incumbent_value", marks=pytest.mark.slow)]
)
def test_numbers_bold_and_marks(frame, measure, column, at):
    shown = cells(latex_comparison(frame, measure, at, reference="random"))
    known = frame[frame["evaluation"] == (at or 30)]
    assert list(shown) == list(SCALES)
    for task in TASKS:
        own = known[known["task"] == task].pivot(index="seed", columns="searcher", values=column)
        regret = known[known["task"] == task].pivot(index="seed", columns="searcher", values="regret")
        others = [name for name in SCALES if name != "random"]
        p = dict(zip(others, holm([_p(regret[name] - regret["random"]) for name in others]), strict=True))
        best = f"{own[regret.mean().idxmin()].mean():.2f}"
        for name in SCALES:
            cell = shown[name][task.removeprefix("nb201/")]
            mean = f"{own[name].mean():.2f}"
            assert cell.startswith(rf"\textbf{{{mean}}}" if mean == best else f"{mean}$")
            assert rf"$\pm${own[name].std():.2f}" in cell
            better = regret[name].mean() < regret["random"].mean()
            sign = "" if name == "random" or p[name] >= 0.05 else "+" if better else "-"
            assert re.findall(r"\$\^\{([+-])\}\$", cell) == ([sign] if sign else [])
    assert {"+"} <= {
        sign for row in shown.values() for cell in row.values() for sign in re.findall(r"\^\{([+-])", cell)
    }


def _p(difference):
    return wilcoxon(difference, zero_method="pratt", method="asymptotic").pvalue


def test_evaluations_are_told_where_all_runs_found_the_optimum(make_frame):
    frame = make_frame(
        {
            ("t", "fast"): [[1, 0]] * 8,
            ("t", "slow"): [[1, 1, 1, 0]] * 8,
            ("t", "never"): [[2, 2, 2, 2]] * 4 + [[2, 0]] * 4,
        }
    )
    text = latex_comparison(frame, "evaluations", reference="fast", std=False)
    shown = {name: row["t"] for name, row in cells(text).items()}
    assert shown == {"fast": r"\textbf{2.0}$^{\phantom{+}}$", "slow": "4.0$^{-}$", "never": r"--$^{\phantom{+}}$"}
    assert text.startswith("% Evaluations until the optimum, mean of 8 runs; +/-: better/worse than fast (0.05).")


def test_refusals(frame, make_frame):
    with pytest.raises(UnknownNameError):
        latex_comparison(frame, reference="randon")
    with pytest.raises(SettingError):
        latex_comparison(frame, at=31)
    with pytest.raises(SettingError):
        latex_comparison(make_frame({("t", "a"): [[1], [2]], ("t", "b"): [[1]]}), reference="a")
    assert "a & \\textbf" in latex_comparison(make_frame({("t", "a"): [[1], [2]], ("t", "b"): [[3]]}))
