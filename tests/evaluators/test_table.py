"""The table evaluator."""

import numpy as np
import pandas as pd
import pytest

import nasmeta as nm
from nasmeta.errors import MissingValueError
from nasmeta.evaluators import Evaluator, TableEvaluator


def test_answers_are_the_tables() -> None:
    task = nm.get_task("nb201/cifar100")
    evaluator = TableEvaluator(task)
    assert isinstance(evaluator, Evaluator)
    architectures = np.array([9930, 0, 9930], dtype=np.int32)
    evaluation = evaluator.evaluate(architectures)
    np.testing.assert_array_equal(evaluation.values, task.values[architectures])
    np.testing.assert_array_equal(evaluation.cost_seconds, task.cost_seconds[architectures])
    table = nm.load_table("nb201")
    asked = table.query(architectures, dataset="cifar100", metric="accuracy", split="valid", epochs=200, seed="mean")
    np.testing.assert_array_equal(evaluation.values, asked)


def test_a_value_that_nobody_measured_is_an_error() -> None:
    frame = pd.DataFrame({"cell": [0, 2], "accuracy": [1.0, 3.0]})
    evaluator = TableEvaluator(nm.Table.from_frame(frame, space="nb201").task())
    assert evaluator.evaluate(np.array([0, 2])).values.tolist() == [1.0, 3.0]
    assert evaluator.evaluate(np.array([0, 2])).cost_seconds.tolist() == [0.0, 0.0]
    assert evaluator.measured is not None
    assert len(evaluator.measured) == 2
    with pytest.raises(MissingValueError):
        evaluator.evaluate(np.array([0, 1]))
