"""The process that grows row by row, against textbook formulas with dense matrices."""

import inspect
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.spatial.distance import cdist
from scipy.stats import multivariate_normal, norm
from sklearn.gaussian_process.kernels import Matern

from nasmeta.gaussian_process import (
    GaussianProcess,
    Hyperparameters,
    Inputs,
    KernelPrior,
    Objective,
    count_model,
    fit,
    log_expected_improvement,
    position_model,
    trend_model,
    weak_prior,
)
from nasmeta.spaces import Position, Range, SearchSpace, get_space

SPACE = get_space("nb201")
HYPERPARAMETERS = Hyperparameters(np.array([0.6, 0.3, 0.2]), np.array([4.0, 2.0, 3.0]), noise=0.05)


def dense_kernel(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The kernel's definition, written out."""
    total = np.zeros((len(rows), len(columns)))
    features = ("edges", "paths", "operations")
    for function, v, ell in zip(
        features, HYPERPARAMETERS.variances, HYPERPARAMETERS.lengthscales, strict=True
    ):
        counts = SPACE.feature(function).counts.astype(float)
        distance = np.abs(counts[rows][:, None, :] - counts[columns][None, :, :]).sum(axis=2)
        total += v * np.exp(-distance / ell)
    return total


def test_a_linear_part_is_that_of_standardised_counts() -> None:
    rng, at = np.random.default_rng(3), np.arange(0, SPACE.n_architectures, 37)
    architectures, labels = SPACE.sample(40, rng), rng.standard_normal(40)
    model = trend_model(SPACE)
    with_slopes = replace(HYPERPARAMETERS, variances=np.r_[0.7, HYPERPARAMETERS.variances])
    gp = GaussianProcess(model, with_slopes)
    for architecture in architectures.tolist():
        gp.add(architecture)
    counts = [SPACE.feature(name).counts.astype(float) for name in ("edges", "paths", "operations")]
    inputs = [(part - part.mean(axis=0)) / np.maximum(part.std(axis=0), 1e-12) for part in counts]
    columns = [np.count_nonzero(np.ptp(part, axis=0)) for part in counts]
    scaled = np.hstack([part / np.sqrt(3 * n) for part, n in zip(inputs, columns, strict=True)])
    assert (scaled**2).sum(axis=1).mean() == pytest.approx(1.0)
    covariance = (
        dense_kernel(architectures, architectures)
        + 0.7 * scaled[architectures] @ scaled[architectures].T
    )
    inverse = np.linalg.inv(covariance + HYPERPARAMETERS.noise * np.eye(40))
    cross = dense_kernel(at, architectures) + 0.7 * scaled[at] @ scaled[architectures].T
    prior = HYPERPARAMETERS.variances.sum() + 0.7 * (scaled[at] ** 2).sum(axis=1)
    for _ in range(2):  # grown row by row, then all at once
        mean, deviation = gp.posterior(labels)
        np.testing.assert_allclose(mean[at], cross @ inverse @ labels, atol=5e-4)
        variance = prior - np.einsum("ij,jk,ik->i", cross, inverse, cross)
        np.testing.assert_allclose(deviation[at], np.sqrt(variance), atol=5e-4)
        np.testing.assert_allclose(
            gp.factor @ gp.factor.T, covariance + 0.05 * np.eye(40), atol=1e-5
        )
        gp.set_hyperparameters(with_slopes)


def test_a_linear_part_reaches_beyond_the_observations() -> None:
    rng = np.random.default_rng(0)
    cost = SPACE.feature("operations").counts @ np.arange(5.0)
    architectures = rng.choice(
        np.flatnonzero(np.abs(cost - np.median(cost)) <= 2), 60, replace=False
    )
    beyond = cost <= cost.min() + 2
    cost = (cost - cost[architectures].mean()) / cost[architectures].std()
    labels = cost[architectures]
    plain, trend = GaussianProcess(count_model(SPACE)), GaussianProcess(trend_model(SPACE))
    errors = []
    for gp in (plain, trend):
        for architecture in architectures.tolist():
            gp.add(architecture)
        errors.append(np.abs(gp.posterior(labels)[0] - cost)[beyond].mean())
    assert errors[1] < 0.8 * errors[0]

    def density() -> float:
        """Return how likely the labels and the hyperparameters are."""
        assert trend.model.prior.mean[0] == np.log(0.5)
        hyperparameters = norm(*trend.model.prior).logpdf(trend.hyperparameters.logarithms).sum()
        return float(
            hyperparameters
            + multivariate_normal(np.zeros(60), trend.factor @ trend.factor.T).logpdf(labels)
        )

    before = density()
    trend.fit(labels)
    assert density() > before + 1


def test_forgetting_takes_observations_back() -> None:
    rng = np.random.default_rng(3)
    architectures, labels = SPACE.sample(40, rng).tolist(), rng.standard_normal(30)
    gp, fresh = (GaussianProcess(count_model(SPACE), HYPERPARAMETERS) for _ in range(2))
    for architecture in architectures:
        gp.add(architecture)
    gp.forget_last(10)
    for architecture in architectures[:30]:
        fresh.add(architecture)
    np.testing.assert_allclose(gp.posterior(labels), fresh.posterior(labels), atol=2e-4)


def test_prior_mean_is_added() -> None:
    prior = np.linspace(-1, 1, SPACE.n_architectures)
    gp = GaussianProcess(count_model(SPACE), HYPERPARAMETERS, prior)
    np.testing.assert_allclose(gp.posterior(np.empty(0))[0], prior, atol=1e-6)
    gp.add(100)
    mean, _ = gp.posterior(np.array([prior[100]]))
    np.testing.assert_allclose(
        mean, prior, atol=1e-6, err_msg="a label that the prior expected changes nothing"
    )


def test_fit_finds_the_hyperparameters_of_its_own_samples() -> None:
    rng = np.random.default_rng(1)
    model, architectures = count_model(SPACE, ["edges"]), SPACE.sample(200, rng)
    edges = SPACE.feature("edges").counts[architectures]
    covariance = 2.0 * np.exp(cdist(edges, edges, "cityblock") / -6.0) + 0.1 * np.eye(200)
    tasks = list(rng.multivariate_normal(np.zeros(200), covariance, size=8))
    objective = Objective(model.kernel, model.inputs.among(architectures), tasks, weak_prior(1))
    fitted = fit(objective, iterations=60)
    truth = Hyperparameters(np.array([2.0]), np.array([6.0]), noise=0.1)
    at_fit, at_truth = (objective(h.logarithms)[0] for h in (fitted, truth))
    assert at_fit <= at_truth, "a maximum is at least as likely as the truth"
    # Noise and a rough kernel are told apart only roughly: within a factor of two.
    np.testing.assert_allclose(fitted.logarithms, truth.logarithms, atol=np.log(2))


def test_expected_improvement_against_scipy_and_far_in_the_tail() -> None:
    rng = np.random.default_rng(0)
    mean, deviation = rng.normal(size=500), rng.uniform(0.1, 2.0, size=500)
    u = (mean - 0.7) / deviation
    expected = deviation * (norm.pdf(u) + u * norm.cdf(u))
    np.testing.assert_allclose(
        np.exp(log_expected_improvement(mean, deviation, 0.7)), expected, rtol=1e-6, atol=1e-12
    )
    sure = np.array([0.9, 0.93, 3.0, 1e6])
    np.testing.assert_allclose(
        np.exp(log_expected_improvement(sure, np.full(4, 0.03), 0.0)), sure, rtol=1e-12
    )
    tail = log_expected_improvement(-np.logspace(0, 5, 300), np.ones(300), 0.0)
    assert np.isfinite(tail).all()
    assert (np.diff(tail) < 0).all(), "still ordered where the improvement itself underflows"


RANGES = SearchSpace(
    "net", {f"x{i}": Range(0.0, 1.0) for i in range(5)} | {"act": ["relu", "tanh", "gelu"]}
)
NEAR = RANGES.from_codes(
    np.random.default_rng(0).integers([80, 0, 0, 0, 50, 0], [90, 99, 3, 99, 55, 3], (300, 6))
)


@pytest.mark.parametrize(
    "space", [get_space("nb201"), get_space("hpobench-mlp"), RANGES.listed(np.unique(NEAR))]
)
def test_covariances_are_those_of_the_distances_with_and_without_a_table(
    space: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    architectures, others = np.arange(40), np.arange(0, space.size, 1 + space.size // 500)
    for build in (count_model, position_model):
        model = build(space)
        h = model.kernel.hyperparameters(model.prior.mean)
        by_table = KernelPrior(model, h).covariance(architectures, others)
        monkeypatch.setattr(inspect.getmodule(Inputs), "_MOST_CODES", 1)
        direct = KernelPrior(build(space), h).covariance(architectures, others)
        monkeypatch.undo()
        np.testing.assert_allclose(by_table, direct, rtol=1e-6)
        pairs = model.inputs.among(others)
        among = pairs.to_matrix(model.kernel.covariance(pairs.distances, h))
        np.testing.assert_allclose(
            KernelPrior(model, h).covariance(others, others), among, rtol=1e-6
        )

    model = count_model(space)
    counts = [
        space.feature(name).counts[architectures].astype(np.int64) for name in space.kernel_features
    ]
    distances = np.array([np.abs(one[:, None] - one[None]).sum(axis=2) for one in counts])
    pairs = model.inputs.among(architectures)
    assert pairs.distances[:, pairs.index].tolist() == distances.tolist()


def with_many_positions(n: int, n_choices: int) -> SearchSpace:
    """Every other position is ordered."""
    positions = [Position(f"p{i}", tuple(range(n_choices)), ordered=i % 2 == 0) for i in range(n)]
    codes = np.random.default_rng(0).integers(n_choices, size=(200, n))
    return SearchSpace("many", positions, architectures=codes)


@pytest.mark.parametrize(
    "space",
    [get_space("graphgym"), with_many_positions(40, 5), with_many_positions(10, 100)],
    ids=str,
)
def test_a_kernel_with_a_lengthscale_per_position(space: SearchSpace) -> None:
    rng, n = np.random.default_rng(4), space.n_positions
    architectures, lengthscales = space.sample(40, rng), rng.uniform(0.1, 0.6, size=n) * n
    hyperparameters = Hyperparameters(np.array([1.3]), lengthscales, noise=0.1)
    gp = GaussianProcess(position_model(space), hyperparameters)
    for architecture in architectures.tolist():
        gp.add(architecture)
    codes, smooth, covariance = space.codes[architectures].astype(float), [], np.full((40, 40), 1.3)
    for i, (position, ell) in enumerate(zip(space.positions, lengthscales, strict=True)):
        column = (
            codes[:, [i]]
            if position.ordered
            else np.eye(len(position.choices))[codes[:, i].astype(int)] / 2
        )
        if position.ordered and len(position.choices) > 2:
            smooth.append(i)
            covariance *= Matern(ell, nu=2.5)(column)
        else:
            covariance *= np.exp(-cdist(column, column, "cityblock") / ell)
    assert 0 < len(smooth) < n
    for _ in range(2):  # grown row by row, then all at once
        np.testing.assert_allclose(
            gp.factor @ gp.factor.T, covariance + 0.1 * np.eye(40), atol=1e-4
        )
        gp.set_hyperparameters(hyperparameters)

    labels, prior = rng.standard_normal(40), gp.model.prior
    density = multivariate_normal(np.zeros(40), covariance + 0.1 * np.eye(40)).logpdf(labels)
    offset = (hyperparameters.logarithms - prior[0]) / prior[1]
    expected = density + 20 * np.log(2 * np.pi) - 0.5 * offset @ offset
    assert gp.log_evidence(labels) == pytest.approx(expected, abs=1e-2)

    pairs = gp.model.inputs.among(architectures)
    among = pairs.to_matrix(gp.model.kernel.covariance(pairs.distances, hyperparameters))
    np.testing.assert_allclose(among, covariance, atol=1e-9)
    objective = Objective(gp.model.kernel, pairs, [labels], prior)
    _, gradient = objective(hyperparameters.logarithms)
    differences = approx_fprime(hyperparameters.logarithms, lambda x: objective(x)[0], 1e-6)
    np.testing.assert_allclose(gradient, differences, rtol=1e-3, atol=1e-3)
    before = gp.log_evidence(labels)
    gp.fit(labels)
    assert gp.log_evidence(labels) > before


def test_prior_lengthscales_follow_the_choices() -> None:
    positions = [
        Position("a", (1, 2, 3, 4), ordered=True),
        Position("b", (1, 2), ordered=True),
        Position("c", "xyz"),
    ]
    uneven = SearchSpace(
        "uneven", positions, architectures=[[0, 0, 0], [0, 0, 1], [0, 0, 2], [3, 1, 0]]
    )
    # Half of three positions times the mean distance of all pairs, or of all choices.
    means = {False: [3 * 6 / 16, 6 / 16, 10 / 16], True: [20 / 16, 1 / 2, 2 / 3]}
    for uniform, distances in means.items():
        mean, deviation = position_model(uneven, uniform=uniform).prior
        np.testing.assert_allclose(np.exp(mean), [1.0, *(1.5 * np.array(distances)), 0.02])
        # wider for the kernel that follows a trend
        assert deviation.tolist() == [
            1.0,
            1.0,
            0.7,
            0.7,
            1.0,
        ]
