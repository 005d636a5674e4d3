"""Transformer whose tokens are the edges of a cell, or the positions of another architecture."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from nasmeta.checks import check_int
from nasmeta.errors import SettingError
from nasmeta.predictors._neural._cell_inputs import CellRegressor, choice_order
from nasmeta.predictors._neural._training import MemberLinear, MemberNetwork, Readout, normal_weight
from nasmeta.spaces import CellSpace, SearchSpace, reference_space

_READOUT = 64
_EMBEDDING = 0.5  # deviation of first embeddings
_RESIDUAL = 0.5  # gain of layers whose output is added to a residual stream


@dataclass(eq=False, repr=False)
class CellTransformer(CellRegressor):
    """Ensemble of transformers (Vaswani et al., "Attention is all you need", NeurIPS 2017) on the edges of a cell.

    A token is an edge: embeddings of its operation, of where it comes from and of where it goes are added. Attention is
    masked on dead edges, those on no path from input to output without ``none``. In a space of another kind a token is
    a position: embeddings of its choice and of the position are added, and positions with the same choices share the
    former. A further token gathers the state, which is read out by one hidden layer together with `features`.

    Parameters
    ----------
    hidden : int, default 16
        Width of a token.
    n_layers : int, default 1
    n_heads : int, default 4
        Must divide `hidden`.
    features : str, optional
        Encodings that stand beside the state at the readout, as `make_encoder` reads them; None for none.
    n_members : int, default 5
        Networks whose mean is the prediction and whose disagreement is part of the deviation.
    loss : {"ranking", "mse"}, default "ranking"
        RankNet's pairwise logistic loss, after which each member's output is scaled to the labels, or squared error.
    labels : {"rank", "value"}, default "rank"
        Learn normal scores of ranks, or the values themselves.
    max_epochs, patience, validation_fraction, batch_size, learning_rate, weight_decay, device, random_state
        As in `MLPEnsemble`.
    space : str or SearchSpace, default "nb201"
        The space whose architectures X holds, or its name. Cells are read as in `GraphNetwork`.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import make_predictor
    >>> cells, y = np.arange(60), np.arange(60.0) % 7
    >>> predictor = make_predictor("transformer", max_epochs=3, n_members=2).fit(cells, y)
    >>> predictor.predict(cells[:5]).shape
    (5,)
    """

    hidden: int = 16
    n_layers: int = 1
    n_heads: int = 4

    def _build(self, n_inputs: int, generator: torch.Generator) -> MemberNetwork:
        n_heads, n_layers = check_int("n_heads", self.n_heads), check_int("n_layers", self.n_layers)
        if self.hidden % n_heads:
            raise SettingError(f"n_heads must divide hidden: {n_heads} does not divide {self.hidden}.")
        space = reference_space(self.space)
        return _Transformers(space, n_inputs, self.hidden, n_layers, n_heads, self.n_members, generator)


class _Transformers(MemberNetwork):
    """Pre-norm transformer encoders, and a readout of the gathering token."""

    def __init__(
        self,
        space: SearchSpace,
        n_inputs: int,
        hidden: int,
        n_layers: int,
        n_heads: int,
        n_members: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__(n_members)
        self.hidden = hidden
        # A position that is no edge stands alone: it comes from itself, and all go to one place.
        places = space.edges if isinstance(space, CellSpace) else [(place, 0) for place in range(space.n_positions)]
        n_origins, n_goals = (space.n_nodes,) * 2 if isinstance(space, CellSpace) else (space.n_positions, 1)
        n_choices = choice_order(space).shape[1]
        self.operation = normal_weight(generator, n_members, n_choices, hidden, deviation=_EMBEDDING)
        self.origin = normal_weight(generator, n_members, n_origins, hidden, deviation=_EMBEDDING)
        self.goal = normal_weight(generator, n_members, n_goals, hidden, deviation=_EMBEDDING)
        self.gathering = normal_weight(generator, n_members, 1, hidden, deviation=_EMBEDDING)
        self.sources = [source for source, _ in places]
        self.targets = [target for _, target in places]
        self.layers = nn.ModuleList(_Layer(n_members, hidden, n_heads, generator) for _ in range(n_layers))
        self.readout = Readout(n_members, hidden + n_inputs, _READOUT, generator)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        operations, live, columns = inputs
        m, n, n_edges, n_operations = operations.shape
        place = self.origin[:, self.sources] + self.goal[:, self.targets]
        # A product with the one-hot operations, as a look-up's gradient is not deterministic on a GPU.
        tokens = torch.bmm(operations.reshape(m, n * n_edges, n_operations), self.operation)
        edges = tokens.view(m, n, n_edges, self.hidden) + place[:, None]
        x = torch.cat([self.gathering[:, None].expand(m, n, 1, self.hidden), edges], dim=2)
        seen = torch.cat([torch.ones_like(live[:, :, :1]), live], dim=2)
        for layer in self.layers:
            x = layer(x, seen)
        state = functional.layer_norm(x[:, :, 0], (self.hidden,))
        return torch.as_tensor(self.readout(torch.cat([state, columns], dim=-1)))


class _Layer(nn.Module):
    def __init__(self, n_members: int, hidden: int, n_heads: int, generator: torch.Generator) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.projections = MemberLinear(n_members, hidden, 3 * hidden, generator)
        self.attended = MemberLinear(n_members, hidden, hidden, generator, _RESIDUAL)
        self.wide = MemberLinear(n_members, hidden, 2 * hidden, generator)
        self.narrow = MemberLinear(n_members, 2 * hidden, hidden, generator, _RESIDUAL)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """Attend and transform: x (m, n, n_tokens, hidden), seen (m, n, n_tokens)."""
        m, n, n_tokens, hidden = x.shape
        rows = functional.layer_norm(x, (hidden,)).reshape(m, n * n_tokens, hidden)
        split = self.projections(rows).view(m * n, n_tokens, 3, self.n_heads, hidden // self.n_heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        mask = seen.reshape(m * n, 1, 1, n_tokens)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = x + self.attended(mixed.transpose(1, 2).reshape(m, n * n_tokens, hidden)).view(x.shape)
        rows = functional.layer_norm(x, (hidden,)).reshape(m, n * n_tokens, hidden)
        return torch.as_tensor(x + self.narrow(functional.silu(self.wide(rows))).view(x.shape))
