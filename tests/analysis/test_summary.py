"""The summary table and its Markdown."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt

import nasmeta as nm
from nasmeta.analysis import summarise
from nasmeta.analysis.report import summarise_comparison, write_summary
from nasmeta.pages import in_markdown, to_html, to_latex, to_markdown


def test_summary_by_hand(make_frame):
    frame = make_frame({("t", "a"): [[4, 0], [2, 2, 1]], ("t", "b"): [[3, 0], [0]]})
    table = summarise(frame, at=[1, 3, 5]).set_index("searcher")
    a, b = table.loc["a"], table.loc["b"]
    assert (a["value_at_1"], a["value_at_1_std"]) == (97.0, pytest.approx(np.sqrt(2)))
    assert (a["value_at_3"], b["value_at_3"]) == (99.5, 100.0)  # a run at the optimum keeps it
    assert np.isnan(a["value_at_5"])  # one run of a ended before, without the optimum
    assert b["value_at_5"] == 100.0
    assert (a["final_regret"], b["final_regret"]) == (0.5, 0.0)
    assert (a["share_solved"], b["share_solved"]) == (0.5, 1.0)
    assert np.isnan(a["evaluations_to_optimum"])
    assert b["evaluations_to_optimum"] == 1.5
    assert (a["simulated_seconds"], b["simulated_seconds"]) == (25.0, 15.0)
    assert a["runs"] == b["runs"] == 2


def test_budgets_that_nobody_reaches_are_left_out(make_frame):
    table = summarise(make_frame({("t", "a"): [[4, 3], [2, 1]]}))
    assert not [name for name in table.columns if name.startswith("value_at")]


@pytest.mark.parametrize(
    ("columns", "architecture"),
    [
        ({"x": 22.134, "x_low": 20.31, "x_high": 24.02}, "22.1 [20.3, 24.0]"),
        ({"x": 727.4, "x_low": 690.2, "x_high": 770.7}, "727 [690, 771]"),
        ({"x": 0.0123, "x_low": 0.0, "x_high": 0.0331}, "0.012 [0.000, 0.033]"),
        ({"x": 22.0, "x_low": 22.0, "x_high": 22.0}, "22"),
        ({"x": 22.5, "x_low": np.nan, "x_high": np.nan}, "22.50"),
        ({"x": 91.4236, "x_std": 0.1912}, "91.42 ± 0.19"),
        ({"x": 91.6067, "x_std": 1e-14}, "91.61 ± 0.00"),
        ({"x": 361794.4}, "361,794"),
        ({"x": 3}, "3"),
        ({"x": np.nan}, "–"),
        ({"x": np.inf}, "∞"),
        ({"x": -1e-9}, "0.0000"),
        ({"x": "a|b"}, "a\\|b"),
        ({"x": np.int64(1200)}, "1,200"),
    ],
)
def test_cells(columns, architecture):
    lines = to_markdown(pd.DataFrame([columns])).splitlines()
    assert lines[0] == "| x |"
    assert lines[2] == f"| {architecture} |"


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        ({"x": [72.0, 1.0, 0.6, 1.533]}, ["72.00", "1.00", "0.60", "1.53"]),
        ({"x": [15000.0, 0.0021]}, ["15,000.000", "0.002"]),
        (
            {"x": [1.53, 0.0021, 0.0], "x_std": [0.33, 0.0009, np.nan]},
            ["1.530 ± 0.330", "0.002 ± 0.001", "0.000"],
        ),
        (
            {"x": [22.1, 103.0], "x_low": [20.3, 60.0], "x_high": [24.0, 140.0]},
            ["22 [20, 24]", "103 [60, 140]"],
        ),
    ],
)
def test_cells_of_a_column_have_the_same_decimals(column, texts):
    lines = to_markdown(pd.DataFrame(column)).splitlines()
    assert [line.strip("| ") for line in lines[2:]] == texts


@pytest.mark.parametrize(
    ("solved", "marked"), [([0.0, 0.0, np.nan], []), ([0.5, 0.5, 0.0], ["a", "b"])]
)
def test_ties_share_the_mark_with_and_without_an_interval(solved, marked):
    table = pd.DataFrame(
        {
            "name": ["a", "b", "c"],
            "x": solved,
            "x_low": [np.nan, 0, 0],
            "x_high": [np.nan, 0.7, 0.1],
        }
    )
    lines = to_latex(table, best={"x": "max"}).splitlines()
    assert [line[0] for line in lines if "textbf" in line] == marked


@pytest.mark.parametrize(
    "label",
    [
        "<b>gp</b>",
        "![a](b)",
        "[a](b)",
        "[a]: b",
        "*a*",
        "_a_ __init__ a_b",
        "`a`",
        r"\*a\*",
        "&lt;",
        "<https://a.b>",
    ],
)
def test_markdown_shows_a_label_as_it_is(label):
    assert MarkdownIt().render(f"{in_markdown(label)} and") == f"<p>{escape(label)} and</p>\n"


def test_latex_and_html_mark_the_best():
    table = pd.DataFrame(
        {
            "searcher": ["a_b", "<c>"],
            "regret": [1.0, 0.5],
            "regret_std": [0.1, 0.1],
            "share": [1.0, 1.0],
            "n": [3, 4],
        }
    )
    goals = {"regret": "min", "share": "max", "n": "max", "not there": "min"}
    latex = to_latex(table, headers={"n": "runs & more"}, best=goals)
    assert r"searcher & regret & share & runs \& more \\" in latex
    assert r"a\_b & 1.00 $\pm$ 0.10 & 1 & 3 \\" in latex
    # where all are best nobody is
    assert r"$<$c$>$ & \textbf{0.50 $\pm$ 0.10} & 1 & \textbf{4} \\" in latex
    html = to_html(table, best=goals, decimals={"share": 2})
    assert html.count("<strong>") == 2
    assert '<th scope="row">&lt;c&gt;</th><td class="num"><strong>0.50 ± 0.10</strong></td>' in html
    assert '<td class="num">1.00</td>' in html


def test_a_comparison_in_short() -> None:
    frame = nm.compare(["random", "source-order"], "nb201/cifar100", repeats=2, evaluations=60)
    findings = summarise_comparison(frame, evaluations=60)
    table = findings.summary["nb201/cifar100"]
    assert findings.budgets == [50, 60]
    assert "runs" not in table
    assert table["value_at_60_std"].isna().tolist() == [False, True], (
        "source-order has no chance in it"
    )
    (remark,) = findings.run_remarks
    assert remark.startswith("source-order on nb201/cifar100: all runs are identical")
    by_seconds = summarise_comparison(frame)
    table = by_seconds.summary["nb201/cifar100"]
    assert not [name for name in table if name.startswith("value_at")]
    assert {"value_end", "evaluations"} <= set(table)
    assert summarise_comparison(frame.iloc[:0]).facts == []


def test_time_that_nobody_recorded_is_a_dash(tmp_path):
    frame = nm.compare(["random"], "nb201/cifar10", repeats=2, evaluations=2)
    write_summary(
        summarise_comparison(frame.assign(cost_seconds=0.0, simulated_seconds=0.0), 2), tmp_path
    )
    header, _, row = [
        line for line in (tmp_path / "summary.md").read_text().splitlines() if line.startswith("|")
    ]
    architectures = dict(zip(header.split(" | "), row.split(" | "), strict=True))
    assert architectures["simulated days |"] == "– |"
