"""Networks of several cells as one network, which computes them side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from nasmeta.training._network import CellModule, CellNetwork, _Convolution, _ResidualBlock

_Leaves = list[tuple[nn.Module, tuple[nn.Module, ...]]]  # what computes side by side, and the layers that it stands for


class _Classifiers(nn.Module):
    """Linear layers, each on the features of its own network: (n, members, features) to (n, members, classes)."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = len(layers)
        self.weight = nn.Parameter(torch.cat([layer.get_parameter("weight").detach() for layer in layers]))
        self.bias = nn.Parameter(torch.cat([layer.get_parameter("bias").detach() for layer in layers]))

    def forward(self, features: Tensor) -> Tensor:
        weight = torch.unflatten(self.weight, 0, (self.members, -1)).transpose(1, 2)
        found = torch.baddbmm(self.bias.view(self.members, 1, -1), features.transpose(0, 1), weight)
        return found.transpose(0, 1)


def _side_by_side(layers: Sequence[nn.Module], leaves: _Leaves, one_input: bool = False) -> nn.Module:
    """Return a module that computes these alike layers on channels side by side, or on one input for all."""
    first, n = layers[0], len(layers)
    if isinstance(first, nn.Sequential):
        chains = enumerate(zip(*layers, strict=True))
        return nn.Sequential(*(_side_by_side(own, leaves, one_input and at == 0) for at, own in chains))
    found: nn.Module
    if isinstance(first, nn.Conv2d):
        groups = 1 if one_input else n
        found = _Convolution(
            first.in_channels * groups, first.out_channels * n, first.kernel_size[0], first.stride[0], groups
        )
    elif isinstance(first, nn.BatchNorm2d):
        found = nn.BatchNorm2d(first.num_features * n)
    elif isinstance(first, nn.Linear):
        found = _Classifiers(layers)
    else:  # has no weights
        return first
    leaves.append((found, tuple(layers)))
    return found


class _StackedCell(nn.Module):
    """Cells side by side: all edges of one source and operation, to whichever node and of whichever cell, are one."""

    def __init__(self, cells: Sequence[CellModule], channels: int, leaves: _Leaves) -> None:
        super().__init__()
        self._members, self._channels = len(cells), channels
        self.operations = nn.ModuleList()
        self._sizes: list[list[int]] = []  # by source: how many edges each of its operations computes
        self._adds: list[list[tuple[int, int, int, str]]] = []  # by operation: target, begin, length, whose
        known = [self._known(cell) for cell in cells]
        for source in range(len(cells[0].inputs) - 1):
            alike: dict[str, list[tuple[int, int, nn.Module]]] = {}
            for target in range(source + 1, len(cells[0].inputs)):
                for member, cell in enumerate(cells):
                    for begin, key, has_bias in cell.inputs[target]:
                        if begin == source and (source in known[member] or has_bias):
                            alike.setdefault(repr(cell.edges[key]), []).append((target, member, cell.edges[key]))
            self._index(f"from_{source}", [member for edges in alike.values() for _, member, _ in edges])
            self._sizes.append([len(edges) for edges in alike.values()])
            for edges in alike.values():
                targets, adds = [target for target, _, _ in edges], []
                for target in dict.fromkeys(targets):
                    name = f"to_{len(self._adds)}_{target}"
                    self._index(name, [member for own, member, _ in edges if own == target])
                    adds.append((target, targets.index(target), targets.count(target), name))
                self.operations.append(_side_by_side([edge for _, _, edge in edges], leaves))
                self._adds.append(adds)

    def _index(self, name: str, members: Sequence[int]) -> None:
        """Keep members' numbers where the network lies, but not among what it has learnt."""
        self.register_buffer(name, torch.tensor(members, dtype=torch.int64), persistent=False)

    @staticmethod
    def _known(cell: CellModule) -> set[int]:
        """Return the nodes whose value is not always zero."""
        known = {0}
        for target, inputs in enumerate(cell.inputs):
            if any(source in known or has_bias for source, _, has_bias in inputs):
                known.add(target)
        return known

    def forward(self, image: Tensor) -> Tensor:
        """Return the output nodes, of the input's shape (n, members × channels, height, width)."""
        last = image.is_contiguous(memory_format=torch.channels_last)
        at = 3 if last else 1  # where the members lie, for whom memory is not to be turned round

        def apart(images: Tensor) -> Tensor:
            return torch.unflatten(images.permute(0, 2, 3, 1) if last else images, at, (-1, self._channels))

        def joined(members: Tensor) -> Tensor:
            found = members.flatten(at, at + 1)
            return found.permute(0, 3, 1, 2) if last else found

        nodes = [apart(image)]
        nodes += [torch.zeros_like(nodes[0]) for _ in self._sizes]
        computed = zip(self.operations, self._adds, strict=True)
        for source, sizes in enumerate(self._sizes):
            parts = torch.split(nodes[source].index_select(at, self.get_buffer(f"from_{source}")), sizes, at)
            for part, (operation, adds) in zip(parts, computed, strict=False):
                found = apart(operation(joined(part)))
                for target, begin, length, name in adds:
                    # in place: a node is complete before it is a source; terms come in the order of a cell alone
                    nodes[target].index_add_(at, self.get_buffer(name), found.narrow(at, begin, length))
        return joined(nodes[-1])


