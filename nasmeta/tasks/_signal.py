"""Users' tables, and the recorded costs of a signal."""

from __future__ import annotations

from nasmeta.spaces import canonical_dataset
from nasmeta.tables import Cost, Signal, Table, table_names

EMBEDDED_RELEASE = "NATS-tss v1.0"


def is_own_table(name: str) -> bool:
    """Whether the table of this name comes from a user or another package.

    >>> is_own_table("nb201"), is_own_table("mine")
    (False, True)
    """
    return name not in ("", *table_names())


def recorded_costs(table: Table, signal: Signal) -> list[Cost]:
    """Return the columns of seconds that belong to a signal, the best first.

    On NAS-Bench-201, seconds of the signal's training, else seconds of the embedded release for 200
    epochs, in proportion to the epochs, doubled if the networks were trained on all of CIFAR-10. On
    other tables, columns of kind ``seconds`` of the same dataset and epochs: ``train_seconds``, or
    the only metric of this kind.
    """
    s = signal
    if table.name == "nb201":
        dataset = s.dataset.removesuffix("-valid")
        whole = (
            s.metric == "accuracy" and s.dataset == "cifar10" and s.split in ("test", "train+valid")
        )
        seed = None if s.seed is None else "mean"
        own = Signal(
            dataset, "train_seconds", "train+valid" if whole else "train", s.epochs, seed, s.release
        )
        if s.epochs is None:
            return [Cost(own)]
        embedded = Signal(dataset, "train_seconds", "train", 200, "mean", EMBEDDED_RELEASE)
        return [Cost(own), Cost(embedded, (s.epochs / 200) * (2 if whole else 1))]
    dataset = canonical_dataset(s.dataset)
    seconds = [
        c for c in table.columns if c.kind == "seconds" and canonical_dataset(c.dataset) == dataset
    ]
    seconds = [c for c in seconds if c.epochs in (s.epochs, None)]
    seconds = [c for c in seconds if c.metric.lower() == "train_seconds"] or seconds
    if len({c.metric for c in seconds}) > 1:
        return []
    preferred = {s.seed: 0, "mean": 1, None: 2}
    seconds.sort(key=lambda c: (c.release != s.release, c.epochs is None, preferred.get(c.seed, 3)))
    return [Cost(Signal.of(column)) for column in seconds]
