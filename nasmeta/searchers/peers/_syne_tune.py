"""Syne Tune's single-objective searchers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.random import Generator

from nasmeta.searchers.peers._peer_search import PeerSearch, Suggestion, bounds_of, load_peer
from nasmeta.spaces import Position, SearchSpace

_SEARCHERS = "syne_tune.optimizer.schedulers.searchers"


def syne_tune_space(space: SearchSpace, who: str) -> dict[str, Any]:
    """Return Syne Tune's domain of each position with several choices, by number of position."""
    domains = load_peer("syne_tune.config_space", who, "syne-tune")
    return {
        str(i): _domain(domains, p) for i, p in enumerate(space.positions) if len(p.choices) > 1
    }


def _domain(domains: Any, position: Position) -> Any:
    """Return Syne Tune's domain of a position: numbers for a range, else codes."""
    if position.scale:
        low, high, whole, log = bounds_of(position)
        return getattr(domains, "log" * log + ("randint" if whole else "uniform"))(low, high)
    codes = list(range(len(position.choices)))
    return domains.ordinal(codes, kind="equal") if position.ordered else domains.choice(codes)


class SyneTuneSearch(PeerSearch):
    """Base of Syne Tune's searchers, on one numeric, categorical or ordinal parameter per position.

    Parameters
    ----------
    options : mapping, optional
        Keyword arguments of Syne Tune's class, such as ``{"num_candidates": 128}``.

    Attributes
    ----------
    peer_ : object
        Syne Tune's searcher.
    """

    of: str
    extra = "syne-tune"

    def __init__(
        self, space: SearchSpace, rng: Generator, *, options: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(space, rng)
        self.options = dict(options or {})
        load_peer("syne_tune", self._who, "syne-tune")
        module, _, name = self.of.partition(":")
        kind = getattr(load_peer(f"{_SEARCHERS}.{module}", self._who, self.extra), name)
        self._domains = syne_tune_space(space, self._who)
        self._n_trials = 0
        with self._generators.used():
            self.peer_ = kind(
                config_space=self._domains, random_seed=self._peer_seed, **self.options
            )

    def _suggest(self) -> Suggestion | None:
        chosen = self.peer_.suggest()
        self._n_trials += 1
        return (self._n_trials - 1, chosen), self._codes_of(chosen)

    def _tell_peer(self, proposal: Any, architecture: int, value: float) -> None:
        if proposal is None:
            proposal = self._n_trials, self._chosen(architecture)
            self._n_trials += 1
            self._note_foreign(*proposal)
        trial, chosen = proposal
        self.peer_.on_trial_complete(trial, chosen, -value)

    def _note_foreign(self, trial: int, chosen: dict[str, Any]) -> None:
        """Report the configuration of a trial that the package did not suggest."""


class SyneTuneKDE(SyneTuneSearch):
    """Syne Tune's kernel density estimators, multivariate TPE (Bergstra et al., 2011; Falkner et al., ICML 2018).

    See `SyneTuneSearch` for ``options``; needs the extra ``syne-tune``.
    """

    of = "kde:KernelDensityEstimator"


class SyneTuneBORE(SyneTuneSearch):
    """Syne Tune's BORE: density ratios by an XGBoost classifier (Tiao et al., ICML 2021).

    See `SyneTuneSearch` for ``options``; needs the extra ``syne-tune``.
    """

    of = "bore:Bore"


class SyneTuneCQR(SyneTuneSearch):
    """Syne Tune's conformal quantile regression with Thompson sampling (Salinas et al., ICML 2023).

    See `SyneTuneSearch` for ``options``; needs the extra ``syne-tune``.
    """

    of = "conformal.conformal_quantile_regression_searcher:ConformalQuantileRegression"


class SyneTuneGP(SyneTuneSearch):
    """Syne Tune's Gaussian process: BoTorch's, on one-hot codes with a continuous acquisition search.

    See `SyneTuneSearch` for ``options``; needs the extras ``syne-tune`` and ``botorch``.
    """

    of = "botorch.botorch_searcher:BoTorchSearcher"
    extra = "syne-tune,botorch"

    def _tell_peer(self, proposal: Any, architecture: int, value: float) -> None:
        super()._tell_peer(proposal, architecture, value)
        # It pairs configurations by trial with values by arrival.
        self.peer_.trial_observations = dict(sorted(self.peer_.trial_observations.items()))

    def _note_foreign(self, trial: int, chosen: dict[str, Any]) -> None:
        self.peer_.trial_configs[trial] = chosen
