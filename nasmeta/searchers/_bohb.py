"""BOHB: Hyperband with a density model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from nasmeta.arrays import Floats, Integers
from nasmeta.checks import check_int, check_number
from nasmeta.searchers._halving import Hyperband
from nasmeta.spaces import SearchSpace

_LEAST_DENSITY = 1e-32
_LEAST_BANDWIDTH = 0.3  # the probability that a draw replaces a choice, as in NAS-Bench-201
_TOP = 0.15  # share of good architectures


class BOHB(Hyperband):
    """Hyperband with a density model: new architectures are likely under the good ones, unlikely under the others.

    Falkner, Klein and Hutter, "BOHB: robust and efficient hyperparameter optimization at scale",
    ICML 2018, after HpBandSter: on the highest rung with enough values, one kernel density of the
    best 15 % and one of the others, a product of Aitchison and Aitken's kernels over the positions
    with bandwidths by the normal reference rule. Of `num_samples` draws around good architectures,
    the one with the largest ratio of the densities is proposed.

    Parameters
    ----------
    eta : int, default 3
    rungs : int, optional
        As in `SuccessiveHalving`.
    num_samples : int, default 64
    random_fraction : float, default 1/3
        Share of new architectures that are drawn uniformly.
    hpbandster_bandwidths : bool, default False
        Whether bandwidths may exceed 1, as in HpBandSter. The normal reference rule treats codes of
        operations as numbers; above 1, the kernel is negative on the same operation, so the density
        prefers operations that good architectures do not have. This reproduces the figures of
        NAS-Bench-201 (reports/published/nb201-paper.md). By default, bandwidths end where the
        kernel is flat.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("bohb", "nb201/cifar10", evaluations=60, settings={"num_samples": 4, "epochs": [200]})
    >>> len(run)
    60
    """

    def __init__(
        self,
        space: SearchSpace,
        rng: Generator,
        *,
        eta: int = 3,
        rungs: int | None = None,
        num_samples: int = 64,
        random_fraction: float = 1 / 3,
        hpbandster_bandwidths: bool = False,
    ) -> None:
        super().__init__(space, rng, eta=eta, rungs=rungs)
        self.num_samples = check_int("num_samples", num_samples)
        self.random_fraction = check_number("random_fraction", random_fraction, most=1)
        self.hpbandster_bandwidths = hpbandster_bandwidths
        self._least = space.n_positions + 1  # values that a density needs
        self._by_rung: dict[int, list[tuple[int, float]]] = {}
        self._densities: tuple[KernelDensity, KernelDensity] | None = None
        self._is_stale = False

    def _observe(self, architecture: int, rung: int, value: float) -> None:
        self._by_rung.setdefault(rung, []).append((architecture, value))
        self._is_stale = True

    def _sample_architecture(self) -> int:
        if self._is_stale:
            self._densities = self._fitted()
            self._is_stale = False
        if self._densities is None or self.rng.random() < self.random_fraction:
            return super()._sample_architecture()
        good, bad = self._densities
        drawn = good.draw(self.num_samples, self.rng)
        reduced = self.space.conditions.reduced(drawn.astype(np.int64))
        architectures = self.space.find(reduced @ self.space.place_values)
        architectures = architectures[architectures >= 0]
        if self._part is not None:
            architectures = architectures[np.isin(architectures, self._part)]
        if not len(architectures):
            return super()._sample_architecture()
        codes = self.space.codes_of(architectures)
        bad_density = np.maximum(bad.at(codes), _LEAST_DENSITY)
        good_density = np.maximum(good.at(codes), _LEAST_DENSITY)
        best = int(np.argmin(bad_density / good_density))
        return int(architectures[best])

    def _fitted(self) -> tuple[KernelDensity, KernelDensity] | None:
        """Return the densities of good and other architectures on the highest rung with enough values."""
        for rung in sorted(self._by_rung, reverse=True):
            best_first = sorted(self._by_rung[rung], key=lambda observed: -observed[1])
            n_good = max(self._least, int(_TOP * len(best_first)))
            if len(best_first) >= n_good + self._least:
                codes = self.space.codes_of([architecture for architecture, _ in best_first])
                settings = (self.space.n_choices, _LEAST_BANDWIDTH, self.hpbandster_bandwidths)
                good = KernelDensity(codes[:n_good], *settings)
                others = KernelDensity(codes[n_good:], *settings)
                return good, others
        return None


class KernelDensity:
    """A kernel density: for each position, a kernel that has 1 - h on the same choice, the rest on the others."""

    def __init__(
        self, codes: Integers, n_choices: Sequence[int], least: float, unbounded: bool = False
    ) -> None:
        n, n_positions = codes.shape
        self.codes, self.n_choices = codes, np.array(n_choices)
        # The normal reference rule: h = 1.06 σ n^(-1 / (4 + d)), with the deviation σ of each of d positions.
        wide = 1.06 * codes.std(axis=0) * n ** (-1 / (4 + n_positions))
        if unbounded:  # with the number of choices that occur, as in statsmodels
            self.bandwidths = np.maximum(wide, least)
            others = np.array([max(len(np.unique(column)) - 1, 1e-6) for column in codes.T])
        else:
            most = (self.n_choices - 1) / self.n_choices  # the kernel is flat
            self.bandwidths = np.clip(wide, np.minimum(least, most), most)
            others = np.maximum(self.n_choices - 1.0, 1.0)
        self._same = 1 - self.bandwidths
        self._other = self.bandwidths / others

    def at(self, codes: Integers) -> Floats:
        """Return the density at codes of shape (m, n_positions)."""
        equal = codes[:, None, :] == self.codes[None, :, :]  # (m, n, n_positions)
        kernels = np.where(equal, self._same, self._other).prod(axis=2)
        density: Floats = kernels.mean(axis=1)
        return density

    def draw(self, m: int, rng: Generator) -> Integers:
        """Draw codes around members; a position has a random choice with the probability of the bandwidth."""
        centres = self.codes[rng.integers(len(self.codes), size=m)]
        is_random = rng.random(centres.shape) < self.bandwidths
        # One bound for all positions takes other random numbers than an array of bounds.
        alike = (self.n_choices == self.n_choices[0]).all()
        n_choices = int(self.n_choices[0]) if alike else self.n_choices
        choices = rng.integers(n_choices, size=centres.shape, dtype=self.codes.dtype.type)
        return np.where(is_random, choices, centres)
