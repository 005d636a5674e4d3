"""SMAC3 as a searcher."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from numpy.random import Generator

from nasmeta.searchers.peers._peer_search import (
    PeerSearch,
    Suggestion,
    bounds_of,
    code_of,
    load_peer,
)
from nasmeta.spaces import SearchSpace


def configspace_of(space: SearchSpace) -> Any:
    """Return a ConfigSpace space: numbers for ranges, ordinal and categorical parameters for lists, and conditions.

    A range on which a condition depends is an ordinal parameter.
    """
    library = load_peer("ConfigSpace", "smac", "smac")
    made = library.ConfigurationSpace(name=space.name)
    named = {name for needed in space.conditions.given.values() for name in needed}
    for position in space.positions:
        if position.scale and position.name not in named:
            low, high, whole, log = bounds_of(position)
            number = (
                library.UniformIntegerHyperparameter
                if whole
                else library.UniformFloatHyperparameter
            )
            made.add(number(position.name, low, high, log=log))
            continue
        ordinal = position.ordered and len(position.choices) > 1
        kind = library.OrdinalHyperparameter if ordinal else library.CategoricalHyperparameter
        made.add(kind(position.name, list(position.choices)))
    for name, needed in space.conditions.given.items():
        terms = [
            library.InCondition(made[name], made[other], choices)
            for other, choices in needed.items()
        ]
        made.add(terms[0] if len(terms) == 1 else library.AndConjunction(*terms))
    return made


class SMACSearch(PeerSearch):
    """SMAC3's hyperparameter optimisation: a random forest with expected improvement (Lindauer et al., JMLR 2022).

    `HyperparameterOptimizationFacade` over a ConfigSpace space, see `configspace_of`, with default
    settings: a Sobol design, a forest that is retrained after every eighth proposal, and every
    fifth proposal random. Values are treated as deterministic. Needs the extra ``smac``.

    Parameters
    ----------
    n_trials : int, default 100
        SMAC's budget; its initial design takes a quarter of it, at most ten trials per position.
        `search` and `compare` pass the number of evaluations of the run, unless the setting is
        given.

    Examples
    --------
    >>> import nasmeta as nm
    >>> len(nm.search("smac", "nb201/cifar10", evaluations=20, seed=0))
    20
    """

    budget_setting = "n_trials"

    def __init__(self, space: SearchSpace, rng: Generator, *, n_trials: int = 100) -> None:
        super().__init__(space, rng)
        self.n_trials = n_trials
        self._smac = load_peer("smac", "smac", "smac")
        self._history = load_peer("smac.runhistory", "smac", "smac")
        self._exhausted = load_peer(
            "smac.main.exceptions", "smac", "smac"
        ).ConfigurationSpaceExhaustedException
        facade = self._smac.HyperparameterOptimizationFacade
        self._configspace = configspace_of(space)
        with self._generators.used(), TemporaryDirectory() as folder:
            scenario = self._smac.Scenario(
                self._configspace,
                deterministic=True,
                n_trials=self.n_trials,
                seed=self._peer_seed,
                output_directory=Path(folder),
            )
            selector = facade.get_config_selector(scenario, retrain_after=8)
            maximiser = facade.get_acquisition_maximizer(scenario)
            _sort_starts(maximiser._local_search)
            self._facade = facade(
                scenario,
                acquisition_maximizer=maximiser,
                config_selector=selector,
                logging_level=False,
                overwrite=True,
            )

    def _suggest(self) -> Suggestion | None:
        try:
            trial = self._facade.ask()
        except (StopIteration, self._exhausted):  # forever
            return None
        chosen = dict(trial.config)
        return trial, [code_of(p, chosen.get(p.name, p.choices[0])) for p in self.space.positions]

    def _tell_peer(self, proposal: Any, architecture: int, value: float) -> None:
        if proposal is None:
            kind = load_peer("ConfigSpace", "smac", "smac").Configuration
            config = kind(self._configspace, values=self.space.choices(architecture))
            proposal = self._history.TrialInfo(config=config, seed=0)
        self._facade.tell(proposal, self._history.TrialValue(cost=-value), save=False)


def _sort_starts(search: Any) -> None:
    """Sort the starting points of a local search; SMAC iterates over a set, and its order differs between processes."""
    unsorted = search._get_init_points_from_previous_configs
    search._get_init_points_from_previous_configs = lambda *given, **named: sorted(
        unsorted(*given, **named), key=repr
    )
