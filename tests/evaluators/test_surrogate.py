"""A surrogate as an evaluator, and searches on it."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.errors import JournalError, MissingValueError, SettingError
from nasmeta.evaluators import Evaluator, SurrogateEvaluator
from nasmeta.surrogates import Surrogate


def test_answers_are_the_surrogates_and_no_table_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(name: str = "nb201") -> None:
        raise AssertionError(f"The table {name} was opened.")

    monkeypatch.setattr("nasmeta.tables.load_table", forbidden)
    surrogate = Surrogate.load("nb201/cifar100")
    architectures = np.array([9930, 0, 9930], dtype=np.int32)
    for asked in ("nb201/cifar100", nm.get_task("nb201/cifar100"), surrogate):
        evaluator = SurrogateEvaluator(asked)
        assert isinstance(evaluator, Evaluator)
        evaluation = evaluator.evaluate(architectures)
        np.testing.assert_array_equal(evaluation.values, surrogate.predict(architectures))
        np.testing.assert_array_equal(
            evaluation.cost_seconds, surrogate.cost_seconds[architectures]
        )
    run = nm.search("gp", "tnb101/room_layout", evaluations=30, evaluator="surrogate")
    assert run.values.min() == run.best.value  # a loss
    assert run.evaluator.optimum == run.evaluator.values.min()
    assert run.evaluator.column.unit == Surrogate.load("tnb101/room_layout").unit


def test_the_journal_says_what_answered(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    run = nm.search("gp", "nb201/cifar10", evaluations=20, journal=path, evaluator="surrogate")
    header = json.loads(path.read_text().splitlines()[0])
    surrogate = Surrogate.load("nb201/cifar10")
    assert header["evaluator"] == {"kind": "surrogate", "sha256": surrogate.sha256}
    longer = nm.search("gp", "nb201/cifar10", evaluations=25, journal=path, evaluator="surrogate")
    np.testing.assert_array_equal(longer.architectures[:20], run.architectures)
    with pytest.raises(JournalError):
        nm.search("gp", "nb201/cifar10", evaluations=25, journal=path)


def test_a_file_as_the_evaluator(tmp_path: Path) -> None:
    surrogate = Surrogate.load("nb201/cifar10")
    path = surrogate.save(tmp_path / "mine.npz")
    run = nm.search("random", "nb201/cifar10", evaluations=10, evaluator=path)
    np.testing.assert_array_equal(run.values, surrogate.values[run.architectures])
    with pytest.raises(SettingError):
        nm.search("random", "nb201/cifar100", evaluations=10, evaluator=path)
    with pytest.raises(SettingError):
        nm.search("random", "nb201/cifar100", evaluations=10, evaluator="oracle")


def test_a_surrogate_travels_to_other_processes() -> None:
    evaluator = SurrogateEvaluator("nb201/cifar10")
    copy = pickle.loads(pickle.dumps(evaluator))
    np.testing.assert_array_equal(copy.values, evaluator.values)
    assert copy.identity == evaluator.identity
    assert copy.task == evaluator.task
    with pytest.raises(MissingValueError):  # the test values are in no package
        copy.report(6111)
