"""REINFORCE against torch's own Adam and autograd, written as the benchmark's authors did."""

import numpy as np
import pytest

from nasmeta.searchers._reinforce import Reinforce
from nasmeta.spaces import get_space

SPACE = get_space("nb201")


def test_its_steps_are_those_of_torch() -> None:
    torch = pytest.importorskip("torch")
    searcher = Reinforce(SPACE, np.random.default_rng(0), learning_rate=0.05)
    logits = torch.tensor(searcher._logits.copy(), requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.05, eps=float(np.finfo(np.float32).eps))
    numerator = denominator = 0.0
    rng = np.random.default_rng(1)
    for _ in range(30):
        architecture, reward = searcher.ask(), rng.normal(70, 10, size=1)
        searcher.tell(architecture, reward)
        numerator, denominator = 0.9 * numerator + 0.1 * reward[0], 0.9 * denominator + 0.1
        policy = torch.distributions.Categorical(logits=logits)
        digits = torch.tensor(SPACE.digits[architecture[0]].astype(np.int64))
        loss = -policy.log_prob(digits).sum() * (reward[0] - numerator / denominator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    np.testing.assert_allclose(searcher._logits, logits.detach().numpy(), atol=1e-4)


def test_it_draws_what_its_probabilities_say() -> None:
    searcher = Reinforce(SPACE, np.random.default_rng(0))
    searcher._logits = np.random.default_rng(1).normal(size=(6, 5))
    searcher._probabilities = searcher._softmax()
    drawn = SPACE.digits[searcher.ask(20_000)]
    shares = np.stack([(drawn == operation).mean(axis=0) for operation in range(5)], axis=1)
    np.testing.assert_allclose(shares, searcher._probabilities, atol=0.015)


def test_the_unit_of_the_values_does_not_matter() -> None:
    values = np.random.default_rng(5).normal(size=SPACE.n_architectures)
    traces = []
    for scale, shift in ((1.0, 0.0), (1e3, -5e4)):
        searcher, trace = Reinforce(SPACE, np.random.default_rng(0)), []
        for _ in range(60):
            architecture = searcher.ask()
            searcher.tell(architecture, scale * values[architecture] + shift)
            trace.append(int(architecture[0]))
        traces.append(trace)
    assert traces[0] == traces[1]
