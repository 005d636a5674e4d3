"""A task whose values are a surrogate's answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import ColumnError, MissingValueError
from nasmeta.tasks import Signal, Task, get_task

if TYPE_CHECKING:
    from nasmeta.surrogates._surrogate import Surrogate
    from nasmeta.tables import ColumnInfo

__all__ = ["SurrogateTask"]


@dataclass(frozen=True)
class SurrogateTask(Task):
    """The same question, answered by a surrogate: what `Surrogate.as_task` returns.

    It has the name of the task, so a searcher draws the same random numbers as on the table; its optimum is the
    surrogate's own. No table is opened, but for the report columns of a finished run, where the table is here.

    Examples
    --------
    >>> from nasmeta.surrogates import load_surrogate
    >>> load_surrogate("nb201/cifar10").as_task().name
    'nb201/cifar10'
    """

    surrogate: Surrogate
    answer: str = "mean"
    answer_seed: int = 0

    @classmethod
    def of(cls, surrogate: Surrogate, answer: str = "mean", seed: int = 0) -> SurrogateTask:
        """Put a surrogate and how it answers together.

        Raises
        ------
        SettingError, MissingValueError
        """
        card = surrogate.card
        surrogate.predict(0, answer, seed)
        return cls(card["task"], card["table"], Signal(**card["signal"]), surrogate, answer, int(seed))

    @cached_property
    def column(self) -> ColumnInfo:
        """Unit, direction, release, source and licence of the column that the surrogate was fitted to."""
        from nasmeta.tables import ColumnInfo

        return ColumnInfo(**self.surrogate.card["column"])

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """The surrogate's answers for all cells, float64, shape (n_cells,)."""
        if self.answer == "mean":
            return self.surrogate.values
        values = self.surrogate.training_values(self.answer_seed)
        values.flags.writeable = False
        return values

    @cached_property
    def cost_seconds(self) -> NDArray[np.float64]:
        """What an evaluation would cost in training, predicted, float64, shape (n_cells,); 0 where not known."""
        return np.nan_to_num(self.surrogate.cost_seconds)

    @property
    def identity(self) -> dict[str, Any]:
        """What answers, for the journal of a run."""
        identity: dict[str, Any] = {"kind": "surrogate", "sha256": self.surrogate.sha256, "answer": self.answer}
        return identity if self.answer == "mean" else {**identity, "seed": self.answer_seed}

    @cached_property
    def report_columns(self) -> tuple[ColumnInfo, ...]:
        """Those of the task on its table; none where that is not here."""
        try:
            return get_task(self.name).report_columns
        except (MissingValueError, ColumnError):
            return ()

    def report(self, cell: int) -> dict[ColumnInfo, float]:
        """Return the measured values of a cell, from the table where it is here."""
        return get_task(self.name).report(cell) if self.report_columns else {}

    def __repr__(self) -> str:
        return f"SurrogateTask({self.name!r}, answer={self.answer!r}, {self.surrogate!r})"

    def __reduce__(self) -> Any:
        return SurrogateTask.of, (self.surrogate, self.answer, self.answer_seed)
