"""A task: a question to which a table, a surrogate or a training has the answer."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import MissingValueError, SettingError
from nasmeta.spaces import CellSpace, get_space

if TYPE_CHECKING:
    from nasmeta.tables import ColumnInfo

__all__ = ["Signal", "SourceTask", "Task"]


@dataclass(frozen=True)
class Signal:
    """The address of the one column that a searcher sees.

    Attributes
    ----------
    dataset, metric, split : str
    epochs : int
    seed : int or "mean"
    release : str
        Always said: means over different releases are different numbers.
    """

    dataset: str
    metric: str
    split: str
    epochs: int
    seed: int | str
    release: str


@dataclass(frozen=True)
class SourceTask:
    """What a meta-searcher may see of a source task: labelled cells, and nothing else.

    Attributes
    ----------
    name, dataset : str
    space : CellSpace
    cells : ndarray of int32, shape (n_labels,)
    utilities : ndarray of float64, shape (n_labels,)
        The signal, signed so that higher is better.
    """

    name: str
    dataset: str
    space: CellSpace
    cells: NDArray[np.int32]
    utilities: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.cells)


@dataclass(frozen=True)
class Task:
    """A search problem on a table: a space, the signal that a searcher sees, and what an evaluation costs.

    Parameters
    ----------
    name : str
        For example ``nb201/cifar10``.
    table : str
        Name of the table that holds the columns.
    signal : Signal
        The column that evaluations answer from.

    Examples
    --------
    >>> from nasmeta.tasks import get_task
    >>> task = get_task("nb201/cifar10")
    >>> task.optimal_cells, round(task.optimum, 4)
    (array([6111], dtype=int32), 91.6067)
    """

    name: str
    table: str
    signal: Signal

    @property
    def space(self) -> CellSpace:
        """The cell space that is searched."""
        return get_space(self.table)

    @property
    def dataset(self) -> str:
        """The dataset that must not appear in any source when this task is the target."""
        return self.signal.dataset

    @cached_property
    def column(self) -> ColumnInfo:
        """Unit, direction, release, source and licence of the signal."""
        from nasmeta.tables import load_table

        return load_table(self.table).info(*astuple(self.signal))

    @property
    def direction(self) -> str:
        """``max`` where a higher signal is better, else ``min``."""
        return self.column.direction

    @property
    def sign(self) -> float:
        """The factor that makes a value a utility: 1 to maximise, -1 to minimise."""
        return 1.0 if self.direction == "max" else -1.0

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """The signal of all cells, float64, shape (n_cells,), in the column's unit; NaN where not measured."""
        from nasmeta.tables import load_table

        values = load_table(self.table).column(*astuple(self.signal)).astype(np.float64)
        values.flags.writeable = False
        return values

    @cached_property
    def cost_seconds(self) -> NDArray[np.float64]:
        """Training time of all cells in seconds, float64, shape (n_cells,): what one evaluation would cost."""
        from nasmeta.tables import load_table

        s = self.signal
        column = load_table(self.table).column(s.dataset, "train_seconds", "train", s.epochs, "mean", s.release)
        costs = column.astype(np.float64)
        costs.flags.writeable = False
        return costs

    @cached_property
    def optimum(self) -> float:
        """The best value of the signal in the whole space."""
        return float(self.sign * np.nanmax(self.sign * self.values))

    @cached_property
    def optimal_cells(self) -> NDArray[np.int32]:
        """All cells whose signal equals the optimum, int32."""
        return np.flatnonzero(self.values == self.optimum).astype(np.int32)

    def as_source(self, labels: int | None = None, rng: np.random.Generator | None = None) -> SourceTask:
        """Return the labelled cells of this task, for meta-training.

        Parameters
        ----------
        labels : int, optional
            How many cells, drawn uniformly, have a label; all measured cells where left out.
        rng : numpy.random.Generator, optional
            Needed where `labels` is given.

        Examples
        --------
        >>> import numpy as np
        >>> from nasmeta.tasks import get_task
        >>> len(get_task("nb201/cifar100").as_source(25, np.random.default_rng(0)))
        25
        """
        cells = np.flatnonzero(~np.isnan(self.values)).astype(np.int32)
        if labels is not None:
            if rng is None:
                raise SettingError("A number of labels needs a numpy.random.Generator that draws them: pass rng.")
            if not 1 <= labels <= len(cells):
                raise SettingError(f"{self.name} has {len(cells):,} labelled cells; asked for {labels}.")
            cells = np.sort(rng.choice(cells, labels, replace=False))
        if not len(cells):
            raise MissingValueError(f"{self.name} has no measured cell.")
        return SourceTask(self.name, self.dataset, self.space, cells, self.sign * self.values[cells])

    def __repr__(self) -> str:
        s = self.signal
        return f"Task({self.name!r}: {s.metric}, split {s.split}, {s.epochs} epochs, seed {s.seed}, {self.space.name})"

    def __reduce__(self) -> tuple[type[Task], tuple[str, str, Signal]]:
        return Task, (self.name, self.table, self.signal)
