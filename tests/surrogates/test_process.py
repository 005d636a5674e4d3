"""The warped process: gradients against differences, predictions against a plain computation."""

import numpy as np
from scipy.stats import norm

from nasmeta.spaces import get_space
from nasmeta.surrogates import class_features
from nasmeta.surrogates._process_fit import Likelihood, fit_process

SPACE = get_space("tnb101")


def _problem(n: int = 120) -> tuple[list, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    features = class_features(SPACE)
    observed = np.sort(rng.permutation(len(features[0]))[:n]).astype(np.int32)
    u = features[3][observed].sum(axis=1).astype(float) + 0.1 * rng.normal(size=n)
    return list(features), observed, u, rng.integers(1, 4, n)


def test_the_gradient_is_that_of_the_likelihood() -> None:
    features, observed, u, counts = _problem()
    likelihood = Likelihood([part[observed] for part in features], u, counts)
    np.testing.assert_allclose(
        np.exp(likelihood.prior) ** -2,
        np.concatenate([[part.shape[1]] * part.shape[1] for part in features]),
    )
    rng = np.random.default_rng(1)
    at = likelihood.start() + 0.2 * rng.normal(size=len(likelihood.start()))
    rows = np.arange(len(u))

    def objective(x: np.ndarray) -> float:
        covariance = likelihood.covariance(x, rows, likelihood.factors(x, rows))
        gaps = likelihood.best + np.exp(x[-1]) - u
        z = -np.log(gaps)
        z = z - z.mean()
        fit = (
            0.5 * z @ np.linalg.solve(covariance, z)
            + 0.5 * np.linalg.slogdet(covariance)[1]
            + np.log(gaps).sum()
        )
        scales = x[: len(likelihood.prior)]
        prior = ((scales - likelihood.prior) ** 2).sum() / 1.5**2 + (
            x[-1] - np.log(0.1 * likelihood.spread)
        ) ** 2
        return float(fit + 0.5 * prior) / len(u)

    steps = 1e-5 * np.eye(len(at))
    differences = np.array([(objective(at + step) - objective(at - step)) / 2e-5 for step in steps])
    np.testing.assert_allclose(likelihood.gradient(at, rows), differences, atol=1e-6)


def test_predictions_and_intervals_equal_a_plain_computation() -> None:
    features, observed, u, counts = _problem()
    process = fit_process(SPACE, observed, u, counts, np.random.default_rng(0), steps=5)
    members = np.unique(SPACE.function_classes, return_index=True)[1]

    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        a = np.sqrt(3) * np.linalg.norm(x[:, None].astype(float) - y[None], axis=-1)
        return (1 + a) * np.exp(-a)

    total = sum(
        v * kernel(part * w, (part * w)[observed])
        for v, w, part in zip(
            process.variances, process.inverse_lengthscales, features, strict=True
        )
    )
    noisy = total[observed] + np.diag(process.noise / counts + 1e-6)
    z = -np.log(process.best + process.margin - u)
    mean = process.centre + total @ np.linalg.solve(noisy, z - process.centre)
    expected = process.best + process.margin - np.exp(-mean)
    np.testing.assert_allclose(process.predict(members), expected, atol=1e-3 * u.std())
    assert np.corrcoef(process.predict(members)[observed], u)[0, 1] > 0.95
    explained = np.einsum("ij,ji->i", total, np.linalg.solve(noisy, total.T))
    half = norm.ppf(0.95) * np.sqrt(process.variances.sum() + process.noise - explained)
    ends = process.best + process.margin - np.exp(-(mean + np.stack([-half, half])))
    np.testing.assert_allclose(process.intervals(members), ends, atol=1e-3 * u.std())
