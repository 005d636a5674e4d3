"""Several objectives: into one number under a rule, or side by side as a Pareto front and its hypervolume."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasmeta.checks import check_choice, check_list, check_number
from nasmeta.errors import MissingValueError, SettingError, shown

if TYPE_CHECKING:
    from nasmeta.tables import ColumnInfo
    from nasmeta.tasks._signal import Signal


OBJECTIVE = re.compile(r"(within|tradeoff)-(\d+(?:\.\d+)?(?:e\d+)?)([^\W\d_]*)/(.+)")  # within-5ms/latency
_SLACK = 0.1  # of the front's range, by which the reference lies beyond its worst values
_COMPLETE = 1 - 1e-12  # of the hypervolume: the same points, added in another order


@dataclass(frozen=True)
class Objective:
    """Best performance under a budget on a device, or performance against the logarithm of the cost.

    Parameters
    ----------
    cost : Signal
        Latency or energy on a device; lower is better.
    rule : {"within", "tradeoff"}
        Which of `within_budget` and `log_tradeoff` makes one number of the two.
    amount : float
        The budget, in the cost's unit; or the weight.

    Examples
    --------
    >>> from nasmeta.tasks import get_task
    >>> task = get_task("nb201/cifar100/within-5ms/pixel3")
    >>> task.held_out, task.objective.amount
    (('cifar100', 'pixel3'), 5.0)
    >>> round(task.optimum, 2)  # doctest: +SKIP
    67.75
    """

    cost: Signal
    rule: Literal["within", "tradeoff"]
    amount: float

    def __post_init__(self) -> None:
        check_choice("rule", self.rule, ("within", "tradeoff"))
        check_number("amount", self.amount, -np.inf)

    def values(self, values: NDArray[np.float64], costs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the combined numbers, shape (size,); NaN where something was not measured."""
        rule = within_budget if self.rule == "within" else log_tradeoff
        return rule(values, costs, self.amount)

    def column(self, task: str, of: ColumnInfo, cost: ColumnInfo) -> ColumnInfo:
        """Return what is known about the combined number; the releases, sources and checksums of both columns.

        Raises
        ------
        SettingError
            Where the directions do not fit.
        """
        if (of.direction, cost.direction) != ("max", "min"):
            raise SettingError(
                f"{task}: {of.metric} must be maximised and {cost.metric} minimised, but the table's directions are "
                f"{of.direction} and {cost.direction}."
            )
        if self.rule == "within":
            in_unit = "" if cost.unit == "1" else cost.unit
            metric, unit = f"{of.metric}_within_{self.amount:g}{in_unit}_{cost.device or cost.metric}", of.unit
        else:
            metric, unit = f"{of.metric}_minus_{self.amount:g}_ln_{cost.metric}", "1"
        of_both = ("release", "source", "licence", "source_sha256")
        both: Any = {part: " + ".join(dict.fromkeys([getattr(of, part), getattr(cost, part)])) for part in of_both}
        return replace(of, metric=metric, unit=unit, note=f"{of.note}; {cost.note}", **both)


def within_budget(values: ArrayLike, costs: ArrayLike, budget: float) -> NDArray[np.float64]:
    """Return values under a budget: what costs more is below zero, the further above the budget, the lower.

    A cell within the budget keeps its value. One above it has minus the percentage by which its cost would have to
    fall, between 0 and -100; one whose cost is NaN, as where a device cannot run the network, has -100. So each
    feasible cell is better than each other, no value is infinite, and nothing but the cell and the budget decides it.
    So no value may itself be below 0.
    """
    gains, prices = _numbers(values, "Values"), _numbers(costs, "Costs")
    if not 0 < budget < np.inf:
        raise SettingError(f"A budget must be a positive number, not {shown(budget)}.")
    # Columns are float32: a budget that was read off one must admit the cell that it was read off.
    budget = max(float(budget), float(np.float32(budget)))
    feasible = prices <= budget
    if not feasible.any():
        raise SettingError(
            f"Nothing is within a budget of {budget:g}: the lowest cost is {np.fmin.reduce(prices, initial=np.inf):g}."
        )
    if (lowest := np.fmin.reduce(gains, initial=0.0)) < 0:
        raise SettingError(
            f"Under a budget values are at least 0, as what is above the budget ranks below 0, but the lowest is "
            f"{lowest:g}: shift the metric, or trade it off against the cost."
        )
    shortfall = -100.0 * (1.0 - budget / np.where(np.isnan(prices), np.inf, prices))
    return np.where(feasible | np.isnan(gains), gains, shortfall)


