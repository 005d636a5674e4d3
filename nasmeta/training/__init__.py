"""Real networks: the benchmark's skeleton in PyTorch, its training on images, and zero-cost proxies.

Data sets, recipes, results, `measured_proxies` and `load_images` need no PyTorch; all else needs
``pip install "nasmeta[torch]"`` and is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from nasmeta.training._dataset import (
    ImageDataset,
    dataset_names,
    dataset_options as dataset_options,
    default_split as default_split,
    load_dataset,
)
from nasmeta.training._images import ImageBatch as ImageBatch, load_images
from nasmeta.training._proxy_file import ProxyFile as ProxyFile, measured_proxies, read_proxies as read_proxies
from nasmeta.training._recipe import Recipe, load_recipe, recipe_names
from nasmeta.training._result import EpochRecord, TrainingResult, read_result as read_result
from nasmeta.training._train import train

if TYPE_CHECKING:
    from nasmeta.training import proxies
    from nasmeta.training._device_data import DeviceData as DeviceData
    from nasmeta.training._export import export_network, load_network
    from nasmeta.training._many import train_many
    from nasmeta.training._network import (
        CellModule as CellModule,
        CellNetwork,
        live_edges as live_edges,
        multiply_adds as multiply_adds,
    )
    from nasmeta.training._supernet import Supernet, gdas, train_supernet

__all__ = [
    "CellNetwork",
    "EpochRecord",
    "ImageDataset",
    "Recipe",
    "Supernet",
    "TrainingResult",
    "dataset_names",
    "export_network",
    "gdas",
    "load_dataset",
    "load_images",
    "load_network",
    "load_recipe",
    "measured_proxies",
    "proxies",
    "recipe_names",
    "train",
    "train_many",
    "train_supernet",
]

# These need PyTorch, so they are found where they are first asked for.
_LAZY = {
    "CellModule": "_network",
    "CellNetwork": "_network",
    "DeviceData": "_device_data",
    "Supernet": "_supernet",
    "export_network": "_export",
    "gdas": "_supernet",
    "live_edges": "_network",
    "load_network": "_export",
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
