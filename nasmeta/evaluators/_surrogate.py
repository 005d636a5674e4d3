"""The evaluator that predicts values with a surrogate."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.evaluators._evaluator import Evaluation, Evaluator
from nasmeta.tables import ColumnInfo
from nasmeta.tasks import Task

if TYPE_CHECKING:
    from nasmeta.surrogates import Surrogate


class SurrogateEvaluator(Evaluator):
    """Evaluate by the prediction of a surrogate.

    The table is only used for the report of a finished run, if it is on this machine. The optimum is the best
    prediction.

    Parameters
    ----------
    surrogate : str, path, Task or Surrogate
        A surrogate, or an argument of `Surrogate.load`: a task with a shipped surrogate, or a file.
    task : Task, optional
        The task to evaluate; by default the task of the surrogate.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.evaluators import SurrogateEvaluator
    >>> evaluation = SurrogateEvaluator("nb201/cifar10").evaluate(np.array([6111, 0]))
    >>> evaluation.values.shape, bool((evaluation.cost_seconds > 0).all())
    ((2,), True)
    """

    name = "surrogate"

    def __init__(self, surrogate: str | os.PathLike[str] | Task | Surrogate, task: Task | None = None) -> None:
        from nasmeta.surrogates import Surrogate

        self.surrogate = surrogate if isinstance(surrogate, Surrogate) else Surrogate.load(surrogate)
        super().__init__(self.surrogate.task if task is None else task)

    @property
    def values(self) -> NDArray[np.float64]:  # type: ignore[override]
        """The predictions."""
        return self.surrogate.values

    @cached_property
    def cost_seconds(self) -> NDArray[np.float64]:  # type: ignore[override]
        """The predicted training seconds; 0 if unknown."""
        return np.nan_to_num(self.surrogate.cost_seconds)

    @cached_property
    def column(self) -> ColumnInfo:
        """The column that the surrogate was fitted to."""
        return ColumnInfo(**self.surrogate.card["column"])

    @property
    def identity(self) -> dict[str, Any]:
        """The identity of the evaluator."""
        return {"kind": "surrogate", "sha256": self.surrogate.sha256}

    def evaluate(self, architectures: NDArray[np.int32]) -> Evaluation:
        """Return the predicted value and training seconds of each architecture."""
        return Evaluation(self.values[architectures], self.cost_seconds[architectures])

    def __repr__(self) -> str:
        return f"SurrogateEvaluator({self.surrogate!r})"

    def __reduce__(self) -> Any:
        return SurrogateEvaluator, (self.surrogate, self.task)
