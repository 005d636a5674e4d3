"""The process that grows row by row, against textbook formulas with dense matrices."""

import inspect

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.spatial.distance import cdist
from scipy.stats import multivariate_normal, norm
from sklearn.gaussian_process.kernels import Matern

from nasmeta.gaussian_process import (
    CellGP,
    CellKernel,
    Hyperparameters,
    PositionKernel,
    ProductKernel,
    SumKernel,
    TrendGP,
    fit_hyperparameters,
    log_expected_improvement,
    negative_log_posterior,
    weak_prior,
)
from nasmeta.spaces import Position, Range, SearchSpace, get_space

SPACE = get_space("nb201")
HYPERPARAMETERS = Hyperparameters(np.array([0.6, 0.3, 0.2]), np.array([4.0, 2.0, 3.0]), noise=0.05)


def dense_kernel(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The kernel's definition, written out."""
    total = np.zeros((len(rows), len(columns)))
    features = ("edges", "paths", "operations")
    for function, v, ell in zip(features, HYPERPARAMETERS.variances, HYPERPARAMETERS.lengthscales, strict=True):
        counts = SPACE.feature(function).counts.astype(float)
        distance = np.abs(counts[rows][:, None, :] - counts[columns][None, :, :]).sum(axis=2)
        total += v * np.exp(-distance / ell)
    return total


def test_a_linear_part_is_that_of_standardised_counts() -> None:
    rng, at = np.random.default_rng(3), np.arange(0, SPACE.n_architectures, 37)
    architectures, labels = SPACE.sample(40, rng), rng.standard_normal(40)
    gp = TrendGP(CellKernel(SPACE), HYPERPARAMETERS, slopes=0.7)
    for architecture in architectures.tolist():
        gp.add(architecture)
    counts = [SPACE.feature(name).counts.astype(float) for name in ("edges", "paths", "operations")]
    inputs = [(part - part.mean(axis=0)) / np.maximum(part.std(axis=0), 1e-12) for part in counts]
    columns = [np.count_nonzero(np.ptp(part, axis=0)) for part in counts]
    scaled = np.hstack([part / np.sqrt(3 * n) for part, n in zip(inputs, columns, strict=True)])
    assert (scaled**2).sum(axis=1).mean() == pytest.approx(1.0)
    covariance = dense_kernel(architectures, architectures) + 0.7 * scaled[architectures] @ scaled[architectures].T
    inverse = np.linalg.inv(covariance + HYPERPARAMETERS.noise * np.eye(40))
    cross = dense_kernel(at, architectures) + 0.7 * scaled[at] @ scaled[architectures].T
    prior = HYPERPARAMETERS.prior_variance + 0.7 * (scaled[at] ** 2).sum(axis=1)
    for _ in range(2):  # grown row by row, then all at once
        mean, deviation = gp.posterior(labels)
        np.testing.assert_allclose(mean[at], cross @ inverse @ labels, atol=5e-4)
        variance = prior - np.einsum("ij,jk,ik->i", cross, inverse, cross)
        np.testing.assert_allclose(deviation[at], np.sqrt(variance), atol=5e-4)
        np.testing.assert_allclose(gp.factor @ gp.factor.T, covariance + 0.05 * np.eye(40), atol=1e-5)
        np.testing.assert_allclose(gp.observed_covariance(), covariance, atol=1e-5)
        gp.set_hyperparameters(HYPERPARAMETERS)


def test_a_linear_part_reaches_beyond_the_observations() -> None:
    kernel, rng = CellKernel(SPACE), np.random.default_rng(0)
    cost = SPACE.feature("operations").counts @ np.arange(5.0)
    architectures = rng.choice(np.flatnonzero(np.abs(cost - np.median(cost)) <= 2), 60, replace=False)
    beyond = cost <= cost.min() + 2
    cost = (cost - cost[architectures].mean()) / cost[architectures].std()
    labels, prior = cost[architectures], kernel.prior()
    start = Hyperparameters.from_logarithms(prior[0])
    plain, trend = CellGP(kernel, start), TrendGP(kernel, start, slopes=0.5)
    errors = []
    for gp in (plain, trend):
        for architecture in architectures.tolist():
            gp.add(architecture)
        errors.append(np.abs(gp.posterior(labels)[0] - cost)[beyond].mean())
    assert errors[1] < 0.8 * errors[0]

    def density() -> float:
        """Return how likely the labels and the hyperparameters are."""
        slopes = norm(np.log(0.5), 1).logpdf(np.log(trend.slopes))
        others = norm(*prior).logpdf(trend.hyperparameters.logarithms).sum()
        return float(slopes + others + multivariate_normal(np.zeros(60), trend.factor @ trend.factor.T).logpdf(labels))

    before = density()
    trend.fit(labels, prior)
    assert density() > before + 1


def test_forgetting_takes_observations_back() -> None:
    rng = np.random.default_rng(3)
    architectures, labels = SPACE.sample(40, rng).tolist(), rng.standard_normal(30)
    gp, fresh = CellGP(CellKernel(SPACE), HYPERPARAMETERS), CellGP(CellKernel(SPACE), HYPERPARAMETERS)
    for architecture in architectures:
        gp.add(architecture)
    gp.forget_last(10)
    for architecture in architectures[:30]:
        fresh.add(architecture)
    np.testing.assert_allclose(gp.posterior(labels), fresh.posterior(labels), atol=2e-4)


def test_prior_mean_is_added() -> None:
    prior = np.linspace(-1, 1, SPACE.n_architectures)
    gp = CellGP(CellKernel(SPACE), HYPERPARAMETERS, prior)
    np.testing.assert_allclose(gp.posterior(np.empty(0))[0], prior, atol=1e-6)
    gp.add(100)
    mean, _ = gp.posterior(np.array([prior[100]]))
    np.testing.assert_allclose(mean, prior, atol=1e-6, err_msg="a label that the prior expected changes nothing")


def test_fit_finds_the_hyperparameters_of_its_own_samples() -> None:
    rng = np.random.default_rng(1)
    architectures = SPACE.sample(200, rng)
    gp = CellGP(CellKernel(SPACE, ["edges"]), Hyperparameters(np.ones(1), np.ones(1), noise=0.1))
    for architecture in architectures.tolist():
        gp.add(architecture)
    distances = gp.observed_distances()
    covariance = 2.0 * np.exp(distances[0] / -6.0) + 0.1 * np.eye(200)
    tasks = list(rng.multivariate_normal(np.zeros(200), covariance, size=8))
    fitted = fit_hyperparameters(distances, tasks, iterations=60)
    truth = Hyperparameters(np.array([2.0]), np.array([6.0]), noise=0.1)
    models = [(SumKernel(distances.astype(np.float64)), tasks)]
    at_fit, at_truth = (negative_log_posterior(h.logarithms, models, weak_prior(1))[0] for h in (fitted, truth))
    assert at_fit <= at_truth, "a maximum is at least as likely as the truth"
    # Noise and a rough kernel are told apart only roughly: within a factor of two.
    np.testing.assert_allclose(fitted.logarithms, truth.logarithms, atol=np.log(2))


def test_expected_improvement_against_scipy_and_far_in_the_tail() -> None:
    rng = np.random.default_rng(0)
    mean, deviation = rng.normal(size=500), rng.uniform(0.1, 2.0, size=500)
    u = (mean - 0.7) / deviation
    expected = deviation * (norm.pdf(u) + u * norm.cdf(u))
    np.testing.assert_allclose(np.exp(log_expected_improvement(mean, deviation, 0.7)), expected, rtol=1e-6, atol=1e-12)
    sure = np.array([0.9, 0.93, 3.0, 1e6])
    np.testing.assert_allclose(np.exp(log_expected_improvement(sure, np.full(4, 0.03), 0.0)), sure, rtol=1e-12)
    tail = log_expected_improvement(-np.logspace(0, 5, 300), np.ones(300), 0.0)
    assert np.isfinite(tail).all()
    assert (np.diff(tail) < 0).all(), "still ordered where the improvement itself underflows"


RANGES = SearchSpace("net", {f"x{i}": Range(0.0, 1.0) for i in range(5)} | {"act": ["relu", "tanh", "gelu"]})
NEAR = RANGES.from_codes(np.random.default_rng(0).integers([80, 0, 0, 0, 50, 0], [90, 99, 3, 99, 55, 3], (300, 6)))


@pytest.mark.parametrize("space", [get_space("nb201"), get_space("hpobench-mlp"), RANGES.listed(np.unique(NEAR))])
def test_codes_of_pairs_are_the_same_row_by_row_and_in_groups(
    space: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel, architectures = CellKernel(space), np.arange(40)
    by_product = kernel.codes_between(architectures, architectures[:7])
    counts = [kernel.space.feature(name).counts[architectures].astype(np.int64) for name in kernel.features]
    distances = [np.abs(one[:, None] - one[None, :7]).sum(axis=2) for one in counts]
    assert kernel.distances(by_product).tolist() == np.array(distances).tolist()
    hyperparameters = Hyperparameters.from_logarithms(kernel.prior()[0])
    covariance = kernel.covariance(by_product, hyperparameters)
    monkeypatch.setattr(inspect.getmodule(CellKernel), "_MOST_CODES", 20)
    for most in (4096, 0):  # levels: one matrix product, and row by row
        monkeypatch.setattr(inspect.getmodule(CellKernel), "_MOST_LEVELS", most)
        assert kernel.codes_between(architectures, architectures[:7]).tolist() == by_product.tolist()
        grouped = CellKernel(kernel.space)
        codes = grouped.codes_between(architectures, architectures[:7])
        assert grouped.distances(codes).tolist() == np.array(distances).tolist()
        by_position = PositionKernel(kernel.space)
        rows = np.stack([by_position.codes(architecture)[:7] for architecture in architectures.tolist()])
        assert by_position.codes_between(architectures, architectures[:7]).tolist() == rows.tolist()
        np.testing.assert_allclose(grouped.covariance(codes, hyperparameters), covariance, rtol=1e-6)


def with_many_positions(n: int, n_choices: int) -> SearchSpace:
    """Every other position is ordered."""
    positions = [Position(f"p{i}", tuple(range(n_choices)), ordered=i % 2 == 0) for i in range(n)]
    codes = np.random.default_rng(0).integers(n_choices, size=(200, n))
    return SearchSpace("many", positions, architectures=codes)


@pytest.mark.parametrize(
    "space", [get_space("graphgym"), with_many_positions(40, 5), with_many_positions(10, 100)], ids=str
)
def test_a_kernel_with_a_lengthscale_per_position(space: SearchSpace) -> None:
    rng, n = np.random.default_rng(4), space.n_positions
    architectures, lengthscales = space.sample(40, rng), rng.uniform(0.1, 0.6, size=n) * n
    hyperparameters = Hyperparameters(np.array([1.3]), lengthscales, noise=0.1)
    gp = CellGP(PositionKernel(space), hyperparameters)
    for architecture in architectures.tolist():
        gp.add(architecture)
    codes, smooth, covariance = space.codes[architectures].astype(float), [], np.full((40, 40), 1.3)
    for i, (position, ell) in enumerate(zip(space.positions, lengthscales, strict=True)):
        column = codes[:, [i]] if position.ordered else np.eye(len(position.choices))[codes[:, i].astype(int)] / 2
        if position.ordered and len(position.choices) > 2:
            smooth.append(i)
            covariance *= Matern(ell, nu=2.5)(column)
        else:
            covariance *= np.exp(-cdist(column, column, "cityblock") / ell)
    assert 0 < len(smooth) < n
    for _ in range(2):  # grown row by row, then all at once
        np.testing.assert_allclose(gp.observed_covariance(), covariance, atol=1e-6)
        np.testing.assert_allclose(gp.factor @ gp.factor.T, covariance + 0.1 * np.eye(40), atol=1e-4)
        gp.set_hyperparameters(hyperparameters)

    labels, prior = rng.standard_normal(40), gp.kernel.prior()
    density = multivariate_normal(np.zeros(40), covariance + 0.1 * np.eye(40)).logpdf(labels)
    offset = (hyperparameters.logarithms - prior[0]) / prior[1]
    expected = density + 20 * np.log(2 * np.pi) - 0.5 * offset @ offset
    assert gp.log_evidence(labels, prior) == pytest.approx(expected, abs=1e-2)

    models = [(ProductKernel(gp.observed_distances(), smooth), [labels])]
    np.testing.assert_allclose(models[0][0](hyperparameters.logarithms)[0], covariance + 0.1 * np.eye(40), atol=1e-9)
    _, gradient = negative_log_posterior(hyperparameters.logarithms, models, prior)
    differences = approx_fprime(hyperparameters.logarithms, lambda x: negative_log_posterior(x, models, prior)[0], 1e-6)
    np.testing.assert_allclose(gradient, differences, rtol=1e-3, atol=1e-3)
    before = gp.log_evidence(labels, prior)
    gp.fit(labels, prior)
    assert gp.log_evidence(labels, prior) > before


def test_prior_lengthscales_follow_the_choices() -> None:
    positions = [Position("a", (1, 2, 3, 4), ordered=True), Position("b", (1, 2), ordered=True), Position("c", "xyz")]
    uneven = SearchSpace("uneven", positions, architectures=[[0, 0, 0], [0, 0, 1], [0, 0, 2], [3, 1, 0]])
    # Half of three positions times the mean distance of all pairs, or of all choices.
    means = {False: [3 * 6 / 16, 6 / 16, 10 / 16], True: [20 / 16, 1 / 2, 2 / 3]}
    for uniform, distances in means.items():
        kernel = PositionKernel(uneven, uniform=uniform)
        np.testing.assert_allclose(kernel.typical_lengthscales, 1.5 * np.array(distances))
        mean, deviation = kernel.prior()
        np.testing.assert_allclose(np.exp(mean), [1.0, *kernel.typical_lengthscales, 0.02])
        assert deviation.tolist() == [1.0, 1.0, 0.7, 0.7, 1.0]  # wider for the kernel that follows a trend
