"""How simulated time passes, and what a run may spend."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from nasmeta.checks import check_bool, check_choice, check_int, check_names
from nasmeta.errors import SettingError, shown

_CHOICES = {"repeats": ("free", "charged"), "overshoot": ("count", "discard"), "promotion": ("scratch", "continued")}


@dataclass(frozen=True)
class Clock:
    """How simulated time passes: every evaluation takes its training seconds on one of several workers.

    Parameters
    ----------
    workers : int, default 1
        Simulated workers that train at the same time. Each asks for its next cell as soon as it is free, so values
        come back in another order than cells were proposed.
    repeats : {"free", "charged"}, default "free"
        What happens where a cell is proposed that was evaluated before (for the same number of epochs): the known
        value is told and nothing is recorded; or it is trained again, recorded again and costs its seconds again, as in
        the comparisons of NAS-Bench-201 and NATS-Bench.
    overshoot : {"count", "discard"}, default "count"
        Whether an evaluation that begins before the budget of seconds is used up and ends after it is a result.
    promotion : {"scratch", "continued"}, default "scratch"
        What a longer training costs where the same cell was trained for fewer epochs before: all of it, or what is
        missing. Trainings of NAS-Bench-201 for 12 and for 200 epochs have learning rates of their own, so only
        "scratch" is a training that anybody could have done; "continued" is what others count, and right for points of
        one learning curve.
    charge_searcher : bool, default False
        Whether the searcher's own computing time passes on this clock, too. It is measured in any case. What is charged
        is recorded in the journal, so that a resumed run repeats it; two runs differ, as computing times do.

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
    charge_searcher: bool = False

    @classmethod
    def of(cls, clock: Clock | Mapping[str, Any] | None) -> Clock:
        """Return a checked clock."""
        if clock is None:
            return cls()
        if isinstance(clock, Clock):
            clock = asdict(clock)
        if not isinstance(clock, Mapping):
            raise SettingError(f"A clock is a Clock or a mapping of its settings, not {shown(clock)}.")
        check_names("A clock", "setting", clock, [field.name for field in fields(cls)])
        for name, choices in _CHOICES.items():
            check_choice(f"{name} of the clock", clock.get(name, choices[0]), choices)
        check_bool("charge_searcher", clock.get("charge_searcher", False))
        workers = check_int("workers of the clock", clock.get("workers", 1), most=1_000_000)
        return cls(**{**clock, "workers": workers})

    @property
    def settings(self) -> dict[str, Any]:
        """All settings, of JSON's types."""
        return asdict(self)

    def __str__(self) -> str:
        who = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        searcher = "charged" if self.charge_searcher else "free"
        return (
            f"{who}, repeats {self.repeats}, overshoot {self.overshoot}, promotion {self.promotion}, "
            f"searcher {searcher}"
        )


@dataclass(frozen=True)
class Budget:
    """What one run may spend; whichever limit is reached first ends it."""

    evaluations: int | None = None
    seconds: float | None = None  # on the simulated clock
    stop_at_optimum: bool = False  # once the best cell of the task was evaluated

    @property
    def most_evaluations(self) -> float:
        """The number of evaluations, infinite where there is no limit."""
        return math.inf if self.evaluations is None else self.evaluations

    @property
    def most_seconds(self) -> float:
        """The seconds, infinite where there is no limit."""
        return math.inf if self.seconds is None else self.seconds


def checked_budget(
    evaluations: object, seconds: object, stop_at_optimum: bool, *, default: int, what: str = "seconds"
) -> Budget:
    """Return the checked budget of a run: by default so many evaluations, with seconds as many as fit."""
    stop_at_optimum, number = check_bool("stop_at_optimum", stop_at_optimum), None
    if seconds is not None:
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= sys.float_info.max:
            raise SettingError(f"{what} must be a positive number of simulated seconds, not {shown(seconds)}.")
        number = float(seconds)
    if evaluations is not None:
        return Budget(check_int("evaluations", evaluations), number, stop_at_optimum)
    return Budget(default if number is None else None, number, stop_at_optimum)
