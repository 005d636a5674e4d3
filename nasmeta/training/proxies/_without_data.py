"""Proxies that need no images: of weights alone, or of inputs that are drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call

from nasmeta.training._network import CellNetwork, multiply_adds
from nasmeta.training.proxies._probe import PROXIES, Probe


class _Inner(nn.Module):
    """A network up to a point, as `functional_call` wants it: with weights other than its own."""

    def __init__(self, network: CellNetwork, features_only: bool) -> None:
        super().__init__()
        self.network = network
        self.features_only = features_only

    def forward(self, images: Tensor) -> Tensor:
        return self.network.features(images) if self.features_only else self.network(images)


def _weights(network: CellNetwork) -> dict[str, Tensor]:
    """Return the weights of convolutions and of the linear layer by their names in `_Inner`."""
    return {
        f"network.{name}.weight": module.weight
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    }


@contextmanager
def _without_norms(network: CellNetwork) -> Iterator[None]:
    """Let what enters a batch norm leave it unchanged."""
    norms = [
        (module, name)
        for module in network.modules()
        for name, child in module.named_children()
        if isinstance(child, nn.BatchNorm2d)
    ]
    kept = [getattr(module, name) for module, name in norms]
    for module, name in norms:
        setattr(module, name, nn.Identity())
    try:
        yield
    finally:
        for (module, name), norm in zip(norms, kept, strict=True):
            setattr(module, name, norm)


@PROXIES.register("synflow")
def synflow(probe: Probe) -> float:
    """Return Σ |w · ∂R/∂w|, R the sum of the logits of an image of ones where weights are |w| (Tanaka et al., 2020).

    Pruning neural networks without any data by iteratively conserving synaptic flow, NeurIPS 2020; summed over the
    network as by Abdelfattah et al. (ICLR 2021), without batch norms. In float64. Zero where nothing is passed on.
    """
    with _without_norms(probe.network):
        weights = {
            name: weight.detach().double().abs().requires_grad_() for name, weight in _weights(probe.network).items()
        }
        bias = probe.network.classifier.bias.detach().double().abs()
        ones = torch.ones(1, *probe.images.shape[1:], dtype=torch.float64)
        inner = _Inner(probe.network, features_only=False)
        logits = functional_call(inner, {**weights, "network.classifier.bias": bias}, (ones,))
    flow = torch.autograd.grad(logits.sum(), list(weights.values()), allow_unused=True)
    pairs = zip(weights.values(), flow, strict=True)
    return sum(float((weight.detach() * slope).abs().sum()) for weight, slope in pairs if slope is not None)


@PROXIES.register("zen")
def zen(probe: Probe, step: float = 0.01) -> float:
    """Return log mean |f(x) − f(x + step · e)| + Σ_norms log σ; weights, x and e standard normal (Lin et al., 2021).

    Zen-NAS: A Zero-Shot NAS for High-Performance Image Recognition, ICCV 2021. f is the network before its pooling,
    |·| the sum over an image's features, σ² the mean variance over the channels that enter a batch norm, which undoes
    its rescaling. One draw, of as many inputs as the batch has images.
    """
    generator = torch.Generator().manual_seed(probe.seed)
    scales: list[Tensor] = []

    def note_scale(norm: nn.BatchNorm2d, inputs: tuple[Tensor, ...]) -> None:
        (entering,) = inputs
        variance = entering.square().mean() - entering.mean((0, 2, 3)).square().mean()  # the channels' mean
        scales.append(variance.clamp_min(0) + norm.eps)

    with torch.no_grad():
        drawn = {
            name: torch.empty_like(weight).copy_(torch.randn(weight.shape, generator=generator))
            for name, weight in _weights(probe.network).items()
        }
        inputs, noise = (
            torch.empty_like(probe.images).copy_(torch.randn(probe.images.shape, generator=generator)) for _ in range(2)
        )
        inner = _Inner(probe.network, features_only=True)
        handles = [
            module.register_forward_pre_hook(note_scale)
            for module in probe.network.modules()
            if isinstance(module, nn.BatchNorm2d)
        ]
        try:
            before = functional_call(inner, drawn, (inputs,))
        finally:
            for handle in handles:
                handle.remove()
        after = functional_call(inner, drawn, (inputs + step * noise,))
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
    return float(probe.network.count_parameters(live_only=True))


@PROXIES.register("flops")
def flops(probe: Probe) -> float:
    """Return the multiply-adds of one image."""
    return float(multiply_adds(probe.network, probe.images.shape[-1]))
