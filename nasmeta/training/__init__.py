"""Real networks: the benchmark's skeleton in PyTorch, its training on images, and zero-cost proxies.

Data sets, recipes, results and `measured_proxies` need no PyTorch; all else needs
``pip install torch gpytorch safetensors`` and is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from nasmeta.training._dataset import (
    ImageDataset,
    dataset_options as dataset_options,
    default_split as default_split,
)
from nasmeta.training._images import ImageBatch as ImageBatch, load_images as load_images
from nasmeta.training._listing import list_images, list_proxies, list_recipes
from nasmeta.training._proxy_file import ProxyFile as ProxyFile, measured_proxies, read_proxies as read_proxies
from nasmeta.training._recipe import Recipe, recipe_for as recipe_for
from nasmeta.training._result import (
    EpochRecord as EpochRecord,
    TrainingResult as TrainingResult,
    read_result as read_result,
)
from nasmeta.training._train import train

if TYPE_CHECKING:
    from nasmeta.training import proxies as proxies
    from nasmeta.training._machine import DeviceData as DeviceData
    from nasmeta.training._many import train_many
    from nasmeta.training._network import (
        CellModule as CellModule,
        CellNetwork,
        live_edges as live_edges,
        multiply_adds as multiply_adds,
    )
    from nasmeta.training._supernet import Supernet, gdas, train_supernet
    from nasmeta.training.proxies import compute_proxies

__all__ = [
    "CellNetwork",
    "ImageDataset",
    "Recipe",
    "Supernet",
    "compute_proxies",
    "gdas",
    "list_images",
    "list_proxies",
    "list_recipes",
    "measured_proxies",
    "train",
    "train_many",
    "train_supernet",
]

# These need PyTorch, so they are found where they are first asked for.
_LAZY = {
    "CellModule": "_network",
    "CellNetwork": "_network",
    "DeviceData": "_machine",
    "Supernet": "_supernet",
    "compute_proxies": "proxies",
    "gdas": "_supernet",
    "live_edges": "_network",
    "multiply_adds": "_network",
    "train_many": "_many",
    "train_supernet": "_supernet",
}


def __getattr__(name: str) -> object:
    if name == "proxies":
        found: object = import_module(f"{__name__}.proxies")
    elif name in _LAZY:
        import_module(f"{__name__}._network")  # says in words where PyTorch is missing
        found = getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
