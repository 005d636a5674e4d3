"""Graph network that passes messages as a cell passes feature maps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from nasmeta.errors import SettingError
from nasmeta.predictors._neural._cell_inputs import CellRegressor
from nasmeta.predictors._neural._training import MemberLinear, MemberNetwork, Readout, normal_weight
from nasmeta.spaces import CellSpace, SearchSpace, get_cell_space, reference_space

_READOUT = 64


@dataclass(eq=False, repr=False)
class GraphNetwork(CellRegressor):
    """Ensemble of graph networks on the nodes of a cell.

    A node's state is the sum of what its edges bring, as in the cell itself: ``none`` brings nothing,
    ``skip_connect`` the state at its source, any other operation a learnt transformation of it. So cells that compute
    the same get the same state by construction. Messages flow from input to output, as in D-VAE (Zhang et al., "D-VAE:
    A variational autoencoder for directed acyclic graphs", NeurIPS 2019). The state of the output node and `features`
    are read out by one hidden layer.

    Parameters
    ----------
    hidden : int, default 32
        Size of a node's state.
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
        The space, of cells, whose cells X holds, or its name. Those of TransNAS-Bench-101 are read as the same cells of
        NAS-Bench-201, so what was learnt on one predicts on the other.

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
        """Refuse what is no space of cells; see `CellRegressor.check_space`."""
        if not isinstance(space, CellSpace):
            raise SettingError(
                f"A graph network (gnn) passes messages along the edges of cells, and {space.name} is no space of "
                "cells; the transformer reads any space."
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
        # The first columns of the operations, see `choice_order`.
        self.n_dead, self.passes_on = int(space.none is not None), space.skip is not None
        self.n_learnt = len(space.real_operations)
        self.start = normal_weight(generator, n_members, 1, hidden)
        self.operations = MemberLinear(n_members, hidden, self.n_learnt * hidden, generator)
        self.readout = Readout(n_members, hidden + n_inputs, _READOUT, generator)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        operations, live, columns = inputs
        operations = operations * live[..., None]  # a transformation of nothing would be its bias
        m, n = operations.shape[:2]
        state: Tensor = self.start.expand(m, n, self.hidden)
        sums: dict[int, Tensor] = {}
        for node in range(self.n_nodes - 1):
            learnt = self.operations(functional.silu(state)).view(m, n, self.n_learnt, self.hidden)
            # of every operation but none
            results = torch.cat([state[:, :, None], learnt], dim=2) if self.passes_on else learnt
            for edge, (source, target) in enumerate(self.edges):
                if source == node:
                    message = (operations[:, :, edge, self.n_dead :, None] * results).sum(dim=2)
                    sums[target] = sums[target] + message if target in sums else message
            state = sums.get(node + 1, torch.zeros_like(state))  # zero if no edge leads there
        return torch.as_tensor(self.readout(torch.cat([state, columns], dim=-1)))
