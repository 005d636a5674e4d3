"""The interface of evaluators, and evaluations that fail."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from nasmeta.arrays import Architectures, Booleans, Facts, Floats
from nasmeta.errors import EvaluationFailed, MissingValueError, NasmetaError, RunFailed
from nasmeta.tasks import Task, fidelities

if TYPE_CHECKING:
    from nasmeta.spaces import SearchSpace
    from nasmeta.tables import ColumnInfo


class Evaluation(NamedTuple):
    """The result of evaluating a batch of architectures.

    Attributes
    ----------
    values : ndarray of float64, shape (n,), or (n, m) for a task with m objectives
        In the unit of the task; NaN if an evaluation failed without a value.
    cost_seconds : ndarray of float64, shape (n,)
        The time that each evaluation took (training) or would have taken (table); 0 if unknown.
    failures : tuple of (str or None), optional
        The reason why an evaluation has no value, such as ``out of memory``, or None. May be empty
        if none failed.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.evaluators import FunctionEvaluator
    >>> space = nm.SearchSpace("mlp", {"width": [16, 32, 64], "depth": [1, 2, 3]})
    >>> evaluation = FunctionEvaluator(lambda choices: choices["width"], space).evaluate(np.array([0, 3], np.int32))
    >>> evaluation.values.tolist(), evaluation.failures
    ([16.0, 32.0], ())
    """

    values: Floats
    cost_seconds: Floats
    failures: tuple[str | None, ...] = ()


class SupportsEvaluate(Protocol):
    """Any object with ``evaluate(architectures) -> Evaluation``, which is all that a run needs.

    Examples
    --------
    >>> from nasmeta.evaluators import Evaluation
    >>> from nasmeta.runs import run_loop
    >>> from nasmeta.searchers import SEARCHERS
    >>> from nasmeta.spaces import get_space
    >>> class Index:
    ...     def evaluate(self, architectures):
    ...         return Evaluation(architectures * 1.0, np.zeros(len(architectures)))
    >>> searcher = SEARCHERS["random"](get_space("nb201"), np.random.default_rng(0))
    >>> run_loop(searcher, Index(), evaluations=3).values.shape
    (3,)
    """

    def evaluate(self, architectures: Architectures, /) -> Evaluation:
        """Evaluate architectures, int32 (int64 in a large space), shape (n,)."""
        ...


class Evaluator(ABC):
    """Evaluates architectures for a task: by a table, a surrogate, training, or a function.

    A subclass implements `evaluate`. Tables and surrogates also provide `values`, so their optimum
    is known and a run can stop at it.

    Parameters
    ----------
    task : Task

    Attributes
    ----------
    task : Task
    values : ndarray of float64, shape (size,), or None
        The values of all architectures, NaN if missing; None if they are not known in advance.
    cost_seconds : ndarray of float64, shape (size,), or None
        The costs of all architectures; 0 if unknown.
    identity : dict
        Identifies the evaluator in the journal of a run, of JSON types; empty for the task's table.
    name : str
        One word for messages.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.evaluators import Evaluation, Evaluator
    >>> class Convolutions(Evaluator):
    ...     def evaluate(self, architectures):
    ...         counts = self.space.feature("operations").counts[architectures]
    ...         return Evaluation(counts[:, 2:4].sum(axis=1).astype(float), np.zeros(len(architectures)))
    >>> run = nm.search("random", Convolutions(nm.get_task("nb201/cifar10")), evaluations=20)
    >>> run.best.value
    5.0
    """

    name = "evaluator"
    values: Floats | None = None
    cost_seconds: Floats | None = None
    infeasible: Booleans | None = None  # evaluations that fail, shape (size,), if known
    resumes = False  # whether a longer training resumes the paused shorter one
    # Whether evaluations take no time although their values are not known in advance.
    simulates = False

    def __init__(self, task: Task) -> None:
        self.task = task

    @abstractmethod
    def evaluate(self, architectures: Architectures) -> Evaluation:
        """Evaluate architectures, int32 (int64 in a large space), shape (n,).

        Raises
        ------
        EvaluationFailed
            If there is no value; the search continues.
        """

    @property
    def space(self) -> SearchSpace:
        """The space of the task."""
        return self.task.space

    @property
    def identity(self) -> Facts:
        """The identity of the evaluator, for the journal of a run."""
        return {}

    @cached_property
    def column(self) -> ColumnInfo:
        """Unit, direction, origin, release, source and licence of the values."""
        return self.task.column

    @property
    def prediction(self) -> Facts:
        """What predicts the values: ``by``, ``sha256``, ``r2_held_out`` and ``fitted_to``, as far as they are known.

        Empty if the values are not predictions; for several objectives, a dictionary per predicted
        one, by task.
        """
        if not self.column.predicted:
            return {}
        return {
            "by": self.column.origin.removeprefix("predicted by "),
            "sha256": self.column.source_sha256,
        }

    @property
    def sign(self) -> float:
        """The factor from values to utilities: 1 to maximise, -1 to minimise."""
        return 1.0 if self.column.direction == "max" else -1.0

    @property
    def signs(self) -> float | Floats:
        """The sign of the values of `evaluate`: one number, or one per objective, shape (m,)."""
        return self.sign

    @property
    def n_objectives(self) -> int:
        """The number of objectives."""
        return 1

    @property
    def full_epochs(self) -> int:
        """Epochs of a full training; 0 without a training."""
        return self.task.signal.epochs or 0

    @cached_property
    def optimum(self) -> float:
        """The best value, without noise, or the best known value; NaN if neither is known in advance."""
        if self.noise_free is None:
            return float("nan")
        return float(self.sign * np.nanmax(self.sign * self.noise_free))

    @property
    def optimum_name(self) -> str:
        """The name of `optimum` in figures and messages."""
        is_known = self.values is not None
        if self.column.predicted:
            return "best prediction" if is_known else "best known prediction"
        return "optimum" if is_known else "best known value"

    @property
    def noise_free(self) -> Floats | None:
        """The values that regrets refer to, float64, shape (size,): `values`, or their means if these are draws."""
        return self.values

    def for_seed(self, seed: int) -> Evaluator:
        """Return the evaluator of the run with this seed: itself, unless values are drawn."""
        return self

    @cached_property
    def measured(self) -> Architectures | None:
        """The architectures with a value, for every objective, int32; None if all have one."""
        if self.values is None:
            return None
        known = ~np.isnan(self.values).reshape(self.space.size, -1).any(axis=1)
        if known.all():
            return None
        return np.flatnonzero(known).astype(np.int32)

    def has_costs(self) -> bool:
        """Whether every evaluation has a cost in seconds, which a budget in seconds needs."""
        if self.cost_seconds is None:
            return self.values is None
        costs = self.cost_seconds
        if self.measured is not None:
            costs = costs[self.measured]
        return bool((costs > 0).all())

    def report(self, architecture: int) -> dict[ColumnInfo, float]:
        """Return the values of an architecture in the report columns of the task."""
        return self.task.report(architecture)

    def after(self, epochs: Iterable[int | str] | None = None) -> dict[int, Evaluator]:
        """Return evaluators of trainings of several lengths, by epochs, ascending.

        Raises
        ------
        SettingError
            If a length is impossible.
        MissingValueError
            If the evaluator has one length only.
        """
        if epochs is None:
            return {self.full_epochs: self}
        length, *others = fidelities(self.task, epochs)
        if others:
            raise MissingValueError(
                f"{self.task.name}: the evaluator {self.name} has one length of training."
            )
        return {length: self}

    def resume(self, past: Sequence[tuple[int, Any, str | None]]) -> None:  # noqa: B027
        """Start a run with the evaluations in its journal: architecture, value, and reason of a failure or None."""

    def in_folder(self, folder: Path) -> Evaluator:
        """Return the evaluator with files in this folder: itself, unless it trains and has no folder yet."""
        return self

    def kept_open(self) -> AbstractContextManager[object]:
        """Return a context in which `close` keeps resources, because more runs follow."""
        return nullcontext()

    def close(self) -> None:  # noqa: B027
        """Release resources; the evaluator can be used again."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.task!r})"


