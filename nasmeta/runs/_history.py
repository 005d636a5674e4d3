"""The history of a run: its trace and its config; and the results frame of several."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nasmeta.arrays import Architectures, Array, Floats, Integers
from nasmeta.checks import written
from nasmeta.errors import SettingError
from nasmeta.evaluators import Evaluator
from nasmeta.plotting import ShowsFacts, Width
from nasmeta.runs._agreement import source_agreement
from nasmeta.runs._clock import Clock
from nasmeta.runs._config import RunConfig
from nasmeta.runs._plots import RunAxis, plot_front, plot_run
from nasmeta.runs._trace import Trace
from nasmeta.searchers import SEARCHERS
from nasmeta.tasks import Task

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from nasmeta.tables import ColumnInfo


class Best(NamedTuple):
    """The best architecture of a run and its value in the task's unit.

    Examples
    --------
    >>> import nasmeta as nm
    >>> best = nm.search("random", "nb201/cifar10", evaluations=5).best
    >>> best == (best.architecture, best.value)
    True
    """

    architecture: int
    value: float


class History(Trace, ShowsFacts):
    """The record of one run: a `nasmeta.runs.Trace` with the config that led to it.

    Parameters
    ----------
    config : RunConfig
    trace : Trace

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("random", "nb201/cifar10", evaluations=50, seed=1)
    >>> len(run), run.stopped
    (50, 'budget')
    >>> run.best == (run.incumbents[-1], run.values.max())
    True
    """

    def __init__(self, config: RunConfig, trace: Trace) -> None:
        vars(self).update(vars(trace))
        self.config, self.full_epochs = config, config.evaluator.full_epochs

    @property
    def evaluator(self) -> Evaluator:
        """The evaluator of the run."""
        return self.config.evaluator

    @property
    def task(self) -> Task:
        """The task of the run."""
        return self.config.evaluator.task

    @property
    def searcher(self) -> str:
        """The name of the searcher; in a comparison its label."""
        return self.config.label or self.config.searcher.name

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings that were passed to the searcher."""
        return self.config.searcher.settings

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return self.config.seed

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the source tasks; empty without meta-learning."""
        return self.config.source_names

    @property
    def clock(self) -> Clock:
        """The simulated clock."""
        return self.config.clock or Clock()

    @property
    def space(self) -> str:
        """The searched part of the space: ``all``, ``learned:0.1``, or ``measured:0.128`` for a partial table."""
        return self.config.searched_space

    @property
    def warm_start(self) -> str:
        """The number of first architectures that the sources chose: ``0``, ``5``, or ``5/second``."""
        return self.config.searcher.transfer.warm_start_name

    @property
    def transfer(self) -> pd.DataFrame:
        """How each source orders the observations, one row per source after each ten evaluations.

        Columns: ``source``; ``common``, the number of observed architectures that the source
        labels; their rank ``correlation`` with the source, and its 95 % interval, ``low`` and
        ``high``. They are NaN if few architectures are common, as for a meta-model from a file. A
        search selects its observations, which can hide a correlation.
        """
        is_full = self.epochs == self.full_epochs
        utilities = np.where(is_full, self.evaluator.sign * self._scores, np.nan)
        return source_agreement(
            self.sources, self.config.sources, self.task.space, self.architectures, utilities
        )

    @property
    def _scores(self) -> Floats:
        """One number per evaluation, for the frame."""
        return self.values

    @property
    def incumbent_positions(self) -> Integers:
        """After each evaluation, the position of the best successful full training so far; int64, shape (n,).

        The first of equal values; -1 until a full training has succeeded.
        """
        utilities = self.evaluator.sign * self.values  # shape (n,), like all arrays here
        utilities[self.epochs != self.full_epochs] = -np.inf
        utilities[[*self.reasons()]] = -np.inf
        best = np.maximum.accumulate(utilities)
        before = np.concatenate([[-np.inf], best[:-1]])[: len(best)]
        improvements = np.where(best > before, np.arange(len(best)), -1)
        return np.maximum.accumulate(improvements)

    @property
    def incumbents(self) -> Architectures:
        """After each evaluation, the best architecture so far; int32 (int64 in a large space), shape (n,).

        The worst one of the task until a full training has succeeded; if the values are not known
        in advance, the worst one of the run.
        """
        return self._incumbents()[0]

    def _incumbents(self) -> tuple[Architectures, Floats]:
        """Return the incumbents and their values."""
        positions = self.incumbent_positions
        architectures, values = self.architectures[positions], self.values[positions]
        if len(positions) and positions[0] < 0:
            candidates = self.evaluator.values
            if candidates is None:
                candidates = self.values
            utilities = self.evaluator.sign * candidates
            worst = np.argmin(np.nan_to_num(utilities, nan=np.inf))
            values[positions < 0] = candidates[worst]
            if self.evaluator.values is None:  # a position in the run
                worst = self.architectures[worst]
            architectures[positions < 0] = worst
        return architectures, values

    @property
    def best(self) -> Best:
        """The best architecture and its value.

        Raises
        ------
        SettingError
            If no evaluation succeeded.
        """
        position = -1
        if len(self):
            position = self.incumbent_positions[-1]
        if position < 0:
            reason = next(iter(self.failures.values()), "Give it a larger budget.")
            raise SettingError(
                f"The run of {self.searcher} on {self.task.name} has no best architecture, because no full training or "
                f"evaluation succeeded: {reason}"
            )
        return Best(int(self.architectures[position]), float(self.values[position]))

    def report(self) -> dict[ColumnInfo, float]:
        """Return the values of the best architecture in the report columns, such as its test accuracy.

        Returns
        -------
        dict of ColumnInfo to float
            Empty if the table has no report column; each column has its split, seed and release.

        Raises
        ------
        MissingValueError
            If the table, or the source with its report columns, is not on this machine; the message
            states how to get it.
        """
        return self.evaluator.report(self.best.architecture)

    def frame(self) -> pd.DataFrame:
        """Return the results frame of the run, one row per evaluation.

        Returns
        -------
        DataFrame
            Columns: task, searcher, seed, evaluation (1, 2, …), cell, value, cost_seconds,
            simulated_seconds (its end on the clock), incumbent, incumbent_value, regret (distance
            to the optimum of the task, or to its best known value), worker, epochs, clock (workers
            and rules), space, warm_start, stopped (see `History`) and failure (a reason or an empty
            string). Until a full training succeeds, the incumbent is the worst architecture.

        Examples
        --------
        >>> import nasmeta as nm
        >>> nm.search("random", "nb201/cifar10", evaluations=50).frame().shape
        (50, 18)
        """
        return results_frame([self])

    def plot(
        self,
        path: str | os.PathLike[str] | None = None,
        x: RunAxis = "evaluation",
        width: Width = None,
    ) -> Figure:
        """Draw the values and the best value so far; with several objectives, values, front and true front.

        Parameters
        ----------
        path : path, optional
            Also save the figure in this file; its suffix is the format, such as ``.png`` or
            ``.pdf``.
        x : {"evaluation", "simulated_seconds"}
            Not used with several objectives: the axes are the first two of them.
        width : str or float, optional
            As in `nasmeta.analysis.plot_regret`; by default 4.6 inches, or 5.6 inches for a front.

        Examples
        --------
        >>> import nasmeta as nm
        >>> nm.search("random", "nb201/cifar10", evaluations=20).plot().axes[0].get_title()
        'random, seed 0: CIFAR-10'
        """
        figure = plot_run(self, x, width) if self.n_objectives == 1 else plot_front(self, width)
        if path is not None:
            figure.savefig(path, dpi=200)
        return figure

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {
            "searcher": f"{self.searcher}, seed {self.seed}",
            "task": self.task.name,
            "evaluations": f"{len(self):,}, stopped by {self.stopped}",
        }
        if self.n_objectives == 1 and self._result():
            column, architecture = self.evaluator.column, self.best.architecture
            metric, value = column.labelled(column.metric), written(self.best.value, column.unit)
            number = self.incumbent_positions[-1] + 1
            facts["best"] = f"{metric} {value}, found by evaluation {number:,}"
            facts["architecture"] = f"{architecture}: {self.task.space.to_string(architecture)}"
        return facts

    def _result(self) -> str:
        if not len(self) or self.incumbent_positions[-1] < 0:
            return ""
        return f", best {self.best.architecture} with {self.evaluator.column.labelled(written(self.best.value))}"

    def __repr__(self) -> str:
        count = f"{len(self)} evaluations, stopped by {self.stopped}"
        run = f"{self.searcher} on {self.task.name}, seed {self.seed}"
        return f"{type(self).__name__}({run}: {count}{self._result()})"


def results_frame(runs: Sequence[History]) -> pd.DataFrame:
    """Return the results frame of runs, one row per evaluation, in the order of the runs; see `History.frame`.

    ``frame.attrs`` has facts by task and searcher. ``searcher_seconds``: mean computing time of the
    searcher per run; missing if all runs were read from journals. ``runs``: the number of runs,
    including those without an evaluation. ``full_epochs``: the epochs of a full training.
    ``random_search``: whether it is random search on the whole space, under any label. ``sources``:
    the names of its sources. ``seconds`` and ``evaluations``: the budget of a run. ``predicted``,
    by task, if values are predictions: their source, see `nasmeta.evaluators.Evaluator.prediction`.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.runs import results_frame
    >>> runs = [nm.search("random", "nb201/cifar10", evaluations=20, seed=seed) for seed in range(3)]
    >>> results_frame(runs)["seed"].value_counts().to_dict()
    {0: 20, 1: 20, 2: 20}
    """
    import pandas as pd

    lengths = [len(run) for run in runs]

    def names(of_runs: list[str]) -> pd.Categorical[str]:
        codes, categories = pd.factorize(np.array(of_runs, dtype=object))
        return pd.Categorical.from_codes(
            np.repeat(codes, lengths), categories=pd.Index(categories, dtype=str)
        )

    data: dict[str, Any] = {
        "task": names([run.task.name for run in runs]),
        "searcher": names([run.searcher for run in runs]),
        "seed": np.repeat(np.array([run.seed for run in runs], dtype=np.int64), lengths),
    }
    numbers = [_numbers(run) for run in runs]
    for name, dtype in _NUMBERS.items():
        columns = [of_run[name] for of_run in numbers]
        data[name] = np.concatenate([np.empty(0, dtype), *columns], dtype=dtype)
    for name in ("clock", "space", "warm_start", "stopped"):
        data[name] = names([str(getattr(run, name)) for run in runs])
    reasons, codes = _failures(runs)
    data["failure"] = pd.Categorical.from_codes(codes, categories=pd.Index(reasons, dtype=str))
    frame = pd.DataFrame(data | _objectives(runs))
    frame.attrs |= _facts(runs)
    return frame


def _failures(runs: Sequence[History]) -> tuple[list[str], Integers]:
    """Return the reasons, the first one empty, and the number of the reason of each evaluation, shape (n,)."""
    lengths = [len(run) for run in runs]
    numbers, codes = {"": 0}, np.zeros(sum(lengths), np.int64)
    begin = 0
    for run, length in zip(runs, lengths, strict=True):
        for position, reason in run.reasons().items():
            codes[begin + position] = numbers.setdefault(reason, len(numbers))
        begin += length
    return list(numbers), codes


def _objectives(runs: Sequence[History]) -> dict[str, Floats]:
    """Return a column of values per objective, NaN for runs with one; empty if all runs have one."""
    n_objectives = max((run.n_objectives for run in runs), default=1)
    if n_objectives == 1:
        return {}
    blocks = []  # shape (n, m) each
    for run in runs:
        values = np.full((len(run), n_objectives), np.nan)
        if run.n_objectives > 1:
            values[:] = run.values
        blocks.append(values)
    columns = np.concatenate(blocks).T
    return {f"objective_{i}": column for i, column in enumerate(columns, start=1)}


_NUMBERS: dict[str, type] = {
    "evaluation": np.int64,
    "cell": np.int64,
    "value": np.float64,
    "cost_seconds": np.float64,
    "simulated_seconds": np.float64,
    "incumbent": np.int64,
    "incumbent_value": np.float64,
    "regret": np.float64,
    "worker": np.int32,
    "epochs": np.int32,
}


def _numbers(run: History) -> dict[str, Array]:
    """Return the columns of numbers of one run."""
    (incumbents, values), evaluator = run._incumbents(), run.evaluator
    if run.task.is_sampled and evaluator.noise_free is not None:
        values = evaluator.noise_free[incumbents]  # the means over seeds
    regrets = evaluator.sign * (evaluator.optimum - values) + 0.0  # no -0.0
    if evaluator.values is None:
        regrets = np.maximum(regrets, 0.0)  # a run may exceed the best known value
    elif (regrets < 0).any():
        raise SettingError(
            f"best value of the run on {run.task.name}",
            run.best.value,
            f"{evaluator.optimum} at best",
        )
    return {
        "evaluation": np.arange(1, len(run) + 1),
        "cell": run.architectures,
        "value": run._scores,
        "cost_seconds": run.cost_seconds,
        "simulated_seconds": run.end_seconds,
        "incumbent": incumbents,
        "incumbent_value": values,
        "regret": regrets,
        "worker": run.workers,
        "epochs": run.epochs,
    }


def _facts(runs: Sequence[History]) -> dict[str, dict[str, Any]]:
    """Return the attributes of a frame, by task and searcher."""
    groups: dict[tuple[str, str], list[History]] = {}
    for run in runs:
        groups.setdefault((run.task.name, run.searcher), []).append(run)
    names = (
        "runs",
        "full_epochs",
        "random_search",
        "sources",
        "searcher_seconds",
        "seconds",
        "evaluations",
    )
    facts: dict[str, dict[str, Any]] = {name: {} for name in names}
    for (task, searcher), group in groups.items():
        config = group[-1].config
        seconds = np.array([run.searcher_seconds for run in group])
        seconds = seconds[~np.isnan(seconds)]  # runs that were not read from journals
        mean_seconds = None
        if len(seconds):
            mean_seconds = float(seconds.mean())
        entries = (
            len(group),
            group[-1].full_epochs,
            issubclass(config.searcher.kind, SEARCHERS["random"]) and not config.searcher.transfer,
            list(config.source_names) or None,
            mean_seconds,
            config.budget.seconds,
            config.budget.evaluations,
        )
        for name, entry in zip(names, entries, strict=True):
            if entry is not None:
                facts[name].setdefault(task, {})[searcher] = entry
    for run in runs:
        if run.evaluator.prediction:
            facts.setdefault("predicted", {})[run.task.name] = run.evaluator.prediction
    return facts
