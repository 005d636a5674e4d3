"""The columns of a task: the signal and the cost of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nasmeta.spaces import canonical_dataset
from nasmeta.tables import ColumnInfo, Kind, Table, table_names

EMBEDDED_RELEASE = "NATS-tss v1.0"


@dataclass(frozen=True)
class Signal:
    """The address of the one column that a searcher sees.

    Split, epochs and seed are None if they do not apply or the source does not state them. The seed may be ``"mean"``,
    or ``"sample"``: one of the measured seeds per architecture, drawn anew in each run. The release is always stated,
    because means over different releases are different numbers.

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
    kind: Kind | None = None  # kind and device as in `nasmeta.tables.ColumnInfo`; None: as the column states
    device: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "dataset", canonical_dataset(self.dataset, keep_case=True))

    @property
    def address(self) -> tuple[Any, ...]:
        """The arguments of `nasmeta.tables.Table.column`; a sampled seed is replaced by the mean."""
        seed = "mean" if self.seed == "sample" else self.seed
        return self.dataset, self.metric, self.split, self.epochs, seed, self.release

    @classmethod
    def of(cls, column: ColumnInfo) -> Signal:
        """Return the signal that is a column."""
        c = column
        return cls(c.dataset, c.metric, c.split, c.epochs, c.seed, c.release, c.kind, c.device)

    def to_dict(self) -> dict[str, Any]:
        """Return the parts that identify the column, in JSON types; the dataset by its canonical name."""
        parts = dict(zip(("dataset", "metric", "split", "epochs", "seed", "release"), self.address, strict=True))
        return parts | {"dataset": canonical_dataset(self.dataset)}


@dataclass(frozen=True)
class Cost:
    """Seconds per evaluation: a column times a factor.

    Examples
    --------
    >>> import nasmeta as nm
    >>> nm.load_table("nb201").task("accuracy", dataset="cifar10", cost="train_seconds").has_cost
    True
    """

    signal: Signal
    factor: float = 1.0


def is_own_table(name: str) -> bool:
    """Whether the table of this name comes from a user or another package.

    >>> is_own_table("nb201"), is_own_table("mine")
    (False, True)
    """
    return name not in ("", *table_names())


def recorded_costs(table: Table, signal: Signal) -> list[Cost]:
    """Return the columns of seconds that belong to a signal, the best first.

    On NAS-Bench-201, seconds of the signal's training, else seconds of the embedded release for 200 epochs, in
    proportion to the epochs, doubled if the networks were trained on all of CIFAR-10. On other tables, columns of kind
    ``seconds`` of the same dataset and epochs: ``train_seconds``, or the only metric of this kind.
    """
    s = signal
    if table.name == "nb201":
        dataset = s.dataset.removesuffix("-valid")
        whole = s.metric == "accuracy" and s.dataset == "cifar10" and s.split in ("test", "train+valid")
        seed = None if s.seed is None else "mean"
        own = Signal(dataset, "train_seconds", "train+valid" if whole else "train", s.epochs, seed, s.release)
        if s.epochs is None:
            return [Cost(own)]
        embedded = Signal(dataset, "train_seconds", "train", 200, "mean", EMBEDDED_RELEASE)
        return [Cost(own), Cost(embedded, (s.epochs / 200) * (2 if whole else 1))]
    dataset = canonical_dataset(s.dataset)
    seconds = [c for c in table.columns if c.kind == "seconds" and canonical_dataset(c.dataset) == dataset]
    seconds = [c for c in seconds if c.epochs in (s.epochs, None)]
    seconds = [c for c in seconds if c.metric.lower() == "train_seconds"] or seconds
    if len({c.metric for c in seconds}) > 1:
        return []
    preferred = {s.seed: 0, "mean": 1, None: 2}
    seconds.sort(key=lambda c: (c.release != s.release, c.epochs is None, preferred.get(c.seed, 3)))
    return [Cost(Signal.of(column)) for column in seconds]
