"""What the neural regressors share: settings, training, prediction with deviation, saving."""

from __future__ import annotations

import copy
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor

from nasmeta.checks import check_choice, check_int, check_number
from nasmeta.errors import SettingError
from nasmeta.predictors._estimators._base import ScaledRegressor
from nasmeta.predictors._neural._training import LOSSES, MemberNetwork, chosen_device, predict_members, train_members

_LEAST_DEVIATION = 1e-3  # of scores, whose own deviation is about one


@dataclass(eq=False, repr=False, kw_only=True)
class NeuralRegressor(ScaledRegressor):
    """Base of ensembles of networks (Lakshminarayanan et al., "Deep ensembles", NeurIPS 2017).

    A subclass builds its network and turns checked rows into tensors. Members differ in their first weights, batches
    and the part of the labels that they are validated on, and are trained side by side in one batched computation.
    """

    hidden: int
    n_members: int = 5
    loss: str = "ranking"
    labels: str = "rank"
    max_epochs: int = 120
    patience: int = 40
    validation_fraction: float = 0.1
    batch_size: int | None = None
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    device: str = "cpu"
    random_state: int = 0

    @abstractmethod
    def _build(self, n_inputs: int, generator: torch.Generator) -> MemberNetwork:
        """Return a new network of ``n_members`` members."""

    @abstractmethod
    def _tensors(self, rows: NDArray[Any]) -> tuple[Tensor, ...]:
        """Turn checked rows into what the network reads, each of shape (n, ...)."""

    @abstractmethod
    def _n_inputs(self) -> int:
        """Return how many columns beside the cell the network reads."""

    def _fit(self, X: NDArray[Any], scores: NDArray[np.float64]) -> None:
        self._check_settings()
        device = chosen_device(self.device)
        generator = torch.Generator().manual_seed(check_int("random_state", self.random_state, least=0))
        network = self._build(self._n_inputs(), generator).to(device)
        inputs = tuple(values.to(device) for values in self._tensors(X))
        wanted = torch.as_tensor(scores, dtype=torch.float32, device=device)
        left_out, self.n_epochs_ = train_members(network, inputs, wanted, self, generator)
        predicted = predict_members(network, inputs)
        slope, shift = _calibration(predicted, wanted) if self.loss == "ranking" else _identity(predicted)
        predicted = predicted * slope + shift
        # The error of one member, larger than that of their mean: the validation part also chose the member's epoch.
        missed = (predicted - wanted).square()
        missed = missed.gather(1, left_out) if left_out.shape[1] else missed
        self.noise_ = float(missed.mean().clamp(min=_LEAST_DEVIATION**2).sqrt())
        self.slope_, self.shift_ = slope.cpu().numpy(), shift.cpu().numpy()
        self.network_ = network

    def _predict(self, X: NDArray[Any], return_std: bool) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        # In double precision a row's prediction does not depend on the rows beside it.
        network = copy.deepcopy(self.network_).double()
        device = next(network.parameters()).device
        inputs = tuple(
            values.to(device, torch.float64 if values.is_floating_point() else None) for values in self._tensors(X)
        )
        members = predict_members(network, inputs).cpu().numpy() * self.slope_ + self.shift_
        deviation = np.sqrt(members.var(axis=0) + self.noise_**2) if return_std else None
        return members.mean(axis=0), deviation

    def _check_settings(self) -> None:
        check_choice("loss", self.loss, LOSSES)
        for name in ("hidden", "n_members", "max_epochs", "patience"):
            check_int(name, getattr(self, name), most=1_000_000)
        if self.batch_size is not None:
            check_int("batch_size", self.batch_size, least=2)
        check_number("validation_fraction", self.validation_fraction, most=0.5)
        check_number("weight_decay", self.weight_decay)
        if check_number("learning_rate", self.learning_rate) == 0:
            raise SettingError("learning_rate must be above 0.")

    def _state(self) -> dict[str, Any]:
        weights = {name: values.detach().cpu().contiguous() for name, values in self.network_.state_dict().items()}
        return {
            "noise": self.noise_,
            "slope": self.slope_,
            "shift": self.shift_,
            "n_epochs": self.n_epochs_,
            "safetensors": safetensors.torch.save(weights),
        }

    def _set_state(self, state: dict[str, Any]) -> None:
        self.noise_, self.n_epochs_ = state["noise"], state["n_epochs"]
        self.slope_, self.shift_ = state["slope"], state["shift"]
        network = self._build(self._n_inputs(), torch.Generator().manual_seed(0))
        network.load_state_dict(safetensors.torch.load(state["safetensors"]))
        device = "cpu" if self.device == "cuda" and not torch.cuda.is_available() else self.device
        self.network_ = network.to(chosen_device(device))


def _identity(predicted: Tensor) -> tuple[Tensor, Tensor]:
    slope = torch.ones_like(predicted[:, :1])
    return slope, torch.zeros_like(slope)


def _calibration(predicted: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return slope and shift, each (n_members, 1), of the least-squares line from what a ranking says to scores.

    A ranking fixes no scale of its own; a slope below zero would turn the order, so it is kept above.
    """
    center = predicted.mean(dim=1, keepdim=True)
    spread = (predicted - center).square().mean(dim=1, keepdim=True).clamp(min=1e-12)
    slope = ((predicted - center) * (scores - scores.mean())).mean(dim=1, keepdim=True) / spread
    slope = slope.clamp(min=1e-6)
    return slope, scores.mean() - slope * center
