"""What a searcher sees and what it pays: addresses of columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nasmeta.spaces import canonical_dataset

if TYPE_CHECKING:
    from nasmeta.tables import ColumnInfo, Kind


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
    epoch : int or None
        For a point of a learning curve: after how many of the epochs.
    kind, device : str or None
        As in `nasmeta.tables.ColumnInfo`, so that they are known before a table is opened; None where the column says.

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
    epoch: int | None = None
    kind: Kind | None = None
    device: str | None = None

    def __post_init__(self) -> None:
        # One name for a dataset: what is held out is compared by name.
        object.__setattr__(self, "dataset", canonical_dataset(self.dataset))

    @property
    def address(self) -> tuple[Any, ...]:
        """The arguments of `nasmeta.tables.Table.column`."""
        return self.dataset, self.metric, self.split, self.epochs, self.seed, self.release, self.epoch

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

    Attributes
    ----------
    signal : Signal
    factor : float

    Examples
    --------
    >>> import nasmeta as nm
    >>> nm.load_table("nb201").task("accuracy", dataset="cifar10", cost="train_seconds").has_cost
    True
    """

    signal: Signal
    factor: float = 1.0
