"""Zero-cost proxies: functions of an untrained network and one batch."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from nasmeta.registry import Registry
from nasmeta.training._network import CellNetwork, multiply_adds

# A network in training mode, so batch norms use the statistics of the batch; images, (n, channels,
# height, width); and labels, (n,). A proxy changes only the running statistics. Higher is taken as
# better.
Proxy: TypeAlias = Callable[[CellNetwork, Tensor, Tensor], float]
PROXIES: Registry[Proxy] = Registry("zero-cost proxy")


def weights_of(network: nn.Module) -> list[Tensor]:
    """Return the weights that proxies read: of convolutions and the linear layer, not of batch norms."""
    return [
        module.weight for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)
    ]


@PROXIES.register("grad_norm")
def grad_norm(network: CellNetwork, images: Tensor, labels: Tensor) -> float:
    """Return Σ_layers ‖∂L/∂w‖₂ (Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, ICLR 2021)."""
    loss = functional.cross_entropy(network(images), labels)
    # A network that passes nothing on leaves its stem without a gradient: it is zero.
    gradients = torch.autograd.grad(loss, weights_of(network), materialize_grads=True)
    return sum(float(gradient.norm()) for gradient in gradients)


@PROXIES.register("jacob_cov")
def jacob_cov(network: CellNetwork, images: Tensor, labels: Tensor) -> float:
    """Return −Σᵢ [log(λᵢ + k) + 1 / (λᵢ + k)], λ the eigenvalues of the correlations of input gradients, k = 1e-5.

    Mellor et al., Neural Architecture Search without Training (first version, 2020; also known as
    jacov). Row i is the gradient of the sum of the logits with respect to image i. If a network
    passes nothing on, all its correlations are set to zero, which gives the lowest possible value.
    """
    inputs = images.detach().clone().requires_grad_()
    (slopes,) = torch.autograd.grad(network(inputs).sum(), inputs, materialize_grads=True)
    correlations = torch.corrcoef(slopes.flatten(1).double()).nan_to_num()  # (n, n)
    eigenvalues = torch.linalg.eigvalsh(correlations).clamp_min(0.0) + 1e-5
    return -float((eigenvalues.log() + 1 / eigenvalues).sum())


@PROXIES.register("nwot")
def nwot(network: CellNetwork, images: Tensor, labels: Tensor) -> float:
    """Return log |K|; for each pair of images, K counts the ReLUs that are both on or both off.

    Mellor et al., Neural Architecture Search without Training, ICML 2021 (NASWOT). An eigenvalue of
    K below 1, such as for two images with the same code, is replaced by 1, so the value is finite;
    K itself holds whole numbers.
    """
    kernel = torch.zeros(len(images), len(images), dtype=torch.float64)

    def count(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        is_on = (output > 0).flatten(1).float()  # (n, units)
        is_off = 1 - is_on
        # The products are exact: counts are below 2²⁴.
        kernel.add_(is_on @ is_on.T + is_off @ is_off.T)

    network = deepcopy(network)  # its hooks end with it
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(count)
    with torch.no_grad():
        network(images)
    return float(torch.linalg.eigvalsh(kernel).clamp_min(1.0).log().sum())


@PROXIES.register("synflow")
def synflow(network: CellNetwork, images: Tensor, labels: Tensor) -> float:
    """Return Σ |w · ∂R/∂w|; R sums the logits for an image of ones and weights |w| (Tanaka et al., 2020).

    Pruning neural networks without any data by iteratively conserving synaptic flow, NeurIPS 2020;
    summed over the network as by Abdelfattah et al. (ICLR 2021), without batch norms. In float64.
    Zero if nothing is passed on.
    """
    linear = deepcopy(network).double()
    for module in linear.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
    with torch.no_grad():
        for parameter in linear.parameters():
            parameter.abs_()
    weights = weights_of(linear)
    ones = torch.ones_like(images[:1], dtype=torch.float64)
    slopes = torch.autograd.grad(linear(ones).sum(), weights, materialize_grads=True)
    flow = 0.0
    for weight, slope in zip(weights, slopes, strict=True):
        flow += float((weight.detach() * slope).abs().sum())
    return flow


@PROXIES.register("params")
def params(network: CellNetwork, images: Tensor, labels: Tensor) -> float:
    """Return the number of parameters on live edges and in the skeleton."""
    return float(network.count_parameters())


@PROXIES.register("flops")
def flops(network: CellNetwork, images: Tensor, labels: Tensor) -> float:
    """Return the multiply-adds of one image."""
    return float(multiply_adds(network, images.shape[-1]))
