"""The core of Gaussian processes against that of scikit-learn, over random inputs."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.spatial.distance import cdist
from scipy.stats import multivariate_normal
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    ConstantKernel,
    DotProduct,
    Matern,
    PairwiseKernel,
    WhiteKernel,
)

from nasmeta.gaussian_process import (
    EXPONENTIAL,
    JITTER,
    MATERN_52,
    Conditioned,
    GaussianProcess,
    Hyperparameters,
    Kernel,
    Objective,
    Pairs,
    Prior,
    count_model,
    fit,
    negative_log_likelihood,
)
from nasmeta.spaces import get_space

SEEDS = range(5)
SPACE = get_space("nb201")


class Problem:
    """Labels of random points in one or more tasks, and hyperparameters of a linear and two exponential kernels."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.x, self.new = rng.normal(size=(int(rng.integers(5, 60)), 3)), rng.normal(size=(30, 3))
        self.tasks = list(rng.normal(size=(int(rng.integers(1, 4)), len(self.x))))
        self.logarithms = np.log(rng.uniform(0.1, 2.0, size=6))
        self.linear, self.v_1, self.v_2, self.ell_1, self.ell_2, self.noise = np.exp(
            self.logarithms
        )
        self.kernel = Kernel(((2,), (0,), (1,)), (EXPONENTIAL, EXPONENTIAL, None))
        apart = cdist(self.x, self.x)
        pairs = Pairs.all_of(np.array([apart, apart, self.x @ self.x.T]))
        no_prior = Prior(np.zeros(6), np.full(6, 1e9))  # as good as none
        self.objective = Objective(self.kernel, pairs, self.tasks, no_prior)

    def between(self, points: np.ndarray) -> np.ndarray:
        distances = cdist(points, self.x)
        rough = self.v_1 * np.exp(-distances / self.ell_1) + self.v_2 * np.exp(
            -distances / self.ell_2
        )
        return self.linear * points @ self.x.T + rough

    def peer(self, optimizer: str | None = None) -> GaussianProcessRegressor:
        """The exponential of a Euclidean distance is the Matérn kernel of order 1/2."""
        bounds = np.exp([-6, 6])
        kernel = ConstantKernel(self.linear, bounds) * DotProduct(0.0, sigma_0_bounds="fixed")
        kernel += WhiteKernel(self.noise, (1e-3, bounds[1]))
        for variance, lengthscale in ((self.v_1, self.ell_1), (self.v_2, self.ell_2)):
            kernel += ConstantKernel(variance, bounds) * Matern(lengthscale, bounds, nu=0.5)
        process = GaussianProcessRegressor(kernel, alpha=0.0, optimizer=optimizer)
        return process.fit(self.x, np.stack(self.tasks, axis=1))


