"""The base of neural regressors, and the ensemble of perceptrons."""

from __future__ import annotations

import copy
from abc import abstractmethod
from dataclasses import KW_ONLY, dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from nasmeta.arrays import Array, Floats
from nasmeta.predictors._estimators._scaled import Prediction, ScaledRegressor
from nasmeta.predictors._neural._training import (
    MemberLinear,
    MemberNetwork,
    Readout,
    cpu_or_cuda,
    predict_members,
    train_members,
)

_LEAST_DEVIATION = 1e-3  # of scores with a deviation of about one


@dataclass(eq=False, repr=False, kw_only=True)
class NeuralRegressor(ScaledRegressor):
    """Base of ensembles of networks (Lakshminarayanan et al., "Deep ensembles", NeurIPS 2017).

    A subclass builds its network and turns checked rows into tensors. Members differ in their first weights, batches
    and validation labels, and are trained side by side in one batched computation. The loss is RankNet's pairwise
    logistic loss; afterwards each member's output is scaled to the labels.
    """

    hidden: int
    n_members: int = 5
    labels: str = "rank"
    max_epochs: int = 120
    patience: int = 40
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    device: str = "cpu"
    random_state: int = 0

    @abstractmethod
    def _build(self, generator: torch.Generator) -> MemberNetwork:
        """Return a new network of ``n_members`` members."""

    @abstractmethod
    def _tensors(self, rows: Array) -> tuple[Tensor, ...]:
        """Turn checked rows into the inputs of the network, each of shape (n, ...)."""

    def _fit(self, X: Array, scores: Floats) -> None:
        """Train the members on rows, shape (n, ...), and scores, shape (n,), and scale their outputs to the scores."""
        device = cpu_or_cuda(self.device)
        generator = torch.Generator().manual_seed(self.random_state)
        network = self._build(generator).to(device)
        inputs = tuple(values.to(device) for values in self._tensors(X))
        targets = torch.as_tensor(scores, dtype=torch.float32, device=device)
        left_out, self.n_epochs_ = train_members(
            network,
            inputs,
            targets,
            generator,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            max_epochs=self.max_epochs,
            patience=self.patience,
        )
        predicted = predict_members(network, inputs)
        slope, shift = _calibration(predicted, targets)
        # The error of one member, which is larger than the error of their mean: the validation labels also chose the
        # member's epoch.
        missed = (predicted * slope + shift - targets).square()
        missed = missed.gather(1, left_out) if left_out.shape[1] else missed
        self.noise_ = float(missed.mean().clamp(min=_LEAST_DEVIATION**2).sqrt())
        self.slope_, self.shift_ = slope.cpu().numpy(), shift.cpu().numpy()
        self.network_ = network

    def _predict(self, X: Array, return_std: bool) -> Prediction:
        # In double precision a row's prediction does not depend on the other rows.
        """Return mean and deviation of the scores, each of shape (n,).

        The variance is that between the members plus the squared validation error of a member.
        """
        network = copy.deepcopy(self.network_).double()
        device = next(network.parameters()).device
        inputs = tuple(
            values.to(device, torch.float64 if values.is_floating_point() else None) for values in self._tensors(X)
        )
        members = predict_members(network, inputs).cpu().numpy() * self.slope_ + self.shift_
        deviation = np.sqrt(members.var(axis=0) + self.noise_**2) if return_std else None
        return members.mean(axis=0), deviation


def _calibration(predicted: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return slope and shift, each (n_members, 1), of the least-squares line from predictions to scores.

    A ranking has no scale. The slope stays above zero, because a negative slope would reverse the order.
    """
    center = predicted.mean(dim=1, keepdim=True)
    spread = (predicted - center).square().mean(dim=1, keepdim=True).clamp(min=1e-12)
    slope = ((predicted - center) * (scores - scores.mean())).mean(dim=1, keepdim=True) / spread
    slope = slope.clamp(min=1e-6)
    return slope, scores.mean() - slope * center


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
        Networks. Their mean is the prediction, and their disagreement is part of the deviation.
    labels : {"rank", "value"}, default "rank"
        Learn normal scores of ranks, or the values themselves.
    max_epochs : int, default 150
    patience : int, default 50
        Training stops after this number of epochs in which no member had a lower loss on its validation labels, a
        tenth of all. Each member keeps its best weights.
    learning_rate : float, default 0.003
        The peak; the rate rises linearly and falls as half a cosine over ``max_epochs``.
    weight_decay : float, default 0.01
        Decoupled weight decay of AdamW (Loshchilov and Hutter, ICLR 2019).
    device : {"cpu", "cuda", "auto"}, default "cpu"
        With auto, a GPU if available.
    random_state : int, default 0
        On one CPU the same seed gives the same predictions; PyTorch's global generator is not used.

    Attributes
    ----------
    noise_ : float
        Root mean square error of a member on its validation labels, in scores; part of the deviation.
    n_epochs_ : int
        Number of training epochs.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import make_predictor
    >>> architectures, y = np.arange(60), np.arange(60.0) % 7
    >>> predictor = make_predictor("mlp", max_epochs=3, n_members=2).fit(architectures, y)
    >>> mean, deviation = predictor.predict(architectures[:5], return_std=True)
    >>> mean.shape, bool((deviation > 0).all())
    ((5,), True)
    """

    hidden: int = 64
    n_layers: int = 2
    _: KW_ONLY
    n_members: int = 8
    max_epochs: int = 150
    patience: int = 50

    def _fit(self, X: Array, scores: Floats) -> None:
        self.center_ = X.mean(axis=0)
        scale = X.std(axis=0)
        self.scale_ = np.where(scale > 0, scale, 1.0)
        super()._fit(X, scores)

    def _build(self, generator: torch.Generator) -> MemberNetwork:
        return _Perceptrons(len(self.center_), self.hidden, self.n_layers, self.n_members, generator)

    def _tensors(self, rows: Array) -> tuple[Tensor, ...]:
        return (torch.as_tensor((rows - self.center_) / self.scale_, dtype=torch.float32),)


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
