"""Training of the transformer: the same seed gives the same weights, and what is left out is not read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nasmeta.spaces import get_space

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def scripts() -> Any:
    from reports.meta import in_context_search, in_context_tasks, in_context_train

    return in_context_tasks, in_context_train, in_context_search


@pytest.mark.parametrize("n", [0, 1, 12])
def test_the_package_computes_what_the_trained_module_does(scripts: Any, n: int) -> None:
    import torch

    from nasmeta.meta.in_context import (
        EXPERTS,
        INPUTS,
        SIMILARITIES,
        InContextNetwork,
        Reading,
        read_weights,
        shipped_weights,
    )

    arrays, rng = (
        read_weights(shipped_weights("joint")["without-nb201"]).arrays,
        np.random.default_rng(n),
    )
    shapes = [
        (n, INPUTS),
        (n, EXPERTS),
        (40, INPUTS),
        (40, EXPERTS),
        (n, n, SIMILARITIES),
        (40, n, SIMILARITIES),
    ]
    read = Reading(*(rng.standard_normal(shape).astype(np.float32) for shape in shapes))
    network = InContextNetwork(arrays)
    module = scripts[1].TrainedNetwork()
    module.load_state_dict(
        {name: torch.from_numpy(value.astype(np.float32)) for name, value in arrays.items()}
    )
    labels = rng.standard_normal(n)
    best = torch.tensor([labels.max() if n else 0.0]).float()
    with torch.inference_mode():
        mean, deviation, added = module(*(torch.from_numpy(part)[None] for part in read))
        scores = module.search_scores(mean, deviation, added, best)
    np.testing.assert_allclose(
        network.search_scores(read, labels), scores[0].numpy(), rtol=1e-3, atol=1e-3
    )


@pytest.fixture(scope="module")
def bank(scripts: Any) -> Any:
    """Return a bank of functions that are drawn from processes."""
    return next(scripts[0].drawn_banks("tnb101", get_space("tnb101")))


@pytest.fixture(scope="module")
def found(scripts: Any, bank: Any) -> Any:
    """Return some episodes of made-up functions, half of which are said to be of another family."""
    from nasmeta.meta.in_context import Similarity

    tasks = scripts[0]
    similarity = Similarity(bank.space)
    pools = {}
    for size in (0, 6):
        rng = np.random.default_rng(size)
        drawn = [tasks.draw(bank, similarity, size, rng) for _ in range(24)]
        families = ["tnb101", "graph"] * 12
        pools[size] = tasks.Pool(
            families, [one.reading for one in drawn], np.stack([one.wanted for one in drawn])
        )
    return pools


@pytest.mark.slow
def test_episodes_of_a_group_that_is_left_out_change_nothing(scripts: Any, found: Any) -> None:
    tasks, train, _ = scripts
    spoilt = {}
    for size, pool in found.items():
        wanted = pool.wanted.copy()
        wanted[1::2] = 3.0
        spoilt[size] = tasks.Pool(pool.families, pool.readings, wanted)
    made = [dict(train.train(pools, "graph", 3, 0).named_parameters()) for pools in (found, spoilt)]
    assert all(bool((value == made[1][name]).all()) for name, value in made[0].items())
    changed = train.train(spoilt, "nothing", 3, 0)
    assert not all(
        bool((value == made[0][name]).all()) for name, value in changed.named_parameters()
    )


# -- training of the search head
def test_an_advantage_is_the_discounted_return_minus_that_of_the_other_searches(
    scripts: Any,
) -> None:
    rewards = np.random.default_rng(0).random((2, 3, 4))
    found = scripts[2].advantages(rewards, discount=0.7)
    returns = np.array(
        [[sum(0.7**k * one[1 + k] for k in range(3)) for one in task] for task in rewards]
    )
    assert found[1, 2, 1] == pytest.approx(returns[1, 2] - (returns[1, 0] + returns[1, 1]) / 2)
    np.testing.assert_allclose(found.sum(axis=1), 0, atol=1e-12)


def test_values_are_put_on_the_scale_of_the_labels(scripts: Any) -> None:
    values = np.linspace(-2, 3, 40)
    found = scripts[0].labels_of(values, 0.5 * (values - 0.5), np.array([0.5, 2.5, -40.0]))
    np.testing.assert_allclose(found, [0, 1, -4], atol=0.01)


def test_the_clipped_loss_is_that_of_proximal_policy_optimisation(scripts: Any) -> None:
    import torch

    ratio = torch.tensor([1.5, 1.5, 0.5, 0.5, 1.1], requires_grad=True)
    loss = scripts[2].clipped_loss(ratio, torch.tensor([1.0, -1.0, 1.0, -1.0, 2.0]))
    np.testing.assert_allclose(loss.detach().numpy(), [-1.2, 1.5, -0.5, 0.8, -2.2], rtol=1e-6)
    loss.sum().backward()
    np.testing.assert_allclose(ratio.grad.numpy(), [0.0, 1.0, -1.0, 0.0, -2.0])


def steps_of(scripts: Any, bank: Any, network: Any) -> Any:
    """Return a made-up target and four searches of it."""
    from nasmeta.meta.in_context import InContextNetwork, Similarity

    search = scripts[2]
    play = InContextNetwork(
        {name: value.detach().numpy() for name, value in network.named_parameters()}
    )
    rng = np.random.default_rng(0)
    target = search.draw_target(bank, Similarity(bank.space), 5, rng)
    return target, [search.search(target, play, rng) for _ in range(4)]


def test_searches_record_what_they_did(scripts: Any, bank: Any) -> None:
    import torch

    torch.manual_seed(0)
    search = scripts[2]
    network = scripts[1].TrainedNetwork()
    target, searches = steps_of(scripts, bank, network)
    start = target.truth[target.started].max()
    for steps in searches:
        total = sum(step.reward for step in steps)
        assert total >= 0
        assert start + total <= target.truth.max() + 1e-9
        inputs, wanted, _ = search.batch_of(steps[:1])
        assert wanted[0, 0] == steps[0].wanted[steps[0].chosen]
        np.testing.assert_array_equal(inputs[2][0, 0], steps[0].reading.asked[steps[0].chosen])
        mean, deviation, added = network(*inputs)
        scores = network.search_scores(mean, deviation, added, torch.tensor([steps[0].best]))
        assert float(scores.log_softmax(dim=1)[0, 0].detach()) == pytest.approx(
            steps[0].log_probability, abs=1e-3
        )


def test_ratios_are_one_before_a_step_if_searches_have_different_numbers_of_candidates(
    scripts: Any, bank: Any
) -> None:
    import torch

    torch.manual_seed(0)
    network = scripts[1].TrainedNetwork()
    said = {kind: [table[:, :40] for table in tables] for kind, tables in bank.said.items()}
    small = replace(
        bank, architectures=bank.architectures[:40], scores=bank.scores[:, :40], said=said
    )
    searches = [steps for one in (bank, small) for steps in steps_of(scripts, one, network)[1]]
    gains, still = (
        np.ones((len(searches), scripts[2].STEPS)),
        torch.optim.SGD(network.parameters(), lr=0.0),
    )
    loss, _ = scripts[2].update(network, still, searches, gains, "reward", np.random.default_rng(0))
    assert loss == pytest.approx(-1, abs=1e-3)


def test_updates_make_actions_with_an_advantage_more_probable(scripts: Any, bank: Any) -> None:
    import torch

    search, changes = scripts[2], []
    for sign in (1, -1):
        torch.manual_seed(0)
        network = scripts[1].TrainedNetwork()
        _, searches = steps_of(scripts, bank, network)
        optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
        # Advantages that the inputs explain: what an expert predicts of the chosen action.
        gains = np.array(
            [[step.reading.experts[step.chosen, 1] for step in steps] for steps in searches]
        )
        gains = (gains - gains.mean()) / gains.std()
        for seed in range(3):
            search.update(
                network, optimiser, searches, sign * gains, "reward", np.random.default_rng(seed)
            )
        after = np.empty_like(gains)
        for t in range(search.STEPS):
            inputs, _, _ = search.batch_of([steps[t] for steps in searches])
            best = torch.tensor([steps[t].best for steps in searches])
            after[:, t] = (
                network.search_scores(*network(*inputs), best)
                .log_softmax(dim=1)[:, 0]
                .detach()
                .numpy()
            )
        changes.append(after)
    assert np.corrcoef(gains.ravel(), (changes[0] - changes[1]).ravel())[0, 1] > 0.3


def test_the_likelihood_is_that_of_a_normal_distribution(scripts: Any) -> None:
    import torch
    from scipy.stats import norm

    mean, deviation, wanted = torch.rand(3, 2, 5).unbind(0)
    found = scripts[2].negative_log_likelihood(mean, deviation + 0.5, wanted)
    density = norm(mean.numpy(), deviation.numpy() + 0.5).logpdf(wanted.numpy())
    np.testing.assert_allclose(found.numpy(), -density.mean(axis=1), rtol=1e-5)
