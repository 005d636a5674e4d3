"""The columns of a task: the signal and the cost of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from nasmeta.spaces import canonical_dataset
from nasmeta.tables._columns import ColumnInfo, Kind


@dataclass(frozen=True)
class Signal:
    """The address of the one column that a searcher sees.

    Split, epochs and seed are None if they do not apply or the source does not state them. The seed
    may be ``"mean"``, or ``"sample"``: one of the measured seeds per architecture, drawn anew in
    each run. The release is always stated, because means over different releases are different
    numbers.

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
    # As in `nasmeta.tables.ColumnInfo`; None: as the column states.
    kind: Kind | None = None
    device: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "dataset", canonical_dataset(self.dataset, keep_case=True))

    @property
    def address(self) -> tuple[Any, ...]:
        """The arguments of `nasmeta.Table.column`; a sampled seed is replaced by the mean."""
        seed = "mean" if self.seed == "sample" else self.seed
        return self.dataset, self.metric, self.split, self.epochs, seed, self.release

    @classmethod
    def of(cls, column: ColumnInfo) -> Signal:
        """Return the signal that is a column."""
        return cls(**{field.name: getattr(column, field.name) for field in fields(cls)})

    def to_dict(self) -> dict[str, Any]:
        """Return the parts that identify the column, in JSON types; the dataset by its canonical name."""
        names = ("dataset", "metric", "split", "epochs", "seed", "release")
        parts = dict(zip(names, self.address, strict=True))
        parts["dataset"] = canonical_dataset(self.dataset)
        return parts


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
