"""The history of a run with several objectives: what it found is a front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError
from nasmeta.evaluators import SeveralEvaluator
from nasmeta.pictures import Width
from nasmeta.runs._history import History
from nasmeta.runs._picture import RunAxis, plot_front
from nasmeta.tasks import MultiObjectiveTask, front_frame, pareto_front

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from nasmeta.runs._config import RunConfig


class FrontHistory(History):
    """The record of a run with several objectives, see `History`: its values are vectors, what it found is a front.

    In its frame ``value`` is the hypervolume that an evaluation added, in percent of the true front's,
    ``incumbent_value`` that of all evaluations so far, ``regret`` 100 minus it, ``incumbent`` the last architecture
    that added some, and ``objective_1``, ``objective_2``, … are the values.

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

    evaluator: SeveralEvaluator

    def __init__(self, n_objectives: int, config: RunConfig | None = None, *, timed: bool = False) -> None:
        super().__init__(config, timed=timed)
        self.n_objectives = n_objectives

    def append(self, cells: list[int], values: list[Any], *rest: Any, **named: Any) -> None:
        """Record evaluations, as `History.append` does; a value is a list of numbers, one an objective."""
        super().append(cells, [number for of_cell in values for number in of_cell], *rest, **named)

    @property
    def values(self) -> NDArray[np.float64]:
        """What each was told to have, in the units of the objectives; float64, shape (n, m)."""
        return np.array(self._values).reshape(-1, self.n_objectives)[self._counted]

    @property
    def _reached(self) -> NDArray[np.float64]:
        """The values, NaN where an evaluation failed: nothing of these is on a front."""
        values = self.values
        values[list(self._reasons())] = np.nan
        return values

    @property
    def task(self) -> MultiObjectiveTask:
        """The question."""
        return self.evaluator.task

    @property
    def front_positions(self) -> NDArray[np.int64]:
        """The evaluations that no other one dominates, from the best value of the first objective to the worst."""
        directions = ["max" if sign > 0 else "min" for sign in self.evaluator.signs]
        found = pareto_front(self._reached, directions).astype(np.int64) if len(self) else np.empty(0, np.int64)
        return found[np.argsort(-self.evaluator.signs[0] * self.values[found, 0], kind="stable")]

    @property
    def front(self) -> pd.DataFrame:
        """The non-dominated architectures that it found: ``cell``, ``architecture``, and a column an objective."""
        found = self.front_positions
        return front_frame(self.task, self.cells[found], self.values[found])

    @property
    def hypervolumes(self) -> NDArray[np.float64]:
        """After each evaluation the hypervolume of all so far, in percent of the true front's; float64, shape (n,).

        NaN where the true front is not known. Scale and reference point are those of `nasmeta.tasks.Front`.
        """
        front = self.evaluator.front
        return np.full(len(self), np.nan) if front is None else front.hypervolumes(self._reached)

    @property
    def _scores(self) -> NDArray[np.float64]:
        return np.diff(self.hypervolumes, prepend=0.0)

    @property
    def incumbent_positions(self) -> NDArray[np.int64]:
        """After each evaluation the position of the last one that added hypervolume; int64, shape (n,)."""
        return np.maximum.accumulate(np.where(self._scores > 0, np.arange(len(self)), 0))

    def _incumbents(self) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        return self.cells[self.incumbent_positions], self.hypervolumes

    @property
    def best(self) -> NoReturn:
        """None: no single architecture is the best in all objectives.

        Raises
        ------
        SettingError
            Always.
        """
        raise SettingError(
            f"The run of {self.searcher} on {self.task.name} has {self.n_objectives} objectives, so it has no single "
            "best: see its front."
        )

    def plot(self, x: RunAxis = "evaluation", width: Width = None) -> Figure:
        """Draw the values, the front that was found and the true one, with some of its architectures.

        Parameters
        ----------
        x : {"evaluation"}
            Of no meaning here: the axes are the first two objectives.
        width : str or float, optional
            As in `nasmeta.analysis.plot_regret`; 5.6 inches where left out.

        Raises
        ------
        SettingError
            Where nothing was evaluated.

        Examples
        --------
        >>> import nasmeta as nm
        >>> nm.search("random", "nb201/cifar10+train_seconds", evaluations=20).plot().axes[0].get_title()
        'random on nb201/cifar10+train_seconds, seed 0'
        """
        return plot_front(self, width)

    def _facts(self) -> dict[str, object]:
        if self._config is None:
            return {}
        facts: dict[str, object] = {"searcher": f"{self.searcher}, seed {self.seed}", "task": self.task.name}
        facts["evaluations"] = f"{len(self):,}, stopped by {self.stopped}"
        facts["front"] = f"{len(self.front_positions)} architectures{self._share()}"
        return facts

    def _share(self) -> str:
        if not len(self) or self.evaluator.front is None:
            return ""
        return f", {self.hypervolumes[-1]:.2f} % of the true front's hypervolume"

    def __repr__(self) -> str:
        if self._config is None:
            return super().__repr__()
        return (
            f"FrontHistory({self.searcher} on {self.task.name}, seed {self.seed}: {len(self)} evaluations, "
            f"stopped by {self.stopped}, {len(self.front_positions)} on the front{self._share()})"
        )


def history_for(n_objectives: int, *, timed: bool) -> History:
    """Return an empty record for values of so many objectives."""
    return FrontHistory(n_objectives, timed=timed) if n_objectives > 1 else History(timed=timed)
