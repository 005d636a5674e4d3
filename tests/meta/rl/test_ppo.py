"""The policy that is trained within a search: that it learns, and what decides its moves."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import nasmeta as nm
from nasmeta.meta.rl import PPOSearch
from nasmeta.meta.rl._ppo import advantages
from nasmeta.testing import made_up_values

pytest.importorskip("torch")
SPACE = nm.get_space("tnb101")


def trace(values: NDArray[np.float64], n: int, seed: int = 0, **settings: float) -> list[int]:
    searcher, cells = PPOSearch(SPACE, np.random.default_rng(seed), **settings), []
    for _ in range(n):
        asked = searcher.ask()
        searcher.tell(asked, values[asked])
        cells += asked.tolist()
    return cells


def test_it_learns_within_a_search() -> None:
    values = made_up_values(SPACE)
    ranks = values.argsort().argsort() / SPACE.n_cells
    later = [ranks[trace(values, 120, seed)[60:]].mean() for seed in range(3)]
    assert np.mean(later) > 0.75


def test_only_the_order_of_the_values_counts_and_no_cell_is_asked_twice() -> None:
    values = made_up_values(SPACE)
    first = trace(values, 60)
    assert trace(np.exp(values), 60) == first
    assert len(set(first)) == 60


def test_advantages_by_hand() -> None:
    rewards = np.array([[1.0, 2.0, 9.0], [1.0, 2.0, 3.0]], dtype=np.float32)
    values = np.array([[0.5, 0.25, 7.0], [0.5, 0.25, 0.75]], dtype=np.float32)
    live = np.array([[True, True, False], [True, True, True]])
    found = np.array([True, False])
    got = advantages(rewards, values, live, found, 0.9, 0.8)
    end = 2.0 - 0.25
    assert got[0] == pytest.approx([1 + 0.9 * 0.25 - 0.5 + 0.72 * end, end, 0])
    third = 3 + 0.9 * 0.75 - 0.75  # cut off: the critic's own word for what would have come
    second = 2 + 0.9 * 0.75 - 0.25 + 0.72 * third
    assert got[1] == pytest.approx([1 + 0.9 * 0.25 - 0.5 + 0.72 * second, second, third])


def test_a_clipped_update_by_hand() -> None:
    """Where the ratio has left the clipping range in the direction of the gain, the gradient is zero."""
    import torch

    from nasmeta.meta.rl._ppo import clipped_update

    logits = torch.nn.Parameter(torch.tensor([[0.3, -0.2, 0.1]]).repeat(5, 1).double())
    module, before_step = torch.nn.ParameterList([logits]), logits.detach().clone()
    probability = torch.softmax(before_step, dim=1)
    chosen, gain = torch.tensor([0, 1, 2, 0, 1]), torch.tensor([1.0, -1.0, 1.0, -1.0, 0.5]).double()
    ratio = torch.tensor([1.5, 1.5, 0.5, 0.5, 1.1]).double()
    log_all = torch.log_softmax(logits, dim=1)
    before = log_all.detach()[torch.arange(5), chosen] - ratio.log()
    nothing = torch.zeros(5).double()
    clipped_update(module, torch.optim.SGD([logits], lr=1.0), log_all, chosen, before, gain, nothing, nothing, 0.0)
    one_hot = torch.nn.functional.one_hot(chosen, 3)
    step = (ratio * gain / 5)[:, None] * (one_hot - probability)  # of the expected gain
    step[[0, 3]] = 0.0
    norm = float(step.norm())
    torch.testing.assert_close(logits.detach() - before_step, step * min(1.0, 0.5 / norm), atol=1e-5, rtol=1e-4)
