"""The transformer as a PyTorch module, to train it; the package has the same forward pass in NumPy."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from nasmeta.arrays import Array
from nasmeta.meta.in_context import (
    EXPERTS,
    HEADS,
    INPUTS,
    LAYERS,
    LEAST_DEVIATION,
    SIMILARITIES,
    WIDTH,
    read_weights,
)


class _Layer(nn.Module):
    """Attention to labelled architectures with a bias by similarity, then a network on each token."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries, self.keys_values = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.similarity = nn.Linear(SIMILARITIES, heads)
        self.network = nn.Sequential(
            nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width)
        )

    def forward(self, tokens: Tensor, context: Tensor, similarity: Tensor) -> Tensor:
        batch, _, width = tokens.shape
        queries = self._apart(self.queries(self.first(tokens)))
        keys, values = map(self._apart, self.keys_values(self.first(context)).chunk(2, dim=2))
        bias = self.similarity(similarity).permute(0, 3, 1, 2)
        mixed = nn.functional.scaled_dot_product_attention(queries, keys, values, attn_mask=bias)
        tokens = tokens + self.out(mixed.transpose(1, 2).reshape(batch, -1, width))
        out: Tensor = tokens + self.network(self.second(tokens))
        return out

    def _apart(self, tokens: Tensor) -> Tensor:
        return tokens.reshape(*tokens.shape[:2], self.heads, -1).transpose(1, 2)


class TrainedNetwork(nn.Module):
    """The module behind `nasmeta.meta.in_context.InContextNetwork`, which describes it; in batches."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(INPUTS, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH))
        self.labels = nn.Linear(EXPERTS, WIDTH)
        self.start = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.layers = nn.ModuleList(_Layer(WIDTH, HEADS) for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, EXPERTS + 2)
        self.search = nn.Linear(WIDTH, 1)
        self.sharpness = nn.Parameter(torch.zeros(1))
        with torch.no_grad():
            self.head.weight.mul_(0.1)
            self.head.bias.zero_()
            self.search.weight.zero_()
            self.search.bias.zero_()

    @classmethod
    def read(cls, path: Path) -> TrainedNetwork:
        """Return the network with the weights of a file, which may lack those of the search."""
        network = cls()
        arrays = read_weights(path).arrays.items()
        weights = {name: torch.from_numpy(array.astype(np.float32)) for name, array in arrays}
        network.load_state_dict(weights, strict=False)
        return network

    def weights(self) -> dict[str, Array]:
        """Return the weights by name, as arrays."""
        return {name: value.detach().numpy() for name, value in self.named_parameters()}

    def forward(
        self,
        known: Tensor,
        errors: Tensor,
        asked: Tensor,
        experts: Tensor,
        among: Tensor,
        across: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return mean, deviation and the search head's output, each (batch, q), of a batch of what `Reading` has."""
        tokens = torch.cat(
            [self.start.expand(len(known), -1, -1), self.embed(known) + self.labels(errors)], dim=1
        )
        similarity = nn.functional.pad(among, (0, 0, 1, 0, 1, 0))
        queries, to_known = self.embed(asked), nn.functional.pad(across, (0, 0, 1, 0))
        for layer in self.layers:
            queries = layer(queries, tokens, to_known)
            tokens = layer(tokens, tokens, similarity)
        normed = self.norm(queries)
        outputs = self.head(normed)
        weights = outputs[..., :-2].softmax(dim=-1)
        mean = (weights * experts).sum(dim=-1) + outputs[..., -2]
        deviation = nn.functional.softplus(outputs[..., -1]) + LEAST_DEVIATION
        return mean, deviation, self.search(normed)[..., 0]

    def search_scores(self, mean: Tensor, deviation: Tensor, added: Tensor, best: Tensor) -> Tensor:
        """Return the logits of a policy, (batch, q), given the best label of each search, (batch,)."""
        return (
            self.sharpness.exp() * log_expected_improvement(mean, deviation, best[:, None]) + added
        )


def negative_log_likelihood(mean: Tensor, deviation: Tensor, wanted: Tensor) -> Tensor:
    """Return the mean over architectures, at most 8 for each, shape (batch,)."""
    errors = (wanted - mean) / deviation
    density = 0.5 * errors**2 + deviation.log() + 0.5 * math.log(2 * math.pi)
    return density.clamp(max=8.0).mean(dim=1)


def log_expected_improvement(mean: Tensor, deviation: Tensor, best: Tensor) -> Tensor:
    """Return the logarithm of the expected improvement, as `nasmeta.gaussian_process.log_expected_improvement`."""
    mean, deviation, best = mean.double(), deviation.double(), best.double()
    u = ((mean - best) / deviation).clamp(-500, 25)
    scaled = u * math.sqrt(math.pi / 2) * torch.special.erfcx(-u / math.sqrt(2))
    return (
        deviation.log()
        - 0.5 * u * u
        - 0.5 * math.log(2 * math.pi)
        + scaled.clamp(min=-1 + 1e-9).log1p()
    ).float()
