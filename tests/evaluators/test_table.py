"""The table evaluator."""

import numpy as np
import pandas as pd

import nasmeta as nm
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


def test_a_value_that_nobody_measured_is_missing() -> None:
    frame = pd.DataFrame({"cell": [0, 2], "accuracy": [1.0, 3.0]})
    evaluator = TableEvaluator(nm.Table.from_frame(frame, space="nb201").task())
    evaluation = evaluator.evaluate(np.array([0, 1, 2]))
    np.testing.assert_array_equal(evaluation.values, [1.0, np.nan, 3.0])
    assert evaluation.cost_seconds.tolist() == [0.0, 0.0, 0.0]
    assert evaluator.measured is not None
    assert evaluator.measured.tolist() == [0, 2]
