"""Real training as an evaluator, and searches on it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

import nasmeta as nm
from nasmeta.errors import (
    JournalError,
    LeakageError,
    SettingError,
    TrainingFailed,
    UnknownNameError,
)
from nasmeta.evaluators import Evaluator, TrainingEvaluator
from nasmeta.runs import History
from nasmeta.training import EpochRecord, ImageDataset, Recipe, Trainer, TrainingResult

FEW = ImageDataset.load("digits").subset(48)
ONE_EPOCH = Recipe.load("tiny", epochs=1, channels=4)


def made_up(architecture: int, seed: int, accuracy: float) -> TrainingResult:
    epoch = EpochRecord(1, 0.1, 1.0, 50.0, 1.0, accuracy, 1.0, accuracy - 1, 2.0)
    return TrainingResult(
        architecture,
        "nb201",
        "digits",
        {},
        seed,
        "cpu",
        (epoch,),
        2.0,
        0.5,
        "s",
        "d",
        1,
        "finished",
        {},
    )


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let trainings take no time: the table answers, and each tenth cell fails; return what was trained."""
    values, calls = nm.get_task("nb201/cifar10").values, []

    def train(
        self: Trainer, architecture: int, seed: int = 0, folder: Path | None = None, **_: object
    ) -> TrainingResult:
        calls.append(architecture)
        if architecture % 10 == 0:
            raise TrainingFailed(
                f"cell {architecture}", "diverged" if architecture % 20 else "out of memory"
            )
        return made_up(architecture, seed, float(values[architecture]))

    monkeypatch.setattr(Trainer, "train", train)
    return calls


def test_the_value_is_what_training_measures_and_isomorphs_are_trained_once(tmp_path: Path) -> None:
    from nasmeta.training import train

    space = nm.get_space("nb201")
    classes = space.canonical(np.arange(space.n_architectures))
    architecture = 6111
    twin = int(np.flatnonzero((classes == classes[9]) & (np.arange(space.n_architectures) != 9))[0])
    evaluator = TrainingEvaluator(
        "nb201/cifar10", FEW, ONE_EPOCH, seed=3, folder=tmp_path, isolated=False
    )
    assert isinstance(evaluator, Evaluator)
    evaluation = evaluator.evaluate(np.array([architecture, 9, twin], dtype=np.int32))
    direct = train(int(classes[architecture]), FEW, ONE_EPOCH, 3, device="cpu")
    assert evaluation.values[0] == direct.valid_accuracy
    assert evaluation.values[1] == evaluation.values[2]
    assert (evaluation.cost_seconds[:2] > 0).all()
    assert evaluation.cost_seconds[2] == 0
    assert evaluation.failures == (None, None, None)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"cell-{classes[architecture]}",
        f"cell-{classes[9]}",
    }
    own, *of_table = evaluator.report(architecture).items()
    assert own[0].split == "test"
    assert own[1] == direct.test_accuracy
    assert of_table[0] == (evaluator.task.column, nm.get_task("nb201/cifar10").values[architecture])


def test_a_loss_that_is_not_finite_is_a_failure_with_its_reason(tmp_path: Path) -> None:
    evaluator = TrainingEvaluator(
        "nb201/cifar10",
        FEW,
        ONE_EPOCH.but(learning_rate=1e30, epochs=3),
        folder=tmp_path,
        isolated=False,
    )
    evaluation = evaluator.evaluate(np.array([6111], dtype=np.int32))
    assert evaluation.values.tolist() == [0.0]
    assert evaluation.cost_seconds[0] > 0  # so a budget in seconds ends where all trainings fail
    assert evaluation.failures == ("diverged",)


def test_a_continuation_that_fails_costs_the_seconds_that_went_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nasmeta.training import CellNetwork

    forward = CellNetwork.forward

    def failing(self: CellNetwork, images: Any) -> Any:
        time.sleep(0.3)
        return forward(self, images) * float("nan")

    evaluator = TrainingEvaluator(
        "nb201/cifar10", FEW, ONE_EPOCH.but(epochs=4), folder=tmp_path, isolated=False
    )
    paused, whole = evaluator.after(["2of4", 4]).values()
    short = paused.evaluate(np.array([6111]))
    monkeypatch.setattr(CellNetwork, "forward", failing)
    full = whole.evaluate(np.array([6111]))
    assert (short.failures, full.failures) == ((None,), ("diverged",))
    # a run subtracts what the pause was charged
    assert full.cost_seconds[0] >= short.cost_seconds[0] + 0.3


