"""Search-space pruning and warm starts for any searcher, learned from source tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nasmeta.arrays import Architectures, Floats
from nasmeta.checks import check_int, check_number
from nasmeta.errors import SettingError
from nasmeta.searchers import MultiFidelitySearcher, Searcher, SubsetSearch
from nasmeta.tasks import SourceTask, Task

_PER_SECOND = "/second"


@dataclass(frozen=True)
class Transfer:
    """Knowledge from source tasks for one target.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("random", "nb201/cifar10", evaluations=5, settings={"warm_start": 2})
    >>> run.config.learn().first.tolist() == run.architectures[:2].tolist()
    True
    """

    # The subset to search, the best first; None: the whole space.
    architectures: Architectures | None = None
    first: Architectures | None = None  # evaluated first
    meta_model: Any = None  # of the searcher itself, if it is a meta-searcher

    def within(self, measured: Architectures, task: Task) -> Transfer:
        """Restrict the subset to the measured architectures."""
        if self.architectures is None:
            # This order replaces proposals outside.
            return replace(self, architectures=np.random.default_rng(0).permutation(measured))
        order = self.architectures[np.isin(self.architectures, measured)]
        if not len(order):
            raise SettingError(
                f"The learned space of {task.name} has no measured architecture. Omit prune_space."
            )
        return replace(self, architectures=order)

    def around(self, searcher: Searcher) -> Searcher:
        """Return the searcher, restricted to the subset and started with the first architectures."""
        if self.architectures is None and self.first is None:
            return searcher
        if not isinstance(searcher, MultiFidelitySearcher):
            subset = self.architectures if self.first is None else None
            if subset is not None and searcher.restrict(subset):
                return searcher
            return SubsetSearch(searcher, self.architectures, self.first)
        name = type(searcher).__name__
        if self.architectures is not None and not searcher.restrict(self.architectures):
            raise SettingError(f"{name} needs the whole space and a complete table.")
        if self.first is not None and not searcher.begin_with(self.first):
            raise SettingError(f"{name} does not support a warm start.")
        return searcher


@dataclass(frozen=True)
class TransferSettings:
    """The settings of pruning and warm start."""

    prune_space: float | None = None  # fraction of the architectures to search; None: all
    warm_start: int = 0  # number of first architectures
    per_second: bool = False  # whether these are chosen by their gain per second of training

    @classmethod
    def of(cls, prune_space: Any = None, warm_start: Any = 0) -> TransferSettings:
        """Parse a fraction, and ``5`` or ``5/second``."""
        if prune_space is not None:
            prune_space = check_number("prune_space", prune_space, 1e-9, 1)
        written = str(warm_start)
        number = written.removesuffix(_PER_SECOND)
        if not number.isdecimal():
            expected = f'a number of architectures such as 5 or "5{_PER_SECOND}"'
            raise SettingError("warm_start", warm_start, expected)
        per_second = number != written and int(number) > 0
        return cls(prune_space, warm_start=int(number), per_second=per_second)

    def __bool__(self) -> bool:
        return self.prune_space is not None or self.warm_start > 0

    @property
    def space_name(self) -> str:
        """The name in journals and frames: ``all`` or ``learned:0.1``."""
        if self.prune_space is None:
            return "all"
        return f"learned:{self.prune_space:g}"

    @property
    def warm_start_name(self) -> str:
        """The setting as users write it: ``0``, ``5``, ``5/second``."""
        if self.per_second:
            return f"{self.warm_start}{_PER_SECOND}"
        return str(self.warm_start)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings as `of` takes them; empty without any."""
        settings = {"prune_space": self.prune_space, "warm_start": self.warm_start_name}
        return {name: settings[name] for name in self.names}

    def check(self, task: Task, sources: Sequence[Task | SourceTask]) -> None:
        """Raise an error if these sources do not suffice, before anything is learned."""
        if self:
            from nasmeta.meta import labelled_in

            names = " and ".join(self.names)

            if task.space.is_large:
                raise SettingError(f"{names} on {task.space.name}", "given", "an enumerated space")
            labelled_in(task.space, sources, names)
        if self.warm_start:
            check_int("warm_start", self.warm_start, 1, task.space.size)
            if self.per_second:
                _mean_costs(task, sources)

    @property
    def names(self) -> list[str]:
        """The names of the settings in use."""
        return [name for name in ("prune_space", "warm_start") if getattr(self, name)]

    def learn(
        self,
        task: Task,
        sources: Sequence[Task | SourceTask],
        meta_model: Any = None,
        measured: Architectures | None = None,
    ) -> Transfer:
        """Learn the subset and the first architectures.

        Parameters
        ----------
        task : Task
        sources : sequence of Task or SourceTask
            The caller has checked that the task may use them.
        meta_model : object, optional
            Of the searcher, passed on.
        measured : ndarray of int32, optional
            The first architectures are among these; by default all.

        Returns
        -------
        Transfer
        """
        transfer, allowed = Transfer(meta_model=meta_model), measured
        if not self:
            return transfer
        from nasmeta.meta import LearnedSpace, warm_start_architectures

        if self.prune_space is not None:
            learned = LearnedSpace.learn(task.space, sources, self.prune_space)
            transfer = replace(transfer, architectures=learned.architectures)
            allowed = learned.architectures
            if measured is not None:
                allowed = allowed[np.isin(allowed, measured)]
        if self.warm_start:
            costs = None
            if self.per_second:
                costs = _mean_costs(task, sources)
            first = warm_start_architectures(
                task.space, sources, self.warm_start, costs=costs, allowed=allowed
            )
            if len(first) < self.warm_start:
                expected = f"at most {len(first)}, as many as sources have labels"
                raise SettingError("warm_start", self.warm_start, expected)
            transfer = replace(transfer, first=first)
        return transfer


NO_TRANSFER = TransferSettings()


def _mean_costs(task: Task, sources: Sequence[Task | SourceTask]) -> Floats:
    """Return the mean cost of each architecture over the sources, each with mean 1; 1 if no source knows it."""
    positive = []  # shape (size,) each
    for source in sources:
        if not isinstance(source, Task) or source.space != task.space or not source.has_cost:
            continue
        if not (source.cost_seconds <= 0).any():
            positive.append(source.cost_seconds)
    if not positive:
        raise SettingError(
            f"No source of {task.name} has costs in seconds. Omit {_PER_SECOND!r} from warm_start."
        )
    complete = [costs for costs in positive if np.isfinite(costs).all()]
    usable = complete or positive
    shares = np.ma.masked_invalid([costs / np.nanmean(costs) for costs in usable])
    means: Floats = shares.mean(axis=0).filled(1.0)
    return means
