"""How a column is addressed, and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from nasmeta.spaces import canonical_dataset

__all__ = ["ColumnInfo", "Seed", "canonical_dataset"]

Seed: TypeAlias = "int | str"  # the only string is "mean"


@dataclass(frozen=True)
class ColumnInfo:
    """The address of a column, (dataset, metric, split, epochs, seed) and the release, and what is known about it.

    Attributes
    ----------
    dataset : str
        Lower case, such as ``imagenet16-120``.
    metric : str
        Accuracy is in percent; a metric of time says seconds in its name.
    split : str or None
        What the metric was measured on; None where that means nothing, as for parameters.
    epochs : int or None
        How long the networks were trained; None where that means nothing.
    seed : int, "mean" or None
        ``mean`` is the mean of the seeds that were measured, or the one value that all seeds share; None where a
        source does not say.
    unit : str
    direction : {"max", "min"}
        Which values are good.
    release : str
        The release of the benchmark; means over different releases are different numbers.
    source, licence, source_sha256 : str
        Where the numbers come from: name of the source, licence, and checksum of the raw file.
    note : str
        Anything else a reader of the numbers should know, such as the official name of the split.
    epoch : int or None
        For a point of a learning curve: after how many of the `epochs` it was measured. None is the end.

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

    @classmethod
    def of(cls, facts: dict[str, Any]) -> ColumnInfo:
        """Return the facts, all of them, as `dataclasses.asdict` gives them: ten times as fast as the class itself.

        Raises
        ------
        ValueError
            Where they are not those of a column.

        Examples
        --------
        >>> from dataclasses import asdict
        >>> info = ColumnInfo("cifar10", "accuracy", "valid", 200, 777, "percent", "max", "v1.0", "made-up", "CC0")
        >>> ColumnInfo.of(asdict(info)) == info
        True
        """
        if facts.keys() != cls.__dataclass_fields__.keys():
            raise ValueError(f"a column with {', '.join(facts)}")
        info = object.__new__(cls)
        info.__dict__.update(facts)
        return info

    @property
    def address(self) -> str:
        """The address as one readable word; a part that means nothing is ``-``, a point of a curve ``37of200``."""
        split = "-" if self.split is None else self.split
        epochs = "-" if self.epochs is None else self.epochs if self.epoch is None else f"{self.epoch}of{self.epochs}"
        seed = "-" if self.seed is None else self.seed
        return f"{self.dataset}/{self.metric}/{split}/{epochs}/{seed}"
