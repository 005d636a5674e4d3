"""Real networks: the skeleton of NAS-Bench-201 in PyTorch, its training on images, and zero-cost proxies.

Datasets, recipes, results and `measured_proxies` do not need PyTorch. All else needs
``pip install torch safetensors`` and is imported at its first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasmeta.errors import needing
from nasmeta.lazy import lazy_names
from nasmeta.training._dataset import ImageDataset
from nasmeta.training._image_batch import load_images
from nasmeta.training._listing import list_images, list_proxies, list_recipes
from nasmeta.training._proxy_file import measured_proxies, read_proxies
from nasmeta.training._recipe import Recipe, RecipeLike
from nasmeta.training._result import EpochRecord, TrainingResult, read_result
from nasmeta.training._train import train
from nasmeta.training._train_many import train_jobs, train_many
from nasmeta.training._worker import Trainer, require_torch

if TYPE_CHECKING:
    from nasmeta.training._device import (
        chosen_device as chosen_device,
        device_name as device_name,
        fastest_algorithms as fastest_algorithms,
    )
    from nasmeta.training._learner import Learner as Learner
    from nasmeta.training._network import CellNetwork, multiply_adds
    from nasmeta.training._own_network import BuildNetwork, IdentifiedNetwork, network_identity
    from nasmeta.training.proxies import compute_proxies

__all__ = [
    "BuildNetwork",
    "CellNetwork",
    "EpochRecord",
    "IdentifiedNetwork",
    "ImageDataset",
    "Recipe",
    "RecipeLike",
    "Trainer",
    "TrainingResult",
    "compute_proxies",
    "list_images",
    "list_proxies",
    "list_recipes",
    "load_images",
    "measured_proxies",
    "multiply_adds",
    "network_identity",
    "read_proxies",
    "read_result",
    "require_torch",
    "train",
    "train_jobs",
    "train_many",
]

_lazy = lazy_names(
    __name__,
    {
        "_device": "chosen_device device_name fastest_algorithms",
        "_learner": "Learner",
        "_network": "CellNetwork multiply_adds",
        "_own_network": "BuildNetwork IdentifiedNetwork network_identity",
        "proxies": "compute_proxies",
    },
)


def __getattr__(name: str) -> object:
    with needing("Training", "torch"):
        return _lazy(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
