"""Taking a trained network elsewhere, and files of tensors: safetensors with JSON in its head, no pickle."""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from nasmeta.errors import DamagedFileError, MissingPackageError, SettingError, needing, shown
from nasmeta.files import require_writable, write_atomically
from nasmeta.spaces import get_space

if TYPE_CHECKING:
    from nasmeta.training._network import CellNetwork

NETWORK_FILE = "network.safetensors"
_ENDINGS = {".safetensors": "safetensors", ".pt2": "torch", ".onnx": "onnx"}


def export_network(
    network: CellNetwork,
    path: str | Path,
    format: str | None = None,
    *,
    image_size: int = 32,
    facts: Mapping[str, Any] | None = None,
) -> Path:
    """Write a trained network into a file, as `CellNetwork.export` says."""
    path = Path(path)
    format = check_export(path, format)
    if format == "safetensors":
        notation = get_space(network.space_name).to_string(network.cell)
        head = {"network": network.settings, "cell_string": notation, "facts": dict(facts or {})}
        write_tensors(path, network.state_dict(), head)
        return path
    if image_size < 4 or image_size % 4:
        raise SettingError(f"image_size is a positive multiple of 4, not {shown(image_size)}.")
    was_training = network.training
    network.eval()
    try:
        device = next(network.parameters()).device
        images = torch.zeros(2, network.settings["in_channels"], image_size, image_size, device=device)
        batch = torch.export.Dim("batch")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's notes to its own developers
            program = torch.export.export(network, (images,), dynamic_shapes={"images": {0: batch}})
            if format == "torch":
                torch.export.save(program, path)
            else:
                made = torch.onnx.export(program, input_names=["images"], output_names=["logits"], verbose=False)
                assert made is not None
                made.save(path)
    except OSError as reason:
        raise SettingError(f"{path} cannot be written: {reason.strerror or reason}.") from reason
    finally:
        network.train(was_training)
    return path


def check_export(path: Path, format: str | None = None, made_before: Path | None = None) -> str:
    """Return the format in which a network is written to a path, by the ending where nobody says.

    It notices what would fail only after a training. The folder `made_before` need not be there yet.
    """
    format = format or _ENDINGS.get(path.suffix)
    if format is None or format not in _ENDINGS.values():
        asked = f"not {shown(format)}" if format else f"and {path.name} ends in none of {', '.join(_ENDINGS)}"
        raise SettingError(f"format is one of {', '.join(_ENDINGS.values())}, {asked}.")
    if path.is_dir():
        raise SettingError(f"{path} cannot be written: it is a folder.")
    if not path.parent.is_dir() and (made_before is None or path.parent.absolute() != made_before.absolute()):
        raise SettingError(f"{path} cannot be written: there is no folder {path.parent}.")
    if path.parent.is_dir():
        require_writable(path)
    if format == "onnx":
        for package in ("onnx", "onnxscript"):
            if importlib.util.find_spec(package) is None:
                raise MissingPackageError.of("The format ONNX", "train", package)
    return format


_KEY = "nasmeta"


def write_tensors(path: Path, tensors: Mapping[str, Tensor], head: Mapping[str, Any]) -> None:
    """Write tensors and a head of JSON's types."""
    from safetensors.torch import save

    # tensors of one memory, and those whose channels come last, are not taken as they are
    plain = {name: tensor.detach().to("cpu").contiguous().clone() for name, tensor in tensors.items()}
    write_atomically(path, save(plain, metadata={_KEY: json.dumps(head)}))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_tensors` wrote, on the CPU."""
    with needing("A checkpoint", "torch"):
        from safetensors import safe_open
    try:
        with safe_open(path, framework="pt") as file:
            head = json.loads((file.metadata() or {})[_KEY])
            tensors: dict[str, torch.Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if not isinstance(head, dict):
            raise TypeError("its head is no object")
    except Exception as reason:  # safetensors has an exception of its own for altered files, and passes on others
        raise DamagedFileError(f"{path} is damaged, or was not written by nasmeta: {reason!s:.200}.") from reason
    return tensors, head
