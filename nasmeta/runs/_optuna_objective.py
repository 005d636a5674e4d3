"""A task as an objective of Optuna."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasmeta.errors import SettingError
from nasmeta.evaluators import Evaluator, TableEvaluator, TrainingEvaluator, evaluate_or_fail
from nasmeta.searchers.peers import load_peer, suggest_codes
from nasmeta.tasks import Task, as_task

if TYPE_CHECKING:
    from optuna import Trial


class OptunaObjective:
    """A callable objective for ``study.optimize``, see `optuna_objective`.

    Attributes
    ----------
    direction : str
        For ``optuna.create_study``.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self._pruned = load_peer("optuna", "optuna_objective", "optuna").TrialPruned
        self.task = evaluator.task
        self.direction = "maximize" if evaluator.sign > 0 else "minimize"
        self._evaluator = evaluator

    def __call__(self, trial: Trial) -> float:
        """Choose an architecture, train it, and return its value in the unit of the task.

        Raises
        ------
        optuna.TrialPruned
            If the choices are not an architecture, or the evaluation failed.
        """
        space = self.task.space
        codes = suggest_codes(trial, space)
        architecture = int(space.find(np.array(codes) @ space.place_values))
        if architecture < 0:
            raise self._pruned(f"not an architecture of {space.name}")
        trial.set_user_attr("cell", architecture)
        evaluation = evaluate_or_fail(self._evaluator, np.array([architecture], space.index_type))
        trial.set_user_attr("simulated_seconds", float(evaluation.cost_seconds[0]))
        if any(evaluation.failures):
            trial.set_user_attr("failure", evaluation.failures[0])
            raise self._pruned(f"failed: {evaluation.failures[0]}")
        return float(evaluation.values[0])


def optuna_objective(task: str | Task | Evaluator) -> OptunaObjective:
    """Return a task as an objective for Optuna's ``study.optimize``.

    A trial suggests one parameter per active position, such as ``0->1`` for cells: a float or an
    integer for a range, a categorical parameter for any other position. It returns the signal of
    the task, for example the validation accuracy in percent; its ``user_attrs`` contain the
    ``cell``, the architecture's index, and the ``simulated_seconds`` of its training. `Task.report`
    returns the report columns afterwards. An architecture that is suggested again is trained again
    and costs its seconds again. A failed evaluation is a pruned trial with its cost and the reason
    as ``failure`` in its ``user_attrs``; invalid choices are a pruned trial without a cost.

    Parameters
    ----------
    task : str, Task or Evaluator
        A task is looked up in its table. If the task samples seeds, ``TableEvaluator(task, seed)``
        sets the draw.

    Returns
    -------
    OptunaObjective

    Raises
    ------
    NasmetaError
        If Optuna is not installed.
    SettingError
        If the evaluator trains networks.

    Examples
    --------
    >>> import optuna
    >>> import nasmeta as nm
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> task = nm.get_task("graph/cora")
    >>> objective = nm.optuna_objective(task)
    >>> study = optuna.create_study(direction=objective.direction, sampler=optuna.samplers.TPESampler(seed=0))
    >>> study.optimize(objective, n_trials=50)
    >>> architecture = study.best_trial.user_attrs["cell"]
    >>> bool(study.best_value == task.values[architecture])
    True

    The report columns of the best trial:

    >>> test = task.report(architecture)
    >>> all(column.split == "test" for column in test)
    True
    """
    evaluator = task if isinstance(task, Evaluator) else TableEvaluator(as_task(task))
    if isinstance(evaluator, TrainingEvaluator):
        raise SettingError("Real trainings need nasmeta.search instead of optuna_objective.")
    return OptunaObjective(evaluator)
