"""One untrained network and one batch, the passes through it that proxies share, and the proxies."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import cached_property
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from nasmeta.registry import Registry
from nasmeta.training._network import CellNetwork, multiply_adds


def weighted_layers(network: nn.Module) -> list[nn.Conv2d | nn.Linear]:
    """Return the layers with the weights that proxies read: convolutions and the linear layer, not batch norms."""
    return [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]


class Probe:
    """An untrained network and a batch of labelled images; each pass runs once, when a proxy first needs it.

    Batch norms use the statistics of the batch, as in training; only their running statistics change the network.
    Images are of float32, shape (n, channels, height, width). The seed is for a proxy's random numbers,
    except for the weights.

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
    def _loss_gradients(self) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        _, logits, _, outputs = self._forward
        loss = functional.cross_entropy(logits, self.labels)
        wanted, n = [*self.weights, *outputs], len(self.weights)
        # A network that passes nothing on leaves its stem without a gradient: it is zero.
        gradients = torch.autograd.grad(loss, wanted, retain_graph=True, materialize_grads=True)
        return gradients[:n], gradients[n:]

    @property
    def weight_gradients(self) -> Sequence[Tensor]:
        """Gradients of the cross-entropy with respect to `weights`."""
        return self._loss_gradients[0]

    @property
    def output_gradients(self) -> Sequence[Tensor]:
        """Gradients of the cross-entropy with respect to `layer_outputs`."""
        return self._loss_gradients[1]

    @cached_property
    def input_gradients(self) -> Tensor:
        """Gradients of the sum of all logits with respect to the images, shape (n, channels · height · width)."""
        images, logits, _, _ = self._forward
        (slopes,) = torch.autograd.grad(logits.sum(), images, retain_graph=True, materialize_grads=True)
        return slopes.flatten(1)


Proxy: TypeAlias = Callable[[Probe], float]

# From the name of a proxy to its function; higher is taken as better.
PROXIES: Registry[Proxy] = Registry("zero-cost proxy")


_JITTER = 1e-5


@PROXIES.register("grad_norm")
def grad_norm(probe: Probe) -> float:
    """Return Σ_layers ‖∂L/∂w‖₂ (Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, ICLR 2021)."""
    return sum(float(gradient.norm()) for gradient in probe.weight_gradients)


@PROXIES.register("snip")
def snip(probe: Probe) -> float:
    """Return Σ |w · ∂L/∂w| over all weights (Lee, Ajanthan and Torr, SNIP, ICLR 2019)."""
    pairs = zip(probe.weights, probe.weight_gradients, strict=True)
    return sum(float((weight.detach() * gradient).abs().sum()) for weight, gradient in pairs)


@PROXIES.register("plain")
def plain(probe: Probe) -> float:
    """Return Σ w · ∂L/∂w over all weights (Abdelfattah et al., ICLR 2021; as in NAS-Bench-Suite-Zero, 2022).

    What precedes a batch norm, whose output does not depend on the scale of the weights, adds nearly zero.
    """
    pairs = zip(probe.weights, probe.weight_gradients, strict=True)
    return sum(float((weight.detach() * gradient).sum()) for weight, gradient in pairs)


@PROXIES.register("fisher")
def fisher(probe: Probe) -> float:
    """Return Σ_channels ½ mean_images (Σ_pixels a · ∂L/∂a)², a the outputs of layers (Turner et al., ICLR 2020).

    BlockSwap: Fisher-guided Block Substitution for Network Compression on a Budget; summed over the channels of all
    layers as by Abdelfattah et al. (ICLR 2021).
    """
    total = 0.0
    for output, gradient in zip(probe.layer_outputs, probe.output_gradients, strict=True):
        product = output.detach() * gradient
        by_channel = product.flatten(2).sum(2) if product.dim() > 2 else product
        total += float(by_channel.square().mean(0).sum()) / 2
    return total


@PROXIES.register("jacob_cov")
def jacob_cov(probe: Probe) -> float:
    """Return −Σᵢ [log(λᵢ + k) + 1 / (λᵢ + k)], λ the eigenvalues of the correlations of input gradients, k = 1e-5.

    Mellor et al., Neural Architecture Search without Training (first version, 2020; jacov elsewhere). Row i is the
    gradient of the sum of the logits with respect to image i. Where a network passes nothing on, all its correlations
    are taken as zero, which gives the lowest possible value.
    """
    rows = probe.input_gradients.double()
    rows = rows - rows.mean(dim=1, keepdim=True)
    norms = rows.norm(dim=1, keepdim=True)
    rows = torch.where(norms > 0, rows / norms.clamp_min(torch.finfo(torch.float64).tiny), 0.0)
    eigenvalues = torch.linalg.eigvalsh(rows @ rows.T).clamp_min(0.0) + _JITTER
    return -float((eigenvalues.log() + 1 / eigenvalues).sum())


