"""The meta-searcher by default: processes with and without sources, weighed by what the target has shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from nasmeta.checks import check_int
from nasmeta.errors import SettingError, UnknownNameError, shown
from nasmeta.meta._forecasting_member import ForecastingMember, put_forward
from nasmeta.meta._meta_gp import MetaGP, labels_like, learn_meta_gp, pack_meta_gp, unpack_meta_gp
from nasmeta.meta._meta_predictor import META_PREDICTORS
from nasmeta.meta._multi_task_gp import prior_of_weights, regression_weights
from nasmeta.meta._predictive_weights import left_out_densities, predictive_weights
from nasmeta.meta._rgpe import RGPESearch
from nasmeta.meta._source_guided import BETA
from nasmeta.meta._source_models import SourceModels, pack_source_models
from nasmeta.predictors import CellGP, fit_hyperparameters, log_expected_improvement, weak_prior
from nasmeta.searchers import SEARCHERS, GPSearch
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask

_NETWORK = "in-context"
MEMBERS = ("rgpe", "multi-task-gp", _NETWORK)
_COMPLETE = 0.5  # share of the space that all sources have labelled, from which on their mean is learnt cell by cell
_NO_WEIGHT = 1e-3  # a member with less is not asked: its improvement costs more than it says
_PREFIX, _OF_NETWORK = "complete_", "in_context_"


@dataclass(frozen=True)
class _Learnt:
    """Processes of the sources, where all have labelled most of the space the mean that they share, and a network."""

    models: SourceModels
    complete: MetaGP | None
    network: Any = None  # the meta-model of `in-context`; None where it may not or cannot read the sources

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


class _Improvement(NamedTuple):
    """Log expected improvement, mean and deviation of every cell's label, all of shape (n_cells,)."""

    score: NDArray[np.float64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]


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

    def improvement(self, labels: NDArray[np.float64]) -> _Improvement:
        """Return what a look-up at every cell promises."""
        mean, std = self.gp.posterior(labels)
        std = np.sqrt(std**2 + self.gp.hyperparameters.noise)
        return _Improvement(log_expected_improvement(mean, std, labels.max()), mean, std)


