"""Every searcher on other spaces: more operations and nodes, sizes, an invalid region, a list."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from example_spaces import example_space

from nasmeta.arrays import Architectures, Floats
from nasmeta.evaluators import Evaluation
from nasmeta.runs import run_loop
from nasmeta.searchers import SEARCHERS, MultiFidelitySearcher, Searcher, SubsetSearch
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.threads import one_thread

EVALUATIONS = 25

PEERS = ("botorch", "command", "smac", "syne-tune")  # in test_peers.py, test_command.py
OWN = sorted(
    name
    for name in SEARCHERS
    if SEARCHERS[name].__module__.startswith("nasmeta.searchers.") and not name.startswith(PEERS)
)
SLOW = frozenset({"optuna-gp"})
NAMES = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in OWN]


def smooth(space: SearchSpace) -> Floats:
    """One best choice a position, worse with the distance, and one pair of positions that work together."""
    best = np.random.default_rng(7).integers(space.n_choices)
    apart = np.abs(space.codes - best) / np.maximum(np.array(space.n_choices) - 1, 1)
    return -(apart**2).sum(axis=1) - 0.5 * apart[:, 0] * apart[:, -1]


class Smooth:
    """Answers with `smooth`; of several objectives, the second wants another best architecture."""

    def __init__(self, space: SearchSpace, several: bool = False) -> None:
        self.values = smooth(space)
        if several:
            self.values = np.column_stack([self.values, self.values[::-1]])

    def evaluate(self, architectures: Architectures) -> Evaluation:
        return Evaluation(self.values[architectures], np.ones(len(architectures)))


def run(searcher: Searcher, evaluations: int = EVALUATIONS) -> Architectures:
    if isinstance(searcher, MultiFidelitySearcher):
        searcher.begin([1])
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        several = getattr(searcher, "inner", searcher).objectives == "several"
        evaluator, sign = Smooth(searcher.space, several), np.ones(2) if several else 1.0
        return run_loop(searcher, evaluator, evaluations=evaluations, sign=sign).architectures


@pytest.mark.parametrize("space", ["mixed", "sample"])
@pytest.mark.parametrize("name", NAMES)
def test_within_a_part_of_the_space(name: str, space: str) -> None:
    part = np.arange(1, example_space(space).size, 3, dtype=np.int32)
    guided = SubsetSearch(SEARCHERS[name](example_space(space), np.random.default_rng(0)), part)
    assert np.isin(run(guided), part).all()


@pytest.mark.parametrize(
    "name", ["random", "evolution", "local-search", "tpe", "predictor", "asha"]
)
def test_a_list_is_searched_to_its_end(name: str) -> None:
    listed = SearchSpace.from_frame(
        get_space("nb201").to_frame().sample(60, random_state=1), name="sixty"
    )
    assert sorted(run(SEARCHERS[name](listed, np.random.default_rng(0)), evaluations=100)) == list(
        range(60)
    )


@pytest.mark.parametrize("name", [name for name in OWN if name not in SLOW])
def test_one_architecture_alone(name: str) -> None:
    alone = SearchSpace(
        "alone", {"width": [16, 32], "act": ["relu", "tanh"]}, architectures=[[1, 0]]
    )
    assert run(SEARCHERS[name](alone, np.random.default_rng(0))).tolist() == [0]
    single = SearchSpace("single", {"width": [16, 32, 64]})
    assert sorted(run(SEARCHERS[name](single, np.random.default_rng(0))).tolist()) == [0, 1, 2]


def test_a_neighbour_is_as_likely_as_the_others() -> None:
    space = example_space("mixed")
    counts_of_all = (space.neighbour_table >= 0).sum(axis=1)
    for architecture in (int(counts_of_all.argmin()), int(counts_of_all.argmax())):
        searcher = SEARCHERS["evolution"](space, np.random.default_rng(0), population=1)
        searcher.tell(np.array([architecture], np.int32), np.zeros(1))
        neighbours = space.neighbours(architecture)
        counts = np.bincount(searcher.ask(2_000), minlength=space.size)[neighbours]
        assert counts.min() > 0.6 * 2_000 / len(neighbours)
        assert counts.sum() > 1_950  # the others are random ones, after 128 that were known


def test_optuna_is_told_of_combinations_that_are_none() -> None:
    optuna = pytest.importorskip("optuna")
    searcher = SEARCHERS["optuna-random"](example_space("sample"), np.random.default_rng(0))
    architectures = run(searcher)
    states = [trial.state for trial in searcher.study_.trials]
    # the last value ends the run
    assert states.count(optuna.trial.TrialState.COMPLETE) == len(architectures) - 1
    assert 0 < states.count(optuna.trial.TrialState.PRUNED) <= len(states) / 2
