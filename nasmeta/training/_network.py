"""NAS-Bench-201's network in PyTorch: a skeleton of any size around a cell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nasmeta.arrays import Facts
from nasmeta.errors import UnknownNameError, needing
from nasmeta.files import blaming
from nasmeta.spaces import (
    Architecture,
    SearchSpace,
    complete_edges,
    from_content,
    get_cell_space,
    live_edges as _live_edges,
    to_content,
)

with needing("Training", "torch"):
    import safetensors  # noqa: F401
    import torch
    from torch import Tensor, nn
    from torch.nn import functional

    from nasmeta.training._tensor_file import read_tensors, write_tensors

_EDGES = complete_edges(4)
_LAST_NODE = 3


def live_edges(operations: Sequence[str]) -> tuple[bool, ...]:
    """Return for each edge whether it is on a path from input to output without ``none``."""
    digits = np.array([[0 if operation == "none" else 1 for operation in operations]])
    return tuple(_live_edges(digits, _EDGES, none=0)[0].tolist())


def _nodes_before_output(operations: Sequence[str]) -> set[int]:
    """Return the nodes with a path to the output."""
    used = {_LAST_NODE}
    for operation, (source, target) in sorted(
        zip(operations, _EDGES, strict=True), key=lambda pair: pair[1], reverse=True
    ):
        if operation != "none" and target in used:
            used.add(source)
    return used


class _Convolution(nn.Conv2d):
    """A convolution without bias that keeps or halves the size; `CellNetwork` draws its weights."""

    def __init__(
        self, n_in: int, n_out: int, kernel_size: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(
            n_in, n_out, kernel_size, stride, kernel_size // 2, groups=groups, bias=False
        )

    def reset_parameters(self) -> None:
        """Do nothing, because drawing would advance the global generator."""


class _Linear(nn.Linear):
    """A linear layer; `CellNetwork` draws its weights."""

    def reset_parameters(self) -> None:
        """Do nothing, because drawing would advance the global generator."""


def _relu_conv_norm(n_in: int, n_out: int, kernel_size: int, stride: int = 1) -> nn.Sequential:
    """Return ReLU, convolution and batch norm, in the official order."""
    return nn.Sequential(
        nn.ReLU(), _Convolution(n_in, n_out, kernel_size, stride), nn.BatchNorm2d(n_out)
    )


def _operation(name: str, channels: int) -> nn.Module:
    if name == "skip_connect":
        return nn.Identity()
    if name == "nor_conv_1x1":
        return _relu_conv_norm(channels, channels, 1)
    if name == "nor_conv_3x3":
        return _relu_conv_norm(channels, channels, 3)
    return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)


_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")


class CellModule(nn.Module):
    """A cell: each node is the sum of the operations on its incoming edges.

    With `prune`, only live edges are built (`live_edges`). Otherwise all edges are built, so that
    the number of parameters is the official one, but edges without a path to the output are not
    computed. An edge with a path to the output is computed even if its input is always zero,
    because batch norm adds a bias.
    """

    def __init__(self, operations: Sequence[str], channels: int, prune: bool = False) -> None:
        super().__init__()
        live, used = live_edges(operations), _nodes_before_output(operations)
        for name in operations:
            if name not in _OPERATIONS:
                raise UnknownNameError.of("operation", name, _OPERATIONS)
        self.edges = nn.ModuleDict()
        self.inputs: list[list[tuple[int, str, bool]]] = [[] for _ in range(_LAST_NODE + 1)]
        for name, (source, target), alive in zip(operations, _EDGES, live, strict=True):
            if name == "none" or (prune and not alive):
                continue
            key = f"{source}_{target}"
            self.edges[key] = _operation(name, channels)
            if target in used:
                self.inputs[target].append((source, key, name.startswith("nor_conv")))

    def forward(self, image: Tensor) -> Tensor:
        """Return the output node, of the input's shape (n, channels, height, width)."""
        nodes: list[Tensor | None] = [image]  # None is a zero that need not be computed
        for inputs in self.inputs[1:]:
            total: Tensor | None = None
            for source, key, has_bias in inputs:
                value = nodes[source]
                if value is None:
                    if not has_bias:
                        continue
                    value = torch.zeros_like(image)
                term = self.edges[key](value)
                total = term if total is None else total + term
            nodes.append(total)
        output = nodes[-1]
        if output is None:
            return torch.zeros_like(image)
        return output