def on_digits() -> TrainingEvaluator:
    return TrainingEvaluator("nb201/cifar10", "digits", "tiny")


@pytest.mark.parametrize("searcher", ["evolution", "local-search"])
def test_failures_are_recorded_and_end_nothing(
    searcher: str, trained: list[int], tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    first = nm.search(
        searcher, "nb201/cifar10", evaluations=25, journal=path, evaluator=on_digits()
    )
    space = nm.get_space("nb201")
    expected = {int(c) for c in first.architectures if space.canonical(int(c)) % 10 == 0}
    assert expected
    assert set(first.failures) == expected
    lines = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    for architecture, value, _, *about, _checksum in lines:
        failure = {"failure": first.failures[architecture]} if architecture in expected else None
        assert ([value, *about] == [0.0, failure]) if failure else not about
    assert first.best.architecture not in expected
    before = list(trained)
    longer = nm.search(
        searcher, "nb201/cifar10", evaluations=40, journal=path, evaluator=on_digits()
    )
    new = trained[len(before) :]
    assert not set(new) & set(before)  # neither what succeeded nor what failed is trained again
    whole = nm.search(searcher, "nb201/cifar10", evaluations=40, evaluator=on_digits())
    np.testing.assert_array_equal(longer.architectures, whole.architectures)
    np.testing.assert_array_equal(longer.values, whole.values)
    assert longer.failures == whole.failures
    read = nm.search(searcher, "nb201/cifar10", evaluations=25, journal=path, evaluator=on_digits())
    assert read.failures == first.failures
    assert np.isnan(read.frame()["regret"]).all()  # no optimum is known


def test_a_budget_in_seconds_is_that_of_the_trainings(trained: list[int], tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    first = nm.search("random", "nb201/cifar10", journal=path, seconds=40.5, evaluator=on_digits())
    assert first.end_seconds[-1] >= 40.5 > first.end_seconds[-2]
    assert first.failures
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-3]))
    before = list(trained)
    again = nm.search("random", "nb201/cifar10", journal=path, seconds=40.5, evaluator=on_digits())
    assert again.failures == first.failures
    np.testing.assert_array_equal(
        again.architectures[: len(lines) - 4], first.architectures[: len(lines) - 4]
    )
    # what is recorded is not trained again
    assert not set(trained[len(before) :]) & set(before[:-3])
    with pytest.raises(SettingError):
        nm.search(
            "random", "nb201/cifar10", clock={"workers": 2}, seconds=40.5, evaluator=on_digits()
        )


