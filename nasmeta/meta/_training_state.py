"""Weights and Adam's moments of a meta-training as named arrays, and back; for checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

_SLOTS = ("step", "exp_avg", "exp_avg_sq")


class StateNames:
    """How a checkpoint names its arrays: by a parameter's number ``{i}`` or ``{name}``, and the ``{slot}`` of Adam."""

    def __init__(self, weight: str, moment: str) -> None:
        self.weight, self.moment = weight, moment

    def pack(self, module: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, NDArray[Any]]:
        """Return the arrays; a parameter that never had a gradient has no moments."""
        arrays: dict[str, NDArray[Any]] = {}
        for i, name, parameter in _trained(module):
            arrays[self.weight.format(i=i, name=name)] = parameter.detach().cpu().numpy()
            for slot, value in optimiser.state[parameter].items():
                arrays[self.moment.format(i=i, name=name, slot=slot)] = value.detach().cpu().numpy()
        return arrays

    def unpack(self, arrays: Mapping[str, NDArray[Any]], module: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        """Put arrays of `pack` where they belong; an exception of whatever kind where they are others."""
        state = optimiser.state_dict()
        for i, name, parameter in _trained(module):
            weights = torch.as_tensor(arrays[self.weight.format(i=i, name=name)])
            if weights.shape != parameter.shape:
                raise ValueError(f"{name} is of shape {tuple(weights.shape)}, not {tuple(parameter.shape)}")
            with torch.no_grad():
                parameter.copy_(weights)
            places = {slot: self.moment.format(i=i, name=name, slot=slot) for slot in _SLOTS}
            if places["step"] in arrays:
                state["state"][i] = {slot: torch.as_tensor(arrays[place]) for slot, place in places.items()}
        optimiser.load_state_dict(state)  # which knows what belongs on which device


def _trained(module: nn.Module) -> list[tuple[int, str, Tensor]]:
    trained = [(name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad]
    return [(i, name, parameter) for i, (name, parameter) in enumerate(trained)]
