"""Objectives of accuracy and cost whose budgets and weights are drawn."""

from __future__ import annotations

import numpy as np

from nasmeta.tasks._names import CANNOT_RUN_ALL, DATASETS, devices, read_name

__all__ = ["drawn_names", "tradeoff_devices"]

_RULES = ("within", "tradeoff")
_UNITS = {"latency": "ms", "energy": "mJ"}
_QUANTILES = (0.1, 0.9)  # of the cells' costs, between which a budget lies
_WEIGHTS = (0.5, 8.0)  # points of accuracy that a cost e times as high must bring


def drawn_names(rule: str) -> list[str]:
    """Return the members of a family: each dataset and device with one budget or weight, always the same ones.

    A budget is the cost at a quantile drawn between 0.1 and 0.9 of the cells that the device can run; a weight is
    drawn between 0.5 and 8 uniformly on a logarithmic scale. Both are rounded to three digits.
    """
    places = [(dataset, *cost) for dataset in DATASETS for cost in _costs(rule)]
    return [_drawn(np.random.default_rng([i, _RULES.index(rule)]), rule, *place) for i, place in enumerate(places)]


def tradeoff_devices() -> list[str]:
    """Return the devices with the latency of every cell on all datasets."""
    return [device for _, device in _costs("tradeoff")]


def _costs(rule: str) -> list[tuple[str, str]]:
    """Return kind and device of all costs that were measured on all datasets and that the rule can use."""
    return [
        (kind, device)
        for kind in _UNITS
        for device in sorted(set.intersection(*(set(devices(kind, dataset)) for dataset in DATASETS)))
        if rule == "within" or (kind == "latency" and device not in CANNOT_RUN_ALL)
    ]


def _drawn(rng: np.random.Generator, rule: str, dataset: str, kind: str, device: str) -> str:
    if rule == "tradeoff":
        amount, unit = float(np.exp(rng.uniform(*np.log(_WEIGHTS)))), ""
    else:
        cost = read_name(f"nb201/{kind}/{device}/{dataset}")
        assert cost is not None
        amount, unit = float(np.nanquantile(cost.values, rng.uniform(*_QUANTILES))), _UNITS[kind]
    number = np.format_float_positional(amount, precision=3, fractional=False, trim="-")
    return f"nb201/{dataset}/{rule}-{number}{unit}/{device}"
