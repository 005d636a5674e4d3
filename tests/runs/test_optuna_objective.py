"""A task as an objective of Optuna."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.errors import EvaluationFailed
from nasmeta.evaluators import Evaluation, FunctionEvaluator, TableEvaluator

optuna = pytest.importorskip("optuna")


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def test_values_cells_and_seconds_are_those_of_the_table() -> None:
    task = nm.get_task("nb201/cifar100")
    objective = nm.optuna_objective(task)
    assert objective.direction == "maximize"
    study = optuna.create_study(
        direction=objective.direction, sampler=optuna.samplers.RandomSampler(seed=0)
    )
    study.optimize(objective, n_trials=30)
    for trial in study.trials:
        architecture = trial.user_attrs["cell"]
        assert trial.value == task.values[architecture]
        assert trial.user_attrs == {
            "cell": architecture,
            "simulated_seconds": task.cost_seconds[architecture],
        }
        assert [task.space.operations[digit] for digit in task.space.digits[architecture]] == list(
            trial.params.values()
        )
    assert study.best_value == max(trial.value for trial in study.trials)


class _Fails(TableEvaluator):
    def evaluate(self, architectures: np.ndarray) -> Evaluation:
        if architectures[0] % 2:
            raise EvaluationFailed("out of memory", seconds=7.0)
        return super().evaluate(architectures)


def test_an_evaluation_that_fails_is_a_pruned_trial() -> None:
    objective = nm.optuna_objective(_Fails(nm.get_task("nb201/cifar10")))
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=20)
    failed = [trial for trial in study.trials if trial.user_attrs["cell"] % 2]
    assert 0 < len(failed) < 20
    for trial in study.trials:
        pruned = trial.state == optuna.trial.TrialState.PRUNED
        assert pruned == (trial in failed)
        assert trial.user_attrs.get("failure") == ("out of memory" if pruned else None)
    assert failed[0].user_attrs["simulated_seconds"] == 7.0


def test_a_function_is_an_objective() -> None:
    space = nm.SearchSpace("mlp", {"width": [16, 32, 64], "depth": [1, 2, 3]})

    def score(choices: Mapping[str, int]) -> tuple[float, float]:
        if choices["depth"] == 3:
            raise EvaluationFailed("too deep")
        return choices["width"] / choices["depth"], 2.0

    objective = nm.optuna_objective(FunctionEvaluator(score, space, direction="min"))
    grid = optuna.samplers.GridSampler({"width": [16, 32, 64], "depth": [1, 2, 3]})
    study = optuna.create_study(direction=objective.direction, sampler=grid)
    study.optimize(objective)
    assert study.best_value == 8.0
    assert study.best_trial.user_attrs["simulated_seconds"] == 2.0