class _StackedBlock(nn.Module):
    """The blocks between stages, side by side."""

    def __init__(self, blocks: Sequence[_ResidualBlock], leaves: _Leaves) -> None:
        super().__init__()
        self.conv_a = _side_by_side([block.conv_a for block in blocks], leaves)
        self.conv_b = _side_by_side([block.conv_b for block in blocks], leaves)
        self.downsample = _side_by_side([block.downsample for block in blocks], leaves)

    forward = _ResidualBlock.forward


class StackedNetwork(nn.Module):
    """Networks of one skeleton side by side: their channels are stacked, and convolutions are grouped.

    All see the same images. Batch norm works channel by channel, so it is each network's own, and of each edge only the
    networks that have an operation there compute it. The outputs must depend on the images (`CellModule.live`).

    Its tensors are copies until `lend`.
    """

    def __init__(self, members: Sequence[CellNetwork]) -> None:
        super().__init__()
        leaves: _Leaves = []
        channels = members[0].settings["channels"]
        self.stem = _side_by_side([member.stem for member in members], leaves, one_input=True)
        self.stages = nn.ModuleList(
            nn.Sequential(*(_StackedCell(cells, channels << level, leaves) for cells in zip(*stages, strict=True)))
            for level, stages in enumerate(zip(*(member.stages for member in members), strict=True))
        )
        self.reductions = nn.ModuleList(
            _StackedBlock(blocks, leaves) for blocks in zip(*(member.reductions for member in members), strict=True)
        )
        self.last = _side_by_side([member.last for member in members], leaves)
        self.classifier = _side_by_side([member.classifier for member in members], leaves)
        self._members, self._leaves = len(members), leaves

    def forward(self, images: Tensor) -> Tensor:
        """Return logits, shape (n, members, n_classes), of images of shape (n, in_channels, height, width)."""
        found: Tensor = self.stem(images)
        for level, stage in enumerate(self.stages):
            found = stage(found)
            if level < len(self.reductions):
                found = self.reductions[level](found)
        pooled = functional.adaptive_avg_pool2d(self.last(found), 1).flatten(1)
        logits: Tensor = self.classifier(torch.unflatten(pooled, 1, (self._members, -1)))
        return logits

    def shared(self) -> Iterator[tuple[Tensor, list[Tensor]]]:
        """Yield each tensor, and those of the networks for which it stands, in their order."""
        for leaf, layers in self._leaves:
            for name, tensor in [*leaf.named_parameters(), *leaf.named_buffers()]:
                yield tensor, [getattr(layer, name) for layer in layers]

    @torch.no_grad()
    def take(self) -> None:
        """Copy what the networks hold."""
        for tensor, own in self.shared():
            tensor.copy_(torch.cat(own) if tensor.ndim else own[0])  # a number of batches is the same for all

    @torch.no_grad()
    def lend(self) -> None:
        """Let the networks hold parts of this one's tensors, so that they have always learnt what it has."""
        for tensor, own in self.shared():
            for theirs, part in zip(own, tensor.chunk(len(own)) if tensor.ndim else [tensor] * len(own), strict=True):
                theirs.data = part
