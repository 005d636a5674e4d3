"""The ensemble weighted by ranks: who gets weight."""

import numpy as np
import pytest

from nasmeta.gaussian_process import (
    GaussianProcess,
    Hyperparameters,
    count_model,
    log_expected_improvement,
)
from nasmeta.meta._rgpe import RGPESearch, VanillaRGPESearch, ranking_losses, ranking_shares
from nasmeta.spaces import get_space
from nasmeta.tasks import SourceTask, standardised
from nasmeta.testing import made_up_values

SPACE = get_space("tnb101")


def source(name: str, values: np.ndarray, labels: int = 120) -> SourceTask:
    architectures = SPACE.sample(labels, np.random.default_rng(1))
    return SourceTask(name, name, SPACE, architectures, values[architectures])


def test_losses_are_those_of_a_count_of_pairs() -> None:
    rng = np.random.default_rng(0)
    labels, predicted = rng.normal(size=7), rng.normal(size=7)
    times = rng.multinomial(7, np.full(7, 1 / 7), size=20)
    (losses,) = ranking_losses(predicted[None], labels, times.astype(np.float32))
    for loss, drawn in zip(losses, times, strict=True):
        sample = np.repeat(np.arange(7), drawn)
        wrong = sum(
            (predicted[i] < predicted[j]) != (labels[i] < labels[j]) for i in sample for j in sample
        )
        assert loss == wrong


def test_a_source_that_ranks_right_has_the_weight_and_a_reversed_one_none() -> None:
    values = made_up_values(SPACE)
    searcher = RGPESearch(SPACE, np.random.default_rng(0))
    searcher.meta_fit([source("same", values), source("reversed", -values)])
    architectures = SPACE.sample(30, np.random.default_rng(2))
    searcher.tell(architectures, values[architectures])
    searcher.ask()
    same, reversed_ = searcher._weights(searcher._labels())
    assert reversed_ == 0
    assert 0.2 < same <= 0.5


def vanilla(*sources: SourceTask) -> VanillaRGPESearch:
    searcher = VanillaRGPESearch(SPACE, np.random.default_rng(0))
    searcher.meta_fit(sources)
    values, architectures = made_up_values(SPACE), SPACE.sample(30, np.random.default_rng(2))
    searcher.tell(architectures, values[architectures])
    searcher.ask()
    return searcher


def test_published_posterior_is_the_weighted_sum_of_all() -> None:
    values = made_up_values(SPACE)
    searcher = vanilla(source("same", values), source("reversed", -values))
    searcher._weights = np.array([0.5, 0.2, 0.3])
    learnt, labels = searcher.meta_model_, searcher._labels()
    mean, std = searcher._gp.posterior(labels)
    together = 0.5 * learnt["means"][0] + 0.2 * learnt["means"][1] + 0.3 * mean
    variance = 0.25 * learnt["stds"][0] ** 2 + 0.04 * learnt["stds"][1] ** 2 + 0.09 * std**2
    expected = log_expected_improvement(together, np.sqrt(variance), labels.max())
    np.testing.assert_allclose(
        searcher._score(searcher._gp, mean, std, labels), expected, rtol=1e-4
    )
    assert np.corrcoef(learnt["means"][0], values)[0, 1] > 0.7


@pytest.mark.parametrize("seed", range(3))
def test_shares_of_the_best_ranking_are_those_of_a_count_of_samples(seed: int) -> None:
    """Ties share a sample, and a source with a median loss above 95 % of the target's losses has no share."""
    rng = np.random.default_rng(seed)
    process = GaussianProcess(
        count_model(SPACE, ["edges"]), Hyperparameters(np.ones(1), np.full(1, 6.0), 0.3)
    )
    process.extend(SPACE.sample(14, rng).tolist())
    labels = standardised(made_up_values(SPACE)[process.architectures])
    inverse = np.linalg.inv(process.factor @ process.factor.T)
    # Rasmussen and Williams 2006, equation 5.12
    left_out = labels - inverse @ labels / inverse.diagonal()
    sources = labels + np.linspace(0.8, 2.0, 7)[:, None] * rng.normal(size=(7, 14))
    sources[1] = sources[0]
    times = (
        np.random.default_rng(5).multinomial(14, np.full(14, 1 / 14), size=100).astype(np.float32)
    )
    losses = ranking_losses(np.vstack([sources, left_out]), labels, times)
    members = [*np.flatnonzero(np.median(losses[:7], axis=1) <= np.quantile(losses[7], 0.95)), 7]
    expected = np.zeros(8)
    for sample in losses.T:
        winners = [i for i in members if sample[i] == sample[members].min()]
        expected[winners] += 0.01 / len(winners)
    np.testing.assert_allclose(
        ranking_shares(sources, process, labels, np.random.default_rng(5)), expected, atol=1e-9
    )
