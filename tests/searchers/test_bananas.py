"""BANANAS: its candidates, its rounds."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from nasmeta.searchers._bananas import BananasSearch
from nasmeta.spaces import get_space
from nasmeta.testing import made_up_values

SPACE = get_space("nb201")
VALUES = made_up_values(SPACE)


def searcher_after(n: int, **settings: int) -> BananasSearch:
    searcher = BananasSearch(SPACE, np.random.default_rng(0), **settings)
    architectures = (
        np.random.default_rng(1)
        .choice(SPACE.n_architectures, size=n, replace=False)
        .astype(np.int32)
    )
    searcher.tell(architectures, VALUES[architectures])
    return searcher


def test_candidates_are_neighbours_of_the_best_cells() -> None:
    searcher = searcher_after(30)
    pool = searcher._pool()
    best_first = sorted(searcher._observed, key=lambda architecture: -VALUES[architecture])
    assert len(pool) == 100 == len(set(pool.tolist()))
    assert set(pool[:20].tolist()) <= set(SPACE.neighbours(best_first[0]).tolist())
    assert set(pool.tolist()) <= set(SPACE.neighbours(best_first[:6]).ravel().tolist())
    assert not set(pool.tolist()) & set(best_first)
    searcher.restrict(np.arange(15, dtype=np.int32))  # of which hardly any is a neighbour
    assert set(searcher._pool().tolist()) <= set(range(15))
    assert len(searcher._pool()) >= 10


def test_a_round_is_one_training(monkeypatch: pytest.MonkeyPatch) -> None:
    searcher, trained = searcher_after(10), []
    monkeypatch.setattr(
        searcher, "_predicted", lambda pool, of=searcher._predicted: trained.append(1) or of(pool)
    )
    for _ in range(25):
        architectures = searcher.ask()
        searcher.tell(architectures, VALUES[architectures])
    assert len(trained) == 3


def test_proposals_are_thompson_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    searcher = searcher_after(30)
    uncertain = np.arange(100) % 2 * [[-1.0], [1.0]]  # members agree on every other candidate
    monkeypatch.setattr(searcher, "_predicted", lambda pool: uncertain[:, : len(pool)])
    pool, draws = searcher._pool(), copy.deepcopy(searcher.rng).normal(0.0, uncertain[1])
    assert searcher.ask(10).tolist() == pool[np.argsort(draws)[:-11:-1]].tolist()
