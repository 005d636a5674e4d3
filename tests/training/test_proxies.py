"""Each proxy against its formula, written down a second time from the paper or its authors' code."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nasmeta.spaces import get_space
from nasmeta.training import CellNetwork, load_images
from nasmeta.training.proxies import PROXIES, compute_proxies

SPACE = get_space("nb201")
CELLS = [6111, 0, *SPACE.sample(3, np.random.default_rng(8)).tolist()]
BATCH = load_images("digits", n=12, size=8)
DEAD = SPACE.from_codes([3, 3, 3, 0, 0, 0])


def network_of(cell: int) -> CellNetwork:
    return CellNetwork(cell, cells_per_stage=1, channels=4, prune=True)


def value_of(name: str, cell: int) -> float:
    return PROXIES[name](
        network_of(cell), torch.from_numpy(BATCH.images), torch.from_numpy(BATCH.labels)
    )


def layers(network: nn.Module) -> list[nn.Module]:
    return [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]


@pytest.mark.parametrize("cell", CELLS)
def test_grad_norm(cell: int) -> None:
    network = network_of(cell)
    F.cross_entropy(
        network(torch.from_numpy(BATCH.images)), torch.from_numpy(BATCH.labels)
    ).backward()
    gradients = [layer.weight.grad for layer in layers(network) if layer.weight.grad is not None]
    expected = sum(float(gradient.norm()) for gradient in gradients)
    assert value_of("grad_norm", cell) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("cell", CELLS)
def test_jacob_cov(cell: int) -> None:
    x = torch.from_numpy(BATCH.images).requires_grad_()
    logits = network_of(cell)(x)
    logits.backward(torch.ones_like(logits))
    eigenvalues, _ = np.linalg.eig(np.corrcoef(x.grad.reshape(len(x), -1).double().numpy()))
    expected = -np.sum(np.log(eigenvalues.real + 1e-5) + 1 / (eigenvalues.real + 1e-5))
    assert value_of("jacob_cov", cell) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("cell", CELLS)
def test_nwot(cell: int) -> None:
    network = network_of(cell)
    alike = np.zeros((len(BATCH.labels),) * 2)

    def count(_module: nn.Module, inputs: tuple[torch.Tensor], _output: torch.Tensor) -> None:
        nonlocal alike
        on = (inputs[0].reshape(len(alike), -1) > 0).double().numpy()
        alike = alike + on @ on.T + (1 - on) @ (1 - on).T

    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(count)
    network(torch.from_numpy(BATCH.images))
    assert value_of("nwot", cell) == pytest.approx(np.linalg.slogdet(alike)[1], rel=1e-3)


@pytest.mark.parametrize("cell", CELLS)
def test_synflow(cell: int) -> None:
    network = copy.deepcopy(network_of(cell)).double()
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
    for parameter in network.parameters():
        parameter.data.abs_()
    flow = network(torch.ones(1, 3, 8, 8, dtype=torch.float64)).sum()
    flow.backward()
    found = sum(
        float((layer.weight.detach() * layer.weight.grad).sum()) for layer in layers(network)
    )
    assert value_of("synflow", cell) == pytest.approx(found, rel=1e-9)
    # Conservation: what enters through the stem is what leaves, apart from the head's bias.
    stem = network.stem[0].weight
    assert float((stem.detach() * stem.grad).sum()) == pytest.approx(
        float((flow - network.classifier.bias.sum()).detach()), rel=1e-9
    )


def test_counts() -> None:
    given = (
        CellNetwork(6111, prune=True),
        torch.zeros(2, 3, 32, 32),
        torch.zeros(2, dtype=torch.int64),
    )
    assert PROXIES["params"](*given) == SPACE.params(6111, "cifar10")  # all its edges are live
    assert PROXIES["flops"](*given) == SPACE.flops(6111, "cifar10")


def test_a_network_that_passes_nothing_on_has_finite_and_lowest_values() -> None:
    found = compute_proxies([DEAD, *CELLS], BATCH, channels=4)
    for name, values in found.items():
        assert np.isfinite(values).all(), name
    for name in ("grad_norm", "synflow", "jacob_cov", "nwot"):
        assert found[name][0] == found[name].min(), name


def test_a_proxy_leaves_the_network_and_the_global_generator_alone() -> None:
    before, network = torch.get_rng_state(), network_of(6111)
    weights = [parameter.detach().clone() for parameter in network.parameters()]
    images, labels = torch.from_numpy(BATCH.images), torch.from_numpy(BATCH.labels)
    first = {name: PROXIES[name](network, images, labels) for name in PROXIES}
    backwards = {name: PROXIES[name](network, images, labels) for name in reversed(list(PROXIES))}
    assert first == backwards  # whichever comes first
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(weights, network.parameters(), strict=True))
    assert sum(isinstance(module, nn.BatchNorm2d) for module in network.modules()) > 5


def test_values_depend_on_cell_and_seed_alone() -> None:
    threads = torch.get_num_threads()
    together = compute_proxies(CELLS, BATCH)
    alone = compute_proxies(CELLS[1], BATCH)
    assert {name: values[1] for name, values in together.items()} == {
        name: v[0] for name, v in alone.items()
    }
    second = compute_proxies(CELLS[1], BATCH, seed=1)
    assert second["synflow"] != alone["synflow"]
    assert torch.get_num_threads() == threads


def test_dead_edges_change_nothing() -> None:
    # node 1 leads nowhere
    a, b = (
        SPACE.from_codes([3, 1, 0, 1, 0, 3]),
        SPACE.from_codes([0, 1, 0, 1, 0, 3]),
    )
    found = compute_proxies([a, b], BATCH, channels=4)
    assert all(values[0] == values[1] for values in found.values())
