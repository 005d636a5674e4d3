"""Labels of a source task, as a learner sees them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasmeta.errors import SettingError
from nasmeta.spaces import SearchSpace, held_out_name, move_cells, namesakes

_LARGEST_LABEL = 1e100  # the sum of squares over all architectures is finite


def held_out_metric(metric: str) -> str | None:
    """Return the name that labels of a metric hold out in addition to their dataset.

    A `Task` takes it from its column. This is for labels without a column.

    >>> held_out_metric("proxy_params"), held_out_metric("train_seconds"), held_out_metric("accuracy")
    ('parameters_and_flops', 'train_seconds', None)
    """
    if re.search("parameters|params|flops", metric):
        return "parameters_and_flops"
    return metric if re.search("^proxy_|seconds", metric) else None


@dataclass(frozen=True)
class SourceTask:
    """The labelled architectures of a source task: everything that a meta-searcher sees of it.

    Attributes
    ----------
    name, dataset : str
    space : SearchSpace
    architectures : ndarray of int32 (int64 in a large space), shape (n_labels,)
        At least one, each once.
    utilities : ndarray of float64, shape (n_labels,)
        The signed signal, higher is better; finite, and between ±1e100.
    held_out : tuple of str
        As in `Task`. The dataset is always included; common spellings of a dataset are recognised.
    metric_kind : str, optional
        As in `Task.metric_kind`; empty if unknown.
    scale : mapping of str to float, optional
        As in `Task.scale`.

    Raises
    ------
    SettingError
        If labels are missing, not finite, or of architectures outside the space.

    Examples
    --------
    >>> from nasmeta.spaces import get_space
    >>> from nasmeta.tasks import SourceTask
    >>> len(SourceTask("mine", "mnist", get_space("nb201"), [6111, 9930], [91.5, 91.2]))
    2
    >>> SourceTask("mine", "mnist", get_space("nb201"), [6111, 15625], [91.5, 91.2])
    Traceback (most recent call last):
    nasmeta.errors.SettingError: labelled architectures of source mine is 15625; expected integers from 0 to 15624.
    """

    name: str
    dataset: str
    space: SearchSpace
    architectures: NDArray[np.int32]
    utilities: NDArray[np.float64]
    held_out: tuple[str, ...] = ()
    metric_kind: str = ""
    scale: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        architectures, utilities = _checked_labels(
            self.name, self.space, self.architectures, self.utilities
        )
        object.__setattr__(self, "architectures", architectures)
        object.__setattr__(self, "utilities", utilities)
        listed: Any = self.held_out
        given = (listed,) if isinstance(listed, str) else listed
        names = [self.dataset, *filter(None, [held_out_metric(self.metric_kind)]), *given]
        if not all(names):
            raise SettingError(f"held_out of source {self.name}", names, "names that are not empty")
        held_out = dict.fromkeys(held_out_name(held_out_metric(name) or name) for name in names)
        object.__setattr__(self, "held_out", tuple(held_out))

    def __len__(self) -> int:
        return len(self.architectures)

    def rows_of(self, architectures: NDArray[np.int32]) -> NDArray[np.intp]:
        """Return the positions of some labelled architectures in `architectures`, shape (n,)."""
        order = np.argsort(self.architectures)
        rows = order[np.searchsorted(self.architectures, architectures, sorter=order) % len(order)]
        if not np.array_equal(self.architectures[rows], architectures):
            raise SettingError(
                "architectures", architectures, f"labelled architectures of {self.name}"
            )
        return rows

    @cached_property
    def sha256(self) -> str:
        """Checksum of architectures, utilities and scale, which distinguishes sources of the same name."""
        scale = str(self.scale or "").encode()
        return sha256(
            self._stored(self.architectures) + self.utilities.astype("<f8").tobytes() + scale
        ).hexdigest()

    def _stored(self, architectures: NDArray[Any]) -> bytes:
        return architectures.astype("<i8" if self.space.is_large else "<i4").tobytes()

    @cached_property
    def order_sha256(self) -> str:
        """Checksum of architectures and the ranks of their utilities; units and order do not matter."""
        arranged = np.argsort(self.architectures)
        ranks = np.unique(self.utilities[arranged], return_inverse=True)[1]
        return sha256(
            self._stored(self.architectures[arranged]) + ranks.astype("<i4").tobytes()
        ).hexdigest()

    @property
    def facts(self) -> dict[str, Any]:
        """The facts that a meta-model records about its sources."""
        return {
            "name": self.name,
            "labels": len(self),
            "held_out": list(self.held_out),
            "metric_kind": self.metric_kind,
            "order_sha256": self.order_sha256,
        }

    def in_space(self, space: SearchSpace) -> SourceTask:
        """Return the labels of those architectures that another space has, too; see `move_cells`.

        Raises
        ------
        SettingError
            If that space contains no architecture.

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> from nasmeta.tasks import get_task
        >>> len(get_task("nb201/cifar10").as_source().in_space(get_space("tnb101")))
        4096
        """
        if space == self.space:
            return self
        architectures, kept = move_cells(self.architectures, self.space, space)
        if not len(architectures):
            raise SettingError(
                f"{self.name} has no architecture of {space.name}.{namesakes(self.space, space)}"
            )
        return replace(
            self, space=space, architectures=architectures, utilities=self.utilities[kept]
        )


def _checked_labels(
    name: str, space: SearchSpace, architectures: ArrayLike, utilities: ArrayLike
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the labelled architectures of a source as arrays, checked."""
    what = f"labelled architectures of source {name}"
    whole, labels = np.asarray(architectures), np.asarray(utilities, dtype=np.float64)
    if whole.shape != labels.shape or whole.ndim != 1 or not len(whole):
        raise SettingError(
            what, whole.shape, f"at least one, and the shape of the utilities, {labels.shape}"
        )
    outside = (whole < 0) | (whole >= space.size)
    if outside.any():
        raise SettingError(what, int(whole[outside][0]), f"integers from 0 to {space.size - 1}")
    different, times = np.unique(whole, return_counts=True)
    if times.max() > 1:
        raise SettingError(
            what,
            int(different[times.argmax()]),
            "each architecture once",
            "Pass the mean of its labels.",
        )
    invalid = ~(np.abs(labels) <= _LARGEST_LABEL)
    if invalid.any():
        raise SettingError(
            f"Source {name} has a label of {labels[invalid][0]:g}, beyond {_LARGEST_LABEL:g}. Divide its labels by "
            "their scale."
        )
    return whole.astype(space.index_type, copy=False), labels