def log_tradeoff(values: ArrayLike, costs: ArrayLike, weight: float) -> NDArray[np.float64]:
    """Return ``values - weight * ln(costs)``: with weight 2 a doubled cost is worth 1.39 points.

    All are of shape (n,), NaN where either is NaN. A SettingError says where the weight is negative, or a cost has no
    logarithm.
    """
    if not 0 <= weight < np.inf:
        raise SettingError(f"A weight must be a number of at least 0, not {shown(weight)}.")
    prices = _numbers(costs, "Costs")
    if (lowest := np.fmin.reduce(prices, axis=None, initial=np.inf)) <= 0:
        raise SettingError(f"A cost that is traded off must be above 0, but the lowest is {lowest:g}.")
    return _numbers(values, "Values") - weight * np.log(prices)


def pareto_front(values: ArrayLike, directions: Sequence[str]) -> NDArray[np.int32]:
    """Return the positions of the points that no other point dominates.

    Parameters
    ----------
    values : array-like, shape (n, m)
        One row a point (a cell), one column an objective. A row with a NaN is no point.
    directions : sequence of m of {"max", "min"}

    Returns
    -------
    ndarray of int32
        Ascending. Of equal points all are there.

    Raises
    ------
    SettingError
        Where the shapes or a direction do not fit, or a value is infinite.

    Examples
    --------
    >>> pareto_front([[90, 5], [94, 9], [89, 6], [94, 9]], ["max", "min"])
    array([0, 1, 3], dtype=int32)
    """
    import moocore

    points, maximise = _checked(values, directions)
    complete = np.flatnonzero(~np.isnan(points).any(axis=1))
    on_front: NDArray[np.bool_] = moocore.is_nondominated(points[complete], maximise=maximise, keep_weakly=True)
    return complete[on_front].astype(np.int32)


def hypervolume(values: ArrayLike, reference: Sequence[float], directions: Sequence[str]) -> float:
    """Return the volume that points dominate, up to a reference point; exact.

    Parameters
    ----------
    values : array-like, shape (n, m)
        One row a point, one column an objective. A row with a NaN, or no better than the reference, adds nothing.
    reference : sequence of m numbers
        The worst values that count. Volumes compare only for the same reference.
    directions : sequence of m of {"max", "min"}

    Returns
    -------
    float
        In the product of the objectives' units.

    Raises
    ------
    SettingError
        Where the shapes or a direction do not fit, or a value or the reference is infinite.

    Examples
    --------
    >>> hypervolume([[90.0, 5.0], [94.0, 9.0]], reference=[80.0, 10.0], directions=["max", "min"])
    54.0
    """
    import moocore

    points, maximise = _checked(values, directions)
    corner = _numbers(reference, "The reference")
    if corner.shape != (len(maximise),) or not np.isfinite(corner).all():
        raise SettingError(f"The reference must be {len(maximise)} finite numbers, not {shown(reference)}.")
    complete = points[~np.isnan(points).any(axis=1)]
    return float(moocore.hypervolume(complete, ref=corner, maximise=maximise)) if len(complete) else 0.0


