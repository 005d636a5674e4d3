"""Networks on architectures: inputs, the graph network and the transformer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from nasmeta.errors import SettingError
from nasmeta.predictors._encoders import default_encoder, make_encoder
from nasmeta.predictors._encoders._base import cells_in, in_reference_space
from nasmeta.predictors._labels import checked_labels
from nasmeta.predictors._neural._base import NeuralRegressor
from nasmeta.predictors._neural._training import MemberLinear, MemberNetwork, Readout, normal_weight
from nasmeta.spaces import CellSpace, SearchSpace, get_cell_space, get_space, reference_space

CELL_FEATURES = "one-hot+live-paths+operation-counts+graph"
_FEATURE_SCALE = 0.5  # deviation of a feature, relative to the state that the network computes
_READOUT = 64
_EMBEDDING = 0.5  # deviation of first embeddings
_RESIDUAL = 0.5  # gain of layers that add to a residual stream


@dataclass(eq=False, repr=False, kw_only=True)
class CellRegressor(NeuralRegressor):
    """Base of regressors that read architectures: indices or strings, shape (n,) or (n, 1).

    A cell is replaced by the representative of its isomorphism class (rule ``zero`` for cells), so isomorphic
    architectures get one prediction. Cells of TransNAS-Bench-101 are read as cells of NAS-Bench-201; see
    `reference_space`.
    """

    features: str | None = CELL_FEATURES
    space: str | SearchSpace = "nb201"
    reads_architectures: ClassVar[bool] = True

    @classmethod
    def check_space(cls, space: SearchSpace) -> None:
        """Raise an error if the network cannot read the architectures of a space."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.no_validation = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags

    def _checked(self, X: Any, y: Any) -> tuple[NDArray[Any], NDArray[np.float64]]:
        self.check_space(get_space(self.space))
        cells = self._checked_rows(X)
        self.n_features_in_ = 1
        return cells, checked_labels(y, len(cells))

    def _checked_rows(self, X: Any) -> NDArray[Any]:
        return cells_in(X, get_space(self.space))

    def _predict(self, X: NDArray[Any], return_std: bool) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        # Isomorphic architectures are computed once.
        representatives = np.asarray(get_space(self.space).canonical(X, rule="zero"), dtype=np.int32)
        represented, inverse = np.unique(representatives, return_inverse=True)
        mean, deviation = super()._predict(represented, return_std)
        return mean[inverse], None if deviation is None else deviation[inverse]

    def _n_inputs(self) -> int:
        return int(self._feature_columns().shape[1])

    def _feature_columns(self) -> NDArray[np.float32]:
        space = reference_space(self.space)
        if self.features is None:
            return np.zeros((space.size, 0), np.float32)
        features = default_encoder(CELL_FEATURES, space) if self.features == CELL_FEATURES else self.features
        return _feature_table(features, space)

    def _tensors(self, rows: NDArray[Any]) -> tuple[Tensor, ...]:
        """Return choices one-hot (n, n_positions, n_choices), live positions (n, n_positions), columns (n, n_inputs).

        In NAS-Bench-201 the choices are five operations on six edges; see `choice_order` for other spaces.
        """
        space = reference_space(self.space)
        rows_there = in_reference_space(rows, get_space(self.space))
        cells = np.asarray(space.canonical(rows_there, rule="zero"), dtype=np.int32)
        order = choice_order(space)
        one_hot = (space.codes[cells][:, :, None] == order) & (order >= 0)
        live = space.live_edges[cells] if isinstance(space, CellSpace) else np.ones(one_hot.shape[:2], dtype=bool)
        return (
            torch.as_tensor(one_hot, dtype=torch.float32),
            torch.as_tensor(live),
            torch.as_tensor(self._feature_columns()[cells]),
        )


@lru_cache(maxsize=8)
def choice_order(space: SearchSpace) -> NDArray[np.int16]:
    """Return the code of each position for each one-hot column, shape (n_positions, n_choices); -1 if it has none.

    Positions with the same choices, in any order, share columns. For cells: ``none`` and ``skip_connect`` if present,
    then the other operations.
    """
    if isinstance(space, CellSpace):
        first = [digit for digit in (space.none, space.skip) if digit is not None]
        return np.tile(np.array([*first, *space.real_operations], dtype=np.int16), (space.n_positions, 1))
    columns: dict[frozenset[Any], dict[Any, int]] = {}
    n_columns = 0
    for position in space.positions:
        if frozenset(position.choices) not in columns:
            columns[frozenset(position.choices)] = {c: n_columns + i for i, c in enumerate(position.choices)}
            n_columns += len(position.choices)
    order = np.full((space.n_positions, n_columns), -1, dtype=np.int16)
    for row, position in zip(order, space.positions, strict=True):
        row[[columns[frozenset(position.choices)][c] for c in position.choices]] = np.arange(len(position.choices))
    return order


@lru_cache(maxsize=4)
def _feature_table(features: str, space: SearchSpace) -> NDArray[np.float32]:
    """Return the features of all architectures that are not constant, standardised and scaled."""
    table = np.asarray(make_encoder(features, space).transform(np.arange(space.size)), dtype=np.float64)
    table = table[:, table.std(axis=0) > 0]
    scaled: NDArray[np.float32] = (_FEATURE_SCALE * (table - table.mean(axis=0)) / table.std(axis=0)).astype(np.float32)
    return scaled


