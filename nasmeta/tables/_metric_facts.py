"""Direction, kind and unit of the metrics in a user's frame: as stated, else as known by their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from shlex import quote
from typing import NamedTuple

from nasmeta.checks import check_choice
from nasmeta.errors import SettingError
from nasmeta.tables._columns import KINDS, known_metric

Stated = str | Mapping[str, str] | None  # one value for all metrics, or one per metric
_COSTS = ("size", "seconds", "latency", "energy")  # kinds for which lower is better
_SHOWN = 5


class MetricFacts(NamedTuple):
    """What a frame's metric is."""

    direction: str
    kind: str
    unit: str
    unit_is_stated: bool


def metric_facts(metrics: Iterable[str], direction: Stated, unit: Stated, kind: Stated) -> dict[str, MetricFacts]:
    """Return the facts about each metric.

    Raises
    ------
    SettingError
        If the direction of a metric is neither stated nor known, or a statement is not possible.
    """
    facts, lacking = dict[str, MetricFacts](), list[str]()
    for metric in metrics:
        better, of_unit, of_kind = (
            given.get(metric) if isinstance(given, Mapping) else given for given in (direction, unit, kind)
        )
        known = known_metric(metric)
        of_kind = check_choice(f"The kind of {metric}", of_kind or (known.kind if known else "performance"), KINDS)
        better = better or (known.direction if known else "min" if of_kind in _COSTS else None)
        if better is None:
            lacking.append(metric)
            continue
        check_choice(f"The direction of {metric}", better, ("max", "min"))
        if of_kind == "seconds" and of_unit not in (None, "s", "seconds"):
            raise SettingError(f"{metric} is of kind seconds, but its unit is {of_unit!r}: convert it to seconds.")
        said = "s" if of_kind == "seconds" else of_unit
        facts[metric] = MetricFacts(better, of_kind, said or (known.unit if known else "1"), bool(of_unit))
    if lacking:
        raise SettingError(_how_to_state(lacking))
    for what, given in (("direction", direction), ("unit", unit), ("kind", kind)):
        unknown = [metric for metric in given if metric not in facts] if isinstance(given, Mapping) else []
        if unknown:
            raise SettingError(f"{what} names {unknown[0]!r}. The metrics with values: {', '.join(facts)}.")
    return facts


def _how_to_state(metrics: list[str]) -> str:
    """Return the message about metrics without a direction."""
    shown = metrics[:_SHOWN]
    listed = ", ".join(shown) + (f" and {len(metrics) - _SHOWN} more" if len(metrics) > _SHOWN else "")
    call = ", ".join(f"{metric!r}: 'max'" for metric in shown)
    options = " ".join(f"--direction {quote(f'{metric}=max')}" for metric in shown)
    return (
        f"State whether higher or lower values of {listed} are better: direction={{{call}}}, or 'min' (on the command "
        f"line {options}). If a column is not a metric, list the metrics: metrics=['accuracy'] (--metrics accuracy)."
    )
