"""The address of a column and the facts about it; well-known metrics."""

from __future__ import annotations

import re
import tomllib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from nasmeta.arrays import AnyFloats, Floats, Integers
from nasmeta.files import shipped
from nasmeta.spaces import canonical_dataset

Kind: TypeAlias = Literal["performance", "size", "seconds", "latency", "energy", "proxy"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_NOTED_METRIC = re.compile(r"the metric is ([^;]+)")

Seed: TypeAlias = "int | str"  # the only string is "mean"


@dataclass(frozen=True)
class ColumnInfo:
    """The address of a column (dataset, metric, split, epochs, seed, release), and the facts about it.

    Attributes
    ----------
    dataset : str
        Such as ``imagenet16-120``; queries ignore the case.
    metric : str
        Well-known names, such as accuracy and train_seconds, are listed in
        ``benchmarks_data/metrics.toml``.
    split : str or None
        The data of the measurement; None for metrics without a split, such as parameters.
    epochs : int or None
        The length of the training; None for metrics without a training.
    seed : int, "mean" or None
        ``mean`` is the mean of the measured seeds, or the value that all seeds share; None if a
        source does not state it.
    unit : str
    direction : {"max", "min"}
        Whether higher or lower values are better.
    release : str
        The release of the benchmark; means over different releases are different numbers.
    source, licence, source_sha256 : str
        Name of the source, licence, and checksum of the raw file.
    note : str
        Further facts, such as the official name of the split.
    epoch : int or None
        For a point of a learning curve, the number of completed `epochs`. None is the end.
    kind : {"performance", "size", "seconds", "latency", "energy", "proxy"}
        It determines the names that a task holds out, see `nasmeta.tasks.Task.held_out`.
    device : str or None
        The device of latency or energy, without the size of the batch.
    origin : str
        How the values were obtained: ``measured``, ``predicted by …``, ``trained here`` or
        ``computed here``. All outputs use its words.

    Examples
    --------
    >>> ColumnInfo("cifar10", "accuracy", "valid", 200, 777, "percent", "max", "v1.0", "made-up", "CC0").address
    'cifar10/accuracy/valid/200/777'
    """

    dataset: str
    metric: str
    split: str | None
    epochs: int | None
    seed: Seed | None
    unit: str
    direction: Literal["max", "min"]
    release: str
    source: str
    licence: str
    source_sha256: str = ""
    note: str = ""
    epoch: int | None = None
    kind: Kind = "performance"
    device: str | None = None
    origin: str = "measured"

    def __post_init__(self) -> None:
        # A query finds a dataset and a split by one name.
        object.__setattr__(self, "dataset", canonical_dataset(self.dataset, keep_case=True))
        object.__setattr__(self, "split", split_of(self.split))

    @classmethod
    def of(cls, facts: dict[str, Any]) -> ColumnInfo:
        """Return the facts from a dictionary with all of them, ten times as fast as the constructor.

        Examples
        --------
        >>> from dataclasses import asdict
        >>> info = ColumnInfo("cifar10", "accuracy", "valid", 200, 777, "percent", "max", "v1.0", "made-up", "CC0")
        >>> ColumnInfo.of(asdict(info)) == info
        True
        """
        info = object.__new__(cls)
        info.__dict__.update(facts)
        return info

    @property
    def predicted(self) -> bool:
        """Whether values are predictions."""
        return "predicted" in self.origin

    @property
    def kind_of_values(self) -> str:
        """``measured``, ``predicted``, ``trained`` or ``computed``."""
        return self.origin.partition(" ")[0]

    def predicted_by(self, facts: Mapping[str, Any]) -> ColumnInfo:
        """Return the column for its predictions; for the facts see `nasmeta.evaluators.Evaluator.prediction`."""
        models = [facts]
        if "by" not in facts:
            models = [*facts.values()]
        origins = []
        for model in models:
            origin = f"predicted by {model['by']}"
            if model.get("r2_held_out") is not None:
                origin += f" (R² {model['r2_held_out']:.3f} on held-out groups)"
            if "fitted_to" in model:
                origin += f", fitted to {model['fitted_to']}"
            origins.append(origin)
        noted = _NOTED_METRIC.search(self.note)
        note = noted[0] if noted else ""  # the rest is about the labels
        return replace(self, origin=" + ".join(dict.fromkeys(origins)), release="", note=note)

    def labelled(self, name: str) -> str:
        """Return a name for the values; for predictions, it starts with ``predicted``."""
        return f"predicted {name}".strip() if self.predicted else name

    @property
    def metric_name(self) -> str:
        """The metric with spaces, or the name in the note if the benchmark uses another metric's name."""
        name = self.metric.replace("_", " ")
        noted = _NOTED_METRIC.search(self.note)
        if noted:
            name = noted[1].strip()
        return self.labelled(name)

    @property
    def origin_text(self) -> str:
        """The origin; for a table its release.

        Examples
        --------
        >>> info = ColumnInfo("cifar10", "accuracy", "valid", 200, 777, "percent", "max", "v1.0", "made-up", "CC0")
        >>> info.origin_text, replace(info, origin="predicted by made-up").origin_text
        ('release v1.0', 'predicted by made-up')
        """
        return f"release {self.release}" if self.origin == "measured" else self.origin

    @property
    def address(self) -> str:
        """The address as a text; a part without a value is ``-``, epochs of a point of a curve are ``37of200``."""
        epochs = str(self.epochs)
        if self.epochs is None:
            epochs = "-"
        elif self.epoch is not None:
            epochs = f"{self.epoch}of{self.epochs}"
        split = "-" if self.split is None else self.split
        seed = "-" if self.seed is None else self.seed
        return f"{self.dataset}/{self.metric}/{split}/{epochs}/{seed}"


_HARDWARE = re.compile(r"(latency|energy)_(.+?)(?:_batch\d+)?_(?:milliseconds|millijoules)")


def kind_of_metric(metric: str) -> tuple[Kind, str | None]:
    """Return kind and device from the name of a metric of a built-in table.

    >>> kind_of_metric("latency_1080ti_batch32_milliseconds"), kind_of_metric("train_seconds")
    (('latency', '1080ti'), ('seconds', None))
    """
    hardware = _HARDWARE.fullmatch(metric)
    if hardware:
        kind: Any = hardware[1]
        return kind, hardware[2]
    if re.search(r"parameters|params|flops", metric):
        return "size", None
    if metric.startswith("proxy_"):
        return "proxy", None
    if "seconds" in metric:
        return "seconds", None
    return "performance", None


def joined_facts(infos: Iterable[ColumnInfo], *facts: str) -> dict[str, Any]:
    """Return facts about several columns, with " + " between different values.

    >>> info = ColumnInfo("cifar10", "accuracy", "valid", 200, 777, "percent", "max", "v1.0", "made-up", "CC0")
    >>> joined_facts([info, replace(info, release="v1.1")], "release", "licence")
    {'release': 'v1.0 + v1.1', 'licence': 'CC0'}
    """
    columns = list(infos)
    joined = {}
    for fact in facts:
        values = []
        for column in columns:
            values += getattr(column, fact).split(" + ")  # several if it was joined before
        joined[fact] = " + ".join(filter(None, dict.fromkeys(values)))
    return joined


Values: TypeAlias = "AnyFloats"  # float32, or float64 if float32 would merge distinct values


def stored(values: Floats) -> Values:
    """Return values as float32, or unchanged if float32 would merge distinct values.

    Values that differ by rounding in the last digits of float64 are not distinct.

    >>> stored(np.array([1e9, 1e9 + 1])).dtype, stored(np.array([91.25, 90.5, np.nan])).dtype
    (dtype('float64'), dtype('float32'))
    """
    known = values[~np.isnan(values)]
    ordered = np.unique(np.append(known, 0.0))  # 0, because float32 may round a small value to it
    merged = np.diff(ordered.astype(np.float32)) == 0
    distinct = np.diff(ordered) > 1e-12 * np.abs(ordered[1:])
    if (merged & distinct).any():
        return values
    return values.astype(np.float32)


@dataclass(frozen=True, eq=False)
class SparseValues:
    """The measured values of a column, which take less memory if few are measured.

    >>> np.asarray(SparseValues.of(np.array([np.nan, 5.0, np.nan])))
    array([nan,  5., nan])
    """

    size: int
    architectures: Integers
    values: Values

    @classmethod
    def of(cls, whole: Values) -> SparseValues:
        """Return the values of a whole column that are not NaN."""
        architectures = np.flatnonzero(~np.isnan(whole)).astype(np.int32)
        return cls(len(whole), architectures, whole[architectures])

    @property
    def dtype(self) -> np.dtype[np.floating[Any]]:
        """The type of the whole column."""
        return self.values.dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Values:
        whole = np.full(self.size, np.nan, dtype or self.dtype)
        whole[self.architectures] = self.values
        return whole


def mean_over_seeds(columns: Iterable[Values | SparseValues]) -> Values:
    """Return the mean of the measured values of each architecture, in the type of the columns; NaN without any."""
    values = np.stack([np.asarray(column) for column in columns])
    with warnings.catch_warnings(action="ignore"):  # about architectures without a value
        return np.asarray(np.nanmean(values, axis=0, dtype=np.float64), dtype=values.dtype)


class KnownMetric(NamedTuple):
    """Facts about a metric that follow from its name."""

    direction: Literal["max", "min"]
    kind: Kind = "performance"
    unit: str = "1"  # "percent": of accuracies above 1; others are fractions
    split: str | None = None


@cache
def known_metrics() -> dict[str, KnownMetric]:
    """Return the well-known metrics by name."""
    declared = tomllib.loads(shipped("metrics.toml").read_text(encoding="utf-8"))
    return {name: KnownMetric(**facts) for name, facts in declared.items()}


def known_metric(metric: str) -> KnownMetric | None:
    """Return the facts about a well-known metric; None for any other name.

    >>> known_metric("Val_Acc").direction, known_metric("f1")
    ('max', None)
    """
    return known_metrics().get(metric.lower())


def measured_split(metric: str, split: str | None) -> str | None:
    """Return the split of a column; if it has none, the split in the name of a well-known metric.

    >>> measured_split("accuracy", "Val"), measured_split("test_acc", None), measured_split("f1", None)
    ('valid', 'test', None)
    """
    known = known_metric(metric)
    if known and split is None:
        return known.split
    return split_of(split)


_SPLITS = {"valid": "valid", "val": "valid", "validation": "valid", "test": "test"}


def split_of(name: str | None) -> str | None:
    """Return the split that a name stands for.

    >>> [split_of(name) for name in ("validation", "Val", "TEST", "train+valid")]
    ['valid', 'valid', 'test', 'train+valid']
    """
    return _SPLITS.get((name or "").lower(), name)


def default_metrics(columns: Sequence[ColumnInfo]) -> list[str]:
    """Return the metrics that define the tasks of a dataset; with several metrics, a task's name contains its metric.

    The default is the first well-known accuracy that was not measured on training data, else all
    other performance metrics, else all metrics.
    """
    kinds = {info.metric: info.kind for info in columns}
    performances = []
    for metric, kind in kinds.items():
        if kind == "performance" and measured_split(metric, None) != "train":
            performances.append(metric)
    for name, known in known_metrics().items():
        accuracies = [metric for metric in performances if metric.lower() == name]
        if known.unit == "percent" and accuracies:
            return accuracies[:1]
    return performances or list(kinds)
