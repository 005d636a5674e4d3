"""The history of a run with several objectives, and its front."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError
from nasmeta.evaluators import MultiObjectiveEvaluator
from nasmeta.plotting import Width
from nasmeta.runs._history import History
from nasmeta.runs._picture import RunAxis, plot_front, saved
from nasmeta.tasks import MultiObjectiveTask, front_frame, pareto_front

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from nasmeta.runs._config import RunConfig


class FrontHistory(History):
    """The record of a run with several objectives, see `History`: values are vectors, the result is a front.

    In its frame ``value`` is the hypervolume that an evaluation added, in percent of the hypervolume of the true front,
    ``incumbent_value`` the hypervolume of all evaluations so far, ``regret`` 100 minus it, ``incumbent`` the last
    architecture that added some; ``objective_1``, ``objective_2``, … are the values.

    Parameters
    ----------
    n_objectives : int
    config, timed
        As in `History`.

    Examples
    --------
    >>> import nasmeta as nm
    >>> task = nm.multi_objective_task(["accuracy", "train_seconds"], dataset="cifar10")
    >>> run = nm.search("random", task, evaluations=100)
    >>> run.values.shape, run.front.columns.to_list(), bool(run.hypervolumes[-1] < 100)
    ((100, 2), ['cell', 'architecture', 'accuracy', 'train_seconds'], True)
    """

    evaluator: MultiObjectiveEvaluator

    def __init__(self, n_objectives: int, config: RunConfig | None = None, *, timed: bool = False) -> None:
        super().__init__(config, timed=timed)
        self.n_objectives = n_objectives

    @property
    def values(self) -> NDArray[np.float64]:
        """The values in the units of the objectives, float64, shape (n, m)."""
        return np.array(self._values).reshape(-1, self.n_objectives)[self._counted]

    @property
    def _reached(self) -> NDArray[np.float64]:
        """The values, NaN for failures."""
        values = self.values
        values[list(self._reasons())] = np.nan
        return values

    @property
    def task(self) -> MultiObjectiveTask:
        """The task of the run."""
        return self.evaluator.task

    @property
    def front_positions(self) -> NDArray[np.int64]:
        """The positions of non-dominated evaluations, from the best value of the first objective to the worst."""
        directions = ["max" if sign > 0 else "min" for sign in self.evaluator.signs]
        found = pareto_front(self._reached, directions).astype(np.int64) if len(self) else np.empty(0, np.int64)
        return found[np.argsort(-self.evaluator.signs[0] * self.values[found, 0], kind="stable")]

    @property
    def front(self) -> pd.DataFrame:
        """The non-dominated architectures: ``architecture``, ``architecture``, and one column per objective."""
        found = self.front_positions
        return front_frame(self.task, self.architectures[found], self.values[found])

    @property
    def hypervolumes(self) -> NDArray[np.float64]:
        """After each evaluation, the hypervolume in percent of the hypervolume of the true front; float64, shape (n,).

        NaN if the true front is not known. `nasmeta.tasks.Front` defines scale and reference point.
        """
        front = self.evaluator.front
        return np.full(len(self), np.nan) if front is None else front.hypervolumes(self._reached)

    @property
    def _scores(self) -> NDArray[np.float64]:
        return np.diff(self.hypervolumes, prepend=0.0)

    @property
    def incumbent_positions(self) -> NDArray[np.int64]:
        """After each evaluation, the position of the last one that added hypervolume; int64, shape (n,)."""
        return np.maximum.accumulate(np.where(self._scores > 0, np.arange(len(self)), 0))

    def _incumbents(self) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        return self.architectures[self.incumbent_positions], self.hypervolumes

    @property
    def best(self) -> NoReturn:
        """Raise a SettingError, because no single architecture is the best in all objectives."""
        raise SettingError(
            f"The run of {self.searcher} on {self.task.name} has {self.n_objectives} objectives and no single "
            "best architecture. Use run.front."
        )

    def plot(
        self, path: str | os.PathLike[str] | None = None, x: RunAxis = "evaluation", width: Width = None
    ) -> Figure:
        """Draw the values, the front that was found, and the true front.

        Parameters
        ----------
        path : path, optional
            Also save the figure in this file, as in `History.plot`.
        x : {"evaluation"}
            Not used: the axes are the first two objectives.
        width : str or float, optional
            As in `nasmeta.analysis.plot_regret`; by default 5.6 inches.

        Raises
        ------
        SettingError
            If the run has no evaluation.

        Examples
        --------
        >>> import nasmeta as nm
        >>> nm.search("random", "nb201/cifar10+train_seconds", evaluations=20).plot().axes[0].get_title()
        'random, seed 0: CIFAR-10, training time'
        """
        return saved(plot_front(self, width), path)

    def _facts(self) -> dict[str, object]:
        facts = super()._facts()
        return facts and {**facts, "front": self._result()[2:]}

    def _result(self) -> str:
        found = f", {len(self.front_positions)} architectures on the front"
        if not len(self) or self.evaluator.front is None:
            return found
        return f"{found}, {self.hypervolumes[-1]:.2f} % of the true front's hypervolume"


def history_for(n_objectives: int, *, timed: bool) -> History:
    """Return an empty history for this number of objectives."""
    return FrontHistory(n_objectives, timed=timed) if n_objectives > 1 else History(timed=timed)
