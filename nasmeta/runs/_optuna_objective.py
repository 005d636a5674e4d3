"""A task as an objective of Optuna."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from nasmeta.checks import check_choice
from nasmeta.errors import SettingError
from nasmeta.evaluators import Evaluator, TableEvaluator, TrainingEvaluator, evaluate_or_fail
from nasmeta.searchers import load_optuna, position_distributions
from nasmeta.tasks import Task, as_task, fidelities

if TYPE_CHECKING:
    from optuna import Trial

_PROMOTIONS = ("scratch", "continued")


class OptunaObjective:
    """A callable objective for ``study.optimize``, see `optuna_objective`.

    Attributes
    ----------
    direction : str
        For ``optuna.create_study``.
    epochs : tuple of int
        The epochs after which a trial reports its value; the last is a full training.
    """

    def __init__(self, evaluator: Evaluator, lengths: dict[int, Evaluator], promotion: str) -> None:
        self._pruned = load_optuna("optuna_objective").TrialPruned
        self.task = evaluator.task
        self.direction = "maximize" if evaluator.sign > 0 else "minimize"
        self.epochs = tuple(lengths)
        self._continued = promotion == "continued"
        self._evaluators = lengths
        self._choices = {name: list(one.choices) for name, one in position_distributions(self.task.space).items()}

    def __call__(self, trial: Trial) -> float:
        """Choose an architecture, train it, and return its value in the unit of the task.

        Raises
        ------
        optuna.TrialPruned
            If the pruner ends the trial, the choices are not an architecture, or the evaluation failed.
        """
        codes = [choices.index(trial.suggest_categorical(name, choices)) for name, choices in self._choices.items()]
        space = self.task.space
        cell = int(space.find(np.array(codes) @ space.place_values))
        if cell < 0:
            raise self._pruned(f"not an architecture of {space.name}")
        trial.set_user_attr("cell", cell)
        seconds = value = 0.0
        for epochs, evaluator in self._evaluators.items():
            evaluation = evaluate_or_fail(evaluator, np.array([cell], np.int32))
            value, cost = float(evaluation.values[0]), float(evaluation.cost_seconds[0])
            seconds = cost if self._continued else seconds + cost
            trial.set_user_attr("simulated_seconds", seconds)
            if (why := (evaluation.failures or (None,))[0]) is not None:
                trial.set_user_attr("failure", why)
                raise self._pruned(f"failed: {why}")
            if epochs == self.epochs[-1]:
                break
            trial.report(value, epochs)
            if trial.should_prune():
                raise self._pruned(f"after {epochs} epochs")
        return value


def optuna_objective(
    task: str | Task | Evaluator, *, epochs: Iterable[int] | None = None, promotion: str = "scratch"
) -> OptunaObjective:
    """Return a task as an objective for Optuna's ``study.optimize``.

    A trial suggests one categorical parameter per position, such as ``0->1`` of cells. It returns the signal of the
    task, for example the validation accuracy in percent; its ``user_attrs`` contain the ``cell`` and the
    ``simulated_seconds`` of its training. `Task.report` returns the report columns afterwards. An architecture that is
    suggested again is trained again and costs its seconds again. A failed evaluation is a pruned trial with its cost
    and the reason as ``failure`` in its ``user_attrs``; invalid choices are a pruned trial without a cost.

    Parameters
    ----------
    task : str, Task or Evaluator
        A task is looked up in its table. If the task samples seeds, ``TableEvaluator(task, seed)`` sets the draw.
    epochs : iterable of int, optional
        Training lengths after which a trial reports its value and may be pruned, such as ``[12, 200]``. By default a
        full training.
    promotion : {"scratch", "continued"}, default "scratch"
        Whether the next length costs all of its seconds or the missing ones, as in `nasmeta.runs.Clock`.

    Returns
    -------
    OptunaObjective

    Raises
    ------
    NasmetaError
        If Optuna is not installed.
    SettingError
        If a length is impossible, or the evaluator trains networks.

    Examples
    --------
    >>> import optuna
    >>> import nasmeta as nm
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> task = nm.get_task("nb201/cifar100")
    >>> objective = nm.optuna_objective(task)
    >>> study = optuna.create_study(direction=objective.direction, sampler=optuna.samplers.TPESampler(seed=0))
    >>> study.optimize(objective, n_trials=50)
    >>> cell = study.best_trial.user_attrs["cell"]
    >>> bool(study.best_value == task.values[cell])
    True

    The report columns of the best trial:

    >>> test = task.report(cell)
    >>> all(column.split == "test" for column in test)
    True
    """
    evaluator = task if isinstance(task, Evaluator) else TableEvaluator(as_task(task))
    if isinstance(evaluator, TrainingEvaluator):
        raise SettingError("Real trainings need nasmeta.search instead of optuna_objective.")
    check_choice("promotion", promotion, _PROMOTIONS)
    lengths = {evaluator.full_epochs: evaluator.task} if epochs is None else fidelities(evaluator.task, epochs)
    return OptunaObjective(evaluator, evaluator.at(lengths), promotion)