def test_the_journal_says_what_was_trained(trained: list[int], tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    evaluator = TrainingEvaluator("nb201/cifar10", FEW, "tiny")
    nm.search("random", "nb201/cifar10", evaluations=3, journal=path, evaluator=evaluator)
    header = json.loads(path.read_text().splitlines()[0])["evaluator"]
    assert header["split_sha256"] == FEW.split_sha256()
    assert header["data_sha256"] == FEW.sha256()
    for data, recipe in ((FEW, "fast"), (ImageDataset.load("digits"), "tiny")):
        other = TrainingEvaluator("nb201/cifar10", data, recipe)
        with pytest.raises(JournalError):
            nm.search("random", "nb201/cifar10", evaluations=3, journal=path, evaluator=other)
    with pytest.raises(JournalError):
        nm.search("random", "nb201/cifar10", evaluations=3, journal=path)


def test_a_killed_training_is_a_failure_and_the_next_one_goes_on() -> None:
    evaluator = TrainingEvaluator("nb201/cifar10", FEW, ONE_EPOCH.but(epochs=100_000))

    killed_before = set()

    def kill() -> None:  # twice, as each worker is started again once
        while len(killed_before) < 2:
            running = list(getattr(evaluator.trainer._executor, "_processes", None) or ())
            for process in set(running) - killed_before:
                killed_before.add(process)
                os.kill(process, signal.SIGKILL)
            time.sleep(0.01)

    threading.Thread(target=kill, daemon=True).start()
    killed = evaluator.evaluate(np.array([6111], dtype=np.int32))
    assert (killed.values.tolist(), killed.failures) == ([0.0], ("killed",))
    evaluator.trainer.recipe = ONE_EPOCH
    evaluation = evaluator.evaluate(np.array([9930], dtype=np.int32))
    evaluator.close()
    assert evaluation.failures == (None,)
    assert evaluation.values[0] > 0


KILLED = """
import nasmeta as nm
from nasmeta.evaluators import TrainingEvaluator
from nasmeta.training import ImageDataset, Recipe
data, recipe = ImageDataset.load("digits").subset(48), Recipe.load("tiny", epochs=5, channels=4)
evaluator = TrainingEvaluator("nb201/cifar10", data, recipe)
nm.search("random", "nb201/cifar10", evaluations=2, seed=1, journal={journal!r}, evaluator=evaluator)
"""


@pytest.mark.slow
def test_a_killed_search_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    journal = tmp_path / "run.jsonl"
    process = subprocess.Popen([sys.executable, "-c", KILLED.format(journal=str(journal))])
    began = time.monotonic()
    while not list(tmp_path.glob("run.jsonl.trainings/*/checkpoint.safetensors")):
        assert process.poll() is None
        assert time.monotonic() - began < 120
        time.sleep(0.005)
    process.kill()
    process.wait()
    time.sleep(0.5)  # the worker follows
    recipe = Recipe.load("tiny", epochs=5, channels=4)

    def search(where: Path) -> History:
        evaluator = TrainingEvaluator(
            "nb201/cifar10", FEW, recipe, folder=f"{where}.trainings", isolated=False
        )
        return nm.search(
            "random", "nb201/cifar10", evaluations=2, seed=1, journal=where, evaluator=evaluator
        )

    resumed, whole = search(journal), search(tmp_path / "whole.jsonl")
    np.testing.assert_array_equal(resumed.architectures, whole.architectures)
    # threads may differ: one image
    np.testing.assert_allclose(resumed.values, whole.values, atol=100 / 48 + 1e-9)


def test_what_is_held_out_is_the_data_that_are_trained_on(trained: list[int]) -> None:
    own = replace(FEW, facts={"source": "folder"}, name="birds")
    known = replace(FEW, facts={"source": "cifar100"}, name="cifar100")
    assert TrainingEvaluator("nb201/cifar10", FEW, "tiny").task.held_out == ("digits",)
    assert TrainingEvaluator("nb201/cifar10", own, "tiny").task.held_out == ("birds", "cifar10")
    evaluator = TrainingEvaluator("nb201/cifar10", known, "tiny")
    assert evaluator.task.held_out == ("cifar100",)
    run = nm.search("source-order", "nb201/cifar10", evaluations=2, evaluator=evaluator)
    assert run.sources == ("nb201/cifar10", "nb201/imagenet16-120")
    with pytest.raises(LeakageError):
        nm.search("source-order", "nb201/cifar10", sources="nb201/cifar100", evaluator=evaluator)


def test_a_training_waits_for_another_process(tmp_path: Path) -> None:
    evaluator = TrainingEvaluator(
        "nb201/cifar10", FEW, ONE_EPOCH, folder=tmp_path, device="cpu", isolated=False
    )
    (tmp_path / "cell-6111").mkdir()
    with ThreadPoolExecutor(1) as pool:
        with FileLock(tmp_path / "cell-6111" / ".lock"):
            evaluation = pool.submit(evaluator.evaluate, np.array([6111], dtype=np.int32))
            assert not wait([evaluation], timeout=1).done
        assert evaluation.result().failures == (None,)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (lambda: nm.search("random", "nb201/cifar10", evaluator="training"), SettingError),
        (lambda: TrainingEvaluator("nb201/cifar10", "digits", "slow"), UnknownNameError),
        (lambda: TrainingEvaluator("nb201/cifar10", "mnist"), UnknownNameError),
        (lambda: TrainingEvaluator("nb201/cifar10", "cifar10:/nowhere"), FileNotFoundError),
        (
            lambda: nm.search(
                "random", "nb201/cifar10", evaluator=on_digits(), stop_at_optimum=True
            ),
            SettingError,
        ),
    ],
)
def test_impossible_trainings(asked: Callable[[], object], error: type[Exception]) -> None:
    with pytest.raises(error):
        asked()