@SEARCHERS.register("meta")
class DefaultMetaSearch(RGPESearch):
    """The default meta-searcher: it follows the sources as long as the target's values confirm them.

    Members are Gaussian processes of the target that differ in their prior mean: none (``gp``), the sources weighted
    by how well they rank the target's values (``rgpe``), or by regression (``multi-task-gp``). A process's weight
    follows from its leave-one-out predictions of the target's values, see `predictive_weights`. The transformer
    ``in-context`` is a member, too: it scores the cells that the others and the sources put forward, and its weight
    against all processes follows from what both forecast of each value before it came. Cells are proposed by the
    weighted mean of the members' expected improvements. So a member that foretells the target's values has more to say
    than one that does not, without a rule about the sources.

    The first cells are those of the process over (cell, task) that the sources were fitted with, or, where all of them
    have labelled at least half of the space, of `nasmeta.meta.MetaGPSearch`. Some of the first cells are drawn at
    random: among the sources' favourites alone a contradiction cannot be seen.

    Parameters
    ----------
    space : SearchSpace
    rng : numpy.random.Generator
    n_initial : int, default 5
        Evaluations before the members propose.
    n_random : int, default 2
        How many of these are drawn at random: every second one, up to the last. More than half of them are cut to that.
    members : sequence of str, default ("rgpe", "multi-task-gp", "in-context")
        Beside ``gp``, which always is one. ``in-context`` stays away from sources of another space, and where all
        weights that are shipped have seen the space, or a dataset or device of the sources or the target.
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
    ({'by': 'sources'}, ['gp', 'rgpe', 'multi-task-gp', 'in-context'])
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
        of_all = learn_meta_gp(self.space, sources, self.features) if complete else None
        return _Learnt(models, of_all, self._learn_network(sources) if within else None)

    def _learn_network(self, sources: list[SourceTask]) -> Any:
        """Return what the transformer reads; None where no weights are free of the sources' and the target's data."""
        network = self._new_network()
        network.avoid = self.avoid
        try:
            return network.meta_fit(sources).meta_model_
        except SettingError:
            return None

    def _new_network(self) -> Any:
        return META_PREDICTORS[_NETWORK](self.space, blends=False)

    def _pack(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        learnt: _Learnt = self._require_meta_model()
        arrays, facts = pack_source_models(learnt.models)
        if learnt.complete is not None:
            of_complete, facts["complete"] = pack_meta_gp(learnt.complete)
            arrays |= {f"{_PREFIX}{name}": array for name, array in of_complete.items()}
        if learnt.network is not None:
            of_network, facts[_NETWORK] = self._with_network(learnt)._pack()
            arrays |= {f"{_OF_NETWORK}{name}": array for name, array in of_network.items()}
        return arrays, facts

    def _unpack(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> _Learnt:
        if "chosen" in facts:
            raise ValueError("it was made when `meta` was another searcher: train it anew")

        def of(prefix: str) -> dict[str, NDArray[Any]]:
            return {name.removeprefix(prefix): arrays[name] for name in arrays if name.startswith(prefix)}

        complete = network = None
        if "complete" in facts:
            complete = unpack_meta_gp(self.space, self.features, of(_PREFIX), facts["complete"])
        if _NETWORK in facts:
            network = self._new_network()._unpack(of(_OF_NETWORK), facts[_NETWORK])
        return _Learnt(super()._unpack(arrays, facts), complete, network)

    def _with_network(self, learnt: _Learnt) -> Any:
        """Return the transformer with what it reads of the sources."""
        network = self._new_network()
        network.meta_model_ = learnt.network
        return network

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
        names = [name for name in self.members if name != _NETWORK]
        others = {name: CellGP(self._gp.kernel, self._gp.hyperparameters) for name in names}
        return {name: _Process(gp) for name, gp in ({"gp": self._gp} | others).items()}

    @cached_property
    def _network(self) -> ForecastingMember | None:
        learnt: _Learnt = self._require_meta_model()
        if _NETWORK not in self.members or learnt.network is None:
            return None
        return ForecastingMember(self._with_network(learnt))

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
        densities = np.stack([self._densities(name, labels) for name in self._processes])
        weights = predictive_weights(densities, self.rng)
        cells, network_share = np.array(self._gp.cells, dtype=np.int32), 0.0
        if self._network is not None:
            mixed = logsumexp(densities, axis=0, b=weights[:, None])
            network_share = self._network.weight(cells, labels, mixed, self.rng)
        told = dict(zip(self._processes, (weights * (1 - network_share)).round(4).tolist(), strict=True))
        if self._network is not None:
            told[_NETWORK] = round(network_share, 4)
        weights[weights < _NO_WEIGHT] = 0.0
        heard = [(one, share) for one, share in zip(processes, weights / weights.sum(), strict=True) if share]
        chosen: list[int] = []
        for _ in range(n):
            found = [(one.improvement(labels), share) for one, share in heard]
            score = reduce(np.logaddexp, [said.score + np.log(share) for said, share in found])
            if self._network is not None and network_share >= _NO_WEIGHT:
                candidates = put_forward([*(said.score for said, _ in found), self._network.expected], ~self._asked)
                improvement = self._network.improvement(cells, labels, candidates)
                score += np.log(max(1 - network_share, np.finfo(float).tiny))
                score[candidates] = np.logaddexp(score[candidates], improvement + np.log(network_share))
            cell = self._take_best(score)
            chosen.append(cell)
            if self._network is not None:
                of_processes = np.array([(share, said.mean[cell], said.std[cell]) for said, share in found]).T
                self._network.note(cell, cells, labels, of_processes)
            if len(chosen) < n:
                labels = np.r_[labels, sum(share * said.mean[cell] for said, share in found)]
                cells = np.r_[cells, np.int32(cell)]
                for one in processes:
                    one.gp.add(cell)
        for one in processes:
            one.gp.forget_last(n - 1)
        self.notes += [{"by": "members", "weights": told} for _ in chosen]
        return chosen