@pytest.mark.parametrize("seed", SEEDS)
def test_likelihood_and_weights_are_those_of_scikit_learn(seed: int) -> None:
    problem = Problem(seed)
    peer, covariance = (
        problem.peer(),
        problem.between(problem.x) + problem.noise * np.eye(len(problem.x)),
    )
    likelihood = negative_log_likelihood(covariance, problem.tasks)
    assert likelihood.value == pytest.approx(-peer.log_marginal_likelihood_value_, rel=1e-9)
    np.testing.assert_allclose(
        np.stack(likelihood.weights, axis=1), peer.alpha_.reshape(len(problem.x), -1), rtol=1e-6
    )
    assert negative_log_likelihood(covariance - 10 * np.eye(len(covariance)), problem.tasks) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_gradient_is_that_of_scikit_learn(seed: int) -> None:
    problem = Problem(seed)
    peer = problem.peer()
    _, theirs = peer.log_marginal_likelihood(peer.kernel_.theta, eval_gradient=True)
    linear, noise, v_1, ell_1, v_2, ell_2 = -theirs
    _, gradient = problem.objective(problem.logarithms)
    np.testing.assert_allclose(
        gradient, [linear, v_1, v_2, ell_1, ell_2, noise], rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_gradient_of_products_with_a_prior_is_that_of_differences(seed: int) -> None:
    """Each term multiplies some dimensions; a few whole distances, of which pairs share many."""
    rng, n = np.random.default_rng(seed), 25
    points = rng.integers(0, 3, (n, 3))
    task = rng.integers(0, 2, n)
    distances = [*np.abs(points[:, None] - points[None]).transpose(2, 0, 1), task[:, None] == task]
    kernel = Kernel(((0,), (1, 2), (0, 3)), (EXPONENTIAL, MATERN_52, MATERN_52, None))
    pairs = Pairs.of(np.array(distances, int))
    assert pairs.distances.shape[1] <= 3**3 * 2 < n * n
    prior = Prior(rng.normal(size=7), rng.uniform(0.5, 2.0, size=7))
    objective = Objective(kernel, pairs, list(rng.normal(size=(2, n))), prior)
    logarithms = np.log(rng.uniform(0.3, 2.0, size=7))
    value, gradient = objective(logarithms)
    np.testing.assert_allclose(
        gradient, approx_fprime(logarithms, lambda x: objective(x)[0]), rtol=1e-4, atol=1e-4
    )

    v_0, v_12, v_task, ell_0, ell_1, ell_2, noise = np.exp(logarithms)
    first, second, third = (column[:, None] for column in points.T)
    covariance = v_0 * Matern(ell_0, nu=0.5)(first) + v_12 * Matern(ell_1, nu=2.5)(second) * Matern(
        ell_2, nu=2.5
    )(third)
    covariance += v_task * Matern(ell_0, nu=0.5)(first) * (task[:, None] == task) + noise * np.eye(
        n
    )
    density = sum(
        multivariate_normal(np.zeros(n), covariance).logpdf(labels) for labels in objective.tasks
    )
    penalty = 0.5 * (((logarithms - prior.mean) / prior.std) ** 2).sum()
    assert value == pytest.approx(penalty - density, rel=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_posterior_mean_is_that_of_scikit_learn(seed: int) -> None:
    problem = Problem(seed)
    process = Conditioned.on(
        problem.between(problem.x), problem.noise, np.stack(problem.tasks, axis=1)
    )
    expected = problem.peer().predict(problem.new).reshape(len(problem.new), -1)
    cross = problem.between(problem.new)
    np.testing.assert_allclose(process.mean(cross), expected, rtol=1e-6, atol=1e-8)
    covariance = problem.between(problem.x) + problem.noise * np.eye(len(problem.x))
    explained = np.einsum("ij,jk,ik->i", cross, np.linalg.inv(covariance), cross)
    np.testing.assert_allclose(process.explained_variance(cross), explained, rtol=1e-6)


# noise has its best fit at the bounds
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("seed", SEEDS)
def test_maximum_is_as_likely_as_that_of_scikit_learn(seed: int) -> None:
    problem = Problem(seed)
    peer = problem.peer("fmin_l_bfgs_b")
    start = problem.kernel.hyperparameters(problem.logarithms)
    value, _ = problem.objective(fit(problem.objective, start, iterations=1000).logarithms)
    assert value == pytest.approx(-peer.log_marginal_likelihood_value_, abs=0.01)


def test_a_singular_covariance_turns_the_search_back() -> None:
    pairs = Pairs.of(np.zeros((1, 3, 3), int))
    objective = Objective(
        Kernel(((0,),), (EXPONENTIAL,)), pairs, [np.ones(3)], Prior(np.zeros(3), np.ones(3))
    )
    value, gradient = objective(np.array([0.0, 0.0, -100.0]))
    assert value > 1e20
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_posterior_of_a_space_is_that_of_scikit_learn(seed: int) -> None:
    rng, counts = np.random.default_rng(seed), SPACE.feature("edges").counts
    variance, lengthscale, noise = (
        rng.uniform(0.2, 2.0),
        rng.uniform(1.0, 8.0),
        rng.uniform(0.01, 0.3),
    )
    h = Hyperparameters(np.array([variance]), np.array([lengthscale]), noise)
    architectures, labels, some = SPACE.sample(40, rng), rng.normal(size=40), SPACE.sample(300, rng)
    gp = GaussianProcess(count_model(SPACE, ["edges"]), h)
    for architecture in architectures.tolist():  # more than there is room for in the beginning
        gp.add(architecture)

    kernel = ConstantKernel(variance) * PairwiseKernel(1 / lengthscale, metric="laplacian")
    peer = GaussianProcessRegressor(kernel, alpha=noise + JITTER, optimizer=None).fit(
        counts[architectures], labels
    )
    expected = peer.predict(counts[some], return_std=True)
    grown = gp.posterior(labels)
    gp.set_hyperparameters(h)
    for posterior in (grown, gp.posterior(labels)):
        for ours, theirs in zip(posterior, expected, strict=True):
            np.testing.assert_allclose(ours[some], theirs, atol=5e-4)
    np.testing.assert_allclose(gp.factor, peer.L_, atol=1e-5)
