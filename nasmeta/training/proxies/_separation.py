"""Proxies that ask how differently an untrained network treats different images."""

from __future__ import annotations

import math

import torch

from nasmeta.training.proxies._probe import PROXIES, Probe

__all__ = ["jacob_cov", "nwot"]

_JITTER = 1e-5


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
