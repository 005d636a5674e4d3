"""Proxies of the first backward pass: what the loss says about weights and channels."""

from __future__ import annotations

from nasmeta.training.proxies._probe import PROXIES, Probe

__all__ = ["fisher", "grad_norm", "plain", "snip"]


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
