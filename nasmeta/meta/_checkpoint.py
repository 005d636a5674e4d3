"""Where a meta-training stands, in one file, so that an interrupted one goes on as if nothing had happened."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nasmeta.archives import ArchiveKind
from nasmeta.errors import SettingError
from nasmeta.files import write_atomically

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


_KIND = ArchiveKind("nasmeta-checkpoint", 1, "checkpoint", "To begin anew, delete it.", largest=2**31, compressed=False)


def write_checkpoint(
    path: Path, identity: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]
) -> None:
    """Write arrays and facts of JSON's types; the old file stays until the new one is complete."""
    write_atomically(path, _KIND.encode({"identity": identity, "facts": facts}, arrays))


@contextmanager
def resuming(path: Path, identity: Mapping[str, Any]) -> Iterator[tuple[dict[str, NDArray[Any]], dict[str, Any]]]:
    """Read a checkpoint; inside, the arrays and facts are put where they belong.

    One of another training is a SettingError; one that is none, or does not fit where it belongs, a DamagedFileError.
    """
    head, arrays = _KIND.decode(_KIND.read(path), path)
    with _KIND.blaming(path):
        same = head["identity"] == json.loads(json.dumps(identity))
    if not same:
        raise SettingError(
            f"{path} is the checkpoint of another meta-training (other sources, labels, settings or learner): "
            "remove it, or name another file."
        )
    with _KIND.blaming(path):
        yield {name: array.copy() for name, array in arrays.items()}, head["facts"]
