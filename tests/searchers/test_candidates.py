"""Searchers that score every architecture, on candidates of a large space."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.searchers import CandidateSearch, MetaSearcher, Searcher
from nasmeta.spaces import Range
from nasmeta.tasks import SourceTask

SPACE = nm.SearchSpace(
    "net", {f"x{i}": Range(0.0, 1.0) for i in range(5)} | {"act": ["relu", "tanh", "gelu"]}
)


def value_of(choices: Any) -> float:
    """Return the value of an architecture: the best one has x0 = x1 = … = 0.3 and gelu."""
    return -sum((choices[f"x{i}"] - 0.3) ** 2 for i in range(5)) - (choices["act"] != "gelu")


def values_of(space: nm.SearchSpace, architectures: Any) -> Any:
    return np.array(
        [value_of(space.choices(architecture)) for architecture in architectures.tolist()]
    )


class Knowing(Searcher):
    """Proposes the candidates with the best true values."""

    needs_list = True

    def restrict(self, architectures: Any) -> bool:
        self.open = set(architectures.tolist())
        return True

    def ask(self, n: int = 1) -> Any:
        values = values_of(self.space, np.arange(self.space.size))
        best = sorted(self.open, key=values.__getitem__)[-n:]
        self.open -= set(best)
        return np.array(best)

    def tell(self, architectures: Any, values: Any) -> None:
        pass


class Follower(Knowing, MetaSearcher):
    """Proposes the best candidate of its sources' labels, and records the number of meta-trainings."""

    trainings: ClassVar[list[tuple[int, ...]]] = []

    def _learn(self, sources: Any) -> Any:
        self.trainings.append(tuple(len(source) for source in sources))
        return sources[0].space

    def ask(self, n: int = 1) -> Any:
        assert self.meta_model_ is self.space
        return super().ask(n)


def observed(search: CandidateSearch, n: int, seed: int = 0) -> Any:
    architectures = SPACE.sample(n, np.random.default_rng(seed))
    search.tell(architectures, values_of(SPACE, architectures))
    return architectures


def test_local_search_improves_the_proposals() -> None:
    search = CandidateSearch(Knowing, SPACE, np.random.default_rng(0))
    architectures = observed(search, 30)
    best = values_of(SPACE, architectures).max()
    for _ in range(12):
        proposal = search.ask()
        search.tell(proposal, values_of(SPACE, proposal))
        value = values_of(SPACE, proposal)[0]
        if value <= best:
            break
        best = value
    near = SPACE.neighbours(int(proposal[0]))
    assert value_of(SPACE.choices(int(proposal[0]))) > -0.001
    assert values_of(SPACE, near).max() < 0.0


@pytest.mark.parametrize("n", [1, 4])
def test_proposals_are_new_and_the_same_for_a_seed(n: int) -> None:
    traces = []
    for _ in "ab":
        search = CandidateSearch(
            nm.searchers.SEARCHERS["ridge-ei"], SPACE, np.random.default_rng(0)
        )
        proposed = observed(search, 12).tolist()
        for _ in range(4):
            proposals = search.ask(n)
            assert proposals.dtype == np.int64
            proposed += proposals.tolist()  # the values are not told: they are waiting
        assert len(set(proposed)) == len(proposed)
        traces.append(proposed)
    assert traces[0] == traces[1]


def test_failures_are_observed_and_not_proposed_again() -> None:
    search = CandidateSearch(nm.searchers.SEARCHERS["gp"], SPACE, np.random.default_rng(0))
    drawn = SPACE.sample(60, np.random.default_rng(1))
    fails = SPACE.codes_of(drawn)[:, -1] == 2  # gelu
    failed, architectures = drawn[fails], drawn[~fails]
    search.tell(architectures, values_of(SPACE, architectures))
    search.tell_failures(failed, np.full(len(failed), -3.0))
    proposed = np.concatenate([search.ask() for _ in range(4)])
    assert not set(proposed.tolist()) & set(failed.tolist())
    assert (SPACE.codes_of(proposed)[:, -1] != 2).mean() >= 0.75


def test_a_meta_searcher_is_trained_again_as_observations_grow() -> None:
    rng = np.random.default_rng(0)
    at = SPACE.sample(50, rng)
    sources = [SourceTask("made-up", "made-up", SPACE, at, values_of(SPACE, at))]
    Follower.trainings.clear()
    run = nm.search(Follower, SPACE, evaluator=value_of, evaluations=12, sources=sources)
    assert Follower.trainings == [(50,)] * 3  # at 0, 5 and 10 observations
    assert run.best.value > values_of(SPACE, at).max()


def test_a_meta_searcher_is_trained_while_a_labelled_architecture_is_waiting() -> None:
    at = SPACE.sample(50, np.random.default_rng(0))
    search = CandidateSearch(
        nm.searchers.SEARCHERS["source-order"], SPACE, np.random.default_rng(0)
    )
    search.meta_model_ = [SourceTask("made-up", "made-up", SPACE, at, values_of(SPACE, at))]
    waiting = int(search.ask()[0])  # the best label
    observed(search, 10, seed=1)
    assert waiting in at
    assert waiting not in [int(search.ask()[0]) for _ in range(5)]


@pytest.mark.parametrize("searcher", ["gp", "tpe", "rgpe", "source-order"])
def test_searchers_beat_random_search(searcher: str) -> None:
    at = SPACE.sample(60, np.random.default_rng(0))
    sources = [SourceTask("made-up", "made-up", SPACE, at, values_of(SPACE, at))]
    is_meta = issubclass(nm.searchers.SEARCHERS[searcher], MetaSearcher)
    run = nm.search(
        searcher,
        SPACE,
        evaluator=value_of,
        evaluations=25,
        seed=1,
        sources=sources if is_meta else None,
    )
    random = [
        nm.search("random", SPACE, evaluator=value_of, evaluations=25, seed=s).best.value
        for s in range(5)
    ]
    assert run.best.value > np.median(random)
    assert len(set(run.architectures.tolist())) == 25


def test_settings_that_need_a_list_are_refused() -> None:
    at = SPACE.sample(5, np.random.default_rng(0))
    sources = [SourceTask("made-up", "made-up", SPACE, at, values_of(SPACE, at))]
    with pytest.raises(nm.errors.SettingError) as error:
        nm.search("random", SPACE, evaluator=value_of, settings={"warm_start": 2}, sources=sources)
    assert error.value.what == "warm_start on net"


def test_a_predictor_that_reads_indices_is_fitted_to_its_own_candidates() -> None:
    small = nm.SearchSpace("small", {f"x{i}": Range(0.0, 1.0) for i in range(5)})
    run = nm.search(
        "ensemble-greedy",
        small,
        evaluator=lambda choices: -sum(x**2 for x in choices.values()),
        evaluations=13,
    )
    assert len(run) == 13


@pytest.mark.parametrize("searcher", ["random", "tpe"])
def test_a_run_ends_if_no_architecture_is_new(searcher: str) -> None:
    ranges = {name: Range(0.0, 1.0) for name in "xyz"}
    space = nm.SearchSpace(
        "one",
        {"kind": ["a", "b"], **ranges},
        conditions={name: {"kind": ["b"]} for name in ranges},
        valid=lambda frame: frame.kind == "a",
    )
    run = nm.search(searcher, space, evaluator=lambda choices: 1.0, evaluations=3)
    assert (len(run), run.stopped) == (1, "exhausted")
