"""The graph network on cells."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils import check_consistent_length
from torch import Tensor
from torch.nn import functional

from nasmeta.arrays import Array, Floats, Floats32
from nasmeta.predictors._encoders._encoder import (
    architectures_in,
    in_reference_space,
    make_encoder,
    suitable_encoder,
)
from nasmeta.predictors._estimators._scaled import Prediction
from nasmeta.predictors._labels import checked_labels
from nasmeta.predictors._neural._perceptrons import NeuralRegressor
from nasmeta.predictors._neural._training import MemberLinear, MemberNetwork, Readout, normal_weight
from nasmeta.predictors._registered import DEFAULT_ENCODER
from nasmeta.spaces import CellSpace, SearchSpace, get_cell_space, get_space, reference_space

_FEATURE_SCALE = 0.5  # deviation of a feature, relative to the state that the network computes
_READOUT = 64


@lru_cache(maxsize=4)
def _feature_table(space: SearchSpace) -> Floats32:
    """Return the features of all architectures that are not constant, standardised and scaled, (size, n_inputs)."""
    encoder = make_encoder(suitable_encoder(DEFAULT_ENCODER, space), space)
    table = np.asarray(encoder.transform(np.arange(space.size)), dtype=np.float64)
    table = table[:, table.std(axis=0) > 0]
    scaled: Floats32 = (_FEATURE_SCALE * (table - table.mean(axis=0)) / table.std(axis=0)).astype(np.float32)
    return scaled


@dataclass(eq=False, repr=False)
class GraphNetwork(NeuralRegressor):
    """Ensemble of graph networks on the nodes of a cell.

    A node's state is the sum of its incoming messages, as in the cell itself: ``none`` sends nothing, ``skip_connect``
    sends the state of its source, any other operation a learned transformation of it. Isomorphic cells have the same
    state by construction. Messages flow from input to output, as in D-VAE (Zhang et al., "D-VAE:
    A variational autoencoder for directed acyclic graphs", NeurIPS 2019). The state of the output node and the
    default encoding of predictors are read out by one hidden layer.

    The network reads cells: indices or strings, shape (n,) or (n, 1). A cell is replaced by the representative of its
    isomorphism class (rule ``zero``), so isomorphic cells get one prediction.

    Parameters
    ----------
    hidden : int, default 32
        Size of a node's state.
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
    _: KW_ONLY
    space: str | SearchSpace = "nb201"
    reads_architectures: ClassVar[bool] = True
    default_encoder: ClassVar[str | None] = None

    def _build(self, generator: torch.Generator) -> MemberNetwork:
        space = get_cell_space(reference_space(self.space))
        return _Graphs(space, _feature_table(space).shape[1], self.hidden, self.n_members, generator)

    def _checked(self, X: Any, y: Any) -> tuple[Array, Floats]:
        cells = self._checked_rows(X)
        self.n_features_in_ = 1
        check_consistent_length(cells, y)
        return cells, checked_labels(y)

    def _checked_rows(self, X: Any) -> Array:
        return architectures_in(X, get_space(self.space))

    def _predict(self, X: Array, return_std: bool) -> Prediction:
        # Isomorphic architectures are computed once.
        representatives = np.asarray(get_space(self.space).canonical(X, rule="zero"), dtype=np.int32)
        represented, inverse = np.unique(representatives, return_inverse=True)
        mean, deviation = super()._predict(represented, return_std)
        return mean[inverse], None if deviation is None else deviation[inverse]

    def _tensors(self, rows: Array) -> tuple[Tensor, ...]:
        """Return operations one-hot (n, n_edges, n_operations), live edges (n, n_edges), columns (n, n_inputs).

        The operations are ``none`` and ``skip_connect`` if present, then the others.
        """
        space = get_cell_space(reference_space(self.space))
        rows_there = in_reference_space(rows, get_space(self.space))
        cells = np.asarray(space.canonical(rows_there, rule="zero"), dtype=np.int32)
        first = [operation for operation in (space.none, space.skip) if operation is not None]
        one_hot = space.codes[cells][:, :, None] == [*first, *space.real_operations]
        return (
            torch.as_tensor(one_hot, dtype=torch.float32),
            torch.as_tensor(space.live_edges[cells]),
            torch.as_tensor(_feature_table(space)[cells]),
        )


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
        """Create the weights of all members; `n_inputs` is the number of feature columns."""
        super().__init__(n_members)
        self.hidden = hidden
        self.n_nodes, self.edges = space.n_nodes, space.edges
        self.n_dead, self.passes_on = int(space.none is not None), space.skip is not None
        self.n_learned = len(space.real_operations)
        self.start = normal_weight(generator, n_members, 1, hidden)
        self.operations = MemberLinear(n_members, hidden, self.n_learned * hidden, generator)
        self.readout = Readout(n_members, hidden + n_inputs, _READOUT, generator)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Return scores, shape (n_members, n), of operations, live edges and columns, see `GraphNetwork._tensors`.

        Each input has a leading axis for the member.
        """
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
