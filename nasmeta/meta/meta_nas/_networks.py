"""The two networks: one proposes cells, the other predicts how good they are; both read what a task has shown."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


def ranks_as_scores(values: Tensor) -> Tensor:
    """Return normal scores of the ranks along the last axis, same shape; ties share a rank."""
    below = (values[..., None, :] < values[..., :, None]).sum(-1)
    upto = (values[..., None, :] <= values[..., :, None]).sum(-1)
    shares = (below + upto).to(torch.float32) / (2 * values.shape[-1])
    scores: Tensor = torch.special.ndtri(shares.clamp(1e-4, 1 - 1e-4))
    return scores


def _layers(*widths: int) -> nn.Sequential:
    parts: list[nn.Module] = []
    for before, after in pairwise(widths[:-1]):
        parts += [nn.Linear(before, after), nn.GELU()]
    return nn.Sequential(*parts, nn.Linear(widths[-2], widths[-1]))


class _Attention(nn.Module):
    """Queries read a set; an own learnt element stands for the empty one."""

    def __init__(self, width: int, n_heads: int = 4) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.nothing = nn.Parameter(torch.zeros(1, 1, width))
        self.query, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)

    def forward(self, queries: Tensor, elements: Tensor) -> Tensor:
        """From (b, q, width) and (b, k, width) to (b, q, width)."""
        b, q, width = queries.shape
        elements = torch.cat([self.nothing.expand(b, -1, -1), elements], dim=1)
        key, value = self.key_value(elements).chunk(2, dim=-1)

        def heads(x: Tensor) -> Tensor:
            return x.view(b, -1, self.n_heads, width // self.n_heads).transpose(1, 2)

        read = nn.functional.scaled_dot_product_attention(heads(self.query(queries)), heads(key), heads(value))
        out: Tensor = self.out(read.transpose(1, 2).reshape(b, q, width))
        return out


class _SetEncoder(nn.Module):
    """Elements of a context that have read each other."""

    def __init__(self, n_inputs: int, width: int) -> None:
        super().__init__()
        self.first = _layers(n_inputs, 2 * width, width)
        self.attention, self.norm = _Attention(width), nn.LayerNorm(width)
        self.second = _layers(width, 2 * width, width)

    def forward(self, inputs: Tensor) -> Tensor:
        elements = self.first(inputs)
        elements = elements + self.attention(self.norm(elements), elements)
        out: Tensor = elements + self.second(elements)
        return out


class PredictionNetwork(nn.Module):
    """A neural process: mean and deviation of cells' scores, given a context of cells and their values.

    The values of a context count by their ranks alone: they are replaced by the sorted prior means of the same cells,
    so that a new task needs no unit. What makes the network change its mind is the difference from the prior.
    """

    def __init__(self, n_features: int, width: int) -> None:
        super().__init__()
        self.cell = _layers(n_features, 2 * width, 2 * width, width)
        self.prior = _layers(width, width, 2)
        self.context = _SetEncoder(width + 4, width)
        self.attention = _Attention(width)
        self.posterior = _layers(2 * width, 2 * width, 2)

    def embed(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return embeddings (…, width), and prior mean and log deviation (…, 2), of cells (…, n_features)."""
        embedded = self.cell(features)
        return embedded, self.prior(nn.functional.gelu(embedded))

    def read(self, embedded: Tensor, prior: Tensor, values: Tensor) -> Tensor:
        """Return the elements (b, k, width) of a context of embedded cells and their values (b, k)."""
        mean = prior[..., 0].detach()
        ranks = ranks_as_scores(values)
        order = values.argsort(dim=-1, stable=True)
        matched = torch.empty_like(mean).scatter(-1, order, mean.sort(dim=-1).values)
        size = torch.full_like(mean, 0.1 * values.shape[-1]).sqrt()
        said = torch.stack([matched, matched - mean, ranks, size], -1)
        elements: Tensor = self.context(torch.cat([embedded, said], -1))
        return elements

    def forward(self, embedded: Tensor, prior: Tensor, elements: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log deviation, each (b, q), of embedded cells (b, q, width) given a context's elements."""
        read = self.attention(embedded, elements)
        change = self.posterior(torch.cat([nn.functional.gelu(embedded), read], -1))
        return prior[..., 0] + change[..., 0], (prior[..., 1] + change[..., 1]).clamp(-4.0, 1.0)


class SearchNetwork(nn.Module):
    """Proposes cells edge by edge, or architectures position by position: logits of the next choice in a context.

    `n_features` are those of a beginning, `n_cell_features` of a whole cell in a context; `n_operations` is the most
    choices of a position.
    """

    def __init__(self, n_features: int, n_cell_features: int, n_operations: int, width: int) -> None:
        super().__init__()
        self.beginning = _layers(n_features, 2 * width, 2 * width, width)
        self.context = _SetEncoder(n_cell_features + 2, width)
        self.attention = _Attention(width)
        self.logits = _layers(2 * width, 2 * width, n_operations)

    def read(self, features: Tensor, values: Tensor) -> Tensor:
        """Return the elements (b, k, width) of a context of cells (b, k, n_cell_features) and values (b, k)."""
        size = torch.full_like(features[..., 0], 0.1 * values.shape[-1]).sqrt()
        said = torch.stack([ranks_as_scores(values), size], -1)
        elements: Tensor = self.context(torch.cat([features, said], -1))
        return elements

    def forward(self, begun: Tensor, elements: Tensor, allowed: Tensor | None = None) -> Tensor:
        """Return log probabilities (b, q, n_operations) of what follows embedded beginnings (b, q, width).

        Where only some operations are `allowed`, (…, q, n_operations), the others have none.
        """
        read = self.attention(begun, elements)
        logits: Tensor = self.logits(torch.cat([nn.functional.gelu(begun), read], -1))
        if allowed is not None:
            logits = logits.masked_fill(~allowed, -torch.inf)
        return logits.log_softmax(-1)
