"""The address of a column in a query."""

from __future__ import annotations

import re
from typing import NamedTuple

from nasmeta.errors import ColumnError
from nasmeta.spaces import canonical_dataset
from nasmeta.tables._columns import ColumnInfo, Seed, split_of
from nasmeta.tables._nb201_measurements import our_name

_LENGTH = re.compile(r"(?:([0-9]{1,9})of)?([0-9]{1,9})")  # a point of a learning curve has 37of200


class Address(NamedTuple):
    """The parts of an address in a query; None if not stated. Without `epoch`, it is the end of a training."""

    dataset: str
    metric: str = "accuracy"
    split: str | None = None
    epochs: int | None = None
    seed: Seed | None = None
    release: str | None = None
    epoch: int | None = None

    @classmethod
    def of(cls, info: ColumnInfo) -> Address:
        """Return the whole address of a column."""
        return cls(info.dataset, info.metric, info.split, info.epochs, info.seed, info.release, info.epoch)

    @classmethod
    def parse(cls, text: object) -> Address:
        """Return the address that `ColumnInfo.address` writes, optionally followed by " of RELEASE".

        >>> address = Address.parse("cifar10/accuracy/test/200/mean of NATS-tss v1.0")
        >>> address.split, address.epochs, address.seed, address.release
        ('test', 200, 'mean', 'NATS-tss v1.0')
        >>> Address.parse("cifar10/parameters/-/-/777").described()
        "dataset='cifar10', metric='parameters', seed=777"
        >>> address = Address.parse("cifar10/accuracy/valid/37of200/777")
        >>> address.epoch, address.epochs
        (37, 200)
        """
        address, _, release = str(text).partition(" of ")
        parts = [None if part == "-" else part for part in address.split("/")]
        length = _LENGTH.fullmatch(parts[3] or "") if len(parts) == 5 else None
        if len(parts) != 5 or not parts[0] or not parts[1] or (parts[3] and not length):
            raise ColumnError("column", text, "DATASET/METRIC/SPLIT/EPOCHS/SEED[ of RELEASE]")
        dataset, metric, split, _, seed = parts
        numbers = length.groups() if length else (None, None)
        epoch, epochs = (None if number is None else int(number) for number in numbers)
        number = int(seed) if seed and seed.isdigit() else seed
        return cls(str(dataset), str(metric), split, epochs, number, release or None, epoch)

    def described(self) -> str:
        """Return the stated parts, as they are written in a call."""
        parts = zip(self._fields, self, strict=True)
        return ", ".join(f"{part}={value!r}" for part, value in parts if value is not None)

    def normal(self) -> Address:
        """Return the address with our names of datasets and splits."""
        dataset, split = our_name(canonical_dataset(self.dataset), self.split)
        return self._replace(dataset=dataset, split=split_of(split))

    def declared(self) -> dict[str, object]:
        """Return the parts as arguments of `Source.brings`: epochs of a point of a learning curve are ``37of200``."""
        epochs = self.epochs if self.epoch is None else f"{self.epoch}of{self.epochs}"
        return {**self._asdict(), "epochs": epochs}
