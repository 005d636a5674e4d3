"""The history of a run with several objectives, and its front."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import numpy as np

from nasmeta.arrays import Architectures, Floats, Integers
from nasmeta.errors import SettingError
from nasmeta.evaluators import MultiObjectiveEvaluator
from nasmeta.runs._history import History
from nasmeta.tasks import MultiObjectiveTask, front_frame, pareto_front

if TYPE_CHECKING:
    import pandas as pd


class FrontHistory(History):
    """The record of a run with several objectives, see `History`: values are vectors, the result is a front.

    In its frame ``value`` is the hypervolume that an evaluation added, in percent of the
    hypervolume of the true front, ``incumbent_value`` the hypervolume of all evaluations so far,
    ``regret`` 100 minus it, ``incumbent`` the last architecture that added some; ``objective_1``,
    ``objective_2``, … are the values.

    Examples
    --------
    >>> import nasmeta as nm
    >>> task = nm.multi_objective_task(["accuracy", "train_seconds"], dataset="cifar10")
    >>> run = nm.search("random", task, evaluations=100)
    >>> run.values.shape, run.front.columns.to_list(), bool(run.hypervolumes[-1] < 100)
    ((100, 2), ['cell', 'architecture', 'accuracy', 'train_seconds'], True)
    """

    evaluator: MultiObjectiveEvaluator
    task: MultiObjectiveTask

    @property
    def _reached(self) -> Floats:
        """The values, NaN for failures."""
        values = self.values
        values[[*self.reasons()]] = np.nan
        return values

    @property
    def front_positions(self) -> Integers:
        """The positions of non-dominated evaluations, from the best value of the first objective to the worst."""
        positions = pareto_front(self._reached, self.task.directions).astype(np.int64)
        first = self.evaluator.signs[0] * self.values[positions, 0]
        return positions[np.argsort(-first, kind="stable")]

    @property
    def front(self) -> pd.DataFrame:
        """The non-dominated architectures: ``cell``, ``architecture``, and one column per objective."""
        positions = self.front_positions
        return front_frame(self.task, self.architectures[positions], self.values[positions])

    @property
    def hypervolumes(self) -> Floats:
        """After each evaluation, the hypervolume in percent of the hypervolume of the true front; float64, shape (n,).

        In a large space, it refers to the front of the measured architectures. NaN if neither front
        is known. `nasmeta.tasks.Front` defines scale and reference point.
        """
        front = self.evaluator.front
        if front is None:
            return np.full(len(self), np.nan)
        return front.hypervolumes(self._reached)

    @property
    def _scores(self) -> Floats:
        return np.diff(self.hypervolumes, prepend=0.0)

    @property
    def incumbent_positions(self) -> Integers:
        """After each evaluation, the position of the last one that added hypervolume; int64, shape (n,)."""
        return np.maximum.accumulate(np.where(self._scores > 0, np.arange(len(self)), 0))

    def _incumbents(self) -> tuple[Architectures, Floats]:
        return self.architectures[self.incumbent_positions], self.hypervolumes

    @property
    def best(self) -> NoReturn:
        """Raise a SettingError, because no single architecture is the best in all objectives."""
        raise SettingError(
            f"The run of {self.searcher} on {self.task.name} has {self.n_objectives} objectives and no single "
            "best architecture. Use run.front."
        )

    def _facts(self) -> dict[str, object]:
        return super()._facts() | {"front": self._result()[2:]}

    def _result(self) -> str:
        count = f", {len(self.front_positions)} architectures on the front"
        if not len(self) or self.evaluator.front is None:
            return count
        return f"{count}, {self.hypervolumes[-1]:.2f} % of the {self.evaluator.front_name}'s hypervolume"
