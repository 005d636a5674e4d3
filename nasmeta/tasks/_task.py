"""A task: a question to which a table, a surrogate or a training has the answer."""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasmeta.checks import checked_generator, checked_whole
from nasmeta.errors import ColumnError, MissingValueError, SettingError
from nasmeta.spaces import CellSpace, canonical_dataset, get_space, held_out_name, move_cells

if TYPE_CHECKING:
    from nasmeta.tables import ColumnInfo

__all__ = ["UNDER_A_BUDGET", "Signal", "SourceTask", "Task", "device_of", "held_out_metric"]

_EMBEDDED_RELEASE = "NATS-tss v1.0"
UNDER_A_BUDGET = (
    "A budget counts them as infeasible: nb201/cifar10/within-5ms/{}. As a source the task gives its labelled cells."
)
_LARGEST_LABEL = 1e100  # squares of as many as there are cells can be summed up
_COST_METRIC = re.compile(r"seconds|parameters|params|flops")
_SIZE = re.compile(r"parameters|params|flops")
_HARDWARE_METRIC = re.compile(r"(?:latency|energy)_(.+?)(?:_batch\d+)?_(?:milliseconds|millijoules)")


def device_of(metric: str) -> str | None:
    """Return the device that a metric of hardware was measured on, without its batch size; None for other metrics.

    Examples
    --------
    >>> device_of("latency_1080ti_batch32_milliseconds"), device_of("accuracy")
    ('1080ti', None)
    """
    found = _HARDWARE_METRIC.fullmatch(metric)
    return found[1] if found else None


def held_out_metric(metric: str) -> str | None:
    """Return what a metric holds out beside its dataset, as it is nearly the same on all; None for other metrics.

    Examples
    --------
    >>> held_out_metric("proxy_params"), held_out_metric("train_seconds"), held_out_metric("accuracy")
    ('parameters_and_flops', 'train_seconds', None)
    """
    if _SIZE.search(metric):
        return "parameters_and_flops"
    return metric if metric.startswith("proxy_") or _COST_METRIC.search(metric) else None


@dataclass(frozen=True)
class Signal:
    """The address of the one column that a searcher sees.

    Attributes
    ----------
    dataset, metric : str
    split : str or None
    epochs : int or None
    seed : int, "mean" or None
        These three are None where they mean nothing, or where the source does not say.
    release : str
        Always said: means over different releases are different numbers.

    Examples
    --------
    >>> Signal("ImageNet16-120", "accuracy", "valid", 200, "mean", "NATS-tss v1.0").dataset
    'imagenet16-120'
    """

    dataset: str
    metric: str
    split: str | None
    epochs: int | None
    seed: int | str | None
    release: str

    def __post_init__(self) -> None:
        # One name for a dataset: what is held out is compared by name.
        object.__setattr__(self, "dataset", canonical_dataset(self.dataset))


