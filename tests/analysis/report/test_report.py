"""What the report says in its files, and how it refuses."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt

import nasmeta as nm
from nasmeta.analysis import average_ranks, paired_tests, regret_curves
from nasmeta.analysis.report import (
    facts_of,
    find,
    page_data,
    report_sections,
    write_findings,
)
from nasmeta.errors import MissingPackageError, SettingError


class Nesting(HTMLParser):
    """Assert that the end tags of a page match, and collect the elements that stay open."""

    EMPTY = frozenset({"meta", "link", "input", "br", "path", "use", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def text(written: Path) -> str:
    return (written / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def own(text: str) -> str:
    """Return the page without plotly.js."""
    return re.sub(r"/\*\*\n\* plotly\.js.*?</script>", "", text, flags=re.DOTALL)


def data_of(text: str) -> dict:
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1]
    )


def test_all_files_are_there_and_the_same_each_time(
    written, comparison, with_test_values, tmp_path
):
    names = {path.relative_to(written).as_posix() for path in written.rglob("*") if path.is_file()}
    assert {
        "index.html", "report.md", "tables/ranks.tex", "tables/scores.tex", "tables/results-made-one.tex",
        "tables/tests-made-two.tex", "figures/regret_evaluations.png", "figures/regret_seconds.png",
        "figures/critical_difference.png", "figures/ranks.png",
    } <= names  # fmt: skip
    again = write_findings(find(comparison), tmp_path, title="One & two", formats=[])
    assert again[0].name == "index.html"
    assert data_of(again[0].read_text()) == data_of((written / "index.html").read_text())
    for name in ("tables/ranks.tex", "tables/results-made-one.tex"):
        assert (tmp_path / name).read_text() == (written / name).read_text()


def test_the_page_is_whole_and_loads_nothing(text, own):
    assert Nesting(text).open == []
    loads = re.findall(r'\s(?:src|href|action|srcset|xlink:href)="([^"]*)"', own)
    assert [load for load in loads if not load.startswith(("#", "data:,"))] == []
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]
    assert (
        policy
        == "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
    )
    addresses = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert set(re.findall(r"https?://[^\s\"'<)]+", own)) <= addresses
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttpRequest|WebSocket|sendBeacon", own)
    assert len(text) < 6_000_000


def test_nothing_in_names_becomes_markup(own, written):
    assert "<title>One &amp; two</title>" in own
    assert "<b>gp" not in own
    assert "&lt;b&gt;gp&lt;/b&gt;" in own
    assert "a = 1\n&lt;/script&gt;&lt;b&gt;" in own
    html = MarkdownIt().enable("table").render((written / "report.md").read_text())
    assert "<b>" not in html
    assert html.count("&lt;b&gt;gp&lt;/b&gt;") > 5


def test_the_page_holds_the_curves(text, comparison):
    data = data_of(text)
    assert [task["name"] for task in data["tasks"]] == ["made/one", "made/two"]
    assert [searcher["name"] for searcher in data["searchers"]] == [
        "random",
        "evolution",
        "<b>gp</b>",
    ]
    curves = regret_curves(comparison).set_index(["task", "searcher"])
    for task in data["tasks"]:
        assert (task["optimum"], task["sign"], task["test"]["best"]) == (90, 1, 95.004)
        for curve in task["curves"]:
            expected = curves.loc[task["name"], data["searchers"][curve["searcher"]]["name"]]
            assert curve["runs"] == 8
            shown = curve["valid"]["evaluation"]
            for name in ("mean", "low", "high", "median", "q25", "q75"):
                np.testing.assert_allclose(shown[name], expected[name], rtol=1e-5)
            assert shown["x"] == expected["evaluation"].tolist()
            assert len(curve["test"]["simulated_seconds"]["mean"]) == len(
                curve["valid"]["simulated_seconds"]["mean"]
            )


def test_the_page_holds_the_tables(own, comparison):
    rows = [re.sub("(<[^>]*>)+", "|", row) for row in re.findall("<tr>(.*?)</tr>", own)]
    for _, row in average_ranks(comparison).iterrows():
        values = [
            escape(row["searcher"]),
            *(f"{row[name]:.2f}" for name in ("made/one", "made/two", "mean")),
        ]
        assert f"|{'|'.join(values)}|" in rows


def test_a_page_stays_small_whatever_the_comparison(made_up_frame, with_test_values):
    frame = made_up_frame(
        {f"searcher-{i}": 1.0 + i for i in range(20)}, ("a", "b", "c"), runs=3, evaluations=150
    )
    data = page_data(find(frame))
    assert len(json.dumps(data)) < 1_800_000
    assert 40 < len(data["tasks"][0]["curves"][0]["valid"]["evaluation"]["x"]) <= 100


def test_without_tasks_the_frame_tells_optimum_and_direction(comparison):
    [one, _] = facts_of(comparison)
    assert (one.optimum, one.sign, one.unit, one.test) == (pytest.approx(90), 1, "", None)
    latency = comparison.assign(incumbent_value=10 + comparison["regret"])
    assert [fact.sign for fact in facts_of(latency)] == [-1, -1]


@pytest.mark.parametrize("turn", [1, -1])
def test_which_test_column_is_told_does_not_depend_on_the_order_of_sources(monkeypatch, turn):
    task = nm.get_task("nb201/cifar100")
    frame = nm.compare(["random"], task, repeats=2, evaluations=5)
    columns = [
        replace(task.column, split="test", release=release, dataset=dataset)
        for release, dataset in (
            ("NB201 v1.1", "cifar100"),
            ("NATS-tss v1.0", "cifar100"),
            ("A v0", "cifar100"),
        )
    ]
    # of other tests, with other caches
    monkeypatch.delitem(task.__dict__, "report_columns", raising=False)
    monkeypatch.setattr(nm.tasks.Task, "report_columns", columns[::turn])
    everything = SimpleNamespace(column=lambda *_: np.arange(15625.0))
    monkeypatch.setattr(nm.tasks.Task, "_open", lambda *_: everything)
    [fact] = facts_of(frame, {"nb201/cifar100": task})
    assert "release NATS-tss v1.0" in fact.test.label, "that of the signal"
    [fact] = facts_of(
        frame, {"nb201/cifar100": task}, [replace(columns[0], dataset="cifar10"), *columns]
    )
    assert "cifar100, split test, 200 epochs, seed mean, release NB201 v1.1" in fact.test.label, (
        "that of the specification"
    )


def test_the_test_column_of_a_task_with_a_budget_is_of_the_test_split():
    accuracy = pd.DataFrame(
        {"cell": [1, 2, 3], "accuracy": [90.0, 94.0, 89.0], "split": "valid", "release": "v1"}
    )
    test = accuracy.assign(accuracy=[80.0, 84.0, 79.0], split="test", release="v2")
    latency = pd.DataFrame({"cell": [1, 2, 3], "latency": [5.0, 9.0, 6.0], "release": "v1"})
    table = nm.Table.from_frame(pd.concat([accuracy, test, latency]), space="nb201", dataset="pets")
    task = table.task("accuracy").with_objective("within-6/latency")
    [fact] = facts_of(nm.compare(["random"], task, repeats=2, evaluations=2), {task.name: task})
    assert fact.test.best == "84.00"


def test_a_metric_without_a_unit_is_named_alone():
    rows = pd.DataFrame({"cell": [1, 2, 3], "f1": [0.5, 0.7, 0.6]})
    task = nm.Table.from_frame(rows, space="nb201", dataset="pets", direction={"f1": "max"}).task(
        "f1"
    )
    frame = nm.compare(["random"], task, repeats=2, evaluations=2)
    [fact] = facts_of(frame, {task.name: task})
    assert str(fact).startswith("Metric: f1, ")
    assert (fact.unit, fact.regret_unit) == ("", "")
    best = nm.search("random", task, evaluations=3)._facts()["best"]
    assert best.startswith("f1 0.7000, found by evaluation ")


def test_what_cannot_be_computed_is_left_out_and_said(comparison, tmp_path):
    one = comparison[comparison["searcher"] == "random"].copy()
    one["searcher"] = one["searcher"].cat.remove_unused_categories()
    files = write_findings(find(one), tmp_path / "one", formats=[])
    assert files[0].is_file()
    assert "Friedman's test needs at least 3 searchers" in files[1].read_text()


def test_a_searcher_that_lacks_a_task_and_evaluations_that_cost_nothing(comparison, tmp_path):
    holes = comparison[(comparison["searcher"] != "evolution") | (comparison["task"] == "made/one")]
    findings = find(holes.assign(cost_seconds=0.0, simulated_seconds=0.0))
    page, text, *rest = write_findings(findings, tmp_path, formats=["svg"])
    remarks = text.read_text(encoding="utf-8")
    assert "No ranks and tests: " in remarks
    assert {path.stem for path in rest if path.suffix == ".svg"} == {
        "regret_evaluations",
    }
    data = data_of(page.read_text(encoding="utf-8"))
    assert [len(task["curves"]) for task in data["tasks"]] == [3, 2]
    assert data["ranks"] is None


def test_a_report_begins_with_the_result_of_each_task(written, comparison):
    one, two, heading = (written / "report.md").read_text().split("\n\n")[1:4]
    last = comparison[comparison["evaluation"] == 40].set_index(["task", "searcher", "seed"])[
        "regret"
    ]
    difference = (last["made/one", "evolution"] - last["made/one", "<b>gp</b>"]).mean()
    assert one.startswith(rf"made/one: \<b>gp\</b> is {difference:.3f} [")
    assert "percentage points better than evolution after 40 evaluations (p = " in one
    assert two.startswith(r"made/two: \<b>gp\</b>")
    assert heading == "## Methods"


def test_runs_needed_are_stated_for_differences_that_the_runs_do_not_show(make_frame):
    rng = np.random.default_rng(0)
    means = {"best": 1.0, "near": 1.1, "far": 9.0}
    frame = make_frame(
        {("t", name): mean + rng.uniform(-0.5, 0.5, (20, 1)) for name, mean in means.items()}
    )
    findings = find(frame)
    [p_value] = findings.against_best("t").query("searcher == 'near'")["p_holm"]
    [needed] = findings.plan.query("searcher == 'near'")["needed"]
    result, _, _, tests, *_ = report_sections(findings)
    assert result.text.endswith(
        f"(p = {p_value:.2g}). 20 runs do not show this difference; about {needed:.0f} runs are needed."
    )
    assert tests.table.set_index("searcher")["needed"].to_dict() == {
        "near": f"{needed:.0f}",
        "far": "–",
    }
    assert report_sections(find(frame[frame["searcher"] != "near"]))[0].text.endswith(
        " (p < 0.001)."
    )
    lengths = {"slow": (9, 8, 9), "fast": (2, 3, 3)}
    solved = make_frame(
        {("t", name): [[1.0] * n + [0.0] for n in of_name] for name, of_name in lengths.items()}
    )
    assert report_sections(find(solved))[0].text == (
        "3 runs and 1 pair cannot show any difference (least p = .25); 6 runs can.\n\n"
        "t: fast needs 6.0 [5.0, 7.0] fewer evaluations than slow to the optimum (p = 0.25). 3 runs do not show this "
        "difference; about 6 runs are needed."
    )


def test_the_effect_of_sources_is_stated_on_the_measure_of_the_tests(make_frame):
    def effect(runs):
        frame = make_frame({("t", name): of_name for name, of_name in runs.items()})
        frame.attrs["sources"] = {"t": {name: ["s"] for name in runs if name != "gp"}}
        return report_sections(find(frame))[0].text.partition("On t ")[2]

    gp = [[1.0] * n + [0.0] for n in (30, 34, 32, 31, 33, 32)]
    better = [[1.0] * n + [0.0] for n in (3, 4, 3, 4, 3, 4)]
    assert (
        effect({"gp": gp, "meta-gp": better})
        == "the sources saved 28.5 evaluations to the optimum [27.5, 29.5], against gp."
    )
    assert (
        effect({"meta-gp": gp, "gp": better})
        == "the sources cost 28.5 evaluations to the optimum [27.5, 29.5], against gp."
    )
    unshown = {"gp": [[1.0]] * 6, "meta-gp": [[0.5], [1.1]] * 3}
    assert effect(unshown) == "an effect of the sources is not shown."
    unsolved = {"gp": [[1.0]] * 8, "meta-gp": [[0.5], [0.7]] * 4, "rgpe": [[1.5], [1.3]] * 4}
    lowered, raised = effect(unsolved).split(" On t ")
    assert lowered.startswith(
        "the sources of meta-gp lowered the regret after 1 evaluations by 0.40 [0.33, 0.47]"
    )
    assert raised.startswith(
        "the sources of rgpe raised the regret after 1 evaluations by 0.40 [0.33, 0.47]"
    )


def test_a_budget_of_simulated_time_is_seen(comparison):
    lengths = 30 + comparison["seed"] % 3
    timed = comparison[comparison["evaluation"] <= lengths].copy()
    findings = find(timed)
    assert findings.x == "simulated_seconds"
    assert "value_end" in findings.results["made/one"]
    assert findings.headers["rank"] == "mean rank, common time"
    assert find(timed, None, 2000, "simulated_seconds").budget == "after 2,000 simulated seconds"
    assert find(comparison).x == "evaluation"
    at = find(comparison, at=10)
    pd.testing.assert_frame_equal(at.ranks, average_ranks(comparison, 10))


def test_the_tests_of_each_task_are_at_the_budget_of_the_ranks(comparison):
    last = comparison["task"].unique()[-1]
    shorter = comparison[(comparison["task"] != last) | (comparison["evaluation"] <= 10)]
    findings = find(shorter, x="evaluation")
    assert findings.budget == "after 10 evaluations"
    for task, tests in findings.tests.items():
        of_task = paired_tests(shorter, 10, "evaluation", findings.best)
        pd.testing.assert_frame_equal(
            tests, of_task[of_task["task"] == task].reset_index(drop=True)
        )


def test_bad_calls_write_nothing(comparison, tmp_path, monkeypatch):
    with pytest.raises(SettingError):
        write_findings(find(comparison), tmp_path / "new", formats=["gif"])
    with pytest.raises(SettingError):
        find(comparison, at=41)
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(MissingPackageError):
        write_findings(find(comparison), tmp_path / "new")
    assert not (tmp_path / "new").exists()
