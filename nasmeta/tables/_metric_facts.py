"""What is known about a metric of a user's frame: what was stated, else what its name says."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from shlex import quote
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError, shown
from nasmeta.tables._columns import (
    KINDS,
    ColumnInfo,
    Kind,
    guessed_direction,
    guessed_kind,
    is_plain_accuracy,
    other_time,
)
from nasmeta.tables._oddities import STATED, UNSAID

_UNITS = {  # ends of metrics' names
    "ms": "ms", "milliseconds": "ms", "us": "us", "microseconds": "us", "s": "s", "sec": "s", "secs": "s",
    "seconds": "s", "mj": "mJ", "millijoules": "mJ", "uj": "uJ", "j": "J", "joules": "J",
}  # fmt: skip
_SECONDS = ("s", "sec", "secs", "second", "seconds")


def info_of(
    name: str, metric: str, parts: list[Any], values: NDArray[np.float32], direction: Any, unit: Any, kind: Any,
    device: str | None, licence: str, most: float,
) -> ColumnInfo:  # fmt: skip
    """Return what is known about a column of a frame; `most` is the highest value of its metric."""
    dataset, split, epochs, seed, release, epoch = parts
    likely_kind, likely_device = guessed_kind(metric)
    said = {
        what: given.get(metric) if isinstance(given, Mapping) else given
        for what, given in (("direction", direction), ("unit", unit), ("kind", kind))
    }
    if not isinstance(said["direction"], str | None) or said["direction"] not in (None, "max", "min"):
        raise SettingError(f"The direction of {metric} is 'max' or 'min', not {shown(said['direction'])}.")
    if not isinstance(said["kind"], str | None) or said["kind"] not in (None, *KINDS):
        raise SettingError(f"The kind of {metric} is one of {', '.join(KINDS)}, not {shown(said['kind'])}.")
    if said["unit"] is not None and (not isinstance(said["unit"], str) or not said["unit"]):
        raise SettingError(f"The unit of {metric} is a text, not {shown(said['unit'])}.")
    of_kind: Kind = said["kind"] or likely_kind
    if of_kind == "seconds" and float(np.nanmin(values)) < 0:
        raise SettingError(
            f"{metric} are seconds of at least 0, not {np.nanmin(values):g}: leave out what was not recorded."
        )
    time = said["unit"] or other_time(metric)
    if of_kind == "seconds" and time not in (None, *_SECONDS):
        raise SettingError(
            f"{metric} is of the kind seconds, whose unit is s, not {shown(time)}: convert it. Where it is in seconds, "
            f"state the unit: unit={{{metric!r}: 's'}}, on the command line --unit {quote(metric)}=s."
        )
    likely = guessed_direction(metric, of_kind)
    better = said["direction"] or likely or "max"
    # Over all of the metric: columns of one seed are in one unit.
    is_percent = is_plain_accuracy(metric) and most > 1.0
    named = _UNITS.get(metric.rpartition("_")[2].lower()) if of_kind in ("latency", "energy") else None
    likely_unit = named or ("percent" if is_percent else "1")
    told = [] if said["direction"] else [f"direction {better} by the metric's name" if likely else UNSAID]
    told += [STATED] if said["unit"] == "percent" else []
    return ColumnInfo(
        dataset, metric, split, epochs, seed,
        unit="s" if of_kind == "seconds" else said["unit"] or likely_unit,
        direction=better,  # type: ignore[arg-type]
        release=release,
        source=name,
        licence=licence,
        source_sha256=sha256(values.tobytes()).hexdigest(),
        note="; ".join(told),
        epoch=epoch,
        kind=of_kind,
        device=device or likely_device if of_kind in ("latency", "energy") else None,
    )  # fmt: skip
