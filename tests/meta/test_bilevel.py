"""Bilevel learners: outer loop and inner loop against direct computations."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from nasmeta.meta.bilevel._maml import adapted, made_network, predicted, train  # noqa: E402


# -- outer loop
def test_a_training_learns_and_reports_its_progress() -> None:
    reports = []
    parameter = torch.nn.Parameter(torch.tensor(0.0))

    def loss(rng: np.random.Generator) -> torch.Tensor:
        return (parameter - rng.normal(0.2, 0.01)).square()

    last = train(
        [parameter], loss, steps=300, seed=0, progress=lambda *report: reports.append(report)
    )
    assert parameter.item() == pytest.approx(0.2, abs=0.03)
    assert [done for done, steps, _ in reports] == list(range(1, 301))
    assert last == pytest.approx(np.mean([report[2] for report in reports[-30:]]))
    assert last < reports[0][2] / 10


# -- MAML
def task() -> tuple[torch.nn.Module, list[torch.Tensor]]:
    """Return a network of double precision; inputs and scores of a support, and of a query."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return made_network(2, 4).double(), [
            torch.randn(*shape).double() for shape in ((5, 2), (5,), (6, 2), (6,))
        ]


def loss_of(
    network: torch.nn.Module, weights: dict[str, torch.Tensor], parts: list[torch.Tensor]
) -> torch.Tensor:
    inputs, scores = parts
    return (predicted(network, weights, inputs) - scores).square().mean()


def slope_of(function: object, parameter: torch.Tensor, step: float = 1e-5) -> float:
    """Return the derivative by the first entry of a parameter, by central differences."""
    flat, values = parameter.data.view(-1), []
    for sign in (1, -1):
        flat[0] += sign * step
        values.append(function().item())  # type: ignore[operator]
        flat[0] -= sign * step
    return (values[0] - values[1]) / (2 * step)


def test_an_inner_step_goes_down_the_slope_of_the_support_loss(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nasmeta.meta.bilevel._maml._INNER_STEPS", 1)
    network, (*support, _, _) = task()
    weights = adapted(network, *support)
    assert loss_of(network, weights, support) < loss_of(network, {}, support)
    for name, before in network.named_parameters():
        slope = slope_of(lambda: loss_of(network, {}, support), before)
        assert weights[name].view(-1)[0].item() == pytest.approx(
            before.view(-1)[0].item() - 0.025 * slope, abs=1e-7
        )


def test_the_meta_gradient_goes_through_the_inner_loop() -> None:
    network, (*support, inputs, scores) = task()

    def after_adaptation() -> torch.Tensor:
        return loss_of(network, adapted(network, *support), [inputs, scores])

    for parameter in network.parameters():
        (gradient,) = torch.autograd.grad(after_adaptation(), parameter)
        slope = slope_of(after_adaptation, parameter)
        assert gradient.view(-1)[0].item() == pytest.approx(slope, rel=1e-4, abs=1e-9)
