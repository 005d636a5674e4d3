"""The evaluator that predicts values with a surrogate."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nasmeta.arrays import Architectures, Facts, Floats
from nasmeta.evaluators._evaluator import Evaluation, Evaluator, reasons_of
from nasmeta.tables import ColumnInfo
from nasmeta.tasks import Task

if TYPE_CHECKING:
    from nasmeta.surrogates import Surrogate


class SurrogateEvaluator(Evaluator):
    """Evaluate by the prediction of a surrogate.

    The table is only used for the report of a finished run, if it is on this machine. The optimum
    is the best prediction; in a large space it is unknown. Architectures that diverge with a
    probability above one half have no value.

    Parameters
    ----------
    surrogate : str, path, Task or Surrogate
        A surrogate, or an argument of `Surrogate.load`: a task with a shipped surrogate, or a file.
    task : Task, optional
        The task to evaluate, if its space is the surrogate's space; otherwise the task of the
        surrogate.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.evaluators import SurrogateEvaluator
    >>> evaluation = SurrogateEvaluator("nb201/cifar10").evaluate(np.array([6111, 0]))
    >>> evaluation.values.shape, bool((evaluation.cost_seconds > 0).all())
    ((2,), True)
    """

    name = "surrogate"
    simulates = True

    def __init__(
        self, surrogate: str | os.PathLike[str] | Task | Surrogate, task: Task | None = None
    ) -> None:
        from nasmeta.surrogates import Surrogate

        if not isinstance(surrogate, Surrogate):
            surrogate = Surrogate.load(surrogate)
        self.surrogate = surrogate
        if task is None or not surrogate.has_space_of(task):
            task = surrogate.task
        super().__init__(task)

    def _values_of(self, architectures: Architectures) -> Floats:
        diverged = self.surrogate.divergences(architectures) > 0.5
        return np.where(diverged, np.nan, self.surrogate.means(architectures))

    @cached_property
    def values(self) -> Floats | None:  # type: ignore[override]
        """The predictions, NaN for divergence; None in a large space."""
        if self.space.is_large:
            return None
        return self._values_of(np.arange(self.space.size, dtype=np.int32))

    @cached_property
    def cost_seconds(self) -> Floats | None:  # type: ignore[override]
        """The predicted training seconds, 0 if unknown; None in a large space."""
        if self.space.is_large:
            return None
        return np.nan_to_num(self.surrogate.cost_seconds)

    def has_costs(self) -> bool:
        """Whether the surrogate predicts training seconds."""
        return self.surrogate.cost_coefficients is not None and super().has_costs()

    @cached_property
    def column(self) -> ColumnInfo:
        """The predictions of the column that the surrogate was fitted to."""
        return ColumnInfo(**self.surrogate.card["column"]).predicted_by(self.prediction)

    @property
    def prediction(self) -> Facts:
        """Name or file and checksum of the surrogate, R² on held-out groups, and the column it was fitted to."""
        card, labels = self.surrogate.card, ColumnInfo(**self.surrogate.card["column"])
        return {
            "by": f"surrogate {self.surrogate.name or 'of ' + card['task']}",
            "sha256": self.surrogate.sha256,
            "r2_held_out": card["scores"].get("held out", {}).get("r2"),
            "fitted_to": f"{labels.address} of {card['table']} ({labels.release})",
        }

    @property
    def identity(self) -> Facts:
        """The identity of the evaluator."""
        return {"kind": "surrogate", "sha256": self.surrogate.sha256}

    def evaluate(self, architectures: Architectures) -> Evaluation:
        """Return the predicted value and training seconds of each architecture."""
        if self.values is not None and self.cost_seconds is not None:
            return Evaluation(self.values[architectures], self.cost_seconds[architectures])
        values = self._values_of(architectures)
        costs = np.nan_to_num(self.surrogate.costs_of(architectures))
        return Evaluation(values, costs, reasons_of(np.isnan(values), "diverged"))

    def __reduce__(self) -> Any:
        return SurrogateEvaluator, (self.surrogate, self.task)
