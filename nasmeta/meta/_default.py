"""The meta-searcher by default: processes with and without sources, weighed by what the target has shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_int
from nasmeta.errors import SettingError, UnknownNameError, shown
from nasmeta.meta._blend import left_out_densities, predictive_weights
from nasmeta.meta._meta_gp import MetaGP, learn_meta_gp, pack_meta_gp, unpack_meta_gp
from nasmeta.meta._multi_task_gp import prior_of_weights, regression_weights
from nasmeta.meta._rgpe import RGPESearch
from nasmeta.meta._scale import labels_like
from nasmeta.meta._source_guided import BETA
from nasmeta.meta._source_models import SourceModels, pack_source_models
from nasmeta.predictors import CellGP, fit_hyperparameters, log_expected_improvement, weak_prior
from nasmeta.searchers import SEARCHERS, GPSearch
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask

MEMBERS = ("rgpe", "multi-task-gp")
_COMPLETE = 0.5  # share of the space that all sources have labelled, from which on their mean is learnt cell by cell
_NO_WEIGHT = 1e-3  # a member with less is not asked: its improvement costs more than it says
_PREFIX = "complete_"


@dataclass(frozen=True)
class _Learnt:
    """Processes of the sources, and where all have labelled most of the space, the mean that they share there."""

    models: SourceModels
    complete: MetaGP | None

    @property
    def _said(self) -> SourceModels | MetaGP:
        return self.models if self.complete is None else self.complete

    @property
    def mean(self) -> NDArray[np.floating]:
        """What the sources expect of every cell, shape (n_cells,)."""
        return self._said.mean

    @property
    def hyperparameters(self) -> Any:
        """Those behind that mean."""
        return self._said.hyperparameters

    @property
    def features(self) -> tuple[str, ...]:
        """What is compared."""
        return self._said.features


class _Process:
    """A process of the target around a prior mean; its hyperparameters are its own."""

    def __init__(self, gp: CellGP) -> None:
        self.gp = gp

    def condition(self, labels: NDArray[np.float64], mean: NDArray[np.float32] | None, refit: bool) -> None:
        """Set the prior mean, up to a constant, and fit the hyperparameters to what it leaves."""
        gp, residuals = self.gp, labels
        if mean is not None:
            mean = mean - mean[gp.cells].mean()  # labels are ranks among the observed cells
            residuals = labels - mean[gp.cells]
        gp.mean = mean
        if refit:
            prior = weak_prior(len(gp.kernel.features), gp.kernel.typical_lengthscales)
            gp.set_hyperparameters(fit_hyperparameters(gp.observed_distances(), [residuals], gp.hyperparameters, prior))

    def improvement(self, labels: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the log expected improvement and the mean of every cell, both of shape (n_cells,)."""
        mean, std = self.gp.posterior(labels)
        return log_expected_improvement(mean, np.sqrt(std**2 + self.gp.hyperparameters.noise), labels.max()), mean


