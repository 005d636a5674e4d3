"""Layers of several networks side by side, with the member as the first axis of weights, and their training."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

_GAIN = 1.4  # keeps the variance through SiLU
_FEWEST_BATCHES, _MOST_BATCHES, _USUAL_BATCH = 4, 12, 64  # batches per epoch, rows per batch
_LEAST_FOR_VALIDATION = 8  # labels
_VALIDATION_SHARE = 0.1
_WARM_UP = 0.1  # share of the steps in which the learning rate rises
_PREDICTED_AT_ONCE = 2048


def normal_weight(generator: torch.Generator, *shape: int, deviation: float = 1.0) -> nn.Parameter:
    """Return a parameter of this shape, normal with this deviation, drawn on the CPU so that devices agree."""
    return nn.Parameter(torch.randn(*shape, generator=generator) * deviation)


class MemberNetwork(nn.Module):
    """Base of networks with one batch per member."""

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


def pairwise_logistic(predicted: Tensor, scores: Tensor) -> Tensor:
    r"""Return RankNet's loss, shape (n_members,), of predictions and scores, (n_members, n).

    It is the mean of :math:`\log(1 + e^{-(p_i - p_j)})` over the pairs with t_i > t_j.
    Burges et al., "Learning to rank using gradient descent", ICML 2005. Only the order of the scores matters; ties are
    ignored.
    """
    above = (scores[:, :, None] > scores[:, None, :]).to(predicted.dtype)
    losses = functional.softplus(predicted[:, None, :] - predicted[:, :, None]) * above
    return torch.as_tensor(losses.sum((1, 2)) / above.sum((1, 2)).clamp(min=1))


def cpu_or_cuda(name: str) -> torch.device:
    """Return the device of this name; "auto" is a GPU if available.

    >>> cpu_or_cuda("cpu")
    device(type='cpu')
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def train_members(
    network: MemberNetwork,
    inputs: tuple[Tensor, ...],
    scores: Tensor,
    generator: torch.Generator,
    *,
    learning_rate: float,
    weight_decay: float,
    max_epochs: int,
    patience: int,
) -> tuple[Tensor, int]:
    """Train a network in place; return each member's validation rows, (n_members, n_left_out), and the epochs.

    Inputs have shape (n, ...), scores (n,). The optimiser is AdamW (Loshchilov and Hutter, ICLR 2019).
    Each member leaves out a random tenth of the labels, or none with fewer than eight labels. Training
    stops after ``patience`` epochs in which no member's loss there has improved; each keeps its best weights. The
    generator is on the CPU, so every device sees the same batches.
    """
    device, n, m = scores.device, len(scores), network.n_members
    n_left_out = max(1, round(_VALIDATION_SHARE * n)) if n >= _LEAST_FOR_VALIDATION else 0
    order = _shuffled(m, n, generator)
    left_out, kept = order[:, :n_left_out].to(device), order[:, n_left_out:]
    n_batches = min(max(round(kept.shape[1] / _USUAL_BATCH), _FEWEST_BATCHES), _MOST_BATCHES)
    n_batches = max(1, min(n_batches, kept.shape[1] // 2))  # a ranking needs two rows
    optimiser = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=weight_decay)
    rates = _rates(learning_rate, max_epochs * n_batches)
    parameters = list(network.parameters())
    best = [parameter.detach().clone() for parameter in parameters]
    least = torch.full((m,), math.inf, device=device)
    stale = torch.zeros(m, device=device)
    n_epochs = 0
    while n_epochs < max_epochs:
        n_epochs += 1
        shuffled = kept.gather(1, _shuffled(m, kept.shape[1], generator)).to(device)
        for rows in shuffled.tensor_split(n_batches, dim=1):
            for group in optimiser.param_groups:
                group["lr"] = next(rates)
            optimiser.zero_grad(set_to_none=True)
            total = pairwise_logistic(network(tuple(values[rows] for values in inputs)), scores[rows]).sum()
            total.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        if not n_left_out:
            continue
        with torch.no_grad():
            missed = pairwise_logistic(network(tuple(values[left_out] for values in inputs)), scores[left_out])
            better = missed < least
            least = torch.where(better, missed, least)
            stale = torch.where(better, torch.zeros_like(stale), stale + 1)
            for kept_best, parameter in zip(best, parameters, strict=True):
                kept_best[better] = parameter[better]
            if bool((stale >= patience).all()):
                break
    if n_left_out:
        with torch.no_grad():
            for kept_best, parameter in zip(best, parameters, strict=True):
                parameter.copy_(kept_best)
    return left_out, n_epochs


def predict_members(network: MemberNetwork, inputs: tuple[Tensor, ...]) -> Tensor:
    """Return every member's prediction of every row, shape (n_members, n); inputs are of shape (n, ...)."""
    m = network.n_members
    with torch.no_grad():
        parts = [
            network(
                tuple(values[start : start + _PREDICTED_AT_ONCE].expand(m, -1, *values.shape[1:]) for values in inputs)
            )
            for start in range(0, len(inputs[0]), _PREDICTED_AT_ONCE)
        ]
    return torch.cat(parts, dim=1)


def _shuffled(n_members: int, n: int, generator: torch.Generator) -> Tensor:
    return torch.rand(n_members, n, generator=generator).argsort(dim=1)


def _rates(peak: float, n_steps: int) -> Iterator[float]:
    """Yield the learning rates: a rise, then half a cosine down to zero."""
    n_up = max(1, round(_WARM_UP * n_steps))
    for step in range(n_steps):
        down = (step - n_up) / max(1, n_steps - n_up)
        yield peak * ((step + 1) / n_up if step < n_up else (1 + math.cos(math.pi * down)) / 2)
