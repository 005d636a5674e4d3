"""Ensemble of multi-layer perceptrons on a feature matrix."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from nasmeta.checks import check_int
from nasmeta.predictors._neural._base import NeuralRegressor
from nasmeta.predictors._neural._training import MemberLinear, MemberNetwork, Readout


@dataclass(eq=False, repr=False)
class MLPEnsemble(NeuralRegressor):
    """Multi-layer perceptrons on standardised features, trained side by side.

    Parameters
    ----------
    hidden : int, default 64
        Width of each hidden layer.
    n_layers : int, default 2
        Hidden layers.
    n_members : int, default 8
        Networks whose mean is the prediction and whose disagreement is part of the deviation.
    loss : {"ranking", "mse"}, default "ranking"
        RankNet's pairwise logistic loss, after which each member's output is scaled to the labels, or squared error.
    labels : {"rank", "value"}, default "rank"
        Learn normal scores of ranks, or the values themselves.
    max_epochs : int, default 150
    patience : int, default 50
        A member stops after so many epochs without a better loss on its validation part.
    validation_fraction : float, default 0.1
        Share of the labels which a member is validated on, other ones for each; 0 turns early stopping off.
    batch_size : int, optional
        Rows a step; about 64 where left out, but at least four and at most twelve steps an epoch.
    learning_rate : float, default 0.003
        The highest one; it rises linearly and falls as half a cosine over ``max_epochs``.
    weight_decay : float, default 0.01
        Decoupled, as AdamW does it (Loshchilov and Hutter, ICLR 2019).
    device : {"cpu", "cuda", "auto"}, default "cpu"
        auto is a GPU where there is one.
    random_state : int, default 0
        On one CPU the same seed gives the same predictions; PyTorch's global generator is not used.

    Attributes
    ----------
    noise_ : float
        Root mean square error of a member on its validation part, in scores; part of the deviation.
    n_epochs_ : int
        Epochs until the last member had stopped.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import make_predictor
    >>> cells, y = np.arange(60), np.arange(60.0) % 7
    >>> predictor = make_predictor("mlp", max_epochs=3, n_members=2).fit(cells, y)
    >>> mean, deviation = predictor.predict(cells[:5], return_std=True)
    >>> mean.shape, bool((deviation > 0).all())
    ((5,), True)
    """

    hidden: int = 64
    n_layers: int = 2
    _: KW_ONLY
    n_members: int = 8
    max_epochs: int = 150
    patience: int = 50

    def _fit(self, X: NDArray[Any], scores: NDArray[np.float64]) -> None:
        self.center_ = X.mean(axis=0)
        scale = X.std(axis=0)
        self.scale_ = np.where(scale > 0, scale, 1.0)
        super()._fit(X, scores)

    def _n_inputs(self) -> int:
        return len(self.center_)

    def _build(self, n_inputs: int, generator: torch.Generator) -> MemberNetwork:
        return _Perceptrons(n_inputs, self.hidden, check_int("n_layers", self.n_layers), self.n_members, generator)

    def _tensors(self, rows: NDArray[Any]) -> tuple[Tensor, ...]:
        return (torch.as_tensor((rows - self.center_) / self.scale_, dtype=torch.float32),)

    def _state(self) -> dict[str, Any]:
        return {"center": self.center_, "scale": self.scale_, **super()._state()}

    def _set_state(self, state: dict[str, Any]) -> None:
        self.center_, self.scale_ = state["center"], state["scale"]
        super()._set_state(state)


class _Perceptrons(MemberNetwork):
    def __init__(self, n_inputs: int, hidden: int, n_layers: int, n_members: int, generator: torch.Generator) -> None:
        super().__init__(n_members)
        widths = [n_inputs] + [hidden] * (n_layers - 1)
        self.layers = nn.ModuleList(MemberLinear(n_members, n_in, hidden, generator, gain=1.4) for n_in in widths[:-1])
        self.readout = Readout(n_members, widths[-1], hidden, generator)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        (x,) = inputs
        for layer in self.layers:
            x = functional.silu(layer(x))
        return torch.as_tensor(self.readout(x))
