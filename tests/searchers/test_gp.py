"""Gaussian-process search: irrelevant positions, and the end of a space."""

import inspect
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import norm

from nasmeta.gaussian_process import GaussianProcess, count_model
from nasmeta.searchers import GPSearch
from nasmeta.spaces import Position, SearchSpace, get_space
from nasmeta.testing import synthetic_values

MODULE = inspect.getmodule(GPSearch)
MOST = 30


@pytest.mark.parametrize(("fails", "screened"), [(False, False), (True, False), (False, True)])
def test_a_space_is_searched_to_its_end_with_a_limited_number_of_observations(
    fails: bool, screened: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MODULE, "_MOST_OBSERVED", MOST)
    if screened:
        monkeypatch.setattr(MODULE, "_LARGE", 50)
        monkeypatch.setattr(MODULE, "_SCREENED", 8)
    space = get_space("graphgym")
    values = space.codes.sum(axis=1) + 0.01 * np.arange(space.size)
    searcher = GPSearch(space, np.random.default_rng(0))
    proposed = []
    for n in [1] * 60 + [12] * 3:
        architectures = searcher.ask(n)
        proposed += architectures.tolist()
        failed = fails & (architectures % 3 == 0)
        searcher.tell(architectures[~failed], values[architectures[~failed]])
        searcher.tell_failures(architectures[failed], values[architectures[failed]])
    assert sorted(proposed) == list(range(space.size))
    assert len(searcher._gp) == MOST


def with_unused_positions() -> tuple[SearchSpace, np.ndarray]:
    """Return a space and values that depend on three of its seven positions."""
    levels = {"depth": range(1, 9), "width": [16, 32, 64, 128, 256, 512], "kernel": [1, 3, 5, 7]}
    positions = [Position(name, tuple(choices), ordered=True) for name, choices in levels.items()]
    positions += [Position(f"unused{i}", tuple(range(4)), ordered=True) for i in range(4)]
    space = SearchSpace("unused", positions)
    depth, width, kernel = space.codes[:, :3].T.astype(float)
    return space, depth + width - 4 * (kernel - 1) ** 2


def with_a_narrow_peak() -> tuple[SearchSpace, np.ndarray]:
    """Return a space and values with trends in two positions and a peak in a third one."""
    choices = {
        "depth": [2, 4, 6, 8, 10],
        "width": [16, 32, 64, 128, 256],
        "kernel": [1, 3, 5, 7],
        "act": ["relu", "gelu", "swish"],
        "norm": ["bn", "ln", "none"],
        "lr": [1e-4, 3e-4, 1e-3, 3e-3, 1e-2],
        "drop": [0.0, 0.1, 0.2, 0.3, 0.4],
    }
    space = SearchSpace(
        "own",
        choices,
        valid=lambda d: (d.depth * d.width < 2048) & ((d.norm != "none") | (d.depth < 8)),
    )
    depth, width, kernel = space.codes[:, :3].T.astype(float)
    return space, 2 * depth + width - 4 * (kernel - 1) ** 2


def found(
    function: Callable[[], tuple[SearchSpace, np.ndarray]],
    features: tuple[str, ...] | None,
    seed: int,
) -> bool:
    """Return whether 30 evaluations find the best value."""
    space, values = function()
    searcher = GPSearch(space, np.random.default_rng(seed), features=features)
    best = -np.inf
    for _ in range(30):
        architectures = searcher.ask()
        best = max(best, values[architectures[0]])
        searcher.tell(architectures, values[architectures])
    return bool(best == values.max())


@pytest.mark.slow
def test_it_learns_which_positions_matter() -> None:
    assert sum(found(with_unused_positions, None, seed) for seed in range(10)) >= 9
    assert sum(found(with_a_narrow_peak, None, seed) for seed in range(20)) >= 17
    with_one_lengthscale = ("positions", "levels")
    assert sum(found(with_unused_positions, with_one_lengthscale, seed) for seed in range(10)) < 9


