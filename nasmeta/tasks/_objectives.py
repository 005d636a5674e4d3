"""Rules that combine two objectives into one number, and Pareto fronts with their hypervolume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasmeta.checks import check_choice
from nasmeta.errors import MissingValueError, SettingError
from nasmeta.tables import ColumnInfo, Signal, joined_facts

_SLACK = 0.1  # of the front's range, by which the reference lies beyond its worst values
_EQUAL = 1e-12  # of the hypervolume: the same points, added in another order


@dataclass(frozen=True)
class Objective:
    """Best performance under a budget on a device, or performance against the logarithm of the cost.

    Parameters
    ----------
    cost : Signal
        Latency or energy on a device; lower is better.
    rule : {"within", "tradeoff"}
        `within_budget` or `log_tradeoff`.
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

    def values(
        self, values: NDArray[np.float64], costs: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the combined numbers, shape (size,); NaN if value or cost is NaN."""
        rule = within_budget if self.rule == "within" else log_tradeoff
        return rule(values, costs, self.amount)

    def column(self, task: str, of: ColumnInfo, cost: ColumnInfo) -> ColumnInfo:
        """Return the facts about the combined number, with releases, sources and checksums of both columns.

        Raises
        ------
        SettingError
            If the directions do not fit.
        """
        if (of.direction, cost.direction) != ("max", "min"):
            what = f"directions of {of.metric} and {cost.metric} of {task}"
            raise SettingError(what, (of.direction, cost.direction), "max and min")
        if self.rule == "within":
            cost_unit = "" if cost.unit == "1" else cost.unit
            cost_name = cost.device or cost.metric
            metric = f"{of.metric}_within_{self.amount:g}{cost_unit}_{cost_name}"
            unit = of.unit
        else:
            metric = f"{of.metric}_minus_{self.amount:g}_ln_{cost.metric}"
            unit = "1"
        both = joined_facts([of, cost], "release", "source", "licence", "source_sha256", "origin")
        return replace(of, metric=metric, unit=unit, note=f"{of.note}; {cost.note}", **both)


def within_budget(values: ArrayLike, costs: ArrayLike, budget: float) -> NDArray[np.float64]:
    """Return values under a budget; an infeasible architecture scores minus the cost reduction it needs, in percent.

    Feasible architectures keep their value, which must be at least 0, so each is better than every
    infeasible one. A cost of NaN, for a network that the device cannot run, scores -100.
    """
    gains, prices = np.asarray(values, np.float64), np.asarray(costs, np.float64)
    # Columns are float32: a budget copied from a column admits the architecture with this value.
    budget = max(float(budget), float(np.float32(budget)))
    feasible = prices <= budget
    if not feasible.any():
        raise SettingError(
            "budget",
            budget,
            f"at least the lowest cost, {np.fmin.reduce(prices, initial=np.inf):g}",
        )
    if (lowest := np.fmin.reduce(gains, initial=0.0)) < 0:
        hint = "Infeasible architectures rank below 0: shift the metric, or use a trade-off."
        raise SettingError("lowest value under a budget", float(lowest), "at least 0", hint)
    shortfall = -100.0 * (1.0 - budget / np.where(np.isnan(prices), np.inf, prices))
    return np.where(feasible | np.isnan(gains), gains, shortfall)


def log_tradeoff(values: ArrayLike, costs: ArrayLike, weight: float) -> NDArray[np.float64]:
    """Return ``values - weight * ln(costs)``: with weight 2 a doubled cost is worth 1.39 points.

    All have shape (n,). The result is NaN if value or cost is NaN. A negative weight, or a cost
    that is not positive, raises a SettingError.
    """
    prices = np.asarray(costs, np.float64)
    if (lowest := np.fmin.reduce(prices, axis=None, initial=np.inf)) <= 0:
        raise SettingError("lowest cost of a trade-off", float(lowest), "above 0")
    logarithms = np.log(prices).round(8)  # the last bits depend on the processor
    return np.asarray(values, np.float64) - weight * logarithms


def pareto_front(values: ArrayLike, directions: Sequence[str]) -> NDArray[np.int32]:
    """Return the positions of the points that no other point dominates.

    Parameters
    ----------
    values : array-like, shape (n, m)
        One row per point, one column per objective. Rows with a NaN are ignored.
    directions : sequence of m of {"max", "min"}

    Returns
    -------
    ndarray of int32
        Ascending. Includes all of several equal points.

    Raises
    ------
    SettingError
        If the shapes or a direction do not fit, or a value is infinite.

    Examples
    --------
    >>> pareto_front([[90, 5], [94, 9], [89, 6], [94, 9]], ["max", "min"])
    array([0, 1, 3], dtype=int32)
    """
    import moocore

    points, maximise = _checked(values, directions)
    complete = np.flatnonzero(~np.isnan(points).any(axis=1))
    on_front: NDArray[np.bool_] = moocore.is_nondominated(
        points[complete], maximise=maximise, keep_weakly=True
    )
    return complete[on_front].astype(np.int32)


def hypervolume(values: ArrayLike, reference: Sequence[float], directions: Sequence[str]) -> float:
    """Return the volume that points dominate, up to a reference point; exact.

    Parameters
    ----------
    values : array-like, shape (n, m)
        One row per point, one column per objective. A row with a NaN, or not better than the
        reference, adds nothing.
    reference : sequence of m numbers
        The worst values that count. Volumes are comparable only for the same reference.
    directions : sequence of m of {"max", "min"}

    Returns
    -------
    float
        In the product of the objectives' units.

    Raises
    ------
    SettingError
        If the shapes or a direction do not fit, or a value or the reference is infinite.

    Examples
    --------
    >>> hypervolume([[90.0, 5.0], [94.0, 9.0]], reference=[80.0, 10.0], directions=["max", "min"])
    54.0
    """
    import moocore

    points, maximise = _checked(values, directions)
    corner = np.asarray(reference, np.float64)
    complete = points[~np.isnan(points).any(axis=1)]
    return (
        float(moocore.hypervolume(complete, ref=corner, maximise=maximise))
        if len(complete)
        else 0.0
    )


class Front:
    """The non-dominated architectures among all measured ones, and their hypervolume.

    Each objective is scaled linearly, to 1 for the front's best value and 0 for its worst. The
    default reference point is -0.1 in every objective: a tenth of the range beyond the worst, which
    includes the extremes of the front (Ishibuchi et al., "How to specify a reference point in
    hypervolume calculation for fair performance comparison", Evolutionary Computation 2018);
    `reference` states another one in the objectives' units, shape (m,). Hypervolumes are in percent
    of the front's. `architectures` is the front, from the best value of the first objective to the
    worst.

    >>> front = Front([[90.0, 5.0], [94.0, 9.0], [89.0, 6.0]], ["max", "min"])
    >>> front.architectures, front.reference.round(2)
    (array([1, 0], dtype=int32), array([89.6,  9.4]))
    >>> front.hypervolumes([[89.0, 6.0], [94.0, 9.0], [90.0, 5.0]]).round(1)
    array([  0. ,  52.4, 100. ])
    """

    def __init__(
        self,
        values: NDArray[np.float64],
        directions: Sequence[str],
        reference: Sequence[float] | None = None,
    ) -> None:
        everything = np.asarray(values, np.float64)
        front = pareto_front(everything, directions)
        if not len(front):
            raise MissingValueError("No architecture was measured in every objective.")
        self.directions = tuple(directions)
        self._signs = np.array(
            [1.0 if direction == "max" else -1.0 for direction in self.directions]
        )
        order = np.argsort(-self._signs[0] * everything[front, 0], kind="stable")
        self.architectures = front[order]
        self.values = everything[self.architectures]
        signed = self._signs * self.values
        self.best, self.worst = self._signs * signed.max(axis=0), self._signs * signed.min(axis=0)
        # the front has one value: use the range of all measured ones
        flat = self.best == self.worst
        measured = self._signs * everything[~np.isnan(everything).any(axis=1)]
        lowest = self._signs * measured.min(axis=0)
        self._range = np.abs(self.best - np.where(flat, lowest, self.worst))
        self._range[self._range == 0] = 1.0
        self._corner = (
            np.full(len(self.directions), -_SLACK) if reference is None else self.scaled(reference)
        )

    @property
    def reference(self) -> NDArray[np.float64]:
        """The reference point in the objectives' units, shape (m,)."""
        return np.asarray(self.worst + self._signs * self._corner * self._range)

    def scaled(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return scaled values, shape (n, m): 1 is the best on the front, 0 the worst; higher is better."""
        return np.asarray(self._signs * (np.asarray(values, np.float64) - self.worst) / self._range)

    def _volume(self, scaled: NDArray[np.float64]) -> float:
        return hypervolume(scaled, self._corner.tolist(), ["max"] * len(self.directions))

    @cached_property
    def hypervolume(self) -> float:
        """The hypervolume of the front in scaled units."""
        return self._volume(self.scaled(self.values))

    def hypervolumes(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the hypervolume after each evaluation, in percent of the front's.

        It never decreases, is exactly 100 once the whole front is evaluated, and above 100 only for
        points beyond it.
        """
        points = self.scaled(np.reshape(values, (-1, len(self.directions))))
        shares = np.empty(len(points))
        largest = 0.0
        front = points[:0]  # the points so far that no other one dominates
        for position, point in enumerate(points):
            is_counted = (point > self._corner).all()
            # Only a point that changes the front needs a new volume.
            if is_counted and not (front >= point).all(axis=1).any():
                dominated = (front <= point).all(axis=1)
                front = np.vstack([front[~dominated], point])
                share = self._volume(front) / self.hypervolume
                if abs(share - 1.0) <= _EQUAL:
                    share = 1.0
                largest = max(largest, share)
            shares[position] = 100 * largest
        return shares


def _checked(
    values: ArrayLike, directions: Sequence[str]
) -> tuple[NDArray[np.float64], list[bool]]:
    points = np.asarray(values, np.float64)
    for direction in directions:
        check_choice("direction", direction, ("max", "min"))
    if points.ndim != 2 or points.shape[1] != len(directions) or not len(directions):
        raise SettingError("shape of the values", points.shape, f"(n, {len(directions)})")
    if np.isinf(points).any():  # moocore crashes on them
        raise SettingError("objective", np.inf, "a finite number or NaN")
    return points, [direction == "max" for direction in directions]
