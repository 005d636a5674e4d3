"""What is said while trainings go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from nasmeta.training._result import EpochRecord

Tell = Callable[[int, str], object]  # is told how many epochs are done, and in words how they went


def note_of(records: Sequence[EpochRecord]) -> str:
    """Return how an epoch went: of one network, or the range of several side by side."""

    def span(values: Iterable[float | None], digits: int) -> str:
        known = [value for value in values if value is not None]
        return "" if not known else " to ".join(f"{one:.{digits}f}" for one in dict.fromkeys((min(known), max(known))))

    parts = [f"{len(records)} cells side by side"] * (len(records) > 1)
    parts += [f"loss {span([record.train_loss for record in records], 3)}"]
    parts += [f"train {span([record.train_accuracy for record in records], 2)} %"]
    if valid := span([record.valid_accuracy for record in records], 2):
        parts += [f"valid {valid} %"]
    return ", ".join(parts)


class EpochCount:
    """How many epochs of several trainings are done; where somebody listens, it is told.

    Parameters
    ----------
    trainings : iterable
        What tells them apart.
    tell : callable, optional
    """

    def __init__(self, trainings: Iterable[object], tell: Tell | None) -> None:
        self._done: dict[object, int] = dict.fromkeys(trainings, 0)
        self._tell = tell

    def update(self, done: Mapping[object, int], note: str = "") -> None:
        """Say how many epochs of some are done now."""
        before = self.total
        self._done.update(done)
        if self._tell is not None and (note or self.total != before):
            self._tell(self.total, note)

    @property
    def total(self) -> int:
        """How many are done of all."""
        return sum(self._done.values())

    def watcher(self, training: object) -> Callable[[EpochRecord], None]:
        """Return what a training is watched by, see `nasmeta.training.train`."""
        return lambda record: self.update({training: record.epoch}, note_of([record]))
