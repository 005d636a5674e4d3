"""The evaluator that calls a Python function."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np

from nasmeta.arrays import Architectures, Facts
from nasmeta.checks import check_choice
from nasmeta.code_identity import identity_of
from nasmeta.errors import EvaluationFailed, NasmetaError, SettingError
from nasmeta.evaluators._evaluator import Evaluation, Evaluator
from nasmeta.spaces import SearchSpace
from nasmeta.tables import ColumnInfo, known_metric
from nasmeta.tasks import Signal, Task

Measure: TypeAlias = "Callable[[Mapping[str, Any]], float | tuple[float, float]]"


class FunctionEvaluator(Evaluator):
    """Evaluate by calling a function.

    Parameters
    ----------
    function : callable
        Maps the choices of an architecture, a mapping of position names to choices, to its value or
        (value, seconds).
    task : Task or SearchSpace
        A task, which defines the direction and the held-out dataset, or a custom space.
    name : str, optional
        Of the task; by default, for a space, the name of the function.
    metric : str, default "value"
    direction : {"max", "min"}, optional
        For a space only, like `metric`. The default is "max"; a function with a name such as
        ``loss`` needs it.

    Raises
    ------
    SettingError

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.evaluators import FunctionEvaluator
    >>> space = nm.SearchSpace("mlp", {"width": [16, 32, 64], "depth": [1, 2, 3]})
    >>> evaluator = FunctionEvaluator(lambda choices: choices["width"] / choices["depth"], space, name="ratio")
    >>> run = nm.search("random", evaluator, evaluations=9)
    >>> space.to_string(run.best.architecture), run.best.value
    ('width=64,depth=1', 64.0)
    """

    def __init__(
        self,
        function: Measure,
        task: Task | SearchSpace,
        *,
        name: str | None = None,
        metric: str = "value",
        direction: Literal["max", "min"] | None = None,
    ) -> None:
        check_choice("direction", direction or "max", ("max", "min"))
        self.function = function
        if isinstance(task, SearchSpace):
            name = name or getattr(function, "__name__", "function").strip("<>")
            if direction is None and (known := known_metric(name)) and known.direction == "min":
                raise SettingError(
                    "direction", None, "'min' or 'max'", f"Lower {name} may be better."
                )
            signal = Signal(name, metric, None, None, None, "own", kind="performance")
            task = Task(f"{task.name}/{name}", task, signal, cost=None)
            self._direction: str = direction or "max"
        else:
            self._direction = task.direction
        self._identity = identity_of(function)  # now, because its settings may change
        super().__init__(task)

    name = "function"

    @cached_property
    def column(self) -> ColumnInfo:
        """The column of the values."""
        signal = self.task.signal
        name = getattr(self.function, "__qualname__", type(self.function).__name__)
        return ColumnInfo(
            dataset=signal.dataset,
            metric=signal.metric,
            split=signal.split,
            epochs=signal.epochs,
            seed=signal.seed,
            unit="1",
            direction=self._direction,  # type: ignore[arg-type]
            release="evaluated here",
            source=f"function {name}",
            licence="",
            origin="computed here",
        )

    @property
    def identity(self) -> Facts:
        """The identity of the evaluator: place, code and settings of the function.

        Settings are plain values, such as numbers and strings: arguments of a partial function,
        variables of an outer function, defaults, and public attributes of a callable object.
        """
        identity = {"kind": "function", **self._identity}
        if self.space.is_large:  # the number of an architecture depends on all levels
            identity["space"] = self.space.sha256[:16]
        return identity

    def evaluate(self, architectures: Architectures) -> Evaluation:
        """Call the function for each architecture; it may raise `nasmeta.errors.EvaluationFailed`.

        Raises
        ------
        NasmetaError
            If the function returns anything but finite numbers; RunFailed if it raises another
            error.
        """
        rows: list[tuple[float, float, str | None]] = []
        for architecture in architectures.tolist():
            try:
                value, seconds = self._call(architecture)
            except EvaluationFailed as failure:
                rows.append((math.nan, failure.seconds, failure.told))
            else:
                rows.append((value, seconds, None))
        values, costs, failures = zip(*rows, strict=True)
        if not any(failures):
            failures = ()
        return Evaluation(np.array(values), np.array(costs), failures)

    def _call(self, architecture: int) -> tuple[float, float]:
        """Return the value of an architecture and its seconds."""
        answer: Any = self.function(self.space.choices(architecture))
        pair = answer if isinstance(answer, tuple) else (answer, 0.0)
        value, seconds = map(float, pair)
        if not math.isfinite(value) or not 0 <= seconds < math.inf:
            what = f"result of the function for {self.space.to_string(architecture)}"
            expected = "a finite number, or (value, seconds) with seconds of at least 0"
            raise NasmetaError(what, answer, expected)
        return value, seconds

    def report(self, architecture: int) -> dict[ColumnInfo, float]:
        """Return an empty dict: a function does not have report columns."""
        return {}
