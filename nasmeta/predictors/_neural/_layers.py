"""Layers of several networks side by side: every weight has a leading axis for the member of the ensemble."""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

_GAIN = 1.4  # keeps the variance through SiLU


def normal_weight(generator: torch.Generator, *shape: int, deviation: float = 1.0) -> nn.Parameter:
    """Return a parameter of this shape, normal with this deviation, drawn on the CPU so that devices agree."""
    return nn.Parameter(torch.randn(*shape, generator=generator) * deviation)


class MemberNetwork(nn.Module):
    """Base of networks whose forward pass takes one batch for each member."""

    def __init__(self, n_members: int) -> None:
        super().__init__()
        self.n_members = n_members

    @abstractmethod
    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Return scores, shape (n_members, n), of inputs, each of shape (n_members, n, ...)."""


class MemberLinear(nn.Module):
    """One linear layer for each member: (n_members, n, n_in) to (n_members, n, n_out)."""

    def __init__(self, n_members: int, n_in: int, n_out: int, generator: torch.Generator, gain: float = 1.0) -> None:
        super().__init__()
        self.weight = normal_weight(generator, n_members, n_in, n_out, deviation=gain / math.sqrt(n_in))
        self.bias = nn.Parameter(torch.zeros(n_members, 1, n_out))

    def forward(self, x: Tensor) -> Tensor:
        """Multiply and add; all members in one call."""
        return torch.baddbmm(self.bias, x, self.weight)


class Readout(nn.Module):
    """From a vector to a score: one hidden layer; (n_members, n, n_in) to (n_members, n)."""

    def __init__(self, n_members: int, n_in: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.inner = MemberLinear(n_members, n_in, hidden, generator, _GAIN)
        self.outer = MemberLinear(n_members, hidden, 1, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Apply both layers."""
        return torch.as_tensor(self.outer(functional.silu(self.inner(x)))[..., 0])
