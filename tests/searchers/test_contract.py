"""Every registered searcher keeps the contract, and the contract notices those that do not."""

from __future__ import annotations

import numpy as np
import pytest
from contracts import MultiFidelityContract
from example_spaces import example_space

from nasmeta.arrays import Architectures
from nasmeta.runs import SearcherSpec
from nasmeta.searchers import SEARCHERS, MultiFidelitySearcher, RandomSearch, Searcher
from nasmeta.spaces import CellSpace, get_space
from nasmeta.testing import MultiObjectiveContract, SearcherContract

# up to a second per step; `meta-rl` is as `meta-nas`
SLOW = frozenset({"meta-predictor", "meta-rl", "optuna-gp"})
# in test_peers.py and test_command.py
PEERS = frozenset(
    name for name in SEARCHERS if name.startswith(("botorch", "command", "smac", "syne-tune"))
)
# quick
LARGE = frozenset(
    {"asha", "bohb", "evolution", "local-search", "nsga2", "random", "reinforce", "tpe"}
)


def contract_of(name: str) -> type[SearcherContract]:
    def make(self: SearcherContract, space: CellSpace, rng: np.random.Generator) -> Searcher:
        return SearcherSpec.of(name).build(space, rng)

    kind = (
        MultiFidelityContract
        if issubclass(SEARCHERS[name], MultiFidelitySearcher)
        else SearcherContract
    )
    if SEARCHERS[name].objectives == "several":
        kind = MultiObjectiveContract
    large = (example_space("large"),) if name in LARGE else ()
    own = {"make": make, "spaces": ("tnb101", *large)}  # golden traces are on nb201
    return type(f"Test{SEARCHERS[name].__name__}", (kind,), own)


for _name in sorted(SEARCHERS.keys() - PEERS):
    _class = pytest.mark.slow(contract_of(_name)) if _name in SLOW else contract_of(_name)
    globals()[_class.__name__] = _class


class TestRandomSearchOnVectors(MultiObjectiveContract):
    def make(self, space: CellSpace, rng: np.random.Generator) -> Searcher:
        return RandomSearch(space, rng)


class Forgetful(RandomSearch):
    """Breaks the contract: one proposal too many."""

    def ask(self, n: int = 1) -> Architectures:
        return self.rng.integers(self.space.size, size=n + 1, dtype=np.int32)


class ForgetfulContract(SearcherContract):
    def make(self, space: CellSpace, rng: np.random.Generator) -> Searcher:
        return Forgetful(space, rng)


def test_the_contract_notices_a_wrong_shape() -> None:
    with pytest.raises(AssertionError):
        ForgetfulContract().test_proposes_architectures_of_the_space(get_space("tnb101"), 1)


def test_the_contract_needs_make() -> None:
    with pytest.raises(NotImplementedError):
        SearcherContract().run(get_space("tnb101"), 3)