@dataclass(frozen=True)
class SourceTask:
    """What a meta-searcher may see of a source task: labelled cells, and nothing else.

    Attributes
    ----------
    name, dataset : str
    space : CellSpace
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
    space: CellSpace
    cells: NDArray[np.int32]
    utilities: NDArray[np.float64]
    held_out: tuple[str, ...] = ()
    is_cost: bool = False
    metric_kind: str = ""

    def __post_init__(self) -> None:
        cells, utilities = _checked_labels(self.name, self.space, self.cells, self.utilities)
        object.__setattr__(self, "cells", cells)
        object.__setattr__(self, "utilities", utilities)
        given: object = self.held_out
        of_all = held_out_metric(self.metric_kind)
        names = [self.dataset, *([of_all] if of_all else []), *([given] if isinstance(given, str) else self.held_out)]
        if not all(isinstance(name, str) and name.strip() for name in names):
            raise SettingError(f"Source {self.name} is on {names!r:.80}, but a dataset or device is a name.")
        object.__setattr__(
            self, "held_out", tuple(dict.fromkeys(held_out_name(held_out_metric(name) or name) for name in names))
        )

    def __len__(self) -> int:
        return len(self.cells)

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

    def in_space(self, space: CellSpace) -> SourceTask:
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
        if space == self.space:
            return self
        cells, kept = move_cells(self.cells, self.space, space)
        if not len(cells):
            raise SettingError(f"None of the labelled cells of {self.name} is a cell of {space.name}.")
        return replace(self, space=space, cells=cells, utilities=self.utilities[kept])


def _checked_labels(
    name: str, space: CellSpace, cells: ArrayLike, utilities: ArrayLike
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the labelled cells of a source as arrays, or say what is wrong with them."""
    who = f"Source {name}"
    try:
        whole, labels = np.asarray(cells), np.asarray(utilities, dtype=np.float64)
    except (TypeError, ValueError) as reason:
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
        """The first of `held_out`: a dataset, or for a task about hardware a device."""
        return self.held_out[0]

    @property
    def held_out(self) -> tuple[str, ...]:
        """What must not appear in any source when this task is the target.

        For what is measured on images, such as accuracy, also under attack, that is the dataset, whatever the epochs,
        seed, split or release. For latency and energy it is the device, whatever the batch size, the metric and the
        dataset whose networks ran on it: these numbers do not come from images, and those of one device for two
        datasets nearly agree. A task of both holds out both. Seconds, parameters and FLOPs of one dataset are those
        of another but for a factor or an offset, so such a task holds out the metric beside the dataset;
        parameters and FLOPs, under whatever name, are one metric. So does a zero-cost proxy, as the same untrained
        networks answer on other images (Spearman up to .999 from one dataset to another).
        """
        device = device_of(self.signal.metric)
        if device is not None:
            return (device,)
        # Networks trained on half of CIFAR-10 have a dataset of their own name, but its images.
        dataset = held_out_name(self.signal.dataset)
        other = held_out_metric(self.signal.metric)
        return (dataset,) if other is None else (dataset, other)

    @property
    def is_cost(self) -> bool:
        """Whether the signal is a cost in proportion to the work done, as in `SourceTask`; known from the metric."""
        metric = self.signal.metric
        return device_of(metric) is not None or _COST_METRIC.search(metric) is not None

    @property
    def metric_kind(self) -> str:
        """What the signal measures, without device, budget, weight or strength of an attack.

        Examples
        --------
        >>> from nasmeta.tasks import get_task
        >>> [get_task(name).metric_kind for name in ("nb201/cifar10", "nb201/latency/pixel3", "nb201/robust/pgd@1")]
        ['accuracy', 'latency', 'accuracy under attack']
        """
        metric = self.signal.metric
        if device_of(metric) is not None:
            return metric.partition("_")[0]
        kind, under, _ = metric.partition("_under_")
        return f"{kind} under attack" if under else metric

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

    def require_complete(self) -> None:
        """Refuse a search over this task where cells have no value: it would end at the first of them.

        Such a task can still be a source (`as_source` has the labelled cells), and a budget on the device that cannot
        run all cells counts these as infeasible.

        Raises
        ------
        MissingValueError

        Examples
        --------
        >>> from nasmeta.tasks import get_task
        >>> get_task("nb201/cifar10").require_complete()
        """
        missing = np.flatnonzero(np.isnan(self.values))
        if len(missing):
            raise MissingValueError(
                f"{self.name} cannot be searched: {len(missing):,} of {len(self.values):,} cells, such as "
                f"{missing[0]}, were not measured, and nothing is imputed. {self._instead}"
            )

    @property
    def _instead(self) -> str:
        device = device_of(self.signal.metric)
        if device is not None:
            return UNDER_A_BUDGET.format(device)
        if isinstance(self.signal.seed, int):
            return "The mean over the measured seeds has more cells: leave out the seed."
        return "As a source it gives its labelled cells: Task.as_source."

    @cached_property
    def cost_seconds(self) -> NDArray[np.float64]:
        """Training time of all cells in seconds, float64, shape (n_cells,): what one evaluation would cost.

        The recorded seconds of the signal's own dataset, epochs and release. Where its release has none: those that
        NATS-tss v1.0 recorded for 200 epochs, times epochs / 200, for on NAS-Bench-201 every epoch takes the same
        time; networks trained on all of CIFAR-10 (its test accuracy) take twice the time of those trained on half.
        0 for latency and energy, which need no training; how long measuring them took nobody recorded.
        """
        from nasmeta.tables import load_table

        s = self.signal
        if device_of(s.metric) is not None:
            costs = np.zeros(self.space.size)
        else:
            table = load_table(self.table)
            seed = None if s.seed is None else "mean"
            dataset = s.dataset.removesuffix("-valid")
            whole = s.metric == "accuracy" and s.dataset == "cifar10" and s.split in ("test", "train+valid")
            split = "train+valid" if whole else "train"
            try:
                costs = table.column(dataset, "train_seconds", split, s.epochs, seed, s.release).astype(np.float64)
            except ColumnError:
                if self.table != "nb201" or s.epochs is None:
                    raise
                recorded = table.column(dataset, "train_seconds", "train", 200, "mean", _EMBEDDED_RELEASE)
                costs = recorded.astype(np.float64) * (s.epochs / 200) * (2 if whole else 1)
        costs.flags.writeable = False
        return costs

    @cached_property
    def report_columns(self) -> tuple[ColumnInfo, ...]:
        """What may be told about the cells of a finished run: the signal's metric on the test split, where it is here.

        Every release that the table holds is there, and says its name. A searcher has no way to these columns.
        """
        from nasmeta.tables import load_table

        s = self.signal
        if s.split != "valid":
            return ()
        found: dict[tuple[str, str], ColumnInfo] = {}
        for info in load_table(self.table).columns:
            if info.dataset in (s.dataset, f"{s.dataset}-valid") and (info.metric, info.split, info.epochs) == (
                s.metric, "test", s.epochs,
            ):  # fmt: skip
                known = found.setdefault((info.dataset, info.release), info)
                if known.seed != s.seed and info.seed in (s.seed, "mean"):
                    found[info.dataset, info.release] = info
        return tuple(found.values())

    def report(self, cell: int) -> dict[ColumnInfo, float]:
        """Return the values of a cell in the report columns; those that were not measured are left out.

        Examples
        --------
        >>> from nasmeta.tasks import get_task
        >>> for column, value in get_task("nb201/cifar100").report(9930).items():
        ...     print(column.address, column.release, round(value, 2))  # doctest: +SKIP
        cifar100/accuracy/test/200/mean NB201 v1.1 73.51
        """
        from nasmeta.tables import load_table

        table = load_table(self.table)
        values = {
            c: table.column(c.dataset, c.metric, c.split, c.epochs, c.seed, c.release) for c in self.report_columns
        }
        return {info: float(column[cell]) for info, column in values.items() if not np.isnan(column[cell])}

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

        Raises
        ------
        SettingError
            Where `labels` is no whole number from 1 to that of the labelled cells, or `rng` no generator.
        MissingValueError
            Where no cell is measured.

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
            labels, rng = checked_whole("labels", labels), checked_generator(rng, "labelled cells")
            if labels > len(cells):
                raise SettingError(f"{self.name} has {len(cells):,} labelled cells; asked for {labels:,} labels.")
            cells = np.sort(rng.choice(cells, labels, replace=False))
        if not len(cells):
            raise MissingValueError(f"{self.name} has no measured cell.")
        return SourceTask(
            self.name,
            self.dataset,
            self.space,
            cells,
            self.sign * self.values[cells],
            self.held_out,
            self.is_cost,
            self.metric_kind,
        )

    def __repr__(self) -> str:
        s = self.signal
        said = (("split {}", s.split), ("{} epochs", s.epochs), ("seed {}", s.seed))
        parts = [s.metric, *(text.format(value) for text, value in said if value is not None), self.space.name]
        return f"{type(self).__name__}({self.name!r}: {', '.join(parts)})"

    def __reduce__(self) -> tuple[type[Task], tuple[str, str, Signal]]:
        return Task, (self.name, self.table, self.signal)
