"""Optuna's samplers as searchers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.random import Generator

from nasmeta.arrays import Architectures, Floats
from nasmeta.errors import UnknownNameError, needing
from nasmeta.searchers.peers._peer_search import (
    OwnGenerators,
    PeerSearch,
    Suggestion,
    bounds_of,
    code_of,
    load_peer,
)
from nasmeta.spaces import Position, SearchSpace

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import BaseTrial


def suggest_codes(trial: BaseTrial, space: SearchSpace) -> list[int]:
    """Let an Optuna trial choose for each active position, and return the code of every position.

    A range is a float or an integer, any other position is categorical; parameters have the names
    of positions.
    """
    codes, left = np.zeros(space.n_positions, np.int64), list(range(space.n_positions))
    while left:
        i = left.pop(0)
        position = space.positions[i]
        if any(
            space.positions[j].name in space.conditions.given.get(position.name, ()) for j in left
        ):
            left.append(i)  # after the positions that its condition names
        elif space.conditions.active(codes)[i]:
            codes[i] = code_of(position, _suggested(trial, position))
    return codes.tolist()


def _suggested(trial: BaseTrial, position: Position) -> Any:
    if position.scale is None:
        return trial.suggest_categorical(position.name, position.choices)
    low, high, whole, log = bounds_of(position)
    return (trial.suggest_int if whole else trial.suggest_float)(position.name, low, high, log=log)


class OptunaSearch(PeerSearch):
    """Any sampler of Optuna, on one parameter per active position (Akiba et al., KDD 2019).

    Ranges are floats or integers, other positions are categorical. The study is in memory and
    maximises. Each proposal is a trial; other values are added as finished trials. If the sampler
    proposes a known architecture, the trial receives the known value, and the sampler proposes
    again. A combination of choices that is not an architecture is a pruned trial. Needs the extra
    ``optuna``.

    Parameters
    ----------
    sampler : str, default "TPESampler"
        A class of ``optuna.samplers``. For any other sampler, derive a class that overrides
        `make_sampler`.
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

    default_sampler: ClassVar[str] = "TPESampler"
    seeds = 2**32
    tries = 8
    counts_repeats = False

    def __init__(
        self,
        space: SearchSpace,
        rng: Generator,
        *,
        sampler: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(space, rng)
        self.sampler = sampler or self.default_sampler
        self.options = dict(options or {})
        self._optuna = load_peer("optuna", type(self).__name__, "optuna")
        self._open_study(1)

    def _open_study(self, n_objectives: int) -> None:
        optuna = self._optuna
        with OwnGenerators(0).used():  # without messages about the study and experimental samplers
            self.study_ = optuna.create_study(
                storage=optuna.storages.InMemoryStorage(),
                sampler=self.make_sampler(self._peer_seed),
                directions=["maximize"] * n_objectives,
            )

    def tell(self, architectures: Architectures, values: Floats) -> None:
        """Report the values; the first vectors begin a study of several objectives."""
        if values.ndim > 1 and not self._observed:
            self._open_study(values.shape[1])
            self._waiting = {architecture: [] for architecture in self._waiting}
        super().tell(architectures, values)

    def make_sampler(self, seed: int) -> BaseSampler:
        """Return the sampler of a run; override this for one that settings cannot describe."""
        samplers = self._optuna.samplers
        if self.sampler not in samplers.__all__:
            raise UnknownNameError.of("sampler of Optuna", self.sampler, samplers.__all__)
        with needing(self.sampler, "optuna,torch"):
            if self.sampler == "GPSampler":
                import torch  # noqa: F401  (imported at the first proposal otherwise)
            sampler: BaseSampler = getattr(samplers, self.sampler)(seed=seed, **self.options)
        return sampler

    def restrict(self, architectures: Architectures) -> bool:
        """Return False: `SubsetSearch` discards the other proposals, and the study does not contain them."""
        return False

    def _suggest(self) -> Suggestion:
        trial = self.study_.ask()
        return trial, suggest_codes(trial, self.space)

    def _tell_peer(self, proposal: Any, architecture: int, value: float) -> None:
        if proposal is not None:
            self.study_.tell(proposal, value)
            return
        kinds = self._optuna.trial
        fixed = kinds.FixedTrial(self.space.choices(architecture))
        suggest_codes(fixed, self.space)
        self.study_.add_trial(
            kinds.create_trial(
                params=fixed.params,
                distributions=fixed.distributions,
                values=np.atleast_1d(value).tolist(),
            )
        )

    def _instead(self, architecture: int) -> list[Any]:
        self.study_.enqueue_trial(self.space.choices(architecture))
        return [self._suggest()[0]]

    def _refuse(self, suggested: Suggestion) -> None:
        self.study_.tell(suggested[0], state=self._optuna.trial.TrialState.PRUNED)


class OptunaTPE(OptunaSearch):
    """Optuna's TPESampler: tree-structured Parzen estimators (Bergstra et al., NeurIPS 2011; Watanabe, 2023).

    See `OptunaSearch`; ``options={"multivariate": False}`` models each position alone, the default
    before Optuna 5.
    """

    default_sampler = "TPESampler"


class OptunaRandom(OptunaSearch):
    """Optuna's RandomSampler: each choice uniformly. See `OptunaSearch`."""

    default_sampler = "RandomSampler"


class OptunaNSGAII(OptunaSearch):
    """Optuna's NSGAIISampler, with one objective a genetic algorithm (Deb et al., 2002). See `OptunaSearch`."""

    objectives = "any"
    default_sampler = "NSGAIISampler"


class OptunaGP(OptunaSearch):
    """Optuna's GPSampler: Bayesian optimisation with a Gaussian process. See `OptunaSearch`; also needs torch."""

    default_sampler = "GPSampler"
