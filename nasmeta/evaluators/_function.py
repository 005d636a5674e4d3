"""Evaluation by a Python function."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property, partial
from hashlib import sha256
from types import FunctionType, ModuleType
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_choice, check_instance
from nasmeta.code import code_of
from nasmeta.errors import NasmetaError, SettingError, shown
from nasmeta.evaluators._base import Evaluation, Evaluator
from nasmeta.registry import Registry
from nasmeta.spaces import SearchSpace
from nasmeta.tables import ColumnInfo
from nasmeta.tasks import Signal, Task

Measure: TypeAlias = "Callable[[Mapping[str, Any]], float | tuple[float, float]]"

# Functions and evaluators that other packages bring, by entry point or as package.module:Name.
EVALUATORS: Registry[Measure | Evaluator] = Registry(
    "evaluator",
    group="nasmeta.evaluators",
    accepts=lambda found: found if isinstance(found, Evaluator) or _is_function(found) else None,
    wanted="a function of an architecture's choices, or an Evaluator",
)


def _is_function(found: object) -> bool:
    """Whether it is called for an answer; a class makes an object of itself, and no number."""
    return callable(found) and not isinstance(found, type)


class FunctionEvaluator(Evaluator):
    """Answer by calling a function.

    Parameters
    ----------
    function : callable
        From the choices of an architecture, a mapping of positions to them, to its value; or to (value, seconds).
    task : Task or SearchSpace
        A question whose direction and held-out dataset count, or a space of one's own.
    name : str, optional
        Of the task; where a space is given: the name of the function.
    metric : str, default "value"
    direction : {"max", "min"}, default "max"
        These two count where a space is given.

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
    >>> space.to_string(run.best.cell), run.best.value
    ('width=64,depth=1', 64.0)
    """

    def __init__(
        self,
        function: Measure,
        task: Task | SearchSpace,
        *,
        name: str | None = None,
        metric: str = "value",
        direction: Literal["max", "min"] = "max",
    ) -> None:
        if not _is_function(function):
            raise SettingError(f"A function is called with the choices of an architecture; this is {shown(function)}.")
        check_choice("direction", direction, ("max", "min"))
        metric, name = check_instance("metric", metric, str), check_instance("name", name or "", str)
        self.function = function
        if isinstance(task, SearchSpace):
            own = name or getattr(function, "__name__", "function").strip("<>")
            signal = Signal(own, metric, None, None, None, "own", kind="performance")
            task = Task(f"{task.name}/{own}", task, signal, cost=None)
            self._direction: str = direction
        elif isinstance(task, Task):
            self._direction = task.direction
        else:
            raise SettingError(f"A function answers for a Task or a SearchSpace, not for {shown(task)}.")
        self._told = identity_of(function)  # now, as a counter among its settings may go on
        super().__init__(task)

    name = "function"

    @cached_property
    def column(self) -> ColumnInfo:
        """What the function measures."""
        s = self.task.signal
        return ColumnInfo(
            s.dataset, s.metric, s.split, s.epochs, s.seed, "1", self._direction, "evaluated here",  # type: ignore[arg-type]
            f"function {getattr(self.function, '__qualname__', type(self.function).__name__)}", "",
        )  # fmt: skip

    @property
    def identity(self) -> dict[str, Any]:
        """What answers, for the journal of a run: where the function is, what identifies its code, and its settings.

        Settings are the plain values, such as numbers and texts, that it was made with: those that a partial function
        binds, that an inner function sees, that are defaults, or public attributes of an object that is called.
        """
        return {"kind": "function", **self._told}

    def evaluate(self, cells: NDArray[np.int32]) -> Evaluation:
        """Call the function for each architecture.

        Raises
        ------
        NasmetaError
            Where it returns something that is no finite number.
        """
        values, costs = [], []
        for cell in cells.tolist():
            found: Any = self.function(self.space.choices(cell))
            value, seconds = found if isinstance(found, tuple) and len(found) == 2 else (found, 0.0)
            try:
                value, seconds = float(value), float(seconds)
            except (TypeError, ValueError):
                value = math.nan
            if not math.isfinite(value) or not 0 <= seconds < math.inf:
                raise NasmetaError(
                    f"The function returned {shown(found)} for {self.space.to_string(cell)}; it must return a finite "
                    "number, or (value, seconds), seconds of at least 0."
                )
            values.append(value)
            costs.append(seconds)
        return Evaluation(np.array(values), np.array(costs))

    def report(self, cell: int) -> dict[ColumnInfo, float]:
        """Return nothing: there is nothing else to tell."""
        return {}


def identity_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return where a function is, what identifies its code, and a digest of its settings, where there are any."""
    settings = "\n".join(_settings_of(function))
    where = f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', '')}"
    identity = {"function": where, "code": code_of(function)}
    return {**identity, "settings": sha256(settings.encode()).hexdigest()[:12]} if settings else identity


def _settings_of(function: Any) -> Iterator[str]:
    """Yield the plain values that a function was made with, by name."""
    given: dict[str, Any] = {}
    while isinstance(function, partial):
        given |= {**{f"argument {i}": value for i, value in enumerate(function.args)}, **function.keywords}
        function = function.func
    owner = getattr(function, "__self__", function)
    if not isinstance(owner, FunctionType | type | ModuleType):
        given |= {f"self.{name}": value for name, value in getattr(owner, "__dict__", {}).items() if name[0] != "_"}
    function = inspect.unwrap(getattr(function, "__func__", function))
    if isinstance(function, FunctionType):
        given |= {f"default {i}": value for i, value in enumerate(function.__defaults__ or ())}
        given |= function.__kwdefaults__ or {}
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            with suppress(ValueError):  # it is not filled yet
                given[f"outer {name}"] = cell.cell_contents
    for name, value in given.items():
        if isinstance(value, FunctionType):
            yield f"{name} = {code_of(value)}"
        elif value is None or isinstance(value, str | bool | int | float | np.number | tuple):
            yield f"{name} = {value!r}"
