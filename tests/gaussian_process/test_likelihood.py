"""The core of Gaussian processes against those of scikit-learn and GPyTorch, over random inputs."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.spatial.distance import cdist
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern, PairwiseKernel, WhiteKernel

from nasmeta.gaussian_process import (
    JITTER,
    CellGP,
    CellKernel,
    Hyperparameters,
    SumKernel,
    maximise_posterior,
    negative_log_likelihood,
    negative_log_posterior,
    posterior_weights,
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
        self.linear, self.v_1, self.v_2, self.ell_1, self.ell_2, self.noise = np.exp(self.logarithms)
        self.kernel = SumKernel(np.array([cdist(self.x, self.x)] * 2), (self.x @ self.x.T)[None])
        self.models = [(self.kernel, self.tasks)]
        self.flat = np.zeros(6), np.full(6, 1e9)  # as good as no prior

    def between(self, points: np.ndarray) -> np.ndarray:
        distances = cdist(points, self.x)
        rough = self.v_1 * np.exp(-distances / self.ell_1) + self.v_2 * np.exp(-distances / self.ell_2)
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
    peer, (covariance, _) = problem.peer(), problem.kernel(problem.logarithms)
    likelihood = negative_log_likelihood(covariance, problem.tasks)
    assert likelihood.value == pytest.approx(-peer.log_marginal_likelihood_value_, rel=1e-9)
    np.testing.assert_allclose(np.stack(likelihood.weights, axis=1), peer.alpha_.reshape(len(problem.x), -1), rtol=1e-6)
    assert negative_log_likelihood(covariance - 10 * np.eye(len(covariance)), problem.tasks) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_gradient_is_that_of_scikit_learn(seed: int) -> None:
    problem = Problem(seed)
    peer = problem.peer()
    _, theirs = peer.log_marginal_likelihood(peer.kernel_.theta, eval_gradient=True)
    linear, noise, v_1, ell_1, v_2, ell_2 = -theirs
    _, gradient = negative_log_posterior(problem.logarithms, problem.models, problem.flat)
    np.testing.assert_allclose(gradient, [linear, v_1, v_2, ell_1, ell_2, noise], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_gradient_of_several_models_with_a_prior_is_that_of_differences(seed: int) -> None:
    problem, rng = Problem(seed), np.random.default_rng(seed)
    prior = rng.normal(size=6), rng.uniform(0.5, 2.0, size=6)
    few = problem.x[:4]
    distances = np.array([cdist(few, few), cdist(few, few, "cityblock")])
    other = SumKernel(distances, (few @ few.T)[None])
    models = [*problem.models, (other, [rng.normal(size=4)])]
    _, gradient = negative_log_posterior(problem.logarithms, models, prior)

    def value(logarithms: np.ndarray) -> float:
        return negative_log_posterior(logarithms, models, prior)[0]

    np.testing.assert_allclose(gradient, approx_fprime(problem.logarithms, value), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("seed", SEEDS)
def test_posterior_mean_is_that_of_scikit_learn(seed: int) -> None:
    problem = Problem(seed)
    weights = posterior_weights(problem.between(problem.x), problem.noise, np.stack(problem.tasks, axis=1))
    expected = problem.peer().predict(problem.new).reshape(len(problem.new), -1)
    np.testing.assert_allclose(problem.between(problem.new) @ weights, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # noise has its best fit at the bounds
@pytest.mark.parametrize("seed", SEEDS)
def test_maximum_is_as_likely_as_that_of_scikit_learn(seed: int) -> None:
    problem = Problem(seed)
    peer = problem.peer("fmin_l_bfgs_b")
    fitted = maximise_posterior(problem.models, problem.flat, 1000, problem.logarithms)
    value, _ = negative_log_posterior(fitted, problem.models, problem.flat)
    assert value == pytest.approx(-peer.log_marginal_likelihood_value_, abs=0.01)


def test_a_singular_covariance_turns_the_search_back() -> None:
    models = [(SumKernel(np.zeros((1, 3, 3))), [np.ones(3)])]
    value, gradient = negative_log_posterior(np.array([0.0, 0.0, -100.0]), models, (np.zeros(3), np.ones(3)))
    assert value > 1e20
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_posterior_of_a_space_is_that_of_scikit_learn(seed: int) -> None:
    rng, counts = np.random.default_rng(seed), SPACE.feature("edges").counts
    variance, lengthscale, noise = rng.uniform(0.2, 2.0), rng.uniform(1.0, 8.0), rng.uniform(0.01, 0.3)
    h = Hyperparameters(np.array([variance]), np.array([lengthscale]), noise)
    architectures, labels, some = SPACE.sample(40, rng), rng.normal(size=40), SPACE.sample(300, rng)
    gp = CellGP(CellKernel(SPACE, ["edges"]), h)
    for architecture in architectures.tolist():  # more than there is room for in the beginning
        gp.add(architecture)

    kernel = ConstantKernel(variance) * PairwiseKernel(1 / lengthscale, metric="laplacian")
    peer = GaussianProcessRegressor(kernel, alpha=noise + JITTER, optimizer=None).fit(counts[architectures], labels)
    expected = peer.predict(counts[some], return_std=True)
    grown = gp.posterior(labels)
    gp.set_hyperparameters(h)
    for posterior in (grown, gp.posterior(labels)):
        for ours, theirs in zip(posterior, expected, strict=True):
            np.testing.assert_allclose(ours[some], theirs, atol=5e-4)
    np.testing.assert_allclose(gp.factor, peer.L_, atol=1e-5)
