"""BANANAS: its networks, its candidates, and what happens without torch."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.errors import NasmetaError
from nasmeta.predictors import live_path_counts
from nasmeta.searchers import BananasSearch
from nasmeta.spaces import get_space
from nasmeta.testing import made_up_values

SPACE = get_space("nb201")
VALUES = made_up_values(SPACE)


def told(n: int, **settings: int) -> BananasSearch:
    searcher = BananasSearch(SPACE, np.random.default_rng(0), **settings)
    cells = np.random.default_rng(1).choice(SPACE.n_cells, size=n, replace=False).astype(np.int32)
    searcher.tell(cells, VALUES[cells])
    return searcher


def test_candidates_are_neighbours_of_the_best_cells() -> None:
    searcher = told(30)
    pool = searcher._pool()
    best_first = sorted(searcher._told, key=lambda cell: -VALUES[cell])
    assert len(pool) == 100 == len(set(pool.tolist()))
    assert set(pool[:20].tolist()) <= set(SPACE.neighbours(best_first[0]).tolist())
    assert set(pool.tolist()) <= set(SPACE.neighbours(best_first[:6]).ravel().tolist())
    assert not set(pool.tolist()) & set(best_first)
    searcher.restrict(np.arange(15, dtype=np.int32))  # of which hardly any is a neighbour
    assert set(searcher._pool().tolist()) <= set(range(15))
    assert len(searcher._pool()) >= 10


def test_a_round_is_one_training(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    searcher, trained = told(10), []
    monkeypatch.setattr(searcher, "_trained", lambda of=searcher._trained: trained.append(1) or of())
    for _ in range(25):
        cells = searcher.ask()
        searcher.tell(cells, VALUES[cells])
    assert len(trained) == 3


def test_the_networks_learn_and_repeat_themselves() -> None:
    pytest.importorskip("torch")
    from nasmeta.searchers._path_networks import PathNetworks

    paths = live_path_counts(SPACE)
    seen = np.random.default_rng(2).choice(SPACE.n_cells, size=150, replace=False)
    scores = paths[:, :3] @ np.array([1.0, -0.5, 0.25])  # what paths can say
    scores = (scores - scores.mean()) / scores.std()
    first, second = (
        PathNetworks(paths.shape[1], 5, 3, 20, seed=3).fit(paths[seen], scores[seen], 150, 0.01).predict(paths)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    assert first.shape == (5, SPACE.n_cells)
    assert np.abs(first[:, seen] - scores[seen]).mean() < 0.1
    assert np.corrcoef(first.mean(axis=0), scores)[0, 1] > 0.7
    assert first.std(axis=0).mean() > 0.01  # members differ


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "nasmeta.searchers._path_networks", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(NasmetaError, match=r'pip install "nasmeta\[torch\]"'):
        nm.search("bananas", "nb201/cifar10", evaluations=30)