class Front:
    """The non-dominated architectures among all that were measured, and the hypervolume that these have.

    Each objective is scaled linearly, so that the front's best value is 1 and its worst 0. The reference point is -0.1
    in every objective: a tenth of the range beyond the worst, so that the extremes of the front count, too (Ishibuchi
    et al., "How to specify a reference point in hypervolume calculation for fair performance comparison", Evolutionary
    Computation 2018). Hypervolumes are in percent of the front's. `cells` is the front, from the best value of the
    first objective to the worst.

    >>> front = Front([[90.0, 5.0], [94.0, 9.0], [89.0, 6.0]], ["max", "min"])
    >>> front.cells, front.reference.round(2)
    (array([1, 0], dtype=int32), array([89.6,  9.4]))
    >>> front.hypervolumes([[89.0, 6.0], [94.0, 9.0], [90.0, 5.0]]).round(1)
    array([  0. ,  52.4, 100. ])
    """

    def __init__(self, values: NDArray[np.float64], directions: Sequence[str]) -> None:
        everything = np.asarray(values, np.float64)
        found = pareto_front(everything, directions)
        if not len(found):
            raise MissingValueError("No architecture was measured in every objective, so there is no front.")
        self.directions = tuple(directions)
        self._signs = np.array([1.0 if direction == "max" else -1.0 for direction in self.directions])
        order = np.argsort(-self._signs[0] * everything[found, 0], kind="stable")
        self.cells = found[order]
        self.values = everything[self.cells]
        signed = self._signs * self.values
        self.best, self.worst = self._signs * signed.max(axis=0), self._signs * signed.min(axis=0)
        flat = self.best == self.worst  # one value is on the front: the range of all has to do
        measured = self._signs * everything[~np.isnan(everything).any(axis=1)]
        lowest = self._signs * measured.min(axis=0)
        self._range = np.abs(self.best - np.where(flat, lowest, self.worst))
        self._range[self._range == 0] = 1.0

    @property
    def reference(self) -> NDArray[np.float64]:
        """The reference point in the objectives' units, shape (m,)."""
        reference: NDArray[np.float64] = self.worst - self._signs * _SLACK * self._range
        return reference

    def scaled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values, shape (n, m), scaled: 1 is the best on the front, 0 the worst, and higher is better."""
        scaled: NDArray[np.float64] = self._signs * (np.asarray(values, np.float64) - self.worst) / self._range
        return scaled

    def _volume(self, scaled: NDArray[np.float64]) -> float:
        m = len(self.directions)
        return hypervolume(scaled, [-_SLACK] * m, ["max"] * m)

    @cached_property
    def hypervolume(self) -> float:
        """Of the front, in scaled units; at most 1.1 to the power of m."""
        return self._volume(self.scaled(self.values))

    def hypervolumes(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return after each of some evaluations the hypervolume of all so far, in percent of the front's.

        It never falls, and is exactly 100 once the whole front was evaluated.
        """
        points = self.scaled(np.reshape(values, (-1, len(self.directions))))
        shares, so_far, held = np.empty(len(points)), 0.0, points[:0]
        for i, point in enumerate(points):
            if (point > -_SLACK).all() and not (held >= point).all(axis=1).any():
                held = np.vstack([held[~(held <= point).all(axis=1)], point])
                share = self._volume(held) / self.hypervolume
                so_far = max(so_far, 1.0 if share >= _COMPLETE else share)
            shares[i] = 100 * so_far
        return shares


def _numbers(values: ArrayLike, what: str) -> NDArray[np.float64]:
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError, OverflowError) as reason:  # texts, or rows of different lengths
        raise SettingError(f"{what} must be numbers that form an array: {str(reason).rstrip('.'):.120}.") from reason


def _checked(values: ArrayLike, directions: Sequence[str]) -> tuple[NDArray[np.float64], list[bool]]:
    points = _numbers(values, "Values")
    directions = check_list("directions", directions, "'max' or 'min'")
    wrong = [one for one in directions if not isinstance(one, str) or one not in ("max", "min")]
    if wrong:
        raise SettingError(f"A direction is 'max' or 'min', not {shown(wrong[0])}.")
    if points.ndim != 2 or points.shape[1] != len(directions) or not len(directions):
        raise SettingError(
            f"Values must be of shape (n, {len(directions)}), one direction a column, not {points.shape}."
        )
    if np.isinf(points).any():  # moocore crashes on them
        raise SettingError("An objective must be a finite number, or NaN where it was not measured, not infinite.")
    return points, [direction == "max" for direction in directions]
