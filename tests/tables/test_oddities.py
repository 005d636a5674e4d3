"""What is odd about a user's table: fractions among percents, and test values alone."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import nasmeta as nm
from nasmeta.analysis.report import markdown
from nasmeta.errors import NasmetaWarning
from nasmeta.spaces import SearchSpace
from nasmeta.tables import Table, looks_fractional, oddities

SPACE = SearchSpace("toy", {"width": list(range(10)), "depth": list(range(6))})
PERCENT = np.round(np.random.default_rng(0).normal(91, 1.5, 60), 2)


@pytest.fixture(autouse=True)
def _own_cache(own_cache: object) -> None:
    """Keep tables in a folder of the test's own."""


def own(values: object, metric: str = "accuracy", **arguments: object) -> Table:
    frame = pd.DataFrame({"cell": range(60), metric: values})
    return Table.from_frame(frame, SPACE, name="mine", **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [[7], [3, 8], [0, 10, 20, 30, 40, 50], list(range(30))])
def test_fractions_among_percents_are_told_by_their_rows(wrong: list[int]) -> None:
    mixed = PERCENT.copy()
    mixed[wrong] /= 100
    named = ", ".join(rf"row {row} \({mixed[row]:g}\)" for row in wrong[:5])
    more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
    with pytest.warns(
        NasmetaWarning, match=rf"accuracy of pets looks like a fraction, .* \(up to .*\), in {named}{more}: multiply"
    ):
        table = own(mixed, dataset="pets")
    assert table.query(wrong[0], "pets") == pytest.approx(mixed[wrong[0]])  # as it is
    (odd,) = oddities(table)
    assert f"{SPACE.to_string(wrong[0])} ({mixed[wrong[0]]:g})" in odd


@pytest.mark.parametrize("metric", ["error", "train_err", "val_error_rate", "top1", "top5_error", "f1", "mAP", "map50"])
def test_fractions_are_looked_for_in_every_rate_in_percent(metric: str) -> None:
    rates = 100 - PERCENT + 10 if "err" in metric else PERCENT.copy()
    rates[[3, 8]] = rates[[3, 8]].round(1) / 100
    with pytest.warns(NasmetaWarning, match=rf"{metric} of mine looks like a fraction, .* in row 3 .*, row 8"):
        table = own(rates, metric)
    assert len(list(oddities(table))) == 1
    own(rates, metric, unit={metric: "percent"})
    own(rates * 10, metric)  # no percents
    own(rates, "mean_squared_error")


def test_errors_of_an_easy_dataset_are_no_fractions() -> None:
    easy = np.round(np.random.default_rng(0).uniform(0.3, 0.9, 60), 2)
    frame = pd.DataFrame({"cell": [*range(60), *range(60)], "error": [*(110 - PERCENT), *easy]})
    Table.from_frame(frame.assign(dataset=["a"] * 60 + ["b"] * 60), SPACE)


def test_percents_that_are_fractions_are_told() -> None:
    with pytest.warns(NasmetaWarning, match=r"mine: accuracy is stated to be in percent, and is at most 0\.9"):
        own(PERCENT / 100, unit={"accuracy": "percent"})


def test_a_dataset_in_fractions_beside_one_in_percent() -> None:
    frame = pd.DataFrame({"cell": [*range(60), *range(60)], "acc": [*PERCENT, *PERCENT / 100]})
    frame["dataset"] = ["a"] * 60 + ["b"] * 60
    with pytest.warns(NasmetaWarning, match=r"acc of b looks like a fraction, .* in row 60 \(0\.\d+\), .* and 55 more"):
        Table.from_frame(frame, SPACE)


