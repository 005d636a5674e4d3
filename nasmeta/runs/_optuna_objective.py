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
    """What `optuna_objective` returns: call it with a trial.

    The `direction` is for ``optuna.create_study``; a trial reports after each of `epochs`, the last a full training.
    """

    def __init__(self, evaluator: Evaluator, lengths: dict[int, Evaluator], promotion: str) -> None:
        load_optuna("optuna_objective")
        self.task = evaluator.task
        self.direction = "maximize" if evaluator.sign > 0 else "minimize"
        self.epochs = tuple(lengths)
        self._continued = promotion == "continued"
        self._evaluators = lengths
        self._choices = {name: list(one.choices) for name, one in position_distributions(self.task.space).items()}

    def __call__(self, trial: Trial) -> float:
        """Choose a cell, train it, and return its value in the task's unit.

        Raises
        ------
        optuna.TrialPruned
            Where the study's pruner says so after a shorter training, the choices are no architecture together, or the
            evaluation failed.
        """
        codes = [choices.index(trial.suggest_categorical(name, choices)) for name, choices in self._choices.items()]
        space = self.task.space
        cell = int(space.find(np.array(codes) @ space.place_values))
        if cell < 0:
            raise load_optuna("optuna_objective").TrialPruned(f"no {space.noun} of {space.name}")
        trial.set_user_attr("cell", cell)
        seconds = value = 0.0
        for epochs, evaluator in self._evaluators.items():
            evaluation = evaluate_or_fail(evaluator, np.array([cell], np.int32))
            value, cost = float(evaluation.values[0]), float(evaluation.cost_seconds[0])
            seconds = cost if self._continued else seconds + cost
            trial.set_user_attr("simulated_seconds", seconds)
            if (why := (evaluation.failures or (None,))[0]) is not None:
                trial.set_user_attr("failure", why)
                raise load_optuna("optuna_objective").TrialPruned(f"failed: {why}")
            if epochs == self.epochs[-1]:
                break
            trial.report(value, epochs)
            if trial.should_prune():
                raise load_optuna("optuna_objective").TrialPruned(f"after {epochs} epochs")
        return value


def optuna_objective(
    task: str | Task | Evaluator, *, epochs: Iterable[int | str] | None = None, promotion: str = "scratch"
) -> OptunaObjective:
    """Return a task as an objective for Optuna's ``study.optimize``.

    A trial suggests one categorical parameter a position, such as ``0->1`` of cells, whose choices are the operations.
    It returns the task's signal and nothing else, such as the validation accuracy in percent; its ``user_attrs`` have
    the ``cell`` and the ``simulated_seconds`` of its training. What no search may see is asked afterwards, with
    `Task.report`. A cell that is suggested again is trained again: its seconds count each time, as in a clock with
    charged repeats. Choices that are no architecture together are a pruned trial, at no cost. So is an evaluation that
    fails, at its cost and with the reason as ``failure`` in its ``user_attrs``: a sampler learns from a pruned trial,
    and the study goes on without ``catch``. Any other exception ends the study, as Optuna has it, such as for what a
    partial table has no value of; with ``TableEvaluator(task, unknown_feasibility=True)`` that is a failure, too.

    Parameters
    ----------
    task : str, Task or Evaluator
        A task is looked up in its table; an evaluator may be a surrogate, or a function. Where look-ups answer
        with one measured seed, ``TableEvaluator(task, seed)`` says which draw of seeds a study has, by default 0.
    epochs : iterable of int or str, optional
        Lengths of training after which a trial reports its value and may be pruned:
        ``[12, 200]``, or points of a learning curve such as ``"50of200"``. A full training alone where left out.
    promotion : {"scratch", "continued"}, default "scratch"
        What the next length costs: all of it, or what is missing; as in `nasmeta.runs.Clock`.

    Returns
    -------
    OptunaObjective

    Raises
    ------
    NasmetaError
        Where Optuna is not installed.
    SettingError
        For a length that is not possible, or real trainings.

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

    The test accuracy of the best trial is another question, and where the table has none, there is no answer:

    >>> test = task.report(cell)
    >>> all(column.split == "test" for column in test)
    True
    """
    evaluator = task if isinstance(task, Evaluator) else TableEvaluator(as_task(task))
    if isinstance(evaluator, TrainingEvaluator):
        raise SettingError("An objective answers at once; real trainings are for nasmeta.search.")
    check_choice("promotion", promotion, _PROMOTIONS)
    asked = {evaluator.full_epochs: evaluator.task} if epochs is None else fidelities(evaluator.task, epochs)
    return OptunaObjective(evaluator, evaluator.at(asked), promotion)