@SEARCHERS.register("meta")
class DefaultMetaSearch(RGPESearch):
    """The default meta-searcher: it follows the sources as long as the target's values confirm them.

    Members are Gaussian processes of the target that differ in their prior mean: none (``gp``), the sources weighted
    by how well they rank the target's values (``rgpe``), or by regression (``multi-task-gp``). A member's weight
    follows from its leave-one-out predictions of the target's values, see `predictive_weights`, and cells are proposed
    by the weighted mean of the members' expected improvements. So a prior mean which fits the target's values has more
    to say than one that does not, without a rule about the sources.

    The first cells are those of the process over (cell, task) that the sources were fitted with, or, where all of them
    have labelled at least half of the space, of `nasmeta.meta.MetaGPSearch`. Some of the first cells are drawn at
    random: among the sources' favourites alone a contradiction cannot be seen.

    Parameters
    ----------
    n_initial : int, default 5
        Evaluations before the members propose.
    n_random : int, default 2
        How many of these are drawn at random: every second one, up to the last. More than half of them are cut to that.
    members : sequence of str, default ("rgpe", "multi-task-gp")
        Beside ``gp``, which always is one.
    features : sequence of str, optional
        What is compared, see `nasmeta.spaces.SearchSpace.feature`; the space's ``kernel_features`` where left out.

    Attributes
    ----------
    notes : list of dict
        Who chose each of the last proposals (``sources``, ``random``, ``members``), and the members' ``weights``.

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> few = nm.task_distribution("nb201").leave_out("cifar100")[0].as_sources(50, np.random.default_rng(0))
    >>> run = nm.search("meta", "nb201/cifar100", sources=few, evaluations=10)
    >>> run.notes[0], list(run.notes[9]["weights"])
    ({'by': 'sources'}, ['gp', 'rgpe', 'multi-task-gp'])
    """

    search_settings: ClassVar[tuple[str, ...]] = ("n_initial", "n_random", "members")

    def __init__(
        self,
        space: SearchSpace,
        rng: np.random.Generator,
        *,
        n_initial: int = 5,
        n_random: int = 2,
        members: Sequence[str] = MEMBERS,
        features: Sequence[str] | None = None,
    ) -> None:
        super().__init__(space, rng, n_initial=n_initial, features=features)
        self.n_random = min(check_int("n_random", n_random, 0, 1_000_000), self.n_initial // 2)
        if isinstance(members, str) or not isinstance(members, Sequence):
            raise SettingError(f"members must be a list of names from {', '.join(MEMBERS)}, not {shown(members)}.")
        for name in members:
            if name not in MEMBERS:
                raise UnknownNameError.of("member", name, MEMBERS)
        self.members = tuple(dict.fromkeys(members))
        self.notes: list[Mapping[str, Any]] = []

    # -- what is learnt from sources --------------------------------------------------------------------------------
    def _learn(self, sources: list[SourceTask]) -> _Learnt:
        models = super()._learn(sources)
        common = reduce(np.intersect1d, [source.cells for source in sources])
        within = all(source.space == self.space for source in sources)
        complete = within and len(common) >= _COMPLETE * self.space.size
        return _Learnt(models, learn_meta_gp(self.space, sources, self.features) if complete else None)

    def _pack(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        learnt: _Learnt = self._require_meta_model()
        arrays, facts = pack_source_models(learnt.models)
        if learnt.complete is not None:
            of_complete, facts["complete"] = pack_meta_gp(learnt.complete)
            arrays |= {f"{_PREFIX}{name}": array for name, array in of_complete.items()}
        return arrays, facts

    def _unpack(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> _Learnt:
        if "chosen" in facts:
            raise ValueError("it was made when `meta` was another searcher: train it anew")
        complete = None
        if "complete" in facts:
            of_complete = {name.removeprefix(_PREFIX): arrays[name] for name in arrays if name.startswith(_PREFIX)}
            complete = unpack_meta_gp(self.space, self.features, of_complete, facts["complete"])
        return _Learnt(super()._unpack(arrays, facts), complete)

    @property
    def _models(self) -> SourceModels:
        learnt: _Learnt = self._require_meta_model()
        return learnt.models

    # -- the beginning ----------------------------------------------------------------------------------------------
    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose the first cells, of the sources or at random, then those of the members."""
        first: list[int] = []
        self.notes = []
        if self._n_asked + n <= self._n_open:
            while len(first) < n and self._n_asked < self.n_initial:
                first.append(self._first_cell())
        if len(first) == n:
            return np.array(first, dtype=np.int32)
        rest = GPSearch.ask(self, n - len(first))
        return np.concatenate([np.array(first, dtype=np.int32), rest])

    def _first_cell(self) -> int:
        left = self.n_initial - 1 - self._n_asked
        if left % 2 == 0 and left < 2 * self.n_random:
            self.notes.append({"by": "random"})
            cell = int(self.rng.choice(np.flatnonzero(~self._asked)))
            self._mark(cell)
            return cell
        return self._favourite()

    def _favourite(self) -> int:
        """Return what the sources, corrected by what was told, promise most."""
        self.notes.append({"by": "sources"})
        learnt: _Learnt = self._require_meta_model()
        if learnt.complete is None:
            return int(self._first_cells(1)[0])
        mean = learnt.complete.mean
        process = CellGP(self._gp.kernel, learnt.complete.hyperparameters, mean)
        for told in self._gp.cells:
            process.add(told)
        expected, std = process.posterior(labels_like(mean[process.cells], self._values))
        return self._take_best(expected + BETA * std)

    # -- the members ------------------------------------------------------------------------------------------------
    @cached_property
    def _processes(self) -> dict[str, _Process]:
        """The members' processes by name; that of ``gp`` is the one of `GPSearch`."""
        others = {name: CellGP(self._gp.kernel, self._gp.hyperparameters) for name in self.members}
        return {name: _Process(gp) for name, gp in ({"gp": self._gp} | others).items()}

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Condition all members on the values."""
        for cell, value in zip(cells.tolist(), values.tolist(), strict=True):
            if cell not in self._gp.cells:
                self._mark(cell)
                self._values.append(value)
                for process in self._processes.values():
                    process.gp.add(cell)

    def _prior_mean(self, member: str, labels: NDArray[np.float64]) -> NDArray[np.float32] | None:
        if member == "gp":
            return None
        if member == "rgpe":
            weights, self._without = self._weights_with_and_without(labels)
        else:
            seen = self._source_means[:, self._gp.cells]
            weights = regression_weights(seen, labels, self._processes[member].gp.factor)
        return (weights @ self._source_means).astype(np.float32)

    def _densities(self, member: str, labels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log density that a member gives to each label which it has not seen, shape (n,)."""
        factor = self._processes[member].gp.factor
        covariance, n = factor @ factor.T, len(labels)
        if member == "gp":
            return left_out_densities(covariance, labels, np.zeros((n, n)))
        seen = self._source_means[:, self._gp.cells].astype(np.float64)
        seen -= seen.mean(axis=1, keepdims=True)
        if member == "rgpe":
            return left_out_densities(covariance, labels, self._without @ seen)
        mean, variance = prior_of_weights(len(seen))  # integrated out: each label's weights are those of the others
        return left_out_densities(covariance + variance * seen.T @ seen, labels, np.tile(mean @ seen, (n, 1)))

    def _most_promising(self, n: int) -> list[int]:
        labels = self._labels()
        if not len(labels):  # several workers, and nothing has come back yet
            return [self._favourite() for _ in range(n)]
        refit = self._is_due(len(labels))
        if refit:
            self._fitted_at = len(labels)
        for name, process in self._processes.items():
            process.condition(labels, self._prior_mean(name, labels), refit)
        processes = list(self._processes.values())
        weights = predictive_weights(np.stack([self._densities(name, labels) for name in self._processes]), self.rng)
        told = dict(zip(self._processes, weights.round(4).tolist(), strict=True))
        weights[weights < _NO_WEIGHT] = 0.0
        heard = [(one, share) for one, share in zip(processes, weights / weights.sum(), strict=True) if share]
        chosen: list[int] = []
        for _ in range(n):
            found = [(one.improvement(labels), share) for one, share in heard]
            score = reduce(np.logaddexp, [improvement + np.log(share) for (improvement, _), share in found])
            cell = self._take_best(score)
            chosen.append(cell)
            if len(chosen) < n:
                labels = np.r_[labels, sum(share * mean[cell] for (_, mean), share in found)]
                for one in processes:
                    one.gp.add(cell)
        for one in processes:
            one.gp.forget_last(n - 1)
        self.notes += [{"by": "members", "weights": told} for _ in chosen]
        return chosen