def reasons_of(failed: Booleans, reason: str) -> tuple[str | None, ...]:
    """Return the reason for each evaluation that failed, and None for others; `failed` has shape (n,)."""
    reasons = np.full(len(failed), None)
    reasons[failed] = reason
    return tuple(reasons.tolist())


def evaluate_or_fail(evaluator: SupportsEvaluate, architectures: Architectures) -> Evaluation:
    """Evaluate an architecture, int32 (int64 in a large space), shape (1,); a failed evaluation has the value NaN.

    Raises
    ------
    RunFailed
        If a custom evaluator raises any error other than EvaluationFailed; the message names the
        architecture.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.errors import EvaluationFailed
    >>> from nasmeta.evaluators import Evaluator, evaluate_or_fail
    >>> class Failing(Evaluator):
    ...     def evaluate(self, architectures):
    ...         raise EvaluationFailed("out of memory", seconds=5.0)
    >>> evaluate_or_fail(Failing(nm.get_task("nb201/cifar10")), np.array([0])).failures
    ('out of memory',)
    """
    try:
        return evaluator.evaluate(architectures)
    except EvaluationFailed as failure:
        shape = (1, *np.shape(getattr(evaluator, "signs", 1.0)))
        return Evaluation(np.full(shape, np.nan), np.array([failure.seconds]), (failure.told,))
    except Exception as reason:
        who: Any = getattr(evaluator, "function", evaluator)
        # errors of this package keep their traceback
        if isinstance(reason, NasmetaError) or type(who).__module__.startswith("nasmeta."):
            raise
        space, architecture = getattr(evaluator, "space", None), int(architectures[0])
        named = str(architecture)
        if space is not None:
            named = f"{architecture} ({space.to_string(architecture)})"
        name = getattr(who, "__qualname__", type(who).__name__)
        hint = "Raise nasmeta.errors.EvaluationFailed(reason, seconds) to continue after a failure."
        raise RunFailed.of(f"{name} at architecture {named}", reason, hint) from reason
