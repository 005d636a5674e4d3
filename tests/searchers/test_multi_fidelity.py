"""Successive halving, Hyperband, ASHA and BOHB on made-up values of two and three lengths of training."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from nasmeta.arrays import Architectures, Floats
from nasmeta.searchers import SEARCHERS, MultiFidelitySearcher
from nasmeta.searchers._bohb import KernelDensity
from nasmeta.spaces import get_space
from nasmeta.testing import made_up_values

SPACE = get_space("tnb101")
VALUES = made_up_values(SPACE)
KINDS = sorted(name for name, kind in SEARCHERS.items() if issubclass(kind, MultiFidelitySearcher))


def values_at(architectures: Architectures, epochs: Architectures) -> Floats:
    """Short trainings see the value through noise that is the cell's own."""
    noise = np.random.default_rng(1).standard_normal(SPACE.n_architectures)
    return VALUES[architectures] + noise[architectures] / epochs


def rungs_of(searcher: MultiFidelitySearcher, n: int, batch: int = 1) -> list[tuple]:
    found = []
    for _ in range(0, n, batch):
        architectures, epochs = searcher.ask_at(batch)
        assert architectures.dtype == epochs.dtype == np.int32
        assert architectures.shape == epochs.shape == (batch,)
        searcher.tell_at(architectures, epochs, values_at(architectures, epochs))
        found += list(zip(architectures.tolist(), epochs.tolist(), strict=True))
    return found


def made(name: str, lengths: list[int], seed: int = 0, **settings: object) -> MultiFidelitySearcher:
    searcher = SEARCHERS[name](SPACE, np.random.default_rng(seed), **settings)
    searcher.begin(lengths)
    return searcher


def ordered(trace: list[tuple]) -> list[int]:
    """Return the architectures of trainings of one length, best first."""
    architectures, epochs = np.array(trace).T
    return architectures[np.argsort(-values_at(architectures, epochs), kind="stable")].tolist()


def test_successive_halving_by_hand() -> None:
    trace = rungs_of(made("successive-halving", [1, 4, 16]), 2 * 13)
    assert [epochs for _, epochs in trace] == 2 * (9 * [1] + 3 * [4] + [16])
    assert [architecture for architecture, _ in trace[9:12]] == ordered(trace[:9])[:3]
    assert trace[12][0] == ordered(trace[9:12])[0]


def test_hyperbands_brackets_are_those_of_hpbandster() -> None:
    trace = rungs_of(made("hyperband", [1, 4, 16]), 13 + 4 + 3 + 13)
    due = [*9 * [1], *3 * [4], 16, *3 * [4], 16, *3 * [16], *9 * [1], *3 * [4], 16]
    assert [epochs for _, epochs in trace] == due


def test_more_rungs_than_lengths_share_the_shortest() -> None:
    trace = rungs_of(made("hyperband", [12], rungs=3), 13)
    assert {epochs for _, epochs in trace} == {12}
    assert [architecture for architecture, _ in trace[9:12]] == ordered(trace[:9])[:3]
    assert [
        epochs for _, epochs in rungs_of(made("successive-halving", [1, 4, 16], rungs=2), 4)
    ] == [4, 4, 4, 16]


def test_asha_promotes_as_soon_as_it_can() -> None:
    searcher = made("asha", [1, 4, 16])
    trace = rungs_of(searcher, 300)
    counts = Counter(epochs for _, epochs in trace)
    assert counts[16] >= 10
    assert counts[1] > 1.5 * counts[4] > 2.25 * counts[16]
    at = {
        length: [architecture for architecture, epochs in trace if epochs == length]
        for length in (1, 4, 16)
    }
    assert set(at[16]) <= set(at[4]) <= set(at[1])
    assert all(len(set(architectures)) == len(architectures) for architectures in at.values())


@pytest.mark.parametrize("name", KINDS)
def test_the_best_are_promoted(name: str) -> None:
    trace = rungs_of(made(name, [12, 200]), 120)
    assert trace != rungs_of(made(name, [12, 200], seed=1), 120)
    short = np.array([architecture for architecture, epochs in trace if epochs == 12])
    long = np.array([architecture for architecture, epochs in trace if epochs == 200])
    assert 10 < len(long) <= len(short)
    promoted = [
        architecture for architecture in long.tolist() if architecture in set(short.tolist())
    ]
    assert VALUES[promoted].mean() > VALUES[short].mean() + 0.2


@pytest.mark.parametrize(
    ("name", "due"), [("successive-halving", 9), ("hyperband", 9), ("asha", 3)]
)
def test_the_earlier_one_of_equal_values_is_promoted(name: str, due: int) -> None:
    searcher, first = made(name, [1, 4, 16]), np.array([5, 3, 8, 1, 7, 9, 2, 6, 4], np.int32)
    searcher.begin_with(first)
    searcher.tell_at(*searcher.ask_at(due), np.zeros(due))
    architectures, epochs = searcher.ask_at(due // 3)
    assert (architectures.tolist(), set(epochs)) == (first[: due // 3].tolist(), {4})


def test_the_density_by_hand_and_its_sum() -> None:
    digits = np.array([[0, 1, 2, 3, 0, 1], [0, 1, 2, 3, 0, 2]], np.int8)
    density = KernelDensity(digits, SPACE.n_choices, 0.3)
    np.testing.assert_allclose(density.bandwidths, [0.3] * 5 + [1.06 * 0.5 * 2 ** (-1 / 10)])
    h = density.bandwidths[5]
    np.testing.assert_allclose(density.at(digits[:1]), [(0.7**5 * (1 - h) + 0.7**5 * h / 3) / 2])
    assert density.at(SPACE.digits).sum() == pytest.approx(1)
    wide = np.array([[0] * 6, [3] * 6], np.int8)
    np.testing.assert_allclose(KernelDensity(wide, SPACE.n_choices, 0.3).bandwidths, 0.75)  # flat
    np.testing.assert_allclose(
        KernelDensity(wide, SPACE.n_choices, 0.3).at(SPACE.digits), 1 / SPACE.n_architectures
    )
    assert (KernelDensity(wide, SPACE.n_choices, 0.3, unbounded=True).bandwidths > 1).all()
