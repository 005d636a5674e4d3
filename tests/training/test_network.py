"""The network is the benchmark's: parameters, multiply-adds, order of operations, isomorphs."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nasmeta.spaces import complete_edges, get_space
from nasmeta.tables import load_table
from nasmeta.training import CellNetwork, multiply_adds
from nasmeta.training._network import CellModule

SPACE = get_space("nb201")
RANDOM_CELLS = SPACE.sample(30, np.random.default_rng(4)).tolist()


def images(n: int = 4, size: int = 16) -> torch.Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(1))


def test_costs_are_those_of_the_benchmark() -> None:
    for cell in RANDOM_CELLS:
        network = CellNetwork(cell)
        assert network.count_parameters() == SPACE.params(cell, "cifar10")
        assert multiply_adds(network) == SPACE.flops(cell, "cifar10")
        head = {n: n * 64 + n for n in (10, 100, 120)}
        for n_classes, dataset in ((100, "cifar100"), (120, "imagenet16-120")):
            assert network.count_parameters() + head[n_classes] - head[10] == SPACE.params(
                cell, dataset
            )
    network = CellNetwork(RANDOM_CELLS[0], n_classes=120)
    assert network.count_parameters() == SPACE.params(RANDOM_CELLS[0], "imagenet16-120")
    assert multiply_adds(network, image_size=16) == SPACE.flops(RANDOM_CELLS[0], "imagenet16-120")


def test_parameters_are_those_that_the_table_recorded() -> None:
    table = load_table("nb201")
    recorded = table.query(RANDOM_CELLS, dataset="cifar10", metric="parameters", seed=777)
    built = np.array([CellNetwork(cell).count_parameters() for cell in RANDOM_CELLS])
    assert (recorded == built).mean() > 0.95  # 204 of 15,625 records are those of an isomorph


def _reference(network: CellNetwork, digits: list[int], x: torch.Tensor) -> torch.Tensor:
    """Compute the network by functions and the names of its weights, as the paper describes it."""
    state = dict(network.named_parameters())

    def norm(y: torch.Tensor, name: str) -> torch.Tensor:
        return F.batch_norm(
            y, None, None, state[f"{name}.weight"], state[f"{name}.bias"], training=True
        )

    def block(y: torch.Tensor, name: str, padding: int, stride: int = 1) -> torch.Tensor:
        return norm(
            F.conv2d(F.relu(y), state[f"{name}.1.weight"], padding=padding, stride=stride),
            f"{name}.2",
        )

    x = norm(F.conv2d(x, state["stem.0.weight"], padding=1), "stem.1")
    for stage in range(3):
        for number in range(len(network.stages[stage])):
            nodes = [x] + [torch.zeros_like(x) for _ in range(3)]
            for (source, target), digit in zip(complete_edges(4), digits, strict=True):
                name = f"stages.{stage}.{number}.edges.{source}_{target}"
                y = nodes[source]
                nodes[target] = nodes[target] + (
                    y * 0 if digit == 0
                    else y if digit == 1
                    else block(y, name, 0) if digit == 2
                    else block(y, name, 1) if digit == 3
                    else F.avg_pool2d(y, 3, 1, 1, count_include_pad=False)
                )  # fmt: skip
            x = nodes[3]
        if stage < 2:
            name = f"reductions.{stage}"
            shortcut = F.conv2d(F.avg_pool2d(x, 2), state[f"{name}.downsample.1.weight"])
            x = shortcut + block(block(x, f"{name}.conv_a", 1, 2), f"{name}.conv_b", 1)
    x = F.relu(norm(x, "last.0")).mean((2, 3))
    return F.linear(x, state["classifier.weight"], state["classifier.bias"])


@pytest.mark.parametrize("cell", [*RANDOM_CELLS[:8], SPACE.from_codes([0, 3, 2, 0, 0, 3])])
def test_it_computes_what_the_paper_says(cell: int) -> None:
    network = CellNetwork(cell, cells_per_stage=2, channels=4)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):  # so that convolutions of a zero matter, too
                module.bias.normal_(generator=torch.Generator().manual_seed(3))
    expected = _reference(network, SPACE.codes[cell].tolist(), images())
    torch.testing.assert_close(network(images()), expected, rtol=1e-3, atol=1e-3)


def _tied(cell: int, prune: bool = False) -> torch.Tensor:
    """Return the output where all convolutions of a size in a cell have the same weights, so that forms can be told."""
    network = CellNetwork(cell, cells_per_stage=1, channels=4, prune=prune)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, CellModule):
                for edge in module.edges.values():
                    if isinstance(edge, nn.Sequential):
                        edge[1].weight.normal_(
                            generator=torch.Generator().manual_seed(edge[1].kernel_size[0])
                        )
        return network.double().eval()(images().double())


@pytest.mark.parametrize("rule", ["upstream", "skip", "zero"])
def test_a_cell_computes_what_its_canonical_form_computes(rule: str) -> None:
    cells = [
        cell
        for cell in SPACE.sample(60, np.random.default_rng(5)).tolist()
        if SPACE.canonical(cell, rule) != cell
    ]
    assert len(cells) > 5
    for cell in cells[:12]:
        torch.testing.assert_close(_tied(cell), _tied(SPACE.canonical(cell, rule)))


def test_other_cells_compute_something_else() -> None:
    assert not torch.allclose(
        _tied(SPACE.from_codes([3, 1, 1, 1, 0, 1])), _tied(SPACE.from_codes([2, 1, 1, 1, 0, 1]))
    )


def test_pruning_changes_no_output() -> None:
    for cell in RANDOM_CELLS[:10]:
        torch.testing.assert_close(_tied(cell), _tied(cell, prune=True))


def test_dead_edges_are_counted_but_not_computed() -> None:
    cell = SPACE.from_codes([3, 1, 0, 1, 0, 1])  # node 1 leads nowhere
    network, pruned = CellNetwork(cell), CellNetwork(cell, prune=True)
    assert network.count_parameters() == 73_306 + 243_040
    assert pruned.count_parameters() == 73_306
    network(images()).sum().backward()
    dead = [p.grad for name, p in network.named_parameters() if ".edges.0_1." in name]
    assert dead
    assert all(grad is None for grad in dead)


def test_a_cell_without_a_way_gives_the_bias_alone() -> None:
    network = CellNetwork(SPACE.from_codes([3, 3, 3, 0, 0, 0]))
    output = network(images())
    torch.testing.assert_close(output, network.classifier.bias.expand_as(output))


def test_weights_come_from_the_seed_alone() -> None:
    before = torch.get_rng_state()
    first, again, other = CellNetwork(5, seed=1), CellNetwork(5, seed=1), CellNetwork(5, seed=2)
    assert torch.equal(before, torch.get_rng_state())
    for a, b in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first.stem[0].weight, other.stem[0].weight)
    # the skeleton is shared
    assert torch.equal(first.classifier.weight, CellNetwork(6, seed=1).classifier.weight)
    spread = float(first.reductions[1].conv_b[1].weight.detach().std())
    # PyTorch's own: uniform with bound 1 / sqrt(fan)
    assert spread == pytest.approx((1 / (3 * 64 * 9)) ** 0.5, rel=0.05)
