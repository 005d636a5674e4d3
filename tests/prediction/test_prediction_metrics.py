"""Summaries and figures of scores of predictions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nasmeta.prediction import plot_calibration, plot_predictions, summarise_predictions


def made_up(**changes: object) -> pd.DataFrame:
    """Two predictors, two sizes, three draws, two scopes; the second predictor knows no deviation."""
    rows = []
    for predictor in ("gp", "flat"):
        for n in (10, 100):
            for draw in range(3):
                for scope in ("isomorph-disjoint", "all"):
                    row = {
                        "task": "nb201/cifar10", "target": "cifar10/accuracy/test/200/mean of R", "protocol": "few",
                        "scope": scope, "predictor": predictor, "n_train": n, "draw": draw, "rmse": 1.0, "crps": np.nan,
                        "kendall_tau": 0.5 + 0.1 * draw + n / 1000, "spearman": np.nan if predictor == "flat" else 0.9,
                        "coverage_50": np.nan, "coverage_95": np.nan, "fit_seconds": float(draw**2),
                        "predict_seconds": 0.1, "cpu_seconds": 0.1,
                    }  # fmt: skip
                    if predictor == "gp" and scope == "isomorph-disjoint":
                        row |= {"crps": 0.7, "coverage_50": 0.4 + 0.1 * draw, "coverage_95": 0.9}
                    rows.append(row | changes)
    return pd.DataFrame(rows)


def test_summary_has_means_with_intervals_and_medians_of_seconds() -> None:
    table = summarise_predictions(made_up())
    assert len(table) == 8
    row = table[
        (table.predictor == "gp") & (table.scope == "isomorph-disjoint") & (table.n_train == 100)
    ].iloc[0]
    assert (row.draws, row.fit_seconds) == (3, 1.0)
    assert row.kendall_tau == pytest.approx(0.7)
    assert 0.6 <= row.kendall_tau_low < 0.7 < row.kendall_tau_high <= 0.8
    assert row.coverage_50 == pytest.approx(0.5)
    flat = table[table.predictor == "flat"]
    assert flat[["spearman", "spearman_low", "crps", "coverage_95"]].isna().all(axis=None)


def test_curves_show_every_predictor_in_every_scope() -> None:
    figure = plot_predictions(made_up())
    assert [axes.get_title() for axes in figure.axes] == [
        "cells without a labelled duplicate",
        "all cells",
    ]
    assert "CIFAR-10" in figure.axes[0].get_ylabel()
    for axes in figure.axes:
        assert [line.get_xdata().tolist() for line in axes.lines] == [[10, 100], [10, 100]]
        assert axes.lines[0].get_ydata() == pytest.approx([0.61, 0.7])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["gp", "flat"]


def test_calibration_shows_who_knows_a_deviation() -> None:
    figure = plot_calibration(made_up())
    diagonal, line = figure.axes[0].lines
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())
    assert list(line.get_xdata()) == [0.5, 0.95]
    assert list(line.get_ydata()) == pytest.approx([0.5, 0.9])
