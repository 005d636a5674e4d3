"""What a searcher sees and what it pays: addresses of columns, also those of costs that nobody names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nasmeta.spaces import SearchSpace, canonical_dataset

if TYPE_CHECKING:
    from nasmeta.tables import ColumnInfo, Kind, Table


@dataclass(frozen=True)
class Signal:
    """The address of the one column that a searcher sees.

    Split, epochs and seed are None where they mean nothing, or where the source does not say. The seed may be
    ``"mean"``, or ``"sample"``: one of the measured seeds for each architecture, drawn anew in each run. The release is
    always said, as means over different releases are different numbers.

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
    epoch: int | None = None  # for a point of a learning curve: after how many of the epochs
    kind: Kind | None = None  # this and the next as in `nasmeta.tables.ColumnInfo`; None where the column says
    device: str | None = None

    def __post_init__(self) -> None:
        # One name for a dataset: what is held out is compared by name.
        object.__setattr__(self, "dataset", canonical_dataset(self.dataset))

    @property
    def address(self) -> tuple[Any, ...]:
        """The arguments of `nasmeta.tables.Table.column`; of a sampled seed those of the mean over all."""
        seed = "mean" if self.seed == "sample" else self.seed
        return self.dataset, self.metric, self.split, self.epochs, seed, self.release, self.epoch

    @classmethod
    def of(cls, column: ColumnInfo) -> Signal:
        """Return the signal that is a column."""
        c = column
        return cls(c.dataset, c.metric, c.split, c.epochs, c.seed, c.release, c.epoch, c.kind, c.device)

    def to_dict(self) -> dict[str, Any]:
        """Return what identifies the column, of JSON's types."""
        parts = zip(("dataset", "metric", "split", "epochs", "seed", "release", "epoch"), self.address, strict=True)
        return {part: value for part, value in parts if part != "epoch" or value is not None}


@dataclass(frozen=True)
class Cost:
    """Seconds of an evaluation: a column times a factor.

    Examples
    --------
    >>> import nasmeta as nm
    >>> nm.load_table("nb201").task("accuracy", dataset="cifar10", cost="train_seconds").has_cost
    True
    """

    signal: Signal
    factor: float = 1.0


EMBEDDED_RELEASE = "NATS-tss v1.0"


def is_own_table(name: str) -> bool:
    """Whether a user, or another package, brought the table of this name."""
    from nasmeta.tables import table_names

    return name not in ("", *table_names())


def recorded_costs(table: Table | str | SearchSpace, signal: Signal) -> tuple[Cost, ...]:
    """Return the columns of seconds that belong to a signal, the best first.

    On NAS-Bench-201 those of the signal's own training, else those that the embedded release recorded for 200 epochs,
    in proportion to the epochs, and twice as much where all of CIFAR-10 was trained on. Elsewhere columns of kind
    ``seconds`` of the same dataset and epochs: ``train_seconds``, or the only metric of this kind.
    """
    if isinstance(table, SearchSpace):
        return ()
    if (table if isinstance(table, str) else table.name) == "nb201":
        return _of_nb201(signal)
    from nasmeta.tables import load_table

    opened = load_table(table) if isinstance(table, str) else table
    found = [
        column
        for column in opened.columns
        if (column.kind, column.dataset, column.epoch) == ("seconds", signal.dataset, None)
        and column.epochs in (signal.epochs, None)
    ]
    found = [column for column in found if column.metric.lower() == "train_seconds"] or found
    if len({column.metric for column in found}) > 1:
        return ()
    preferred = {signal.seed: 0, "mean": 1, None: 2}
    found.sort(key=lambda c: (c.release != signal.release, c.epochs is None, preferred.get(c.seed, 3)))
    return tuple(Cost(Signal.of(column)) for column in found)


def _of_nb201(s: Signal) -> tuple[Cost, ...]:
    dataset = s.dataset.removesuffix("-valid")
    whole = s.metric == "accuracy" and s.dataset == "cifar10" and s.split in ("test", "train+valid")
    seed = None if s.seed is None else "mean"
    own = Cost(Signal(dataset, "train_seconds", "train+valid" if whole else "train", s.epochs, seed, s.release))
    share = 1.0 if s.epoch is None or not s.epochs else s.epoch / s.epochs
    if s.epochs is None:
        return (own,)
    embedded = Signal(dataset, "train_seconds", "train", 200, "mean", EMBEDDED_RELEASE)
    in_proportion = Cost(embedded, (s.epochs / 200) * (2 if whole else 1))
    return (Cost(own.signal, share), Cost(in_proportion.signal, in_proportion.factor * share))
