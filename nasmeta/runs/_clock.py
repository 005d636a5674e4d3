"""The simulated clock and the budget of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from nasmeta.checks import check_choice, check_int, check_names, check_number

_CHOICES = {
    "repeats": ("free", "charged"),
    "overshoot": ("count", "discard"),
    "promotion": ("scratch", "continued"),
}


@dataclass(frozen=True)
class Clock:
    """Simulated time: each evaluation takes its training seconds on one of several workers.

    Parameters
    ----------
    workers : int, default 1
        Simulated workers that train at the same time. Each worker requests its next architecture
        when it is free, so results arrive in another order than proposals.
    repeats : {"free", "charged"}, default "free"
        Proposals of known architectures (with the same number of epochs). If "free", the searcher
        observes the known value and nothing is recorded. If "charged", the training is repeated,
        recorded and charged, as in the comparisons of NAS-Bench-201 and NATS-Bench.
    overshoot : {"count", "discard"}, default "count"
        Whether an evaluation is a result if it starts within the budget of seconds and ends after
        it.
    promotion : {"scratch", "continued"}, default "scratch"
        Cost of a longer training after a shorter training of the same architecture: the full cost,
        or the difference. On NAS-Bench-201 only "scratch" is a possible training, because trainings
        for 12 and 200 epochs use different learning rates. Use "continued" for points of one
        learning curve.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.runs import Clock
    >>> run = nm.search("evolution", "nb201/cifar10", seconds=100_000, clock=Clock(workers=4, overshoot="discard"))
    >>> bool(run.end_seconds.max() <= 100_000), sorted(set(run.workers.tolist()))
    (True, [0, 1, 2, 3])
    """

    workers: int = 1
    repeats: str = "free"
    overshoot: str = "count"
    promotion: str = "scratch"

    def __post_init__(self) -> None:
        check_int("workers of the clock", self.workers, most=1_000_000)
        for name, choices in _CHOICES.items():
            check_choice(f"{name} of the clock", getattr(self, name), choices)

    @classmethod
    def of(cls, clock: Clock | Mapping[str, Any] | None) -> Clock:
        """Return a clock, also from a mapping of its settings."""
        if isinstance(clock, Clock):
            return clock
        settings = dict(clock or {})
        check_names("a clock", "setting", settings, [field.name for field in fields(cls)])
        return cls(**settings)

    @property
    def settings(self) -> dict[str, Any]:
        """All settings, of JSON types."""
        return asdict(self)

    def __str__(self) -> str:
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        return f"{workers}, repeats {self.repeats}, overshoot {self.overshoot}, promotion {self.promotion}"


@dataclass(frozen=True)
class Budget:
    """What one run may spend; the limit that is reached first ends the run.

    Examples
    --------
    >>> from nasmeta.runs import Budget
    >>> Budget(evaluations=100).most_seconds
    inf
    """

    evaluations: int | None = None
    seconds: float | None = None  # on the simulated clock
    stop_at_optimum: bool = False

    @property
    def most_evaluations(self) -> float:
        """The number of evaluations, infinite without a limit."""
        return self.evaluations or math.inf

    @property
    def most_seconds(self) -> float:
        """The seconds, infinite without a limit."""
        return self.seconds or math.inf


def checked_budget(
    evaluations: int | None,
    seconds: float | None,
    stop_at_optimum: bool,
    *,
    default: int,
    what: str = "seconds",
) -> Budget:
    """Return the budget of a run; `default` evaluations if neither limit is given.

    Examples
    --------
    >>> from nasmeta.runs import checked_budget
    >>> checked_budget(None, None, False, default=100).evaluations
    100
    """
    if seconds is not None:
        seconds = float(check_number(what, seconds, 1e-9))
    if evaluations is not None or seconds is None:
        evaluations = check_int("evaluations", default if evaluations is None else evaluations)
    return Budget(evaluations, seconds, stop_at_optimum)
