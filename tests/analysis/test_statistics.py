"""Bootstrap intervals against SciPy."""

from __future__ import annotations

import warnings

import numpy as np
import scipy.stats
from hypothesis import given, settings, strategies as st

from nasmeta.analysis import bootstrap_interval


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.integers(1, 6))
def test_interval_equals_scipy(seed, n, points):
    samples = np.random.default_rng(seed).lognormal(size=(n, points))
    low, high = bootstrap_interval(samples, level=0.9, n_resamples=200, seed=seed)
    expected = scipy.stats.bootstrap(
        (samples,),
        np.mean,
        axis=0,
        n_resamples=200,
        confidence_level=0.9,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    np.testing.assert_allclose(low, expected.low, rtol=1e-12)
    np.testing.assert_allclose(high, expected.high, rtol=1e-12)
    np.testing.assert_allclose(bootstrap_interval(samples[:, 0], 0.9, 200, seed), [low[0], high[0]])


def test_generator_and_seed_agree_and_the_global_one_is_left_alone():
    samples = np.arange(10.0)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    assert bootstrap_interval(samples, seed=3) == bootstrap_interval(
        samples, seed=np.random.default_rng(3)
    )
    assert bootstrap_interval(samples, seed=3) != bootstrap_interval(samples, seed=4)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_degenerate_samples():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(bootstrap_interval(np.ones((1, 4)))).all()
        equal = np.tile([0.1, 1 / 3], (7, 1))
        low, high = bootstrap_interval(equal)
    assert low.tolist() == high.tolist() == equal.mean(axis=0).tolist()


def test_batches_do_not_change_the_result(monkeypatch):
    samples = np.random.default_rng(1).normal(size=(20, 3))
    whole = bootstrap_interval(samples)
    monkeypatch.setattr("nasmeta.analysis._statistics._BATCH_NUMBERS", 64 * 60)
    np.testing.assert_array_equal(whole, bootstrap_interval(samples))
