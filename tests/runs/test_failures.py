"""Custom evaluators: evaluations that fail, and other exceptions."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.analysis.report import run_remarks
from nasmeta.arrays import Architectures, Floats
from nasmeta.errors import EvaluationFailed, NasmetaError, SettingError, TrainingFailed
from nasmeta.evaluators import Evaluation, Evaluator, FunctionEvaluator
from nasmeta.runs import Clock, run_loop
from nasmeta.searchers import MultiFidelitySearcher, Searcher
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import Signal, Task

SPACE = SearchSpace("mlp", {"width": [16, 32, 64, 128], "depth": [1, 2, 3, 4, 5]})
SIGNAL = Signal("pets", "loss", "valid", None, None, "own", kind="performance")


def loss(choices: Mapping[str, Any]) -> tuple[float, float]:
    """Fail above a memory, as a training does."""
    if choices["width"] * choices["depth"] > 256:
        raise EvaluationFailed("out of memory", seconds=12.5)
    return 1000.0 / (choices["width"] * choices["depth"]), 60.0


class Custom(Evaluator):
    """An evaluator that raises an error for a failure."""

    column = FunctionEvaluator(loss, SPACE, name="pets", metric="loss", direction="min").column

    def __init__(self) -> None:
        super().__init__(Task("mlp/pets", SPACE, SIGNAL, cost=None))
        self.n_evaluations = 0

    def evaluate(self, architectures: Architectures) -> Evaluation:
        self.n_evaluations += 1
        value, seconds = loss(SPACE.choices(int(architectures[0])))
        return Evaluation(np.array([value]), np.array([seconds]))


def evaluators() -> dict[str, Evaluator]:
    return {
        "function": FunctionEvaluator(loss, SPACE, name="pets", metric="loss", direction="min"), "class": Custom()
    }  # fmt: skip


FAILS = [
    architecture
    for architecture in range(SPACE.size)
    if SPACE.choices(architecture)["width"] * SPACE.choices(architecture)["depth"] > 256
]


@pytest.mark.parametrize("kind", evaluators())
def test_a_failure_is_an_evaluation_without_a_value(kind: str, tmp_path: Path) -> None:
    run = nm.search("random", evaluators()[kind], evaluations=20, journal=tmp_path / "run.jsonl")
    assert len(run) == 20
    assert sorted(run.failures) == FAILS
    assert {*run.failures.values()} == {"out of memory"}
    frame = run.frame().set_index("cell")
    assert frame["value"].isna().sum() == len(FAILS) == frame.loc[FAILS, "value"].isna().sum()
    assert (frame.loc[FAILS, "cost_seconds"] == 12.5).all()
    assert frame.loc[FAILS, "failure"].eq("out of memory").all()
    assert run.best.value == 1000.0 / 256
    lines = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()[1:]]
    failed = [line for line in lines if line[0] in FAILS]
    assert all(math.isnan(line[1]) for line in failed)
    assert {(line[2], line[3]["failure"]) for line in failed} == {(12.5, "out of memory")}
    run.plot()


@pytest.mark.parametrize(
    "name", ["random", "evolution", "local-search", "gp", "tpe", "reinforce", "xgboost-greedy"]
)
def test_every_kind_of_searcher_goes_on_and_resumes(name: str, tmp_path: Path) -> None:
    whole = nm.search(name, Custom(), evaluations=16, seed=3)
    path = tmp_path / "run.jsonl"
    nm.search(name, Custom(), evaluations=7, seed=3, journal=path)
    evaluator = Custom()
    resumed = nm.search(name, evaluator, evaluations=16, seed=3, journal=path)
    assert evaluator.n_evaluations == 9
    # the last one only reads
    for run in (
        resumed,
        nm.search(name, Custom(), evaluations=16, seed=3, journal=path),
    ):
        np.testing.assert_array_equal(run.architectures, whole.architectures)
        np.testing.assert_array_equal(run.values, whole.values)
        assert run.failures == whole.failures


class Recorded(Searcher):
    """Propose cells in an order, and keep what is told."""

    def __init__(self, order: list[int]) -> None:
        super().__init__(SPACE, np.random.default_rng(0))
        self.order, self.heard = order, list[tuple[int, float]]()

    def ask(self, n: int = 1) -> Architectures:
        asked, self.order = self.order[:n], self.order[n:]
        return np.array(asked, np.int32)

    def tell(self, architectures: Architectures, values: Floats) -> None:
        self.heard += zip(architectures.tolist(), values.tolist(), strict=True)


def test_a_failure_is_told_as_the_worst_so_far() -> None:
    lost, good, worse = FAILS[0], 6, 0
    searcher = Recorded([lost, good, worse, FAILS[1], 5])
    run_loop(searcher, Custom(), evaluations=5, sign=-1.0)
    small, large = (-loss(SPACE.choices(architecture))[0] for architecture in (good, worse))
    assert searcher.heard == [(good, small), (lost, small), (worse, large), (FAILS[1], large)]
    searcher = Recorded([lost, lost, good, 5])  # it waits for an answer
    run_loop(searcher, Custom(), evaluations=3, sign=-1.0)
    assert searcher.heard[:2] == [(lost, 0.0), (good, small)]


@pytest.mark.parametrize("repeats", ["free", "charged"])
def test_the_worst_so_far_is_that_of_ended_trials(repeats: str) -> None:
    class Slow:
        """Fails for cell 1 after 1 s; the others take as many seconds as their number, and return minus it."""

        def evaluate(self, architectures: Architectures) -> Evaluation:
            failed = architectures == 1
            reasons = tuple("it failed" if one else None for one in failed)
            return Evaluation(
                np.where(failed, np.nan, -1.0 * architectures),
                architectures.astype(float),
                failures=reasons,
            )

    searcher = Recorded([2, 19, 1, 3])
    run_loop(searcher, Slow(), evaluations=4, clock=Clock(workers=2, repeats=repeats))
    assert searcher.heard[:2] == [(2, -2.0), (1, -2.0)]


def test_a_run_of_failures_has_no_best() -> None:
    def broken(choices: Mapping[str, Any]) -> float:
        raise EvaluationFailed("no such layer")

    run = nm.search("evolution", SPACE, evaluator=broken, evaluations=10)
    assert len(run.failures) == 10
    with pytest.raises(SettingError):
        _ = run.best
    assert run.frame()["incumbent_value"].isna().all()
    frame = nm.compare(
        ["random", "evolution"], FunctionEvaluator(broken, SPACE), repeats=2, evaluations=3
    )
    assert (frame["failure"] == "no such layer").all()
    with pytest.raises(SettingError):
        nm.report(frame)
    assert not any("identical" in remark for remark in run_remarks(frame.assign(architecture=0)))


def test_several_lengths_and_the_clock(tmp_path: Path) -> None:
    class Lengths(Custom):
        full_epochs = 3

        def after(self, epochs: Any = None) -> Any:
            return {1: self, 3: self}

    assert issubclass(nm.searchers.SEARCHERS["hyperband"], MultiFidelitySearcher)
    path = tmp_path / "run.jsonl"
    whole = nm.search("hyperband", Lengths(), evaluations=18, settings={}, seed=1)
    nm.search("hyperband", Lengths(), evaluations=9, seed=1, journal=path)
    run = nm.search("hyperband", Lengths(), evaluations=18, seed=1, journal=path)
    assert run.failures
    assert run.failures == whole.failures
    np.testing.assert_array_equal(run.values, whole.values)
    assert set(run.cost_seconds) == {12.5, 60.0}


def test_any_other_exception_ends_the_search_and_names_the_architecture(tmp_path: Path) -> None:
    broken, path = [True], tmp_path / "run.jsonl"

    class Fragile(Custom):
        def evaluate(self, architectures: Architectures) -> Evaluation:
            if broken and 7 in architectures:
                raise ZeroDivisionError("of no use")
            return super().evaluate(architectures)

    with pytest.raises(NasmetaError) as refusal:
        nm.search("random", Fragile(), evaluations=20, journal=path)
    assert isinstance(refusal.value.__cause__, ZeroDivisionError)
    assert "architecture 7 (width=32,depth=3)" in str(refusal.value)
    before = len(path.read_text().splitlines()) - 1
    assert 0 < before < 20
    broken.clear()
    evaluator = Fragile()
    run = nm.search("random", evaluator, evaluations=20, journal=path)
    assert evaluator.n_evaluations == 20 - before
    np.testing.assert_array_equal(
        run.architectures, nm.search("random", Custom(), evaluations=20).architectures
    )

    def fragile(choices: Mapping[str, Any]) -> float:
        return 1.0 / (choices["width"] - 32)

    with pytest.raises(NasmetaError):
        nm.search("random", SPACE, evaluator=fragile, evaluations=20)


def test_a_training_that_failed_inside_an_evaluator_is_a_failure() -> None:
    def trains(choices: Mapping[str, Any]) -> float:
        raise TrainingFailed("loss is NaN after epoch 2", "diverged")

    assert set(nm.search("random", SPACE, evaluator=trains, evaluations=3).failures.values()) == {
        "diverged"
    }


def test_a_budget_in_seconds_needs_evaluations_that_cost_some(tmp_path: Path) -> None:
    def free(choices: Mapping[str, Any]) -> float:
        return float(choices["width"])

    def some(choices: Mapping[str, Any]) -> tuple[float, float]:
        if choices["width"] > 16:  # most fail at once
            raise EvaluationFailed("too wide")
        return float(choices["depth"]), 60.0

    journal = tmp_path / "run.jsonl"
    for more in ({}, {"evaluations": 5}):
        with pytest.raises(SettingError):
            nm.search("random", SPACE, evaluator=free, seconds=300, journal=journal, **more)  # type: ignore[arg-type]
    nm.search("random", SPACE, evaluator=free, evaluations=5, clock={}, journal=journal)
    with pytest.raises(SettingError):
        nm.search("random", SPACE, evaluator=free, seconds=300, journal=journal)
    assert nm.search("random", SPACE, evaluator=some, seconds=100).end_seconds[-1] == 120.0
