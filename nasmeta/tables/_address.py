"""The address of a column in a query."""

from __future__ import annotations

from typing import NamedTuple

from nasmeta.errors import ColumnError
from nasmeta.spaces import canonical_dataset
from nasmeta.tables._columns import Seed, split_of
from nasmeta.tables._nb201_measurements import our_name


class Address(NamedTuple):
    """The parts of an address in a query; None if not stated. Without `epoch`, it is the end of a training.

    >>> Address("CIFAR-10", split="x-valid").normal().described()
    "dataset='cifar10', metric='accuracy', split='valid'"
    """

    dataset: str
    metric: str = "accuracy"
    split: str | None = None
    epochs: int | None = None
    seed: Seed | None = None
    release: str | None = None
    epoch: int | None = None

    @classmethod
    def parse(cls, text: object) -> Address:
        """Return the address that `ColumnInfo.address` writes, optionally followed by " of RELEASE".

        >>> address = Address.parse("cifar10/accuracy/test/200/mean of NATS-tss v1.0")
        >>> address.split, address.epochs, address.seed, address.release
        ('test', 200, 'mean', 'NATS-tss v1.0')
        """
        address, _, release = str(text).partition(" of ")
        try:
            dataset, metric, *rest = address.split("/")
            split, epochs, seed = (None if part == "-" else part for part in rest)
            length = None if epochs is None else int(epochs)
        except ValueError:
            raise ColumnError(
                "column", text, "DATASET/METRIC/SPLIT/EPOCHS/SEED[ of RELEASE]"
            ) from None
        number: Seed | None = seed
        if seed and seed.isdigit():
            number = int(seed)
        return cls(dataset, metric, split, length, number, release or None)

    def described(self) -> str:
        """Return the stated parts, as they are written in a call."""
        parts = self._asdict().items()
        return ", ".join(f"{part}={value!r}" for part, value in parts if value is not None)

    def normal(self) -> Address:
        """Return the address with our names of datasets and splits."""
        dataset, split = our_name(canonical_dataset(self.dataset), self.split)
        return self._replace(dataset=dataset, split=split_of(split))

    def declared(self) -> dict[str, object]:
        """Return the parts as arguments of `Source.declares`: epochs of a point of a learning curve are ``37of200``."""
        parts: dict[str, object] = self._asdict()
        if self.epoch is not None:
            parts["epochs"] = f"{self.epoch}of{self.epochs}"
        return parts
