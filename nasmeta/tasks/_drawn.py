"""Objectives of accuracy and cost whose budgets and weights are drawn."""

from __future__ import annotations

import numpy as np

from nasmeta.errors import SettingError, UnknownNameError, shown
from nasmeta.tasks._names import CANNOT_RUN_ALL, DATASETS, devices, read_name
from nasmeta.tasks._task import Task

__all__ = ["drawn_names", "sample_objective", "tradeoff_devices"]

_RULES = ("within", "tradeoff")
_UNITS = {"latency": "ms", "energy": "mJ"}
_QUANTILES = (0.1, 0.9)  # of the cells' costs, between which a budget lies
_WEIGHTS = (0.5, 8.0)  # points of accuracy that a cost e times as high must bring


def sample_objective(
    rng: np.random.Generator,
    rule: str | None = None,
    dataset: str | None = None,
    device: str | None = None,
    kind: str | None = None,
) -> Task:
    """Draw a task of accuracy and hardware cost; what is left out is drawn uniformly.

    A budget is the cost at a quantile drawn between 0.1 and 0.9 of the cells that the device can run; a weight is
    drawn between 0.5 and 8 uniformly on a logarithmic scale. Both are rounded to three digits, and the task's name
    holds them: ``get_task(task.name)`` is the same task.

    Parameters
    ----------
    rng : numpy.random.Generator
    rule : {"within", "tradeoff"}, optional
        A budget, or accuracy minus weight times the logarithm of the cost.
    dataset : {"cifar10", "cifar100", "imagenet16-120"}, optional
    device : str, optional
        One that was measured on all three datasets.
    kind : {"latency", "energy"}, optional

    Raises
    ------
    UnknownNameError, SettingError
    ColumnError
        Where a budget is drawn and the device's costs are not on this machine.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.tasks import sample_objective
    >>> task = sample_objective(np.random.default_rng(0), "tradeoff", device="pixel3")
    >>> task.name, task.held_out
    ('nb201/imagenet16-120/tradeoff-1.06/pixel3', ('imagenet16-120', 'pixel3'))
    """
    if not isinstance(rng, np.random.Generator):
        raise SettingError(f"rng must be a numpy.random.Generator, not {shown(rng)}.")
    for what, value, known in (("rule", rule, _RULES), ("dataset", dataset, DATASETS), ("kind of cost", kind, _UNITS)):
        if value is not None and value not in known:
            raise UnknownNameError.of(what, value, known)
    rule = _RULES[rng.integers(len(_RULES))] if rule is None else rule
    dataset = DATASETS[rng.integers(len(DATASETS))] if dataset is None else dataset
    costs = [cost for cost in _costs(rule) if kind in (None, cost[0])]
    if not costs:
        raise SettingError("A trade-off has no unit in its name, so it is one with latency: leave out kind.")
    possible = [cost for cost in costs if device in (None, cost[1])]
    if not possible:
        raise UnknownNameError.of("device that was measured on all datasets", device, {name for _, name in costs})
    return _drawn(rng, rule, dataset, *possible[rng.integers(len(possible))])


def drawn_names(rule: str) -> list[str]:
    """Return the members of a family: each dataset and device with one budget or weight, always the same ones."""
    places = [(dataset, *cost) for dataset in DATASETS for cost in _costs(rule)]
    return [_drawn(np.random.default_rng([i, _RULES.index(rule)]), rule, *place).name for i, place in enumerate(places)]


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


def _drawn(rng: np.random.Generator, rule: str, dataset: str, kind: str, device: str) -> Task:
    if rule == "tradeoff":
        amount, unit = float(np.exp(rng.uniform(*np.log(_WEIGHTS)))), ""
    else:
        cost = read_name(f"nb201/{kind}/{device}/{dataset}")
        assert cost is not None
        amount, unit = float(np.nanquantile(cost.values, rng.uniform(*_QUANTILES))), _UNITS[kind]
    number = np.format_float_positional(amount, precision=3, fractional=False, trim="-")
    drawn = read_name(f"nb201/{dataset}/{rule}-{number}{unit}/{device}")
    assert drawn is not None
    return drawn
