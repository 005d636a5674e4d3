"""Real networks: the skeleton of NAS-Bench-201 in PyTorch, its training on images, and zero-cost proxies.

Datasets, recipes, results and `measured_proxies` do not need PyTorch. All else needs
``pip install torch gpytorch safetensors`` and is imported at its first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasmeta.errors import needing
from nasmeta.lazy import lazy_names
from nasmeta.training._dataset import ImageDataset
from nasmeta.training._image_batch import ImageBatch as ImageBatch, load_images as load_images
from nasmeta.training._listing import list_images, list_proxies, list_recipes
from nasmeta.training._proxy_file import ProxyFile as ProxyFile, measured_proxies, read_proxies as read_proxies
from nasmeta.training._recipe import Recipe, recipe_for as recipe_for
from nasmeta.training._result import (
    EpochRecord as EpochRecord,
    TrainingResult as TrainingResult,
    read_result as read_result,
)
from nasmeta.training._train import train
from nasmeta.training._train_many import train_jobs as train_jobs, train_many
from nasmeta.training._worker import Trainer as Trainer, require_torch as require_torch

if TYPE_CHECKING:
    from nasmeta.training._device import DeviceData as DeviceData
    from nasmeta.training._network import (
        CellModule as CellModule,
        CellNetwork,
        live_edges as live_edges,
        multiply_adds as multiply_adds,
    )
    from nasmeta.training._own_network import (
        BuildNetwork as BuildNetwork,
        IdentifiedNetwork as IdentifiedNetwork,
        network_identity as network_identity,
    )
    from nasmeta.training.proxies import compute_proxies

__all__ = [
    "CellNetwork",
    "ImageDataset",
    "Recipe",
    "compute_proxies",
    "list_images",
    "list_proxies",
    "list_recipes",
    "measured_proxies",
    "train",
    "train_many",
]

_lazy = lazy_names(
    __name__,
    {
        "_device": "DeviceData",
        "_network": "CellModule CellNetwork live_edges multiply_adds",
        "_own_network": "BuildNetwork IdentifiedNetwork network_identity",
        "proxies": "compute_proxies",
    },
)


def __getattr__(name: str) -> object:
    with needing("Training", "torch"):
        return _lazy(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
