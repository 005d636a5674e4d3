"""The ensemble weighted by ranks: who gets weight."""

import numpy as np

from nasmeta.gaussian_process import log_expected_improvement
from nasmeta.meta._rgpe import RGPESearch, VanillaRGPESearch, ranking_losses
from nasmeta.spaces import get_space
from nasmeta.tasks import SourceTask
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
        wrong = sum((predicted[i] < predicted[j]) != (labels[i] < labels[j]) for i in sample for j in sample)
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


def test_sources_that_say_nothing_lose_their_weight() -> None:
    values = made_up_values(SPACE)
    noise = np.random.default_rng(5).normal(size=SPACE.n_architectures)
    searcher = RGPESearch(SPACE, np.random.default_rng(0))
    searcher.meta_fit([source("noise", noise), source("more noise", noise[::-1].copy())])
    architectures = SPACE.sample(40, np.random.default_rng(2))
    searcher.tell(architectures, values[architectures])
    searcher.ask()
    assert searcher._weights(searcher._labels()).sum() < 0.1


def vanilla(*sources: SourceTask) -> VanillaRGPESearch:
    searcher = VanillaRGPESearch(SPACE, np.random.default_rng(0))
    searcher.meta_fit(sources)
    values, architectures = made_up_values(SPACE), SPACE.sample(30, np.random.default_rng(2))
    searcher.tell(architectures, values[architectures])
    searcher.ask()
    return searcher


def test_published_weights_sum_to_one_and_leave_out_what_misleads() -> None:
    values = made_up_values(SPACE)
    same, reversed_, target = vanilla(source("same", values), source("reversed", -values))._weights
    assert reversed_ == 0
    assert same > 0.3
    assert same + target == 1
    noise = np.random.default_rng(5).normal(size=SPACE.n_architectures)
    assert vanilla(source("noise", noise))._weights[-1] > 0.9


def test_published_posterior_is_the_weighted_sum_of_all() -> None:
    values = made_up_values(SPACE)
    searcher = vanilla(source("same", values), source("reversed", -values))
    searcher._weights = np.array([0.5, 0.2, 0.3])
    learnt, labels = searcher.meta_model_, searcher._labels()
    mean, std = searcher._gp.posterior(labels)
    together = 0.5 * learnt["means"][0] + 0.2 * learnt["means"][1] + 0.3 * mean
    variance = 0.25 * learnt["stds"][0] ** 2 + 0.04 * learnt["stds"][1] ** 2 + 0.09 * std**2
    expected = log_expected_improvement(together, np.sqrt(variance), labels.max())
    np.testing.assert_allclose(searcher._score(searcher._gp, mean, std, labels), expected, rtol=1e-4)
    assert np.corrcoef(learnt["means"][0], values)[0, 1] > 0.7
