"""Which columns say what an evaluation costs, where nobody names one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasmeta.spaces import SearchSpace
from nasmeta.tasks._signal import Cost, Signal

if TYPE_CHECKING:
    from nasmeta.tables import Table

_EMBEDDED_RELEASE = "NATS-tss v1.0"


def recorded_costs(table: Table | str | SearchSpace, signal: Signal) -> tuple[Cost, ...]:
    """Return the columns of seconds that belong to a signal, the best first.

    On NAS-Bench-201 those of the signal's own training, else those that the embedded release recorded for 200 epochs,
    in proportion to the epochs, and twice as much where all of CIFAR-10 was trained on. Elsewhere any column of kind
    ``seconds`` of the same dataset and epochs.
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
    embedded = Signal(dataset, "train_seconds", "train", 200, "mean", _EMBEDDED_RELEASE)
    in_proportion = Cost(embedded, (s.epochs / 200) * (2 if whole else 1))
    return (Cost(own.signal, share), Cost(in_proportion.signal, in_proportion.factor * share))