def test_what_is_no_mixture_is_not_told() -> None:
    own(PERCENT / 100)
    failed = PERCENT.copy()
    failed[:8] = 10 + np.random.default_rng(1).normal(0, 0.1, 8)  # chance of 10 classes
    assert not list(oddities(own(failed)))
    mixed = PERCENT.copy()
    mixed[3] /= 100
    for metric in ("loss", "latency", "score", "acc_drop"):  # none of them is an accuracy
        own(mixed, metric)
    for unit in ({"accuracy": "percent"}, "percent"):  # who says it means it
        assert not list(oddities(own(mixed, unit=unit)))


@pytest.mark.parametrize("n_classes", [100, 120, 200, 1000])
def test_networks_at_chance_are_no_fractions(n_classes: int) -> None:
    accuracies = np.random.default_rng(n_classes).normal(55, 8, 60)
    for n in (3, 12, 40):
        accuracies[:n] = 100 / n_classes
        assert not looks_fractional(accuracies, accuracies.max()).any()


@pytest.mark.parametrize("low", [[0.61, 0.73, 0.78], [1.0], [0.64, 0.64]], ids=str)
def test_low_accuracies_as_they_are_written_are_no_fractions(low: list[float]) -> None:
    accuracies = np.round(np.random.default_rng(0).uniform(60, 97, 60), 2)
    accuracies[: len(low)] = low
    assert not list(oddities(own(accuracies)))
    accuracies[: len(low)] = np.round(np.linspace(0.6123, 0.8987, len(low)), 4)  # of 61.23 to 89.87 percent
    assert looks_fractional(accuracies, accuracies.max())[: len(low)].all()
    narrow = PERCENT.copy()
    narrow[0] = 0.92  # a hundredth of what the others are, so by chance hardly ever
    assert looks_fractional(narrow, narrow.max())[0]


@pytest.mark.parametrize("task", ["nb201/cifar10", "nb201/cifar100", "nb201/imagenet16-120", "graph/arxiv"])
def test_real_columns_raise_no_alarm_and_their_mixtures_do(task: str) -> None:
    asked = nm.get_task(task)
    values, rng = asked.values[asked.measured], np.random.default_rng(0)
    assert not looks_fractional(values, values.max()).any()
    found = []
    for _ in range(20):
        drawn = rng.choice(values, 50, replace=False)
        assert not looks_fractional(drawn, drawn.max()).any()
        wrong = rng.choice(50, 5, replace=False)
        drawn[wrong] /= 100
        found.append(looks_fractional(drawn, drawn.max())[wrong].any())
    assert np.mean(found) >= 0.9


def test_a_search_on_test_values_alone_is_told() -> None:
    task = own(PERCENT, split="test").task()
    why = r"mine/mine is searched on test values: accuracy of mine .* no validation values.* split valid, would be"
    with pytest.warns(NasmetaWarning, match=why) as told:
        nm.compare(["random", "evolution"], [task], repeats=2, evaluations=5)
    assert len(told) == 1
    with pytest.warns(NasmetaWarning, match="searched on test values: test_acc of mine"):
        nm.search("random", own(PERCENT, "test_acc").task(), evaluations=5)
    assert [odd[:35] for odd in oddities(own(PERCENT, "test_acc"))] == ["test_acc of mine is of the test spli"[:35]]
    frame = pd.DataFrame({"cell": range(60), "test_acc": PERCENT, "val_top1_acc": PERCENT - 1, "latency": 1.0})
    both = Table.from_frame(frame, SPACE, name="mine")
    assert both.task().signal.metric == "val_top1_acc"
    for metric in (None, "test_acc", "latency"):  # who names one has chosen it
        nm.search("random", both.task(metric), evaluations=5)


@pytest.mark.parametrize(("metric", "split"), [("accuracy", "test"), ("test_acc", None)])
def test_the_report_says_that_test_values_were_searched(own_cache: object, metric: str, split: str | None) -> None:
    own(PERCENT, metric, split=split).add()
    with pytest.warns(NasmetaWarning, match="searched on test values"):
        frame = nm.compare(["random", "evolution"], "mine/mine", repeats=3, evaluations=5)
    found = nm.report(frame).findings
    (remark,) = [one for one in found.remarks if "test values" in one]
    assert remark.startswith("mine/mine was searched on test values.")
    assert found.headers("mine/mine")["value_at_5"] == "best after 5"
    text = markdown(found, "Mine", {})
    assert "| best after 5 |" in text
    assert "valid" not in text.lower()
    assert found.results["mine/mine"]["simulated_days"].isna().all(), "nobody recorded what a training costs"