def test_synthetic_functions_have_the_stated_structure() -> None:
    space = get_space("hpobench-mlp")
    smooth = synthetic_values(space, 1, relevant=2)
    assert len(np.unique(smooth.round(9))) <= max(
        np.prod(pair) for pair in combinations(space.n_choices, 2)
    )
    assert abs(smooth.std() - 2**0.5) < 1e-9  # two effects of variance 1 on a full grid
    noisy = synthetic_values(space, 1, relevant=2, noise=0.5)
    assert abs((noisy - smooth).std() - 0.5 * smooth.std()) < 0.02
    assert abs(synthetic_values(space, 1, relevant=2, interactions=1).std() - 3**0.5) < 1e-9
    flat = synthetic_values(space, 1, noise=0.5, plateaus=10)
    assert np.bincount(flat.astype(int)).tolist() == [space.size // 10] * 10


def test_processes_are_weighted_by_their_evidence() -> None:
    space, values = with_unused_positions()
    searcher = GPSearch(space, np.random.default_rng(0))
    architectures = space.sample(20, np.random.default_rng(1))
    searcher.tell(architectures, values[architectures])
    labels = searcher._labels()
    searcher._refit(labels)
    one, other = (gp.log_evidence(labels) for gp in searcher._members)
    share = 1 / (1 + np.exp(one - other))
    assert share > 0.5
    np.testing.assert_allclose(searcher._process_weights(labels), [1 - share, share], atol=0.01)


def test_the_probability_of_success_includes_the_noise() -> None:
    feasibility = MODULE.Feasibility(GaussianProcess(count_model(get_space("graphgym"))))
    feasibility.add([7], succeeded=True)
    hyperparameters = feasibility._gp.hyperparameters
    variance, noise = hyperparameters.variances.sum(), hyperparameters.noise
    gain = variance / (variance + noise)
    expected = norm.logcdf(gain / np.sqrt(gain * noise + noise))
    assert feasibility.log_chance()[7] == pytest.approx(expected, rel=0.01)


def test_large_spaces_are_screened_by_upper_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "_LARGE", 0)
    monkeypatch.setattr(MODULE, "_SCREENED", 1)
    searcher = GPSearch(
        SearchSpace("line", {"width": range(1, 50)}), np.random.default_rng(0), n_initial=1
    )
    searcher.tell(np.array([0], np.int32), np.zeros(1))
    # all means are equal, and the last one is the least certain
    assert searcher.ask().tolist() == [48]


def test_hyperparameters_are_fitted_before_the_last_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    space, values = with_unused_positions()
    architectures, proposed = space.sample(MOST, np.random.default_rng(1)), []
    for most in (MOST, MOST + 1):
        monkeypatch.setattr(MODULE, "_MOST_OBSERVED", most)
        searcher = GPSearch(space, np.random.default_rng(0))
        searcher.tell(architectures, values[architectures])
        proposed.append([searcher.ask().item() for _ in range(9)])
    assert proposed[0] == proposed[1]


def test_only_open_architectures_are_screened(monkeypatch: pytest.MonkeyPatch) -> None:
    space, proposals = get_space("graphgym"), []
    values = synthetic_values(space, 0)
    known = np.argsort(-values)[:48].astype(np.int32)
    for large, screened in ((space.size, 0), (0, space.size - 48)):
        monkeypatch.setattr(MODULE, "_LARGE", large)
        monkeypatch.setattr(MODULE, "_SCREENED", screened)
        searcher = GPSearch(space, np.random.default_rng(0), features=("positions",))
        searcher.tell(known, values[known])
        proposals.append(searcher.ask(5).tolist())
    assert proposals[0] == proposals[1]


def test_hyperparameters_of_a_search_on_other_candidates_are_kept_until_the_next_fit() -> None:
    space = get_space("graphgym")
    values, architectures = synthetic_values(space, 0), space.sample(20, np.random.default_rng(1))
    before, after = (GPSearch(space, np.random.default_rng(0)) for _ in range(2))
    before.tell(architectures, values[architectures])
    proposal = before.ask()
    before.tell(proposal, values[proposal])
    after.adopt(before)
    after.tell(np.r_[architectures, proposal], values[np.r_[architectures, proposal]])
    assert after.ask(5).tolist() == before.ask(5).tolist()
