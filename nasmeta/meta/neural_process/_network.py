"""The network of the neural process."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_LEAST_DEVIATION = 0.02


class _Layer(nn.Module):
    """Attention to the context, then a network on each token; both with a residual connection."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.network = nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))

    def forward(self, tokens: Tensor, context: Tensor) -> Tensor:
        normed = self.first(context)
        tokens = tokens + self.attention(self.first(tokens), normed, normed, need_weights=False)[0]
        out: Tensor = tokens + self.network(self.second(tokens))
        return out


class NeuralProcess(nn.Module):
    """A transformer neural process with a Gaussian head (Nguyen and Grover, ICML 2022).

    Context tokens are cells with their scores; they attend to each other and to a learnt token that stands for the
    prior. Query tokens are cells without a score; they attend to the context alone, so each is predicted as if it were
    the only one.
    """

    def __init__(self, n_inputs: int, width: int = 48, heads: int = 4, layers: int = 2) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(n_inputs, width), nn.SiLU(), nn.Linear(width, width))
        self.score = nn.Linear(1, width)
        self.start = nn.Parameter(torch.zeros(1, width))
        self.layers = nn.ModuleList(_Layer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 2)
        with torch.no_grad():
            self.head.weight.mul_(0.1)
            self.head.bias.copy_(torch.tensor([0.0, -1.0]))

    def forward(self, support: Tensor, scores: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and deviation of a query's scores, (q,), given the scores of a support, (k,)."""
        return self.answer(self.contexts(support, scores), self.embed(query))

    def contexts(self, support: Tensor, scores: Tensor) -> list[Tensor]:
        """Return the context before each layer, each (1, k + 1, width)."""
        tokens = torch.cat([self.start, self.embed(support) + self.score(scores[:, None])])[None]
        found = []
        for layer in self.layers:
            found.append(tokens)
            tokens = layer(tokens, tokens)
        return found

    def answer(self, contexts: list[Tensor], embedded: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and deviation of embedded queries, (q, width)."""
        tokens = embedded[None]
        for layer, context in zip(self.layers, contexts, strict=True):
            tokens = layer(tokens, context)
        mean, spread = self.head(self.norm(tokens[0])).unbind(1)
        return mean, nn.functional.softplus(spread) + _LEAST_DEVIATION