class _ResidualBlock(nn.Module):
    """The block between stages, which halves the image and doubles the channels."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.conv_a = _relu_conv_norm(n_in, n_out, 3, stride=2)
        self.conv_b = _relu_conv_norm(n_out, n_out, 3)
        self.downsample = nn.Sequential(nn.AvgPool2d(2, stride=2), _Convolution(n_in, n_out, 1))

    def forward(self, image: Tensor) -> Tensor:
        shortcut: Tensor = self.downsample(image)
        residual: Tensor = self.conv_b(self.conv_a(image))
        return shortcut + residual


class CellNetwork(nn.Module):
    """The network of NAS-Bench-201 (Dong and Yang, ICLR 2020) with one cell, repeated.

    A stem (3×3 convolution and batch norm), three stages of ``cells_per_stage`` cells with C, 2C
    and 4C channels, a residual block of stride 2 between them, and a head: batch norm, ReLU, global
    average pooling, a linear layer. Operations are ReLU, convolution, batch norm in this order;
    average pooling excludes its padding. With the defaults the network has exactly the parameters
    and multiply-adds of the benchmark (`CellSpace.params`, `CellSpace.flops`).

    Parameters
    ----------
    cell : int or str
        Index in the space, or a string in its notation.
    space : str or SearchSpace, default "nb201"
        The operations of TransNAS-Bench-101 micro are a subset of NAS-Bench-201's, so its cells can
        be built, too (in this skeleton, not in that benchmark's own).
    n_classes : int, default 10
    channels : int, default 16
        C, of the stem and the first stage.
    cells_per_stage : int, default 5
        N.
    prune : bool, default False
        Build only live edges. The output of the untrained network is the same.
    seed : int, default 0
        Of the weights. Those of the skeleton are drawn first, so that networks of different cells
        share them. The distributions are PyTorch's defaults, as in the official code. The global
        generator is not used.

    Raises
    ------
    ArchitectureError, UnknownNameError, SettingError

    Examples
    --------
    >>> import torch
    >>> from nasmeta.spaces import get_space
    >>> network = CellNetwork(6111)
    >>> network.count_parameters(), get_space("nb201").params(6111, dataset="cifar10")
    (1073466, 1073466)
    >>> network(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        cell: Architecture,
        space: str | SearchSpace = "nb201",
        *,
        n_classes: int = 10,
        channels: int = 16,
        cells_per_stage: int = 5,
        prune: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        space = get_cell_space(space)
        self.cell = space.index_of(cell)
        # arguments that build this network again
        self.settings: dict[str, Any] = {
            "cell": self.cell,
            "space": to_content(space),
            "n_classes": n_classes,
            "channels": channels,
            "cells_per_stage": cells_per_stage,
            "prune": prune,
        }
        operations = space.ops_of(self.cell).tolist()

        def stage(width: int) -> nn.Sequential:
            cells = [CellModule(operations, width, prune) for _ in range(cells_per_stage)]
            return nn.Sequential(*cells)

        widths = [channels, 2 * channels, 4 * channels]
        self.stem = nn.Sequential(_Convolution(3, channels, 3), nn.BatchNorm2d(channels))
        self.stages = nn.ModuleList(map(stage, widths))
        self.reductions = nn.ModuleList(map(_ResidualBlock, widths[:2], widths[1:]))
        self.last = nn.Sequential(nn.BatchNorm2d(widths[-1]), nn.ReLU())
        self.classifier = _Linear(widths[-1], n_classes)
        self._draw_weights(seed)

    def _draw_weights(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        for part in (self.stem, self.reductions, self.classifier, self.stages):
            for module in part.modules():
                if isinstance(module, nn.Conv2d | nn.Linear):  # as their own reset_parameters
                    nn.init.kaiming_uniform_(module.weight, a=math.sqrt(5), generator=generator)
                if isinstance(module, nn.Linear):
                    bound = 1 / math.sqrt(module.in_features)
                    nn.init.uniform_(module.bias, -bound, bound, generator=generator)

    def features(self, images: Tensor) -> Tensor:
        """Return the features before pooling, shape (n, 4C, height/4, width/4), not negative."""
        maps: Tensor = self.stem(images)
        for level, stage in enumerate(self.stages):
            maps = stage(maps)
            if level < 2:
                maps = self.reductions[level](maps)
        last: Tensor = self.last(maps)
        return last

    def forward(self, images: Tensor) -> Tensor:
        """Return logits, shape (n, n_classes), of images of shape (n, 3, height, width)."""
        pooled = functional.adaptive_avg_pool2d(self.features(images), 1).flatten(1)
        logits: Tensor = self.classifier(pooled)
        return logits

    def count_parameters(self) -> int:
        """Return the number of parameters; without `prune` as in the benchmark."""
        return sum(parameter.numel() for parameter in self.parameters())

    def save(self, path: str | Path, facts: Facts | None = None) -> Path:
        """Write the network into a safetensors file, for `load`.

        Parameters
        ----------
        path : str or Path
        facts : mapping, optional
            Written into the header, such as classes, mean and deviation of the images.

        Examples
        --------
        >>> import tempfile
        >>> import torch
        >>> from nasmeta.training import CellNetwork
        >>> network = CellNetwork(0, cells_per_stage=1).eval()
        >>> images = torch.zeros(2, 3, 32, 32)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     again = CellNetwork.load(network.save(f"{folder}/network.safetensors"))
        >>> torch.equal(again(images), network(images))
        True
        """
        head = {"network": self.settings, "facts": dict(facts or {})}
        write_tensors(Path(path), self.state_dict(), head)
        return Path(path)

    @staticmethod
    def load(path: str | Path) -> CellNetwork:
        """Build the network in a file by `save` or by `train`, on the CPU, ready to evaluate.

        Raises
        ------
        DamagedFileError
        """
        tensors, head = read_tensors(Path(path))
        with blaming(Path(path), "network of cells"):
            settings = dict(head["network"])
            settings["space"] = from_content(settings["space"])
            network = CellNetwork(**settings)
            network.load_state_dict(tensors)
        return network.eval()


def multiply_adds(network: CellNetwork, image_size: int = 32) -> int:
    """Count the multiply-adds of one image as in the benchmark: convolutions and the linear layer with its bias.

    All built edges are counted. A multiply and an add are one operation. `image_size` is a multiple
    of 4.

    >>> from nasmeta.spaces import get_space
    >>> multiply_adds(CellNetwork(0)), get_space("nb201").flops(0, dataset="cifar10")
    (15647370, 15647370)
    """
    total = sum(parameter.numel() for parameter in network.classifier.parameters())
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            part, _, rest = name.partition(".")
            # A stage computes on images of its level; the output of a reduction is half as large.
            level = 0
            if part != "stem":
                level = int(rest.partition(".")[0]) + (part == "reductions")
            total += module.weight.numel() * (image_size >> level) ** 2
    return total