@dataclass(eq=False, repr=False)
class GraphNetwork(CellRegressor):
    """Ensemble of graph networks on the nodes of a cell.

    A node's state is the sum of its incoming messages, as in the cell itself: ``none`` sends nothing, ``skip_connect``
    sends the state of its source, any other operation a learned transformation of it. Isomorphic cells have the same
    state by construction. Messages flow from input to output, as in D-VAE (Zhang et al., "D-VAE:
    A variational autoencoder for directed acyclic graphs", NeurIPS 2019). The state of the output node and `features`
    are read out by one hidden layer.

    Parameters
    ----------
    hidden : int, default 32
        Size of a node's state.
    features : str, optional
        Encodings that the readout receives with the state, as `make_encoder` reads them; None for no encodings.
    n_members : int, default 5
        Networks. Their mean is the prediction, and their disagreement is part of the deviation.
    labels : {"rank", "value"}, default "rank"
        Learn normal scores of ranks, or the values themselves.
    max_epochs, patience, learning_rate, weight_decay, device, random_state
        As in `MLPEnsemble`.
    space : str or SearchSpace, default "nb201"
        A space of cells. Cells of TransNAS-Bench-101 are read as the same cells of NAS-Bench-201, so a model of one
        space predicts on the other.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import make_predictor
    >>> cells, y = np.arange(60), np.arange(60.0) % 7
    >>> predictor = make_predictor("gnn", max_epochs=3, n_members=2).fit(cells, y)
    >>> mean, deviation = predictor.predict(cells[:5], return_std=True)
    >>> mean.shape, bool((deviation > 0).all())
    ((5,), True)
    """

    hidden: int = 32

    @classmethod
    def check_space(cls, space: SearchSpace) -> None:
        """Raise an error unless it is a space of cells."""
        if not isinstance(space, CellSpace):
            raise SettingError(
                "space of a graph network", space.name, "a space of cells", "The transformer reads any space."
            )

    def _build(self, n_inputs: int, generator: torch.Generator) -> MemberNetwork:
        space = get_cell_space(reference_space(self.space))
        return _Graphs(space, n_inputs, self.hidden, self.n_members, generator)


class _Graphs(MemberNetwork):
    """Message passing along the edges of each cell."""

    def __init__(
        self,
        space: CellSpace,
        n_inputs: int,
        hidden: int,
        n_members: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__(n_members)
        self.hidden = hidden
        self.n_nodes, self.edges = space.n_nodes, space.edges
        self.n_dead, self.passes_on = int(space.none is not None), space.skip is not None
        self.n_learned = len(space.real_operations)
        self.start = normal_weight(generator, n_members, 1, hidden)
        self.operations = MemberLinear(n_members, hidden, self.n_learned * hidden, generator)
        self.readout = Readout(n_members, hidden + n_inputs, _READOUT, generator)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        operations, live, columns = inputs
        operations = operations * live[..., None]  # without this, dead edges would send the bias
        m, n = operations.shape[:2]
        state: Tensor = self.start.expand(m, n, self.hidden)
        sums: dict[int, Tensor] = {}
        for node in range(self.n_nodes - 1):
            learned = self.operations(functional.silu(state)).view(m, n, self.n_learned, self.hidden)
            results = torch.cat([state[:, :, None], learned], dim=2) if self.passes_on else learned
            for edge, (source, target) in enumerate(self.edges):
                if source == node:
                    message = (operations[:, :, edge, self.n_dead :, None] * results).sum(dim=2)
                    sums[target] = sums[target] + message if target in sums else message
            state = sums.get(node + 1, torch.zeros_like(state))  # zero without incoming edges
        return torch.as_tensor(self.readout(torch.cat([state, columns], dim=-1)))


@dataclass(eq=False, repr=False)
class CellTransformer(CellRegressor):
    """Ensemble of transformers (Vaswani et al., "Attention is all you need", NeurIPS 2017) on the edges of a cell.

    A token is an edge: the sum of embeddings of its operation, its source and its target. Attention masks dead edges.
    In other spaces a token is a position: the sum of embeddings of its choice and of the position; positions with the
    same choices share the embeddings of choices. One additional token gathers the state, and one hidden layer reads it
    out, together with `features`.

    Parameters
    ----------
    hidden : int, default 16
        Width of a token.
    n_layers : int, default 1
    n_heads : int, default 4
        A divisor of `hidden`.
    features : str, optional
        Encodings that the readout receives with the state, as `make_encoder` reads them; None for no encodings.
    n_members : int, default 5
        Networks. Their mean is the prediction, and their disagreement is part of the deviation.
    labels : {"rank", "value"}, default "rank"
        Learn normal scores of ranks, or the values themselves.
    max_epochs, patience, learning_rate, weight_decay, device, random_state
        As in `MLPEnsemble`.
    space : str or SearchSpace, default "nb201"
        Cells are read as in `GraphNetwork`.

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
        space = reference_space(self.space)
        return _Transformers(space, n_inputs, self.hidden, self.n_layers, self.n_heads, self.n_members, generator)


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
        # Positions of other spaces: each is its own source, and all have one target.
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
        # A product with one-hot operations: on a GPU, the gradient of a look-up is not deterministic.
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
