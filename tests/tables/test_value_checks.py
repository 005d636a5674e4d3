"""Checks of a user's table: fractions among percents, test values alone, rows without a key."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import nasmeta as nm
from nasmeta.errors import NasmetaWarning, SettingError
from nasmeta.spaces import SearchSpace
from nasmeta.tables import odd_values
from nasmeta.tables._value_checks import looks_fractional
from nasmeta.tasks import Table

SPACE = SearchSpace("toy", {"width": list(range(10)), "depth": list(range(6))})
PERCENT = np.round(np.random.default_rng(0).normal(91, 1.5, 60), 2)


@pytest.fixture(autouse=True)
def _own_cache(own_cache: object) -> None:
    """Keep tables in a folder of the test's own."""


def own(values: object, metric: str = "accuracy", **arguments: object) -> Table:
    frame = pd.DataFrame({"cell": range(60), metric: values})
    return Table.from_frame(frame, SPACE, name="mine", **arguments)  # type: ignore[arg-type]


def odd(table: Table) -> list[str]:
    """Return what `nasmeta doctor` finds in an added table."""
    return odd_values(table.add(replace=True))


@pytest.mark.parametrize("wrong", [[7], [3, 8], [0, 10, 20, 30, 40, 50], list(range(30))])
def test_fractions_among_percents_are_named(wrong: list[int]) -> None:
    mixed = PERCENT.copy()
    mixed[wrong] /= 100
    with pytest.warns(NasmetaWarning) as caught:
        table = own(mixed, dataset="pets")
    (message,) = [str(one.message) for one in caught]
    assert all(
        f"{SPACE.to_string(architecture)} ({mixed[architecture]:g})" in message
        for architecture in wrong[:5]
    )
    assert (f"and {len(wrong) - 5} more" in message) == (len(wrong) > 5)
    assert table.query(wrong[0], "pets") == pytest.approx(mixed[wrong[0]])  # as it is
    assert [message.endswith(one) for one in odd(table)] == [True]


def test_two_datasets_have_their_own_units() -> None:
    frame = pd.DataFrame({"cell": [*range(60), *range(60)], "acc": [*PERCENT, *PERCENT / 100]})
    frame["dataset"] = ["a"] * 60 + ["b"] * 60
    table = Table.from_frame(frame, SPACE)
    assert {info.dataset: info.unit for info in table.columns} == {"a": "percent", "b": "1"}
    assert "percent" not in str(nm.search("random", table.task(dataset="b"), evaluations=3))


def test_accuracies_that_are_not_mixed() -> None:
    own(PERCENT / 100)
    failed = PERCENT.copy()
    failed[:8] = 10 + np.random.default_rng(1).normal(0, 0.1, 8)  # chance of 10 classes
    assert not odd(own(failed))
    mixed = PERCENT.copy()
    mixed[3] /= 100
    for metric in ("loss", "latency", "score"):
        own(mixed, metric, direction="max")
    for unit in ({"accuracy": "percent"}, "percent"):
        assert not odd(own(mixed, unit=unit))


def test_low_accuracies_as_fractions() -> None:
    mixed = np.random.default_rng(0).uniform(40, 97, 60)
    low = mixed < 80  # none of them, times 100, is in the range of the others
    mixed[low] /= 100
    assert (looks_fractional(mixed) == low).all()


@pytest.mark.parametrize(("values", "unit"), [(PERCENT, "1"), (PERCENT / 100, "percent")])
def test_a_unit_that_contradicts_the_values(values: np.ndarray, unit: str) -> None:
    with pytest.raises(SettingError):
        own(values, unit=unit)


def test_values_outside_0_to_100_percent() -> None:
    wrong = PERCENT.copy()
    wrong[4], wrong[9] = -1, 931
    with pytest.warns(NasmetaWarning):
        own(wrong)
    wrong[[4, 9]] = 100.00000001, -1e-9
    own(wrong)


@pytest.mark.parametrize("n_classes", [100, 120, 200, 1000])
def test_networks_at_chance_are_no_fractions(n_classes: int) -> None:
    accuracies = np.random.default_rng(n_classes).normal(55, 8, 60)
    for n in (3, 12, 40):
        accuracies[:n] = 100 / n_classes
        assert not looks_fractional(accuracies).any()


def test_fractions_in_a_wide_range() -> None:
    accuracies = np.round(np.random.default_rng(0).uniform(60, 97, 60), 2)
    accuracies[:3] = np.round(np.linspace(0.6123, 0.8987, 3), 4)  # of 61.23 to 89.87 percent
    assert looks_fractional(accuracies)[:3].all()
    narrow = PERCENT.copy()
    narrow[0] = 0.92
    assert looks_fractional(narrow)[0]
    assert looks_fractional(np.r_[narrow, np.zeros(9)])[0]


@pytest.mark.parametrize(
    "task", ["nb201/cifar10", "nb201/cifar100", "nb201/imagenet16-120", "graph/arxiv"]
)
def test_real_columns_raise_no_alarm_and_their_mixtures_do(
    task: str, cache_with: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASMETA_CACHE", str(cache_with("nas-bench-graph")))
    asked = nm.get_task(task)
    values, rng = asked.values[asked.measured], np.random.default_rng(0)
    assert not looks_fractional(values).any()
    found = []
    for _ in range(20):
        drawn = rng.choice(values, 50, replace=False)
        assert not looks_fractional(drawn).any()
        wrong = rng.choice(50, 5, replace=False)
        drawn[wrong] /= 100
        found.append(looks_fractional(drawn)[wrong].any())
    assert np.mean(found) >= 0.9


def test_a_search_on_test_values_alone_is_told() -> None:
    task = own(PERCENT, split="test").task()
    with pytest.warns(NasmetaWarning) as warned:
        nm.compare(["random", "evolution"], [task], repeats=2, evaluations=5)
    assert len(warned) == 1
    with pytest.warns(NasmetaWarning):
        nm.search("random", own(PERCENT, "test_acc").task(), evaluations=5)
    assert [
        one.startswith("test_acc of mine is of the test split")
        for one in odd(own(PERCENT, "test_acc"))
    ] == [True]
    frame = pd.DataFrame(
        {"cell": range(60), "test_acc": PERCENT, "val_acc": PERCENT - 1, "latency": 1.0}
    )
    both = Table.from_frame(frame, SPACE, name="mine")
    assert both.task().signal.metric == "val_acc"
    for metric in (None, "test_acc", "latency"):  # who names one has chosen it
        nm.search("random", both.task(metric), evaluations=5)


def test_one_diverged_network_hides_no_fractions() -> None:
    rng = np.random.default_rng(0)
    values = np.r_[rng.uniform(0.8, 0.95, 100).round(4), rng.uniform(80, 95, 100).round(2), 3.0]
    assert looks_fractional(values).sum() == 100
