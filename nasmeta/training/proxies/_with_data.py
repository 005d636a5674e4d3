"""Proxies of one batch: what its loss says about weights and channels, and how its images are told apart."""

from __future__ import annotations

import math

import torch

from nasmeta.training.proxies._probe import PROXIES, Probe

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
