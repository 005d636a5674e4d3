"""The neural process, and as a meta-predictor."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from nasmeta.meta._arrays import Cells, Floats, Prediction
from nasmeta.meta._network_learner import Batch, NetworkLearner, NetworkModel
from nasmeta.spaces import SearchSpace

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


@dataclass(eq=False, repr=False)
class MetaNP(NetworkLearner):
    """Transformer neural process: one forward pass reads the labelled cells as context.

    Nguyen and Grover, "Transformer neural processes", ICML 2022; Garnelo et al., "Conditional neural processes", 2018.
    Trained on the likelihood of query cells given sampled contexts.

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"
    width : int, default 48
        Of a token; four heads, two layers.
    steps : int, optional
        Of the outer loop; by default 400.
    noise : float, default 0.1
        Deviation of the noise that is added to the sources' scores.
    device : str, default "cpu"
    seed : int, default 0
    blends : bool, default True
        See `MetaPredictor`.

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> from nasmeta.meta import META_PREDICTORS
    >>> source, target = nm.task_distribution("nb201").leave_out("cifar100")
    >>> predictor = META_PREDICTORS["meta-np"](steps=5).meta_fit(source.as_sources(300, np.random.default_rng(0)))
    >>> mean, deviation = predictor.fit([3, 500], target[0].values[[3, 500]]).predict([6111, 0], return_std=True)
    >>> bool((deviation > 0).all())
    True
    """

    default_steps = 400

    space: str | SearchSpace = "nb201"
    _: KW_ONLY
    width: int = 48
    steps: int | None = None
    noise: float = 0.1
    device: str = "cpu"
    seed: int = 0
    blends: bool = True
    _embedded_of: tuple[NetworkModel, Tensor] | None = field(default=None, init=False)

    def _module(self, n_inputs: int, n_groups: int, n_each: int) -> nn.Module:
        return NeuralProcess(n_inputs, 4 * max(1, round(self.width / 4)))

    def _loss(self, module: nn.Module, batch: Batch) -> Tensor:
        mean, deviation = module(batch.support, batch.support_scores, batch.query)
        likelihood = -torch.distributions.Normal(mean, deviation).log_prob(batch.query_scores)  # type: ignore[no-untyped-call]
        # A few cells that fail on one data set alone would rule the likelihood.
        loss: Tensor = likelihood.clamp(max=10.0).mean()
        return loss

    def _posterior(self, module: nn.Module, support: Tensor, scores: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            found: tuple[Tensor, Tensor] = module(support, scores, query)
            return found

    def _forecast(self, learned: NetworkModel, cells: Cells, scores: Floats, asked: Cells) -> Prediction:
        expected, rows, network = learned.summary.expected, learned.rows, cast(NeuralProcess, learned.module)
        distinct, of_distinct = np.unique(rows[asked], return_inverse=True)
        known = torch.from_numpy(rows[cells])
        with torch.inference_mode():
            if self._embedded_of is None or self._embedded_of[0] is not learned:
                self._embedded_of = (learned, network.embed(learned.inputs))
            residuals = torch.from_numpy(scores - expected[cells]).float()
            contexts = network.contexts(learned.inputs[known], residuals)
            mean, deviation = network.answer(contexts, self._embedded_of[1][distinct])
        return expected[asked] + mean.double().numpy()[of_distinct], deviation.double().numpy()[of_distinct]