def test_what_is_no_percentage_is_told() -> None:
    wrong = PERCENT.copy()
    wrong[4], wrong[9] = -1, 931
    with pytest.warns(
        NasmetaWarning, match=r"accuracy of mine is below 0 or above 100 percent in row 4 \(-1\), row 9 \("
    ):
        table = own(wrong)
    (odd,) = oddities(table)
    assert "width=0,depth=4 (-1), width=1,depth=3 (931). Where they are right, state the unit:" in odd
    for metric in ("acceleration", "accelerators", "accuracy_gain", "deltaAcc", "zscore_acc", "accuracy_rank"):
        own(wrong, metric, direction="max")
    spread = pd.DataFrame({"cell": [*range(60), *range(60)], "accuracy_std": [*PERCENT / 10, *PERCENT / 100]})
    Table.from_frame(spread.assign(dataset=["a"] * 60 + ["b"] * 60), SPACE)
    wrong[[4, 9]] = 100.00000001, -1e-9
    own(wrong)


def test_splits_and_metrics_in_other_words() -> None:
    frame = pd.DataFrame({"cell": range(60), "accuracy": PERCENT})
    both = Table.from_frame(pd.concat([frame.assign(split="Val"), frame.assign(split="Test")]), SPACE, name="mine")
    assert both.task().signal.split == "Val"
    assert [info.split for info in both.task().report_columns] == ["Test"]
    with pytest.warns(NasmetaWarning, match="searched on test values"):
        nm.search("random", own(PERCENT, split="Test").task(), evaluations=2)
    for metrics, meant in (
        (("Test Accuracy", "Val Accuracy"), "Val Accuracy"), (("acc_std", "acc"), "acc"),
        (("top5_acc", "top1_acc"), "top1_acc"), (("train_acc", "val_top1_acc"), "val_top1_acc"),
    ):  # fmt: skip
        table = Table.from_frame(frame[["cell"]].assign(**dict.fromkeys(metrics, 50.0)), SPACE)
        assert table.task().signal.metric == meant


@pytest.mark.parametrize("key", ["seed", "split", "epochs"])
def test_a_table_of_which_some_rows_lack_a_key_is_looked_at(key: str) -> None:
    parts = {"seed": [0, 1, None], "split": ["valid", None], "epochs": [12, None]}[key]
    frames = [pd.DataFrame({"cell": range(60), "accuracy": PERCENT}).assign(**{key: part}) for part in parts]
    with pytest.warns(NasmetaWarning, match=f"{key} is blank in row"):
        table = Table.from_frame(pd.concat(frames, ignore_index=True), SPACE, name="mine")
    assert not list(oddities(table))
    assert table.to_frame().filter(like="accuracy").shape == (60, len(table.columns))


@pytest.mark.parametrize("n_twice", [1, 40, 60])
def test_means_over_different_numbers_of_seeds_are_told_once(n_twice: int, recwarn: pytest.WarningsRecorder) -> None:
    frame = pd.DataFrame({"cell": range(60), "accuracy": PERCENT, "loss": PERCENT, "seed": 0})
    Table.from_frame(pd.concat([frame, frame[:n_twice].assign(seed=1)]), SPACE, name="mine")
    listed = f"{60 - n_twice} with 1 seed, {n_twice} with 2 seeds"
    told = rf"mine/accuracy/-/-/mean \(and 1 more\) is a mean over different numbers of seeds, .*: {listed}\."
    assert [bool(re.search(told, str(one.message))) for one in recwarn] == [True] * (n_twice < 60)
