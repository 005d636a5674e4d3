"""TPE: its densities by hand, and its proposals."""

from __future__ import annotations

import numpy as np
import pytest

from nasmeta.searchers._tpe import TPESearch
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.testing import made_up_values

SPACE = get_space("tnb101")
VALUES = made_up_values(SPACE)


def test_the_density_by_hand_and_its_sum() -> None:
    searcher = TPESearch(SPACE, np.random.default_rng(0))
    members = np.array([17, 900])
    density = searcher._density(members)
    assert density.sum() == pytest.approx(1)
    smooth = 1 / 3  # the prior's weight over the number of kernels
    for architecture in (17, 900, 4000):
        same = SPACE.digits[members] == SPACE.digits[architecture]
        kernels = np.where(same, 1 + smooth, smooth) / (1 + 4 * smooth)
        assert density[architecture] == pytest.approx((kernels.prod(axis=1).sum() + 4.0**-6) / 3)


def test_the_density_of_a_list_with_ordered_positions() -> None:
    rng = np.random.default_rng(0)
    # too many pairs of halves for one product
    codes = np.unique(rng.integers(5, size=(3000, 10)), axis=0)
    listed = SearchSpace(
        "listed", {f"p{i}": list(range(5)) for i in range(10)}, architectures=codes
    )
    members = np.array([3, 200])
    kernels = 0.5 ** np.abs(np.arange(5)[:, None] - np.arange(5)) + 1 / 3
    kernels /= kernels.sum(axis=0)
    products = kernels[listed.codes[:, None], listed.codes[members]].prod(axis=2)
    expected = (products.sum(axis=1) + 5.0**-10) / 3
    np.testing.assert_allclose(TPESearch(listed, rng)._density(members), expected)


def test_it_proposes_the_best_ratio_of_all_open_cells() -> None:
    searcher = TPESearch(SPACE, np.random.default_rng(0))
    observed = (
        np.random.default_rng(1)
        .choice(SPACE.n_architectures, size=60, replace=False)
        .astype(np.int32)
    )
    searcher.tell(observed, VALUES[observed])
    ratio = searcher._log_ratio()
    ratio[observed] = -np.inf
    asked = searcher.ask(3)
    np.testing.assert_allclose(ratio[asked], np.sort(ratio)[:-4:-1])
    good = observed[np.argsort(-VALUES[observed])[:6]]
    shared = (SPACE.digits[asked][:, None] == SPACE.digits[good][None]).sum(axis=2).max(axis=1)
    assert shared.min() >= 4  # alike to a good cell


def test_order_and_repeats_of_what_is_told_do_not_matter() -> None:
    observed = (
        np.random.default_rng(1)
        .choice(SPACE.n_architectures, size=40, replace=False)
        .astype(np.int32)
    )
    ratios = []
    for order in (observed, observed[::-1], np.r_[observed, observed[:7]]):
        searcher = TPESearch(SPACE, np.random.default_rng(0))
        searcher.tell(order.copy(), VALUES[order])
        ratios.append(searcher._log_ratio())
    np.testing.assert_allclose(ratios[0], ratios[1], atol=1e-8)
    np.testing.assert_allclose(ratios[0], ratios[2], atol=1e-8)


def test_at_most_25_architectures_are_good() -> None:
    observed = SPACE.sample(400, np.random.default_rng(1))
    proposed = []
    for top in (0.1, 25 / 400):
        searcher = TPESearch(SPACE, np.random.default_rng(0), top=top)
        searcher.tell(observed, VALUES[observed])
        proposed.append(searcher.ask(20).tolist())
    assert proposed[0] == proposed[1]
