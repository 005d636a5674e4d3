"""Optuna's samplers as searchers."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_options
from nasmeta.errors import SettingError, UnknownNameError, needing
from nasmeta.searchers._base import SEARCHERS, Searcher
from nasmeta.searchers.peers._base import OwnGenerators
from nasmeta.spaces import SearchSpace, get_space

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.distributions import CategoricalDistribution
    from optuna.samplers import BaseSampler

_NO_SAMPLERS_OF_CELLS = ("CmaEsSampler", "GridSampler", "PartialFixedSampler")
_TRIES = 8  # combinations in a row that are no architecture


def load_optuna(what: str) -> ModuleType:
    """Import Optuna; where it is not installed, say what needs it and how to get it."""
    with needing(what, "optuna"):
        import optuna
    return optuna


def position_distributions(space: str | SearchSpace) -> dict[str, CategoricalDistribution]:
    """Return what Optuna chooses from: for each position, such as ``0->1`` of cells, its choices."""
    optuna = load_optuna("A search space for Optuna")
    distribution = optuna.distributions.CategoricalDistribution
    return {position.name: distribution(position.choices) for position in get_space(space).positions}


@SEARCHERS.register("optuna")
class OptunaSearch(Searcher):
    """Any sampler of Optuna, on one categorical parameter a position (Akiba et al., KDD 2019).

    The study is in memory and maximises. Each proposal is a trial; other values are added as finished trials. If the
    sampler proposes an architecture again, the run provides the known value, and the trial is told once more. A
    combination of choices that is not an architecture is a pruned trial. After eight pruned trials, the architecture
    with the fewest different positions is proposed instead; if fewer than an eighth of all combinations are
    architectures, already after the first. Needs the extra ``optuna``.

    Parameters
    ----------
    sampler : str or optuna.samplers.BaseSampler, default "TPESampler"
        A class of ``optuna.samplers``, or an instance with its own seed. `search` and `compare` record settings: pass
        them a subclass that overrides `make_sampler` in place of an instance.
    options : mapping, optional
        Keyword arguments of the class, such as ``{"n_startup_trials": 20}``.

    Attributes
    ----------
    study_ : optuna.Study
        The trials, for Optuna's own tools.

    Examples
    --------
    >>> import nasmeta as nm
    >>> options = {"multivariate": False, "n_startup_trials": 20}
    >>> run = nm.search("optuna", "nb201/cifar10", evaluations=30, settings={"options": options})
    >>> len(run)
    30
    """

    def __init__(
        self,
        space: SearchSpace,
        rng: np.random.Generator,
        *,
        sampler: str | BaseSampler = "TPESampler",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(space, rng)
        self.sampler = sampler
        self.options = check_options(options, '{"n_startup_trials": 20}')
        optuna = load_optuna(type(self).__name__)
        self._distributions = position_distributions(space)
        self._codes = {p.name: {choice: code for code, choice in enumerate(p.choices)} for p in space.positions}
        self._pruned = optuna.trial.TrialState.PRUNED
        self._tries = _TRIES if len(space.raw_codes) * _TRIES >= space.n_combinations else 1
        self._open: dict[int, deque[Trial]] = {}
        self._known = np.zeros(space.size, dtype=bool)
        self._create_finished = optuna.trial.create_trial
        seed = int(rng.integers(2**32))
        with OwnGenerators(0).used():  # without messages about the study and experimental samplers
            self.study_ = optuna.create_study(
                storage=optuna.storages.InMemoryStorage(), sampler=self.make_sampler(seed), direction="maximize"
            )

    def make_sampler(self, seed: int) -> BaseSampler:
        """Return the sampler of a run; override this for one that settings cannot describe."""
        samplers = load_optuna(type(self).__name__).samplers
        if isinstance(self.sampler, samplers.BaseSampler) and not self.options:
            instance: BaseSampler = self.sampler
            return instance
        name = str(self.sampler)
        kinds = {one: getattr(samplers, one) for one in samplers.__all__ if one.endswith("Sampler")}
        possible = {one for one, kind in kinds.items() if not inspect.isabstract(kind)} - set(_NO_SAMPLERS_OF_CELLS)
        if name not in possible:
            raise UnknownNameError.of("sampler of Optuna", name, possible)
        try:
            with needing(name, "optuna,torch"):
                if name == "GPSampler":
                    import torch  # noqa: F401  (imported at the first proposal otherwise)
                sampler: BaseSampler = kinds[name](seed=seed, **self.options)
        except (TypeError, ValueError) as reason:
            raise SettingError(f"{name} cannot take the options {self.options}: {reason}") from reason
        return sampler

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Begin a trial for each proposal."""
        return np.array([self._begin() for _ in range(n)], np.int32)

    def _begin(self) -> int:
        for _ in range(self._tries):
            trial = self.study_.ask(self._distributions)
            chosen = trial.params
            codes = np.array([self._codes[name][chosen[name]] for name in self._distributions])
            cell = int(self.space.find(codes @ self.space.place_values))
            if cell >= 0:
                break
            self.study_.tell(trial, state=self._pruned)
        else:
            edits = (self.space.codes != codes).sum(axis=1)
            edits[self._known] += len(codes)  # a sampler that insists would else get the same few again and again
            cell = int(self.rng.choice(np.flatnonzero(edits == edits.min())))
            self.study_.enqueue_trial(self._params(cell))
            trial = self.study_.ask(self._distributions)
        self._open.setdefault(cell, deque()).append(trial)
        self._known[cell] = True
        return cell

    def _params(self, cell: int) -> dict[str, Any]:
        codes = self.space.codes[cell].tolist()
        return {p.name: p.choices[code] for p, code in zip(self.space.positions, codes, strict=True)}

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """End the oldest open trial of each cell; where there is none, add a finished one."""
        self._known[cells] = True
        for cell, value in zip(cells.tolist(), values.tolist(), strict=True):
            begun = self._open.get(cell)
            if begun:
                self.study_.tell(begun.popleft(), value)
                continue
            params = self._params(cell)
            self.study_.add_trial(self._create_finished(params=params, distributions=self._distributions, value=value))


class _Named(OptunaSearch):
    """One sampler under a name of its own; see `OptunaSearch` for `options`."""

    of: str

    def __init__(
        self, space: SearchSpace, rng: np.random.Generator, *, options: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(space, rng, sampler=self.of, options=options)


@SEARCHERS.register("optuna-tpe")
class OptunaTPE(_Named):
    """Optuna's TPESampler: tree-structured Parzen estimators (Bergstra et al., NeurIPS 2011; Watanabe, 2023).

    See `OptunaSearch`; ``options={"multivariate": False}`` models each position alone, the default before Optuna 5.
    """

    of = "TPESampler"


@SEARCHERS.register("optuna-random")
class OptunaRandom(_Named):
    """Optuna's RandomSampler: each choice uniformly; a cell may come again. See `OptunaSearch`."""

    of = "RandomSampler"


@SEARCHERS.register("optuna-nsgaii")
class OptunaNSGAII(_Named):
    """Optuna's NSGAIISampler, with one objective a genetic algorithm (Deb et al., 2002). See `OptunaSearch`."""

    of = "NSGAIISampler"


@SEARCHERS.register("optuna-gp")
class OptunaGP(_Named):
    """Optuna's GPSampler: Bayesian optimisation with a Gaussian process. See `OptunaSearch`; needs torch, too."""

    of = "GPSampler"
