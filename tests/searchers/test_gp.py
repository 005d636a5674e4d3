"""The Gaussian process after its last observation."""

import inspect

import numpy as np
import pytest

from nasmeta.searchers import GPSearch
from nasmeta.spaces import get_space

MOST = 30


@pytest.mark.parametrize("fails", [False, True])
def test_a_space_is_searched_to_its_end_with_a_limited_number_of_observations(
    fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspect.getmodule(GPSearch), "_MOST_OBSERVED", MOST)
    space = get_space("graphgym")
    values = space.codes.sum(axis=1) + 0.01 * np.arange(space.size)
    searcher = GPSearch(space, np.random.default_rng(0))
    proposed: list[int] = []
    for n in [1] * 60 + [12] * 3:
        cells = searcher.ask(n)
        proposed += cells.tolist()
        failed = fails & (cells % 3 == 0)
        searcher.tell(cells[~failed], values[cells[~failed]])
        searcher.tell_failures(cells[failed], values[cells[failed]])
    assert sorted(proposed) == list(range(space.size))
    assert len(searcher._gp) == MOST
