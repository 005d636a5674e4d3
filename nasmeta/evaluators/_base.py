"""The one door to performance."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import MissingValueError
from nasmeta.tasks import Task, fidelities

if TYPE_CHECKING:
    from nasmeta.spaces import SearchSpace
    from nasmeta.tables import ColumnInfo


class Evaluation(NamedTuple):
    """What came back for a batch of architectures.

    Attributes
    ----------
    values : ndarray of float64, shape (n,), or (n, m) where the task has m objectives
        In the task's unit, or units; NaN where the evaluation failed and has none.
    cost_seconds : ndarray of float64, shape (n,)
        What each evaluation cost (training) or would have cost (table); 0 where nobody recorded it.
    failures : tuple of (str or None), optional
        Why an evaluation has no value of its own, such as ``out of memory``; None for those that have. Left out where
        nothing failed.
    notes : tuple of mapping, optional
        What else is to stand in the journal of a run, of JSON's types, one for each.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.evaluators import FunctionEvaluator
    >>> space = nm.SearchSpace("mlp", {"width": [16, 32, 64], "depth": [1, 2, 3]})
    >>> evaluation = FunctionEvaluator(lambda choices: choices["width"], space).evaluate(np.array([0, 3], np.int32))
    >>> evaluation.values.tolist(), evaluation.failures
    ([16.0, 32.0], ())
    """

    values: NDArray[np.float64]
    cost_seconds: NDArray[np.float64]
    failures: tuple[str | None, ...] = ()
    notes: tuple[Mapping[str, Any], ...] = ()


class SupportsEvaluate(Protocol):
    """Anything with ``evaluate(architectures) -> Evaluation``: all that the loop needs."""

    def evaluate(self, cells: NDArray[np.int32], /) -> Evaluation:
        """Evaluate architectures, int32, shape (n,)."""
        ...


class Evaluator(ABC):
    """Answers a task's question: a table, a surrogate, real training, or a function.

    Only `evaluate` has to be written. What is known before anything is evaluated differs: a table and a surrogate know
    all values, so their optimum is known and a run can stop at it.

    Parameters
    ----------
    task : Task
        The question.

    Attributes
    ----------
    task : Task
    values : ndarray of float64, shape (size,), or None
        The answers for all architectures, NaN where there is none; None where they are not known beforehand.
    cost_seconds : ndarray of float64, shape (size,), or None
        The same of the costs; 0 where nobody recorded one.
    identity : dict
        What answers, for the journal of a run, of JSON's types; empty for the task's own table.
    name : str
        In a word what answers, for messages.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.evaluators import Evaluation, Evaluator
    >>> class Convolutions(Evaluator):
    ...     def evaluate(self, cells):
    ...         counts = self.space.feature("operations").counts[cells]
    ...         return Evaluation(counts[:, 2:4].sum(axis=1).astype(float), np.zeros(len(cells)))
    >>> run = nm.search("random", Convolutions(nm.get_task("nb201/cifar10")), evaluations=20)
    >>> run.best.value
    5.0
    """

    name = "evaluator"
    values: NDArray[np.float64] | None = None
    cost_seconds: NDArray[np.float64] | None = None
    infeasible: NDArray[np.bool_] | None = None  # which evaluations fail, shape (size,), where that is known
    goes_on = False  # whether a longer training begins where the one that this answers for has paused

    def __init__(self, task: Task) -> None:
        self.task = task

    @abstractmethod
    def evaluate(self, cells: NDArray[np.int32]) -> Evaluation:
        """Evaluate architectures, int32, shape (n,).

        Raises
        ------
        EvaluationFailed
            Where there is no value: the search goes on. Of several at once, each is then asked for again alone; an
            `Evaluation` with `failures`, and values that are NaN, says which one failed.
        """

    @property
    def space(self) -> SearchSpace:
        """The space of the task."""
        return self.task.space

    @property
    def identity(self) -> dict[str, Any]:
        """What answers, for the journal of a run."""
        return {}

    @cached_property
    def column(self) -> ColumnInfo:
        """Unit, direction, release, source and licence of the answers."""
        return self.task.column

    @property
    def sign(self) -> float:
        """The factor that makes a value a utility: 1 to maximise, -1 to minimise."""
        return 1.0 if self.column.direction == "max" else -1.0

    @property
    def signs(self) -> float | NDArray[np.float64]:
        """The same for what `evaluate` returns: one number, or one an objective, shape (m,)."""
        return self.sign

    @property
    def n_objectives(self) -> int:
        """How many numbers the answer for an architecture has."""
        return 1

    @property
    def full_epochs(self) -> int:
        """Epochs of a full training, those of the task; 0 where nothing is trained."""
        return self.task.signal.epochs or 0

    @cached_property
    def optimum(self) -> float:
        """The best answer, without noise; NaN where it is not known beforehand."""
        return float("nan") if self.noise_free is None else float(self.sign * np.nanmax(self.sign * self.noise_free))

    @property
    def noise_free(self) -> NDArray[np.float64] | None:
        """What regrets are measured in, float64, shape (size,): `values`, unless these are draws of something noisy."""
        return self.values

    def for_seed(self, seed: int) -> Evaluator:
        """Return what answers in the run with this seed: itself, unless answers are drawn."""
        return self

    @cached_property
    def measured(self) -> NDArray[np.int32] | None:
        """The architectures that have an answer, int32; None where all have one."""
        if self.values is None or not np.isnan(self.values).any():
            return None
        return np.flatnonzero(~np.isnan(self.values)).astype(np.int32)

    def has_costs(self) -> bool:
        """Whether every evaluation costs seconds, so that a budget in seconds means something."""
        if self.cost_seconds is None:
            return self.values is None
        known = self.cost_seconds if self.measured is None else self.cost_seconds[self.measured]
        return bool((known > 0).all())

    @property
    def report_columns(self) -> Sequence[ColumnInfo]:
        """What may be told about the best of a finished run; a searcher has no way to it."""
        return self.task.report_columns

    def report(self, cell: int) -> dict[ColumnInfo, float]:
        """Return the values of an architecture in the report columns."""
        return self.task.report(cell)

    def after(self, epochs: Iterable[int | str] | None = None) -> dict[int, Evaluator]:
        """Return evaluators of the same question after trainings of several lengths, by epochs, ascending.

        Raises
        ------
        SettingError
            For lengths that are not possible.
        MissingValueError
            Where it answers for one length only.
        """
        return self.at({self.full_epochs: self.task} if epochs is None else fidelities(self.task, epochs))

    def resume(self, cells: Sequence[int], values: Sequence[float], reasons: Mapping[int, str]) -> None:  # noqa: B027
        """Be told that a run begins, and what its journal holds: cells, their values, and why some failed.

        Cells are those of trainings as long as the ones that this answers for.
        """

    def at(self, lengths: dict[int, Task]) -> dict[int, Evaluator]:
        """Return evaluators of the same question after trainings of several lengths, by epochs.

        Raises
        ------
        MissingValueError
            Where it answers for one length only.
        """
        if len(lengths) > 1:
            raise MissingValueError(f"{self.task.name}: a {self.name} answers for one length of training.")
        return dict.fromkeys(lengths, self)

    def kept_open(self) -> AbstractContextManager[object]:
        """Return a context in which `close`, at the end of each run, gives nothing back, as more runs follow."""
        return nullcontext()

    def close(self) -> None:  # noqa: B027  # most hold nothing
        """Give back what is held; the evaluator can be used again."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.task!r})"


def known_costs(costs: NDArray[np.float64] | None, size: int) -> NDArray[np.float64]:
    """Return costs without what is not known, read-only."""
    found = np.zeros(size) if costs is None else np.nan_to_num(costs)
    found.flags.writeable = False
    return found
