"""What a learner may see of a source task."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasmeta.checks import check_instance, check_list
from nasmeta.errors import SettingError, shown
from nasmeta.spaces import SearchSpace, held_out_name, move_cells, namesakes

_LARGEST_LABEL = 1e100  # squares of as many as there are architectures can be summed up
_COST_METRIC = re.compile(r"seconds|parameters|params|flops")
_SIZE = re.compile(r"parameters|params|flops")


def held_out_metric(metric: str) -> str | None:
    """Return what labels hold out beside their dataset by the name of their metric, where nobody says its kind.

    Of a `Task` the column says it. This guards labels that somebody brings with nothing but a name.

    >>> held_out_metric("proxy_params"), held_out_metric("train_seconds"), held_out_metric("accuracy")
    ('parameters_and_flops', 'train_seconds', None)
    """
    if _SIZE.search(metric):
        return "parameters_and_flops"
    return metric if metric.startswith("proxy_") or _COST_METRIC.search(metric) else None


@dataclass(frozen=True)
class SourceTask:
    """What a meta-searcher may see of a source task: labelled cells, and nothing else.

    Attributes
    ----------
    name, dataset : str
    space : SearchSpace
    cells : ndarray of int32, shape (n_labels,)
        At least one, each once.
    utilities : ndarray of float64, shape (n_labels,)
        The signal, signed so that higher is better; finite, and between ±1e100.
    held_out : tuple of str
        As in `Task`, beside the dataset, which is always held out; names are understood however they are spelled.
    is_cost : bool, default False
        Whether the utilities are minus a cost in proportion to the work done, such as latency, energy, seconds or
        parameters. `nasmeta.meta.SourceMatrix` takes logarithms of these. A loss is none.
    metric_kind : str, optional
        What is measured, as in `Task.metric_kind`; empty where nobody says.

    Raises
    ------
    SettingError
        Where cells, utilities or names are not as said.

    Examples
    --------
    >>> from nasmeta.spaces import get_space
    >>> from nasmeta.tasks import SourceTask
    >>> len(SourceTask("mine", "mnist", get_space("nb201"), [6111, 9930], [91.5, 91.2]))
    2
    >>> SourceTask("mine", "mnist", get_space("nb201"), [6111, 15625], [91.5, 91.2])
    Traceback (most recent call last):
    nasmeta.errors.SettingError: Source mine has a cell 15625, but the cells of nb201 are 0 to 15624.
    """

    name: str
    dataset: str
    space: SearchSpace
    cells: NDArray[np.int32]
    utilities: NDArray[np.float64]
    held_out: tuple[str, ...] = ()
    is_cost: bool = False
    metric_kind: str = ""

    def __post_init__(self) -> None:
        check_instance(f"The space of source {self.name}", self.space, SearchSpace)
        check_instance(f"The kind of metric of source {self.name}", self.metric_kind, str)
        cells, utilities = _checked_labels(self.name, self.space, self.cells, self.utilities)
        object.__setattr__(self, "cells", cells)
        object.__setattr__(self, "utilities", utilities)
        listed: Any = self.held_out
        given = [listed] if isinstance(listed, str) else check_list("held_out", listed, "names")
        of_all = held_out_metric(self.metric_kind)
        names = [self.dataset, *([of_all] if of_all else []), *given]
        if not all(isinstance(name, str) and name.strip() for name in names):
            raise SettingError(f"Source {self.name} is on {shown(names)}, but a dataset or device is a name.")
        object.__setattr__(
            self, "held_out", tuple(dict.fromkeys(held_out_name(held_out_metric(name) or name) for name in names))
        )

    def __len__(self) -> int:
        return len(self.cells)

    def rows_of(self, cells: NDArray[np.int32]) -> NDArray[np.intp]:
        """Return where some of the labelled cells stand in ``cells``, shape (n,)."""
        order = np.argsort(self.cells)
        rows = order[np.searchsorted(self.cells, cells, sorter=order) % len(order)]
        if not np.array_equal(self.cells[rows], cells):
            raise SettingError(f"{self.name} has no label of one of the cells {shown(cells)}.")
        return rows

    @cached_property
    def sha256(self) -> str:
        """Of cells and utilities: other labels under the same name are another source."""
        return sha256(self.cells.astype("<i4").tobytes() + self.utilities.astype("<f8").tobytes()).hexdigest()

    @cached_property
    def order_sha256(self) -> str:
        """Of cells and the ranks of their utilities: the same for labels in other units, however they are arranged."""
        arranged = np.argsort(self.cells)
        ranks = np.unique(self.utilities[arranged], return_inverse=True)[1]
        return sha256(self.cells[arranged].astype("<i4").tobytes() + ranks.astype("<i4").tobytes()).hexdigest()

    @property
    def facts(self) -> dict[str, Any]:
        """What a meta-model says of a source that it has learnt from."""
        return {
            "name": self.name,
            "labels": len(self),
            "held_out": list(self.held_out),
            "metric_kind": self.metric_kind,
            "order_sha256": self.order_sha256,
        }

    def in_space(self, space: SearchSpace) -> SourceTask:
        """Return the same labels on the cells of another space, as far as it has them; see `move_cells`.

        Raises
        ------
        SettingError
            Where that space has none of the cells.

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> from nasmeta.tasks import get_task
        >>> len(get_task("nb201/cifar10").as_source().in_space(get_space("tnb101")))
        4096
        """
        if check_instance("space", space, SearchSpace) == self.space:
            return self
        cells, kept = move_cells(self.cells, self.space, space)
        if not len(cells):
            raise SettingError(
                f"None of the labelled cells of {self.name} is a cell of {space.name}.{namesakes(self.space, space)}"
            )
        return replace(self, space=space, cells=cells, utilities=self.utilities[kept])


def _checked_labels(
    name: str, space: SearchSpace, cells: ArrayLike, utilities: ArrayLike
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the labelled cells of a source as arrays, or say what is wrong with them."""
    who = f"Source {name}"
    try:
        whole, labels = np.asarray(cells), np.asarray(utilities, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as reason:
        raise SettingError(f"{who} has labels that are no numbers: {reason!s:.80}.") from reason
    if whole.shape != labels.shape or whole.ndim != 1:
        raise SettingError(f"{who} has cells of shape {whole.shape}, but utilities of shape {labels.shape}.")
    if not len(whole):
        raise SettingError(f"{who} has no labelled cell.")
    if whole.dtype.kind not in "iu":
        raise SettingError(f"{who} has cells of type {whole.dtype}, but cells are whole numbers.")
    outside = (whole < 0) | (whole >= space.size)
    if outside.any():
        raise SettingError(
            f"{who} has a cell {whole[outside][0]}, but the cells of {space.name} are 0 to {space.size - 1}."
        )
    times = np.bincount(whole, minlength=space.size)
    if times.max() > 1:
        raise SettingError(f"{who} has labelled cell {times.argmax()} twice: pass the mean of its labels.")
    if not np.isfinite(labels).all():
        raise SettingError(f"{who} has a label that is not finite.")
    if np.abs(labels).max() > _LARGEST_LABEL:
        raise SettingError(
            f"{who} has a label of {labels[np.abs(labels).argmax()]:g}, beyond {_LARGEST_LABEL:g}: the squares of such "
            "numbers overflow. Divide its labels by their scale."
        )
    return whole.astype(np.int32, copy=False), labels
