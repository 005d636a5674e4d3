"""One untrained network and one batch, and the passes through it that several proxies share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from nasmeta.registry import Registry
from nasmeta.training._network import CellNetwork


def weighted_layers(network: nn.Module) -> list[nn.Conv2d | nn.Linear]:
    """Return the layers whose weights proxies look at: convolutions and the linear layer, not batch norms."""
    return [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]


class Probe:
    """An untrained network and a batch of labelled images; each pass runs once, when a proxy first asks for it.

    Batch norms use the statistics of the batch, as in training.

    Parameters
    ----------
    network : CellNetwork
        Not changed, apart from the running statistics of its batch norms.
    images : Tensor of float32, shape (n, channels, height, width)
    labels : Tensor of int64, shape (n,)
    seed : int, default 0
        Of what a proxy draws beside the network's weights.

    Examples
    --------
    >>> import torch
    >>> from nasmeta.training.proxies import PROXIES, Probe
    >>> images = torch.randn(8, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> probe = Probe(CellNetwork(6111, cells_per_stage=1, prune=True), images, torch.arange(8))
    >>> PROXIES["snip"](probe) > PROXIES["plain"](probe)
    True
    """

    def __init__(self, network: CellNetwork, images: Tensor, labels: Tensor, seed: int = 0) -> None:
        self.network = network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.images = images.contiguous(memory_format=torch.channels_last)  # a third faster on processors
        self.labels = labels
        self.seed = seed

    @cached_property
    def weights(self) -> list[Tensor]:
        """The weights of convolutions and of the linear layer."""
        return [layer.weight for layer in weighted_layers(self.network)]

    @cached_property
    def _forward(self) -> tuple[Tensor, Tensor, list[Tensor], list[Tensor]]:
        """Return images that take gradients, logits, outputs of the ReLUs and of the weighted layers."""
        relus: list[Tensor] = []
        outputs: list[Tensor] = []
        hooks = [
            module.register_forward_hook(lambda _module, _inputs, output: relus.append(output))
            for module in self.network.modules()
            if isinstance(module, nn.ReLU)
        ]
        hooks += [
            layer.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
            for layer in weighted_layers(self.network)
        ]
        images = self.images.detach().clone().requires_grad_()
        try:
            logits = self.network(images)
        finally:
            for hook in hooks:
                hook.remove()
        return images, logits, relus, outputs

    @property
    def relu_outputs(self) -> list[Tensor]:
        """What each ReLU gave, the images in the first dimension."""
        return self._forward[2]

    @property
    def layer_outputs(self) -> list[Tensor]:
        """What each convolution, and the linear layer, gave."""
        return self._forward[3]

    @cached_property
    def _loss_gradients(self) -> tuple[list[Tensor], list[Tensor]]:
        _, logits, _, outputs = self._forward
        loss = functional.cross_entropy(logits, self.labels)
        wanted = [*self.weights, *outputs]
        found = torch.autograd.grad(loss, wanted, retain_graph=True, allow_unused=True)
        # A network that passes nothing on leaves its stem without a gradient: it is zero.
        gradients = [torch.zeros_like(x) if g is None else g for x, g in zip(wanted, found, strict=True)]
        return gradients[: len(self.weights)], gradients[len(self.weights) :]

    @property
    def weight_gradients(self) -> list[Tensor]:
        """Gradients of the cross-entropy with respect to `weights`."""
        return self._loss_gradients[0]

    @property
    def output_gradients(self) -> list[Tensor]:
        """Gradients of the cross-entropy with respect to `layer_outputs`."""
        return self._loss_gradients[1]

    @cached_property
    def input_gradients(self) -> Tensor:
        """Gradients of the sum of all logits with respect to the images, shape (n, channels · height · width)."""
        images, logits, _, _ = self._forward
        (found,) = torch.autograd.grad(logits.sum(), images, retain_graph=True, allow_unused=True)
        return (torch.zeros_like(images) if found is None else found).flatten(1)


Proxy: TypeAlias = Callable[[Probe], float]

# From the name of a proxy to its function; higher is taken as better.
PROXIES: Registry[Proxy] = Registry("zero-cost proxy")
