"""What a specification says of training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasmeta.errors import SettingError, shown
from nasmeta.evaluators import TRAINED, TrainingEvaluator
from nasmeta.training import Recipe, dataset_options, load_dataset, load_recipe

if TYPE_CHECKING:
    from nasmeta.tasks import Task
    from nasmeta.training import ImageDataset

__all__ = ["TRAINING_KEYS", "Training"]

_OPTIONS = ("split", "valid_fraction", "size")
TRAINING_KEYS = ("data", "recipe", *_OPTIONS)


@dataclass(frozen=True, eq=False)
class Training:
    """Images and recipe, whatever machine trains; the images are read once."""

    kind: str  # of the evaluator
    data: str
    recipe: Recipe
    options: Mapping[str, Any]  # of `load_dataset`

    @classmethod
    def of(cls, kind: str, said: Mapping[str, Any], folder: Path) -> Training:
        """Return what the table ``[training]`` says; a relative path is one as seen from the file's folder."""
        data, recipe = said.get("data"), said.get("recipe", "fast")
        if data is not None and not isinstance(data, str):
            raise SettingError(f'data is the name of images, such as "digits" or "cifar10:PATH", not {shown(data)}.')
        if not data:
            raise SettingError(
                'Training needs images: give data = "digits", "cifar10:PATH", "folder:PATH" or another of '
                "nasmeta.training.dataset_names()."
            )
        source, _, path = data.partition(":")
        if path:
            data = f"{source}:{folder / Path(path).expanduser()}"
        if isinstance(recipe, str) and recipe.endswith(".toml"):
            recipe = folder / Path(recipe).expanduser()
        options = {key: said[key] for key in _OPTIONS if key in said}
        return cls(kind, data, load_recipe(recipe), dataset_options(data, **options))

    @cached_property
    def images(self) -> ImageDataset:
        """The images."""
        return load_dataset(self.data, **self.options)

    def evaluator(self, task: Task, device: str = "auto") -> TrainingEvaluator:
        """Return what answers a task."""
        return TRAINED[self.kind](task, self.images, self.recipe, device=device)
