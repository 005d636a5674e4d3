"""Ax's Bayesian optimisation as a searcher."""

from __future__ import annotations

from typing import Any

from numpy.random import Generator

from nasmeta.searchers.peers._peer_search import PeerSearch, Suggestion, bounds_of, load_peer
from nasmeta.spaces import Position, SearchSpace

_VALUE = "value"


class AxSearch(PeerSearch):
    """Ax's default strategy: BoTorch's Gaussian process, noise estimated (Olson et al., AutoML 2025).

    `ax.api.client.Client` with one choice or range parameter per position and default settings: the centre of the
    space, a Sobol sequence, then its modular BoTorch generator. After five known architectures in succession, it uses a
    point of a Sobol sequence instead. Needs the extra ``ax``.

    Parameters
    ----------
    n_initial : int, default 5
        Architectures before the model is used; the default is Ax's.

    Attributes
    ----------
    peer_ : object
        Ax's client.

    Examples
    --------
    >>> import nasmeta as nm
    >>> len(nm.search("ax", "nb201/cifar10", evaluations=6, seed=0))
    6
    """

    def __init__(self, space: SearchSpace, rng: Generator, *, n_initial: int = 5) -> None:
        super().__init__(space, rng)
        self.n_initial = n_initial
        client, configs = (load_peer(f"ax.api.{module}", "ax", "ax") for module in ("client", "configs"))
        errors = load_peer("ax.exceptions.generation_strategy", "ax", "ax"), load_peer("ax.exceptions.core", "ax", "ax")
        self._nothing = (errors[0].MaxParallelismReachedException, errors[1].SearchSpaceExhausted)
        if not self._varied:
            return
        with self._generators.used():
            self.peer_ = client.Client()
            self.peer_.configure_experiment([_parameter(configs, str(i), space.positions[i]) for i in self._varied])
            self.peer_.configure_optimization(_VALUE)
            self.peer_.configure_generation_strategy(
                initialization_budget=self.n_initial, allow_exceeding_initialization_budget=True
            )

    def _suggest(self) -> Suggestion | None:
        try:
            trials = self.peer_.get_next_trials(1)
        except self._nothing:
            return None
        for trial, chosen in trials.items():
            return trial, self._codes_of(chosen)
        return None

    def _tell_peer(self, proposal: Any, architecture: int, value: float) -> None:
        if proposal is None:
            proposal = self.peer_.attach_trial(self._chosen(architecture))
        self.peer_.complete_trial(proposal, {_VALUE: value})


def _parameter(configs: Any, name: str, position: Position) -> Any:
    """Return Ax's parameter of a position."""
    if position.scale is None:
        return configs.ChoiceParameterConfig(
            name, list(range(len(position.choices))), "int", is_ordered=position.ordered
        )
    low, high, whole, log = bounds_of(position)
    return configs.RangeParameterConfig(
        name, (low, high), "int" if whole else "float", scaling="log" if log else "linear"
    )