@PROXIES.register("nwot")
def nwot(probe: Probe) -> float:
    """Return log |K|, K the number of ReLUs that are alike (both on or both off) for each two images.

    Mellor et al., Neural Architecture Search without Training, ICML 2021 (NASWOT). An eigenvalue of K below 1, as of
    two images with the same code, counts as 1, so that the value is finite; K itself holds whole numbers.
    """
    n = len(probe.images)
    alike = torch.zeros(n, n, dtype=torch.float64)
    for output in probe.relu_outputs:
        on = (output.detach() > 0).flatten(1).float()
        both = on @ on.T  # exact: counts are below 2²⁴
        each = on.sum(1)
        alike += (on.shape[1] - each[:, None] - each[None, :] + 2 * both).double()
    return float(sum(math.log(max(value, 1.0)) for value in torch.linalg.eigvalsh(alike).tolist()))


@PROXIES.register("synflow")
def synflow(probe: Probe) -> float:
    """Return Σ |w · ∂R/∂w|, R the sum of the logits of an image of ones where weights are |w| (Tanaka et al., 2020).

    Pruning neural networks without any data by iteratively conserving synaptic flow, NeurIPS 2020; summed over the
    network as by Abdelfattah et al. (ICLR 2021), without batch norms. In float64. Zero if nothing is passed on.
    """
    network = deepcopy(probe.network).double()
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    weights = [layer.weight for layer in weighted_layers(network)]
    ones = torch.ones(1, *probe.images.shape[1:], dtype=torch.float64)
    flow = torch.autograd.grad(network(ones).sum(), weights, materialize_grads=True)
    return sum(float((weight.detach() * slope).abs().sum()) for weight, slope in zip(weights, flow, strict=True))


@PROXIES.register("zen")
def zen(probe: Probe, step: float = 0.01) -> float:
    """Return log mean |f(x) − f(x + step · e)| + Σ_norms log σ; weights, x and e standard normal (Lin et al., 2021).

    Zen-NAS: A Zero-Shot NAS for High-Performance Image Recognition, ICCV 2021. f is the network before its pooling,
    |·| the sum over an image's features, σ² the mean variance over the channels that enter a batch norm, which undoes
    its rescaling. One draw, of as many inputs as the batch has images.
    """
    network, generator = deepcopy(probe.network), torch.Generator().manual_seed(probe.seed)
    scales: list[Tensor] = []

    def note_scale(norm: nn.BatchNorm2d, inputs: tuple[Tensor, ...]) -> None:
        (entering,) = inputs
        variance = entering.square().mean() - entering.mean((0, 2, 3)).square().mean()  # the channels' mean
        scales.append(variance.clamp_min(0) + norm.eps)

    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    with torch.no_grad():
        for layer in weighted_layers(network):
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator))
        inputs, noise = (
            torch.empty_like(probe.images).copy_(torch.randn(probe.images.shape, generator=generator)) for _ in range(2)
        )
        handles = [norm.register_forward_pre_hook(note_scale) for norm in norms]
        before = network.features(inputs)
        for handle in handles:
            handle.remove()
        after = network.features(inputs + step * noise)
        change = float((before - after).abs().flatten(1).sum(1).mean())
    log_scale = sum(math.log(float(scale)) for scale in scales) / 2
    return math.log(max(change, float(torch.finfo(torch.float32).tiny))) + log_scale


@PROXIES.register("l2_norm")
def l2_norm(probe: Probe) -> float:
    """Return Σ_layers ‖w‖₂ (Abdelfattah et al., ICLR 2021)."""
    return sum(float(weight.detach().norm()) for weight in probe.weights)


@PROXIES.register("params")
def params(probe: Probe) -> float:
    """Return the number of parameters on live edges and in the skeleton."""
    return float(probe.network.count_parameters())


@PROXIES.register("flops")
def flops(probe: Probe) -> float:
    """Return the multiply-adds of one image."""
    return float(multiply_adds(probe.network, probe.images.shape[-1]))
