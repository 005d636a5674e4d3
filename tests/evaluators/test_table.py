"""The table evaluator."""

import numpy as np
import pandas as pd

import nasmeta as nm
from nasmeta.evaluators import TableEvaluator


def test_a_value_that_nobody_measured_is_missing() -> None:
    frame = pd.DataFrame({"cell": [0, 2], "accuracy": [1.0, 3.0]})
    evaluator = TableEvaluator(nm.Table.from_frame(frame, space="nb201").task())
    evaluation = evaluator.evaluate(np.array([0, 1, 2]))
    np.testing.assert_array_equal(evaluation.values, [1.0, np.nan, 3.0])
    assert evaluation.cost_seconds.tolist() == [0.0, 0.0, 0.0]
    assert evaluator.measured.tolist() == [0, 2]
