"""The evaluator of several objectives: one evaluator for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError, shown
from nasmeta.evaluators._base import Evaluation, Evaluator
from nasmeta.evaluators._known import TableEvaluator
from nasmeta.tables import ColumnInfo
from nasmeta.tasks import Front, MultiObjectiveTask


class SeveralEvaluator(Evaluator):
    """Answer a task of several objectives with vectors: each objective has an evaluator of its own.

    What an evaluation costs is the highest of their costs, as one training serves all objectives. Where all know
    their answers beforehand, the front is that of these answers.

    Parameters
    ----------
    task : MultiObjectiveTask
    parts : sequence of Evaluator, optional
        One an objective, in the order of ``task.parts``; their tables where left out.

    Raises
    ------
    SettingError
        Where the parts are not those of the task.

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> from nasmeta.evaluators import SeveralEvaluator, SurrogateEvaluator, TableEvaluator
    >>> task = nm.multi_objective_task(["accuracy", "train_seconds"], dataset="cifar10")
    >>> SeveralEvaluator(task).evaluate(np.array([6111], np.int32)).values.round(1)
    array([[  91.6, 2879.7]])
    >>> accuracy, seconds = task.parts
    >>> mixed = SeveralEvaluator(task, [SurrogateEvaluator(accuracy), TableEvaluator(seconds)])
    >>> run = nm.search("nsga2", mixed, evaluations=30)  # or nm.search(…, task, evaluator=["surrogate", "table"])
    """

    task: MultiObjectiveTask

    def __init__(self, task: MultiObjectiveTask, parts: Sequence[Evaluator] | None = None) -> None:
        if not isinstance(task, MultiObjectiveTask):
            raise SettingError(f"Several evaluators answer a MultiObjectiveTask, not {shown(task)}.")
        super().__init__(task)
        self.parts = tuple(TableEvaluator(part) for part in task.parts) if parts is None else tuple(parts)
        names = [getattr(getattr(one, "task", None), "name", shown(one)) for one in self.parts]
        if names != [part.name for part in task.parts]:
            raise SettingError(
                f"{task.name} needs one evaluator for each of {', '.join(part.name for part in task.parts)}, in this "
                f"order, not for {', '.join(names) or 'none'}."
            )
        self.name = " and ".join(dict.fromkeys(one.name for one in self.parts))

    @cached_property
    def values(self) -> NDArray[np.float64] | None:  # type: ignore[override]
        """The answers, shape (size, m), NaN in a row where one is not known; None where not known beforehand."""
        known = [one.values for one in self.parts]
        if any(values is None for values in known):
            return None
        values = np.stack(known, axis=1)  # type: ignore[arg-type]
        values[np.isnan(values).any(axis=1)] = np.nan
        if self.infeasible is not None:
            utilities, lost = self.signs * values, self.infeasible & ~np.isnan(values[:, 0])
            utilities[lost] = np.nanmin(utilities, axis=0)
            values = self.signs * utilities
        values.flags.writeable = False
        return values

    @cached_property
    def infeasible(self) -> NDArray[np.bool_] | None:  # type: ignore[override]
        """Which evaluations fail in an objective, bool, shape (size,); None where none can."""
        known = [one.infeasible for one in self.parts if one.infeasible is not None]
        return np.any(known, axis=0) if known else None

    @cached_property
    def cost_seconds(self) -> NDArray[np.float64] | None:  # type: ignore[override]
        """The highest of the parts' costs."""
        known = [one.cost_seconds for one in self.parts]
        return None if any(costs is None for costs in known) else np.max(known, axis=0)  # type: ignore[arg-type]

    @cached_property
    def front(self) -> Front | None:
        """The true front; None where the answers are not known beforehand."""
        if self.values is None:
            return None
        known = self.values if self.infeasible is None else np.where(self.infeasible[:, None], np.nan, self.values)
        return Front(known, self.task.directions)

    @property
    def identity(self) -> dict[str, Any]:
        """What answers; empty for the tables of the task."""
        identities = [one.identity for one in self.parts]
        return {"kind": "several", "parts": identities} if any(identities) else {}

    @property
    def columns(self) -> tuple[ColumnInfo, ...]:
        """Unit, direction and source of each objective."""
        return tuple(one.column for one in self.parts)

    @property
    def signs(self) -> NDArray[np.float64]:
        """1 for each objective that is maximised, else -1; shape (m,)."""
        return np.array([one.sign for one in self.parts])

    @property
    def n_objectives(self) -> int:
        """How many objectives there are."""
        return len(self.parts)

    @property
    def full_epochs(self) -> int:
        """Epochs of the longest training among the objectives'."""
        return max(one.full_epochs for one in self.parts)

    @property
    def optimum(self) -> float:
        """100, the hypervolume of the front in percent of itself; NaN where the front is not known beforehand."""
        return float("nan") if self.values is None else 100.0

    @cached_property
    def measured(self) -> NDArray[np.int32] | None:
        """The architectures that have an answer to every objective, int32; None where all have."""
        if self.values is None or not np.isnan(self.values).any():
            return None
        return np.flatnonzero(~np.isnan(self.values[:, 0])).astype(np.int32)

    def evaluate(self, cells: NDArray[np.int32]) -> Evaluation:
        """Return the objectives of each, shape (n, m), and the highest of the costs."""
        found = [one.evaluate(cells) for one in self.parts]
        reasons = zip(*(one.failures or (None,) * len(cells) for one in found), strict=True)
        failures = tuple(next((why for why in of_cell if why), None) for of_cell in reasons)
        known = self.values  # where one objective fails, the worst of each
        return Evaluation(
            np.stack([one.values for one in found], axis=1) if known is None else known[cells],
            np.max([one.cost_seconds for one in found], axis=0),
            failures if any(failures) else (),
        )

    def close(self) -> None:
        """Give back what the parts hold."""
        for one in self.parts:
            one.close()

    def __reduce__(self) -> Any:
        return SeveralEvaluator, (self.task, self.parts)
